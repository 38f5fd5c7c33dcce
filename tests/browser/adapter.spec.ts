import { expect, test } from "@playwright/test";

/** Everything the page does needs this; when it fails, the other tests here fail for its reason. */
test("Chromium gives WebGPU to a page and to a dedicated worker", async ({ page }) => {
  await page.goto("./");
  const architectures = await page.evaluate(async () => {
    const ask = `async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      const device = await adapter?.requestDevice();
      device?.destroy();
      return device ? adapter.info.architecture : "none";
    }`;
    const source = `(${ask})().then(postMessage)`;
    const inWorker = new Promise<string>((resolve, reject) => {
      const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
      worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    const adapter = await navigator.gpu.requestAdapter();
    return { page: adapter?.info.architecture ?? "none", worker: await inWorker };
  });
  expect(architectures).toEqual({ page: "swiftshader", worker: "swiftshader" });
});
