/** The GPU process is killed, as a driver's reset does: the page starts the engine again by itself and goes on. */
import type { Page } from "@playwright/test";
import { expect, test } from "./page.ts";

test.setTimeout(600_000); // for machines with more to do; alone it takes a fraction

const small = {
  steps: 4,
  seed: 7,
  scenes: 0,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 12,
  learningRate: 0.002,
};

/** Takes the GPU away from every page of the browser. */
async function loseGpu(page: Page): Promise<void> {
  const browser = page.context().browser();
  if (!browser) throw new Error("the page has no browser");
  const client = await browser.newBrowserCDPSession();
  // The browser answers before the process is gone, or not at all.
  await Promise.race([client.send("Browser.crashGpuProcess"), page.waitForTimeout(1000)]);
}

test("lost while it answers: the question is asked again and answered", async ({ app }) => {
  await app.ask("describe the picture ."); // what an undisturbed answer is
  const wanted = await app.response();
  await app.button("Ask").click();
  await loseGpu(app.page);
  await expect(app.page.locator("#answer-note")).toHaveText(/asked once more/);
  await app.answered();
  expect(await app.response()).toBe(wanted);
  await expect(app.policy).toHaveText("Toy policy");
});

test("lost during training: the run goes on from its last checkpoint, to the same weights", async ({
  app,
}) => {
  await app.train(small);
  await expect(app.training).toHaveText(/Finished 4 steps/, { timeout: 300_000 });
  const { weightsSha256, metrics } = await app.downloadRun();

  await app.openTab("Ask");
  await app.button("Start over").click();
  await app.ready();
  await app.train(small);
  await expect(app.training).toHaveText(/Step [12] of 4/, { timeout: 300_000 });
  await loseGpu(app.page);
  await expect(app.policy).toHaveText(/The GPU was lost/);
  await expect(app.training).toHaveText(/Finished 4 steps/, { timeout: 300_000 });
  const again = await app.downloadRun();
  expect(again.weightsSha256).toBe(weightsSha256);
  expect(again.metrics.map(({ digest }) => digest)).toEqual(metrics.map(({ digest }) => digest));
  await expect(app.policy).toHaveText("Toy policy, trained for 4 steps");
});
