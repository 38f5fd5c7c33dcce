import { afterEach, expect, test, vi } from "vitest";
import { dawnGpu } from "thinktab/node";
import { whyNot } from "../../../docs/guide/examples/browser-support.ts";

afterEach(() => vi.unstubAllGlobals());

test("where there is an adapter, nothing stands in the way", async () => {
  expect(await whyNot(await dawnGpu())).toBeNull();
});

test("each obstacle is named", async () => {
  expect(await whyNot()).toBe("This browser has no WebGPU, or it is switched off."); // Node has no navigator.gpu
  const none = { requestAdapter: () => Promise.resolve(null) };
  expect(await whyNot(none as Partial<GPU> as GPU)).toMatch(/^This browser has WebGPU, but no driver/);
  vi.stubGlobal("isSecureContext", false);
  expect(await whyNot(await dawnGpu())).toBe("WebGPU needs a page from https, or from localhost.");
});
