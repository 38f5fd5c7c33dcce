import { expect, test } from "@playwright/test";

/** Asks for a device, and says what it is on; for the page and for a worker alike. */
const ask = `async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  const device = await adapter?.requestDevice();
  device?.destroy();
  return device ? adapter.info.architecture : "none";
}`;

/** Everything the page does needs this; when it fails, the other tests here fail for its reason. */
test("Chromium gives WebGPU to a page and to a dedicated worker", async ({ page, baseURL }) => {
  // A page of its own beside the built one, which allows no scripts but its own.
  await page.route(`${baseURL}adapter.html`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>adapter</title>" }),
  );
  await page.route(`${baseURL}adapter.js`, (route) =>
    route.fulfill({ contentType: "text/javascript", body: `(${ask})().then(postMessage)` }),
  );
  await page.goto("./adapter.html");
  const inPage = await page.evaluate<string>(`(${ask})()`);
  const inWorker = await page.evaluate(
    () =>
      new Promise<string>((resolve, reject) => {
        const worker = new Worker("./adapter.js");
        worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message || "the worker's script did not load"));
      }),
  );
  expect({ inPage, inWorker }).toEqual({ inPage: "swiftshader", inWorker: "swiftshader" });
});
