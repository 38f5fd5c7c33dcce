import type { Device } from "./device.ts";
import { encodeDispatch, encodeTransfer } from "./encode.ts";
import type { Ready } from "./encode.ts";
import type { Workgroups } from "./kernel.ts";

export interface ProfileRow {
  scope: string;
  kernel: string;
  ms: number;
  workgroups: Workgroups;
}

/** Runs prepared commands once, with a timestamp around every dispatch; a dispatch of no workgroups is left out. */
export async function profileOnce(
  device: Device,
  items: readonly { item: Ready; count: Workgroups | undefined }[],
): Promise<ProfileRow[]> {
  const { handle } = device;
  const timed = items.filter(({ count }) => count !== undefined && count[0] * count[1] * count[2] > 0).length;
  const queries = handle.createQuerySet({
    type: "timestamp",
    count: Math.min(4096, Math.max(2, timed * 2)),
  });
  const bytes = Math.min(4096, Math.max(2, timed * 2)) * 8;
  const resolved = device.createBuffer(
    "timestamps",
    bytes,
    GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  );
  const staging = device.createBuffer("timestamps", bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  try {
    const rows: ProfileRow[] = [];
    const encoder = handle.createCommandEncoder();
    for (const { item, count } of items) {
      if (item.kind !== "dispatch") {
        encodeTransfer(encoder, item);
        continue;
      }
      if (!count || count[0] * count[1] * count[2] === 0) continue;
      const query = rows.length * 2;
      const timestampWrites =
        query + 1 < 4096
          ? { querySet: queries, beginningOfPassWriteIndex: query, endOfPassWriteIndex: query + 1 }
          : undefined;
      const pass = encoder.beginComputePass({ timestampWrites });
      encodeDispatch(pass, item, count);
      pass.end();
      if (timestampWrites)
        rows.push({ scope: item.command.scope, kernel: item.command.kernel.id, ms: 0, workgroups: count });
    }
    encoder.resolveQuerySet(queries, 0, rows.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, rows.length * 16);
    device.queue.submit([encoder.finish()]);
    await device.settled(staging.mapAsync(GPUMapMode.READ, 0, rows.length * 16));
    const stamps = new BigUint64Array(staging.getMappedRange(0, rows.length * 16).slice(0));
    staging.unmap();
    rows.forEach((row, index) => (row.ms = Number(stamps[index * 2 + 1] - stamps[index * 2]) / 1e6));
    return rows;
  } finally {
    queries.destroy();
    device.free(resolved);
    device.free(staging);
  }
}
