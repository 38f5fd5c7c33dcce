import { expect, test } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";

/** What the adapter of each lane calls itself: a lane must not run on another adapter than its name says. */
const names: Record<string, RegExp> = {
  lavapipe: /llvmpipe/,
  swiftshader: /swiftshader/i,
  gpu: /./,
};

test("the lane runs on the adapter it is named after", async () => {
  const adapter = await (await dawnGpu()).requestAdapter();
  expect(adapter, "no WebGPU adapter: run `npm run setup`").not.toBeNull();
  const info = adapter?.info;
  const lane = process.env.THINKTAB_LANE ?? "";
  expect(Object.keys(names)).toContain(lane);
  expect(`${info?.vendor} ${info?.architecture} ${info?.description}`).toMatch(names[lane]);
});
