import { expect, test } from "vitest";
import { folderSource } from "thinktab/node";
import { trainInThisThread } from "../../../docs/guide/examples/train-in-this-thread.ts";
import { sharedDevice } from "../../support/device.ts";

test("the engine trains with a reward that is a function, and frees what it took", async () => {
  const device = await sharedDevice();
  expect(device.dummy).toBeDefined(); // the device's own, made when it is first needed
  const before = device.liveBuffers;
  const rewards = await trainInThisThread(device, folderSource("policies/toy"));
  expect(rewards).toHaveLength(3);
  // Brevity alone gives up to 0.1, being right 0.7 more: half of the answers are.
  for (const reward of rewards) expect(reward > 0.1 && reward < 1).toBe(true);
  expect(device.liveBuffers).toBe(before);
});
