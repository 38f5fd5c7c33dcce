import type { Recorder } from "../gpu/recorder.ts";

/** 1 on a GPU whose subgroups can have 16 lanes or more, or are unknown; 0 on CPUs that play one. A kernel parameter. */
export function isWide({ device }: Recorder): 0 | 1 {
  const { subgroupMaxSize } = device.info;
  return subgroupMaxSize === undefined || subgroupMaxSize >= 16 ? 1 : 0;
}
