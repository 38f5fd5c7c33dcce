import type { Locator } from "@playwright/test";
import { expect, test } from "./page.ts";

test.setTimeout(600_000); // for machines with more to do; alone it takes a fraction

const offer = (device: Locator, name: string) => device.getByRole("listitem").filter({ hasText: name });

test("says what the browser offers, tests every kernel, measures, and reports all of it", async ({
  app,
  page,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const device = await app.openTab("Device");
  await expect(offer(device, "Secure page")).toContainText(/http:\/\/localhost:\d+/);
  await expect(offer(device, "GPU adapter")).toContainText(/swiftshader.*it computes on the processor/);
  await expect(offer(device, "Private files")).toContainText("runs outlive the tab");
  await expect(offer(device, "Storage")).toContainText(/used of \d/);
  await device.getByText(/^All \d+ features and \d+ limits$/).click();
  await expect(device.getByRole("rowheader", { name: "maxStorageBufferBindingSize" })).toBeVisible();

  const tested = page.getByRole("status", { name: "Self-test status" });
  await expect(tested).toHaveText("Not run yet.");
  await app.button("Run self-test").click();
  await expect(tested).toHaveText(/^Testing: \d+ of \d+ kernel tests passed\.$/);
  await expect(tested).toHaveText(/^All \d+ kernel tests passed in [\d.]+ m?s\.$/, { timeout: 400_000 });
  const kernels = device.getByRole("group", { name: "Kernels tested" });
  const count = Number(/\d+/.exec((await tested.textContent()) ?? "")?.[0]);
  expect(count).toBeGreaterThan(40);
  await expect(kernels.locator("tbody tr")).toHaveCount(count);

  const measured = page.getByRole("status", { name: "Benchmark status" });
  await app.button("Run benchmark").click();
  await expect(measured).toHaveText("Done: 6 of 6.", { timeout: 200_000 });
  const medians = device.getByRole("group", { name: "Medians" });
  for (const [name, unit] of [
    ["matmul, f32", "GFLOP/s"],
    ["decode, 4-bit weights", "GB/s"],
    ["attention, causal", "GFLOP/s"],
    ["buffer copy", "GB/s"],
    ["dispatch", "µs"],
    ["submit and wait", "ms"],
  ])
    await expect(medians.getByRole("row").filter({ hasText: new RegExp(`^${name}`) })).toContainText(
      new RegExp(`[1-9][\\d.]* ${unit}`),
    );

  await app.button("Copy report").click();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report).toContain(`self-test: ${count} of ${count} passed`);
  expect(report).toMatch(/^ {2}matmul, f32: [\d.]+ GFLOP\/s/m);
  expect(report).toContain("google swiftshader");
  expect(report).toMatch(/maxStorageBufferBindingSize=\d+/);

  await page.setViewportSize({ width: 390, height: 900 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), "no sideways scrolling").toBe(390);
});

test("self-test and benchmark can be stopped, and run again", async ({ app, page }) => {
  await app.openTab("Device");
  const tested = page.getByRole("status", { name: "Self-test status" });
  await app.button("Run self-test").click();
  await expect(tested).toHaveText(/^Testing: [1-9]/);
  await app.button("Stop self-test").click();
  await expect(tested).toHaveText(/^Stopped: \d+ of \d+ kernel tests passed, 0 failed, [1-9]\d* not run\.$/);
  await app.button("Run benchmark").click();
  await expect(app.button("Stop benchmark")).toBeEnabled();
  await app.button("Stop benchmark").click();
  const measured = page.getByRole("status", { name: "Benchmark status" });
  await expect(measured).toHaveText(/^Stopped: /);
  await app.button("Run benchmark").click();
  await expect(measured).toHaveText("Done: 6 of 6.", { timeout: 200_000 });
  await expect(app.alert).toBeHidden();
});

test("tells what to do about WebGPU in every browser, this one's way first", async ({ app }) => {
  const device = await app.openTab("Device");
  await expect(device).toContainText(/This looks like Chrome \d+ on Linux\./);
  const folds = device.getByRole("region", { name: "How to get WebGPU" }).locator("summary");
  await expect(folds).toHaveText([
    "Chrome, Chromium, Edge on Linux",
    "Chrome, Edge, Opera on Windows, Mac, ChromeOS",
    "Chrome on Android",
    "Safari on a Mac",
    "iPhone and iPad, any browser",
    "Firefox",
  ]);
  await folds.first().click();
  await expect(device).toContainText("--enable-unsafe-webgpu --ozone-platform=x11 --use-angle=vulkan");
});
