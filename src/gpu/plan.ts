/**
 * Memory is planned before it is allocated: lifetimes in, slots out. A slot is one GPU buffer; tensors whose lifetimes
 * do not meet share it. Slots are whole buffers because WebGPU tracks usage per buffer within a dispatch.
 */
import { capacity, showShape } from "./tensor.ts";
import type { DType, Extent } from "./tensor.ts";

/** One tensor to place: alive from its first to its last command, both included. */
export interface Lifetime {
  name: string;
  shape: readonly Extent[];
  dtype: DType;
  bytes: number;
  first: number;
  last: number;
}

export interface PlannedTensor extends Lifetime {
  /** Index into {@link MemoryPlan.slotBytes}; -1 for a tensor in a buffer of its own. */
  slot: number;
  kind: "transient" | "input" | "output";
}

/** What a Program takes from the GPU, known before the first allocation. */
export interface MemoryPlan {
  program: string;
  slotBytes: number[];
  tensors: PlannedTensor[];
  /** Inputs, outputs and the uniform arena: never shared. */
  ownBytes: number;
  totalBytes: number;
}

/**
 * Greedy by size: the largest tensor first, each into the smallest slot whose tenants it never meets.
 * Within a percent or two of optimal on layered networks, and stable: equal input, equal plan.
 */
export function planSlots(lifetimes: readonly Lifetime[]): { slotBytes: number[]; slots: number[] } {
  const order = lifetimes.map((_, index) => index);
  order.sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  const slotBytes: number[] = [];
  const tenants: Lifetime[][] = [];
  const slots = new Array<number>(lifetimes.length);
  for (const index of order) {
    const lifetime = lifetimes[index];
    let best = -1;
    for (let slot = 0; slot < slotBytes.length; slot++) {
      const free = tenants[slot].every((other) => other.last < lifetime.first || lifetime.last < other.first);
      if (free && (best < 0 || slotBytes[slot] < slotBytes[best])) best = slot;
    }
    if (best < 0) {
      best = slotBytes.length;
      slotBytes.push(lifetime.bytes);
      tenants.push([]);
    }
    tenants[best].push(lifetime);
    slots[index] = best;
  }
  return { slotBytes, slots };
}

/** Bytes of the buffer that a tensor of so many bytes gets. */
export function bufferBytes(bytes: number): number {
  return Math.max(256, Math.ceil(bytes / 16) * 16);
}

/** A budget as a table, largest rows first. */
export function formatBudget(rows: readonly (readonly [name: string, bytes: number])[]): string {
  const total = rows.reduce((sum, [, bytes]) => sum + bytes, 0);
  const width = Math.max(5, ...rows.map(([name]) => name.length));
  const line = (name: string, bytes: number) =>
    `${name.padEnd(width)}  ${(bytes / 2 ** 20).toFixed(2).padStart(10)} MiB`;
  return [
    ...[...rows].sort((a, b) => b[1] - a[1]).map(([name, bytes]) => line(name, bytes)),
    line("total", total),
  ].join("\n");
}

/** The rows of a plan: one per slot, named by its largest tenant, and one for what is never shared. */
export function planRows(plan: MemoryPlan): [name: string, bytes: number][] {
  const rows = plan.slotBytes.map((bytes, slot): [string, number] => {
    const tenants = plan.tensors.filter((tensor) => tensor.slot === slot);
    const largest = tenants.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const others = tenants.length > 1 ? ` and ${tenants.length - 1} more` : "";
    return [`${plan.program}: ${largest.name} ${showShape(largest.shape)}${others}`, bytes];
  });
  rows.push([`${plan.program}: inputs, outputs and parameters`, plan.ownBytes]);
  return rows;
}

/** True when some tensor of the plan has, at capacity, these two extents next to each other. */
export function planHolds(plan: MemoryPlan, first: number, second: number): boolean {
  return plan.tensors.some(({ shape }) =>
    shape.some((extent, axis) => {
      const next = shape[axis + 1];
      return next !== undefined && capacity(extent) === first && capacity(next) === second;
    }),
  );
}
