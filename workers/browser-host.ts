/** What an engine finds in a browser, in a worker or in a page's own thread; where a part is missing, a stand-in. */
import { expose } from "comlink";
import { version } from "../package.json";
import { Device } from "../src/gpu/device.ts";
import type { DeviceOptions } from "../src/gpu/device.ts";
import { opfsStore } from "../src/storage/opfs.ts";
import { InvalidOptionError } from "../src/util/errors.ts";
import type { EngineHost } from "./engine.ts";
import { takeLock } from "./lock.ts";
import type { RewardWorkerKind } from "./protocol.ts";
import { RewardService } from "./rewards.ts";
import type { RewardHost } from "./rewards.ts";
import { memoryRuns } from "./runs.ts";
import type { RunStorage } from "./runs.ts";

/** @param device the caller's: used as it is and never destroyed. Left out, the browser is asked for one. */
export function browserHost(device?: DeviceOptions["device"]): EngineHost {
  return {
    openDevice: (options) => Device.create({ ...options, device }),
    kit: { version, browser: globalThis.navigator?.userAgent ?? "none" },
    openRuns: (kind) => (kind === "memory" ? memoryRuns() : browserRuns()),
    startRewardWorker,
  };
}

function startRewardWorker(kind: RewardWorkerKind): RewardHost {
  // Without workers, as in Node, rewards are computed in this thread: one that hangs then hangs all of it.
  if (typeof Worker === "undefined") return rewardsHere(kind);
  const worker =
    kind === "records"
      ? new Worker(new URL("./hybrid-reward-worker.ts", import.meta.url), {
          type: "module",
          name: "record-rewards", // webpack names the file after it: two of one name would be one
        })
      : new Worker(new URL("./reward-worker.ts", import.meta.url), { type: "module", name: "rewards" });
  return {
    endpoint: worker,
    terminate: () => worker.terminate(),
    died: new Promise((resolve) => {
      worker.onerror = (event) => resolve(event.message || "its script could not be loaded");
    }),
  };
}

function rewardsHere(kind: RewardWorkerKind): RewardHost {
  if (kind === "records")
    throw new InvalidOptionError("rewards of records", "no workers", "a browser, or thinktab/node");
  const { port1, port2 } = new MessageChannel();
  expose(new RewardService(), port1);
  const terminate = () => {
    port1.close();
    port2.close();
  };
  return { endpoint: port2, terminate, died: new Promise(() => undefined) };
}

function browserRuns(): RunStorage {
  const openStore = (name: string) => opfsStore(lockName(name));
  // An insecure page has neither locks nor the private file system: nothing is kept, and no tab can disturb another.
  if (!globalThis.navigator?.locks) return { ...memoryRuns(), openStore };
  return {
    openStore,
    lock: (name) => takeLock(lockName(name)),
    locked: async (name) =>
      (await navigator.locks.query()).held?.some((lock) => lock.name === lockName(name)) ?? false,
  };
}

function lockName(name: string): string {
  return `thinktab-run-${name}`;
}
