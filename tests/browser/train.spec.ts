import { execFile } from "node:child_process";
import { join } from "node:path";
import { findDriver } from "../../scripts/system.mjs";
import { App, expect, test } from "./page.ts";

/** Small enough for a software adapter; a learning rate at which a few steps move the weights well away. */
const small = {
  steps: 3,
  seed: 7,
  scenes: 0,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 12,
  learningRate: 0.002,
};

test.setTimeout(600_000); // for machines with more to do; alone it takes a fraction
test.describe.configure({ mode: "serial" });
/** Of an uninterrupted run of the small recipe: what every interrupted one has to end with. */
let wanted = "";

test("a run shows its plan, curves and results; Node on the same adapter repeats it to the bit", async ({
  app,
}, info) => {
  await app.page.screenshot({ path: info.outputPath("begin-1280.png"), fullPage: true });
  await app.recipe({ ...small, scenes: 8 });
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });

  for (const name of ["Reward", "Share of thinking responses", "Response length", "KL to the start"])
    await expect(
      app.page.getByRole("img", { name: new RegExp(`^${name} per step: .* at step 3$`) }),
    ).toBeVisible();
  for (const label of ["Entropy", "Gradient norm", "Tokens / second"])
    await expect(app.page.locator("#numbers").getByText(label, { exact: true })).toBeVisible();
  await expect(app.page.locator("#rollouts li")).toHaveCount(8);
  const plan = app.page.getByRole("region", { name: "Plan" });
  await expect(plan).toContainText(/Expected time\s*\d+ (s|min)/);
  await plan.getByText("GPU memory").click();
  await expect(plan.locator("tr.total")).toContainText("MB");
  const rows = app.page.locator("#result-table tbody tr");
  await expect(rows.filter({ hasText: /^all8/ })).toContainText("%");
  expect(await rows.count()).toBeGreaterThan(4); // kinds of question, all, thinking, length

  const run = await app.downloadRun();
  wanted = run.weightsSha256;
  expect(run).toMatchObject({ steps: 3, before: { count: 8 }, after: { count: 8 } });
  expect(wanted).toMatch(/^[0-9a-f]{64}$/);
  await expect(app.page.locator("#weights")).toContainText(wanted);

  for (const [name, width, scheme] of [
    ["light-1280", 1280, "light"],
    ["dark-1280", 1280, "dark"],
    ["light-390", 390, "light"],
    ["dark-390", 390, "dark"],
  ] as const) {
    await app.page.emulateMedia({ colorScheme: scheme });
    await app.page.setViewportSize({ width, height: 900 });
    expect(await app.page.evaluate(() => document.documentElement.scrollWidth), "no sideways scrolling").toBe(
      width,
    );
    await app.page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
  }

  // The page's record, run again by the command line through Dawn.
  expect(await replay(run.path)).toMatchObject({ same: true, firstDifferentStep: null, weightsMatch: true });
});

/** What `thinktab replay` says in Node, on SwiftShader as it comes with Chromium. */
async function replay(path: string): Promise<unknown> {
  const driver = findDriver("swiftshader");
  expect(driver, "SwiftShader's manifest").toBeDefined();
  const args = [join(import.meta.dirname, "../../bin/thinktab.js"), "replay", path, "--json"];
  const env = { ...process.env, VK_DRIVER_FILES: driver };
  return new Promise((resolve, reject) => {
    // It exits with 1 when bits differ: what it prints then says where.
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      if (stdout === "") reject(new Error(stderr, { cause: error }));
      else resolve(JSON.parse(stdout));
    });
  });
}

test("reloaded in the middle, a run goes on to the same weights; another tab cannot train it meanwhile", async ({
  app,
}) => {
  await app.recipe(small);
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Step [12] of 3/, { timeout: 300_000 });
  await app.button("Pause").click(); // or a fast machine is done before the other tab is open
  const other = await App.open(await app.page.context().newPage());
  const notice = other.page.getByRole("region", { name: "Saved run" });
  await expect(notice).toContainText("going on in another tab");
  await notice.getByRole("button", { name: /^Go on/ }).click();
  await expect(other.page.getByRole("alert")).toContainText(/StorageError: .*another tab/);
  await other.page.close();

  await app.page.reload();
  const saved = app.page.getByRole("region", { name: "Saved run" });
  await expect(saved).toContainText(/was left after step [12] of 3/);
  await expect(app.button("Start training")).toBeDisabled();
  await saved.getByRole("button", { name: /^Go on from step [12]/ }).click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);

  await app.page.reload();
  await expect(app.training).toHaveText(/The last run finished 3 steps/);
  await expect(app.page.locator("#weights")).toContainText(wanted);
  await expect(app.button("Start training")).toBeEnabled();
});

test("pause, an answer meanwhile, resume, stop, go on: the same weights; then start over", async ({
  app,
}) => {
  await app.recipe(small);
  await app.button("Start training").click();
  await app.button("Pause").click();
  await expect(app.training).toHaveText(/Paused after step \d of/, { timeout: 300_000 });
  const paused = await app.training.textContent();
  await app.button("Ask").click(); // answered while the run stands still
  await app.answered();
  await expect(app.training).toHaveText(paused ?? "");
  await app.button("Resume").click();
  await expect(app.training).toHaveText(/Step [12] of/, { timeout: 300_000 });
  await app.button("Stop training").click();
  await expect(app.training).toHaveText(/Stopped after step [12] of 3/);
  await app.page.getByRole("button", { name: /^Go on from step/ }).click();
  await expect(app.training).toHaveText("Finished 3 steps. The policy that answers is the trained one.", {
    timeout: 300_000,
  });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);
  await expect(app.page.getByRole("status", { name: "Policy status" })).toHaveText(
    "Toy policy, trained for 3 steps",
  );
  await app.button("Start over").click();
  await expect(app.page.getByRole("status", { name: "Policy status" })).toHaveText("Toy policy");
});

test("when the browser's storage is full, what was saved stays and the run goes on later", async ({
  app,
}) => {
  const client = await app.page.context().newCDPSession(app.page);
  const { origin } = new URL(app.page.url());
  await app.recipe(small);
  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Step [12] of 3/, { timeout: 300_000 });
  await client.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await expect(app.page.getByRole("alert")).toContainText(/StorageError: .*the storage is full/);
  await client.send("Storage.overrideQuotaForOrigin", { origin });
  await app.page.getByRole("button", { name: /^Go on/ }).click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);
});

test("a recipe that is none is refused in words", async ({ app }) => {
  const alert = app.page.getByRole("alert");
  await app.page.locator("#steps").evaluate((input: HTMLInputElement) => input.removeAttribute("min"));
  await app.recipe({ steps: 0 });
  await app.button("Start training").click();
  await expect(alert).toContainText("InvalidOptionError: recipe: grpo.steps: got 0");
  await app.recipe({ steps: 1, learningrate: 1 });
  await app.button("Start training").click();
  await expect(alert).toContainText("learningrate");
  await app.page.locator("#recipe").selectOption("toy-kl");
  await expect(app.page.locator("#recipe-about")).toContainText("KL");
  expect(await app.field("Recipe as JSON").inputValue()).toMatch(/"klCoef": 0\.\d/);
});
