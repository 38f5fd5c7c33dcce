import { expect, test } from "@playwright/test";
import type { Page } from "@playwright/test";
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
  // Requests that a service worker passes on are not seen by page.route.
  serviceWorkers: "block",
});

/** What the user is told to do, and in which order. */
const help = (page: Page) => page.getByRole("region", { name: "How to get WebGPU" });

test("without WebGPU the page opens on what to do about it", async ({ page }) => {
  await page.goto("./");
  await expect(page.getByRole("tab", { name: "Device" })).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("alert")).toContainText("GpuUnavailableError");
  await expect(help(page)).toContainText(/This looks like Chrome \d+ on Linux\./);
  // The way for this browser is open, those for the others are folded.
  await expect(help(page).getByRole("heading", { level: 3 })).toHaveText("Chrome, Chromium, Edge on Linux");
  await expect(help(page)).toContainText("chrome://flags/#enable-unsafe-webgpu");
  const others = help(page).locator("details");
  await expect(others).toHaveCount(5);
  await others.filter({ hasText: "Safari on a Mac" }).locator("summary").click();
  await expect(help(page).getByText("Safari 26 on macOS 26 and newer has it.")).toBeVisible();
  for (const name of ["Run self-test", "Run benchmark"])
    await expect(page.getByRole("button", { name })).toBeDisabled();
  await page.getByText("Show the report").click();
  await expect(page.getByLabel("Text of the report")).toContainText("problem: GpuUnavailableError");
});

test("without WebGPU nothing can be asked or trained, and a run file can still be read", async ({ page }) => {
  await page.goto("./#ask");
  await expect(page.getByRole("alert").first()).toContainText("GpuUnavailableError");
  await expect(page.getByRole("tab", { name: "Ask" })).toHaveAttribute("aria-selected", "true"); // as was asked for
  await expect(page.getByRole("button", { name: "Ask", exact: true })).toBeDisabled();
  await page.getByRole("tab", { name: "Train" }).click();
  await expect(page.getByRole("button", { name: "Start training" })).toBeDisabled();
  await page.getByRole("tab", { name: "Compare" }).click();
  const hash = (digit: string) => digit.repeat(64);
  const record = {
    format: 1,
    kit: { version: "0.0.1" },
    recipe: { model: "toy", task: { name: "shapes" } },
    seed: 1,
    model: "toy",
    adapter: { description: "Imagined GPU" },
    variants: {},
    tuned: {},
    steps: 1,
    metrics: [{ step: 0, digest: hash("a"), wallMs: 1, reward: 0.5 }],
    before: null,
    after: null,
    wallMs: 1,
    weightsSha256: hash("b"),
  };
  const file = {
    name: "run.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(record)),
  };
  await page.getByLabel("Open run file", { exact: true }).setInputFiles(file);
  await expect(page.getByRole("tabpanel", { name: "Compare" })).toContainText("Imagined GPU");
  await expect(page.getByRole("button", { name: "Replay the run file" })).toBeDisabled();
});

test("over plain http the page says that this is the reason", async ({ page, baseURL }) => {
  const origin = "http://plain.example";
  await page.route(`${origin}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    await route.fulfill({ response: await route.fetch({ url: new URL(pathname, baseURL).href }) });
  });
  await page.goto(`${origin}/`);
  await expect(help(page)).toContainText(`This page came over plain http, from ${origin}.`);
  await expect(help(page)).toContainText("open it from https, or from localhost on this machine");
  await expect(help(page).getByRole("heading", { level: 3 })).toHaveCount(0); // no browser's switch would help
  await expect(page.getByRole("listitem").filter({ hasText: "Secure page" })).toContainText(
    "no: neither https nor localhost",
  );
});
