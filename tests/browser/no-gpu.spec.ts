import { expect, test } from "@playwright/test";
import config from "../../playwright.config.ts";

test.use({
  launchOptions: {
    ...config.use?.launchOptions,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-webgpu-adapter=default",
      "--disable-features=WebGPU,WebGPUService",
    ],
  },
});

test("without WebGPU the page says so, and what to do", async ({ page }) => {
  await page.goto("./");
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("GpuUnavailableError");
  await expect(alert).toContainText("https or from localhost");
  await expect(page.getByRole("button", { name: "Ask", exact: true })).toBeDisabled();
  await expect(page.getByRole("button", { name: "Start training" })).toBeDisabled();
});
