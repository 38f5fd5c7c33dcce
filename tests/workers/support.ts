/** An engine at the other end of a message channel, on the lane's adapter: the worker boundary without a browser. */
import { expose } from "comlink";
import type { Device } from "../../src/gpu/device.ts";
import { Device as GpuDevice } from "../../src/gpu/device.ts";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import { createThinktab } from "../../workers/client.ts";
import type { Thinktab } from "../../workers/client.ts";
import { Engine } from "../../workers/engine.ts";
import type { RewardApi } from "../../workers/protocol.ts";
import { RewardService } from "../../workers/rewards.ts";
import type { RewardHost, RewardLimits } from "../../workers/rewards.ts";
import { memoryRuns } from "../../workers/runs.ts";
import type { RunStorage } from "../../workers/runs.ts";

export interface Connected {
  kit: Thinktab;
  /** The device behind the boundary, to look at and to take away. */
  device: Device;
}

export async function connectHere(
  options: { startRewardWorker?: () => RewardHost; rewardLimits?: RewardLimits; runs?: RunStorage } = {},
): Promise<Connected> {
  let device: Device | undefined;
  const engine = new Engine({
    async openDevice(open) {
      device = await GpuDevice.create({ ...open, gpu: await dawnGpu() });
      return device;
    },
    startRewardWorker: options.startRewardWorker ?? (() => rewardHost(new RewardService())),
    rewardLimits: options.rewardLimits,
    openRuns: () => options.runs ?? memoryRuns(),
    kit: { version: "test" },
  });
  const { port1, port2 } = new MessageChannel();
  expose(engine, port1);
  const kit = await createThinktab({ endpoint: port2 });
  if (!device) throw new Error("the engine opened no device");
  return { kit, device };
}

/** A reward service behind a channel of its own; `terminate` cuts the channel. */
export function rewardHost(service: RewardApi, died = new Promise<string>(() => undefined)): RewardHost {
  const { port1, port2 } = new MessageChannel();
  expose(service, port1);
  return {
    endpoint: port2,
    terminate() {
      port1.close();
      port2.close();
    },
    died,
  };
}
