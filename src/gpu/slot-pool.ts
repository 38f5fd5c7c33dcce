import { storageUsage } from "./buffers.ts";
import type { Device } from "./device.ts";

/** Transient buffers shared by Programs of one device. What is in them does not outlive a run. */
export class SlotPool {
  readonly buffers: { buffer: GPUBuffer; bytes: number }[] = [];
  constructor(readonly device: Device) {}

  /** Buffers of at least the given sizes, largest first matched to largest; grows the pool where it must. */
  take(sizes: readonly number[]): GPUBuffer[] {
    const order = sizes.map((_, index) => index).sort((a, b) => sizes[b] - sizes[a]);
    const free = [...this.buffers].sort((a, b) => b.bytes - a.bytes);
    const taken = new Array<GPUBuffer>(sizes.length);
    for (const index of order) {
      const fits = free.filter((entry) => entry.bytes >= sizes[index]);
      let entry = fits.at(-1);
      if (entry) free.splice(free.indexOf(entry), 1);
      else {
        entry = {
          buffer: this.device.createBuffer("slot", sizes[index], storageUsage()),
          bytes: sizes[index],
        };
        this.buffers.push(entry);
      }
      taken[index] = entry.buffer;
    }
    return taken;
  }

  /** Bytes of new buffers that {@link SlotPool.take} would make. */
  growth(sizes: readonly number[]): number {
    const free = this.buffers.map((entry) => entry.bytes).sort((a, b) => b - a);
    let growth = 0;
    for (const size of [...sizes].sort((a, b) => b - a)) {
      const fits = free.filter((bytes) => bytes >= size);
      const smallest = fits.at(-1);
      if (smallest !== undefined) free.splice(free.lastIndexOf(smallest), 1);
      else growth += size;
    }
    return growth;
  }

  destroy(): void {
    for (const { buffer } of this.buffers) this.device.free(buffer);
    this.buffers.length = 0;
  }
}
