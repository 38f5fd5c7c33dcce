import { defineConfig } from "@playwright/test";
import { findChromium } from "./scripts/system.mjs";

const executablePath = findChromium();
if (executablePath === undefined) {
  throw new Error(
    "No Chromium found. `npm run setup` (as root) installs it; CHROMIUM names one that lies elsewhere.",
  );
}
const port = Number(process.env.THINKTAB_TEST_PORT ?? 4317);
const baseURL = `http://localhost:${port}/`;

/** The page as `npm start` serves it, in the system's Chromium, on SwiftShader: no GPU is needed, none is used. */
export default defineConfig({
  testDir: "tests/browser",
  testMatch: "*.spec.ts",
  outputDir: "test-results",
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 60_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    baseURL,
    headless: true,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath,
      // Chromium's own sandbox does not run as root, nor in many containers.
      // Tests that take the GPU away would use up the crashes that it allows.
      args: [
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--disable-gpu-process-crash-limit",
      ],
    },
  },
  webServer: {
    command: `node scripts/start.mjs --no-open --port ${port}`,
    url: baseURL,
    timeout: 120_000,
    reuseExistingServer: false,
  },
});
