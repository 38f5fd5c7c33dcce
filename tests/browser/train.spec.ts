import { execFile } from "node:child_process";
import { join } from "node:path";
import { findDriver } from "../../scripts/system.mjs";
import { App, expect, png, test } from "./page.ts";

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
}) => {
  const train = await app.openTab("Train");
  await expect(train).toContainText("Each step asks 8 questions, 8 times each");
  await app.recipe({ ...small, scenes: 8 });
  await expect(train).toContainText("Each step asks 2 questions, 4 times each"); // the story follows the form
  const plan = train.getByRole("region", { name: "Plan" });
  await expect(plan).toContainText(/Expected time\s*not known yet/);
  await app.button("See the plan").click();
  await expect(plan).toContainText(/Expected time\s*\d+ (s|min)/, { timeout: 300_000 });
  await plan.getByText("What the GPU memory is for").click();
  await expect(plan.locator("tr.total")).toContainText("MB");

  await app.button("Start training").click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  for (const name of ["Reward", "Right answers", "Thinking first", "Answer length", "KL to the start"])
    await expect(
      train.getByRole("img", { name: new RegExp(`^${name} per step .* at step 3$`) }),
    ).toBeVisible();
  await expect(train.locator("canvas").first()).toBeVisible(); // the curves are drawn, not only told
  await expect(train.getByRole("img", { name: /^Generating answers .* Updating the weights/ })).toBeVisible();
  await expect(train).toContainText("A loss near 0, or below, is normal here");
  for (const label of ["Entropy", "Gradient norm", "Tokens / second"])
    await expect(train.getByText(label, { exact: true })).toBeVisible();
  await train.getByText("All steps as a table").click();
  await expect(train.getByRole("group", { name: "Figures of every step" }).locator("tbody tr")).toHaveCount(
    3,
  );
  const outcome = train.getByRole("region", { name: "Before and after" });
  await expect(outcome.locator("tbody tr").filter({ hasText: "Right answers" })).toContainText("%");
  await expect(train).toContainText(/On 8 held-out questions it was right in \d+% before/);

  await app.page.setViewportSize({ width: 390, height: 900 });
  const width = () => app.page.evaluate(() => document.documentElement.scrollWidth);
  expect(await width(), "no sideways scrolling").toBe(390);
  await app.page.setViewportSize({ width: 1280, height: 900 });

  await outcome.getByRole("button", { name: "Compare before and after" }).click();
  await expect(app.panel("Compare")).toBeVisible();
  const run = await app.downloadRun();
  wanted = run.weightsSha256;
  expect(run).toMatchObject({ steps: 3, before: { count: 8 }, after: { count: 8 } });
  expect(wanted).toMatch(/^[0-9a-f]{64}$/);

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
  await app.train(small);
  await expect(app.training).toHaveText(/Step [12] of 3/, { timeout: 300_000 });
  await app.button("Pause").click(); // or a fast machine is done before the other tab is open
  const other = await App.open(await app.page.context().newPage(), "#train");
  const notice = other.page.getByRole("region", { name: "Saved run" });
  await expect(notice).toContainText("going on in another tab");
  await notice.getByRole("button", { name: /^Go on/ }).click();
  await expect(other.alert).toContainText(/StorageError: .*another tab/);
  await other.page.close();

  await app.page.reload();
  const saved = app.page.getByRole("region", { name: "Saved run" });
  await expect(saved).toContainText(/was left after step [12] of 3/);
  await expect(app.button("Start training")).toBeDisabled();
  await saved.getByRole("button", { name: /^Go on from step [12]/ }).click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);

  await app.page.reload();
  await app.openTab("Train");
  await expect(app.training).toHaveText(/The last run finished 3 steps/);
  await expect(app.panel("Train").getByRole("img", { name: /^Reward per step .* at step 3$/ })).toBeVisible();
  await expect(app.button("Start training")).toBeEnabled();
});

test("pause, an answer meanwhile, resume, stop, go on: the same weights; then start over", async ({
  app,
}) => {
  await app.train(small);
  await app.button("Pause").click();
  await expect(app.training).toHaveText(/Paused after step \d of/, { timeout: 300_000 });
  const paused = await app.training.textContent();
  await app.ask("how many circles ?"); // answered while the run stands still
  await app.openTab("Train");
  await expect(app.training).toHaveText(paused ?? "");
  await app.button("Resume").click();
  await expect(app.training).toHaveText(/Step [12] of/, { timeout: 300_000 });
  await app.button("Stop training").click();
  await expect(app.training).toHaveText(/Stopped after step [12] of 3/);
  await expect(app.panel("Train")).toContainText("gives the same weights as if it had not been interrupted");
  await app.button(/^Go on from step/).click();
  await expect(app.training).toHaveText("Finished 3 steps. The policy that answers is the trained one.", {
    timeout: 300_000,
  });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);
  await expect(app.policy).toHaveText("Toy policy, trained for 3 steps");
  await app.button("Start over").click();
  await expect(app.policy).toHaveText("Toy policy");
});

test("when the browser's storage is full, what was saved stays and the run goes on later", async ({
  app,
}) => {
  const client = await app.page.context().newCDPSession(app.page);
  const { origin } = new URL(app.page.url());
  await app.train(small);
  await expect(app.training).toHaveText(/Step [12] of 3/, { timeout: 300_000 });
  await client.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await expect(app.alert).toContainText(/StorageError: .*the storage is full/);
  await client.send("Storage.overrideQuotaForOrigin", { origin });
  await app.button(/^Go on/).click();
  await expect(app.training).toHaveText(/Finished 3 steps/, { timeout: 300_000 });
  expect((await app.downloadRun()).weightsSha256).toBe(wanted);
});

test("a recipe that is none is refused in words", async ({ app }) => {
  const train = await app.openTab("Train");
  await app.recipe({ steps: 0 });
  await app.button("Start training").click();
  await expect(app.alert).toContainText("InvalidOptionError: recipe: grpo.steps: got 0");
  await app.recipe({ steps: 1, learningrate: 1 });
  await app.button("Start training").click();
  await expect(app.alert).toContainText("learningrate");
  const json = app.field("Recipe as JSON");
  await json.fill("{");
  await expect(train).toContainText("This is no JSON yet");
  await app.button("Start training").click();
  await expect(app.alert).toContainText("expected JSON");
  await app.field("Recipe").selectOption("Toy: too fast, but held");
  await expect(train).toContainText("a penalty on the distance from where the policy began (KL)");
  expect(await json.inputValue()).toMatch(/"klCoef": 0\.\d/);
  await train.getByText("More settings").click();
  await expect(app.field("KL penalty")).toHaveValue(/^0\.\d/);
  await app.field("KL penalty").fill("0.5");
  expect(await json.inputValue()).toContain('"klCoef": 0.5');
});

test("own images are added, kept, exported, imported and trained on", async ({ app }, info) => {
  const train = await app.openTab("Train");
  await app.field("Recipe").selectOption("My own images (GRPO)");
  const images = train.getByRole("region", { name: "Your images" });
  const status = images.getByRole("status", { name: "State of your images" });
  await expect(status).toContainText("Add an image");
  await app.button("Start training").click();
  await expect(app.alert).toContainText("your own images");

  const colours = [0xd02020, 0x20a020];
  await images.getByLabel("Add images").setInputFiles(
    colours.map((colour, index) => {
      const rgb = [colour >> 16, (colour >> 8) & 255, colour & 255];
      return { name: `colour-${index}.png`, mimeType: "image/png", buffer: png(48, 48, () => rgb) };
    }),
  );
  await expect(images.getByRole("img")).toHaveCount(2);
  await expect(images.getByRole("img", { name: "Image 2: colour-1.png" })).toBeVisible();
  await expect(status).toContainText("Still without question: rows 1, 2.");
  for (const [number, answer] of ["red", "green"].entries()) {
    await images.getByLabel(`Question ${number + 1}`).fill("what colour ?");
    await images.getByLabel(`Answer ${number + 1}`).fill(answer);
  }
  await expect(status).toContainText("2 examples");

  const downloading = app.page.waitForEvent("download");
  await app.button("Export set").click();
  const path = info.outputPath("images.json");
  await (await downloading).saveAs(path);

  await app.page.reload(); // what was entered is still there
  await app.field("Recipe").selectOption("My own images (GRPO)");
  await expect(images.getByLabel("Answer 2")).toHaveValue("green");
  await app.button("Delete all").click();
  await expect(status).toContainText("Add an image");
  await images.getByLabel("Import set").setInputFiles({
    name: "broken.json",
    mimeType: "application/json",
    buffer: Buffer.from('[{"question": "a"}]'),
  });
  await expect(app.alert).toContainText("broken.json: example 1: answer");
  await images.getByLabel("Import set").setInputFiles(path);
  await expect(images.getByLabel("Question 2")).toHaveValue("what colour ?");
  expect(await app.page.getByLabel("Recipe as JSON").inputValue()).not.toContain("base64");

  await app.train({ steps: 1, scenes: 2, promptsPerStep: 2, numGenerations: 2, maxCompletionLength: 8 });
  await expect(app.training).toHaveText(/Finished 1 step/, { timeout: 300_000 });
  const rollouts = await app.openTab("Rollouts");
  // One of the two is held out for testing; the other is asked in both groups.
  await expect(rollouts.getByRole("img", { name: /^Picture: examples\/[12]$/ })).toHaveCount(2);
});
