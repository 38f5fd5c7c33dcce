import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Locator, Page } from "@playwright/test";
import { App, expect, test, watchConsole } from "./page.ts";

test.setTimeout(600_000); // for machines with more to do; alone it takes a fraction
// Requests that a service worker passes on are not seen by page.route.
test.use({ serviceWorkers: "block" });

/** Small enough for a software adapter; a learning rate at which two steps change many answers. */
const small = {
  steps: 2,
  seed: 7,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 0.02,
};
const hash = (digit: string) => digit.repeat(64);

/** A run file of somebody else: as it comes out of nobody's GPU. */
const foreign = {
  format: 1,
  kit: { version: "0.0.1", node: "20.0.0" },
  recipe: {
    model: "toy",
    task: { name: "shapes" },
    evaluation: { scenes: 8 },
    grpo: { ...small, seed: 9 },
  },
  seed: 9,
  model: "toy",
  adapter: { vendor: "nowhere", architecture: "imagined", description: "Imagined GPU" },
  variants: {},
  tuned: {},
  steps: 2,
  metrics: [
    { step: 0, digest: hash("a"), wallMs: 100, reward: 0.25, kl: 0 },
    { step: 1, digest: hash("b"), wallMs: 200, reward: 0.5, kl: 0.001 },
  ],
  before: evaluation(0.25),
  after: evaluation(0.75),
  wallMs: 90_000,
  weightsSha256: hash("c"),
};

function evaluation(accuracy: number) {
  const share = { accuracy, count: 8, interval: [accuracy - 0.2, accuracy + 0.2] };
  return { ...share, byKind: { colour: share }, thinking: accuracy, meanLength: 4, parts: { accuracy } };
}

function file(content: unknown, name = "run.json") {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return { name, mimeType: "application/json", buffer: Buffer.from(text) };
}

/** The cells of a table's row that begins with this name. */
function row(table: Locator, name: string): Locator {
  return table.getByRole("row").filter({ has: table.page().getByRole("rowheader", { name, exact: true }) });
}

async function open(app: App, content: unknown, name?: string): Promise<void> {
  await app.page.getByLabel("Open run file", { exact: true }).setInputFiles(file(content, name));
}

const replayStatus = (page: Page) => page.getByRole("status", { name: "Replay status" });

test("a run is compared, downloaded, opened again, and replayed to the bit", async ({ app, page }) => {
  const compare = await app.openTab("Compare");
  await expect(compare).toContainText("No run has come to its end in this browser yet");
  await app.train({ ...small, scenes: 24 });
  await expect(app.training).toHaveText(/Finished 2 steps/, { timeout: 300_000 });
  const run = await app.downloadRun();
  const { before, after } = run;

  // Before and after: the record's figures, in words, bars and table.
  const percent = (share: number) => `${Math.round(100 * share)}%`;
  await expect(compare).toContainText(
    `of 24 held-out examples ${percent(before.accuracy)} were right before and ${percent(after.accuracy)} are after`,
  );
  const shares = compare.getByRole("group", { name: "Right answers with their 95% intervals" }).first();
  await expect(row(shares, "all").getByRole("cell")).toHaveText([
    "24",
    new RegExp(`^${percent(before.accuracy)} \\(\\d+–\\d+\\)$`),
    new RegExp(`^${percent(after.accuracy)} \\(\\d+–\\d+\\)$`),
    /pp$/,
  ]);
  const kinds = Object.keys(await recordedKinds(run.path));
  expect(kinds.length).toBeGreaterThan(2);
  for (const kind of kinds) await expect(row(shares, kind)).toBeVisible();
  const habits = compare.getByRole("group", { name: "Means over the held-out examples" }).first();
  for (const name of ["thinks first", "tokens an answer", "reward: accuracy"])
    await expect(row(habits, name)).toBeVisible();

  // Examples that changed: as many as the accuracies differ by, each with picture, question and both answers.
  const count = async (filter: string) => {
    const label = compare.locator("label").filter({ hasText: new RegExp(`^${filter} \\(\\d+\\)$`) });
    return Number(/\d+/.exec((await label.textContent()) ?? "")?.[0]);
  };
  const [gained, lost] = [await count("Gained"), await count("Lost")];
  expect(gained + lost).toBeGreaterThan(0);
  expect(gained - lost).toBe(Math.round(24 * (after.accuracy - before.accuracy)));
  const cards = compare.getByRole("article");
  await expect(cards).toHaveCount(Math.min(6, gained + lost));
  await expect(cards.first()).toContainText(/Question\s*\S.*\?Right answer/);
  await expect(cards.first().getByRole("img", { name: /^Picture: / })).toBeVisible();
  await compare.getByText(`Lost (${lost})`).click();
  await expect(cards).toHaveCount(Math.min(6, lost));
  for (const card of await cards.all()) await expect(card).toContainText(/✓ right\s*After.*✗ wrong/);
  if (lost > 6) {
    await app.button("Next").click();
    await expect(cards).toHaveCount(Math.min(6, lost - 6));
  }

  // Every file of the run.
  for (const [name, saved] of [
    ["Download adapter", "adapter_model.safetensors"],
    ["Download curves", "curves.svg"],
    ["Download rollouts", "rollouts.jsonl"],
    ["Download metrics", "metrics.jsonl"],
  ]) {
    const downloading = page.waitForEvent("download");
    await app.button(name).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe(saved);
    expect((await readFile(await download.path())).length).toBeGreaterThan(100);
  }

  // The file again, beside the run that it is of.
  await open(app, await readFile(run.path, "utf8"));
  await expect(compare).toContainText("Both are runs of the same recipe. The bits match: all 2 steps");
  const sides = compare.getByRole("group", { name: "Two runs side by side" });
  await expect(row(sides, "Adapter’s SHA-256").getByRole("cell")).toHaveText([
    run.weightsSha256,
    run.weightsSha256,
  ]);
  await app.button("Replay the run file").click();
  await expect(replayStatus(page).last()).toHaveText(
    "The bits match: all 2 steps and the final adapter are the same.",
    { timeout: 300_000 },
  );

  await page.setViewportSize({ width: 390, height: 900 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), "no sideways scrolling").toBe(390);

  // A reload loses nothing of the run.
  await page.reload();
  await app.ready();
  await expect(compare).toContainText(
    `of 24 held-out examples ${percent(before.accuracy)} were right before`,
  );
  await expect(cards.first()).toBeVisible();
});

async function recordedKinds(path: string): Promise<object> {
  const { after } = JSON.parse(await readFile(path, "utf8")) as { after: { byKind: object } };
  return after.byKind;
}

test("a run file from a link is shown, and replaying says from which step on it differs", async ({
  page,
}) => {
  const errors = watchConsole(page);
  const address = "https://runs.example/shared/run.json";
  await page.route(address, (route) =>
    route.fulfill({ json: foreign, headers: { "access-control-allow-origin": "*" } }),
  );
  const app = await App.open(page, `#compare?run=${encodeURIComponent(address)}`);
  const compare = app.panel("Compare");
  await expect(compare).toContainText("Run file: run.json");
  const facts = compare.getByRole("group", { name: "What the run file says" });
  for (const [name, value] of [
    ["Seed", "9"],
    ["Right answers", "25% → 75%"],
    ["GPU", "Imagined GPU, nowhere imagined"],
    ["Versions", "thinktab 0.0.1, node 20.0.0"],
    ["Adapter’s SHA-256", hash("c")],
  ])
    await expect(row(facts, name).getByRole("cell")).toHaveText(value);
  await expect(
    compare.getByRole("img", { name: /^Reward, .*the run file: 0\.25 at step 1, 0\.5 at step 2/ }),
  ).toBeVisible();
  await expect(app.button("Copy link to this comparison")).toBeVisible();

  await app.button("Replay the run file").click();
  await expect(replayStatus(page)).toHaveText("The bits differ from the first of 2 steps on.", {
    timeout: 300_000,
  });
  await expect(compare).toContainText(
    "Another GPU or driver: recorded Imagined GPU, nowhere imagined, here google",
  );
  await expect(compare).toContainText("Other versions: recorded thinktab 0.0.1, node 20.0.0; here thinktab");
  await expect(app.policy).toHaveText(/^Toy policy$|^Toy policy(?!, trained)/); // the page's own was not touched
  expect(errors).toEqual([]);
});

test("a replay can be stopped; training waits for it", async ({ app, page }) => {
  const compare = await app.openTab("Compare");
  const long = {
    ...foreign,
    recipe: { ...foreign.recipe, grpo: { ...foreign.recipe.grpo, steps: 500 } },
    steps: 500,
  };
  await open(app, long);
  await app.button("Replay the run file").click();
  await expect(replayStatus(page)).toHaveText(/^Step 1 of 500\. The bits differ from step 1 on\.$/, {
    timeout: 300_000,
  });
  await app.openTab("Train");
  await expect(app.button("Start training")).toBeDisabled();
  await app.openTab("Compare");
  await app.button("Stop replay").click();
  await expect(replayStatus(page)).toHaveText(/^Stopped after step \d+ of 500\./);
  await expect(compare).toContainText("It was recorded on Imagined GPU");
  await expect(app.button("Replay the run file")).toBeEnabled();
  await app.openTab("Train");
  await expect(app.button("Start training")).toBeEnabled();
});

test("what is no run file is refused in words, and the open one stays", async ({ app, page }) => {
  const compare = await app.openTab("Compare");
  await open(app, foreign, "mine.json");
  await expect(compare).toContainText("Run file: mine.json");
  for (const [content, words] of [
    ["<!doctype html><title>no</title>", "not JSON, but a web page"],
    ['{"peft_type": "LORA"}', "This is no run file."],
    [JSON.stringify(foreign).slice(0, 300), "it is not JSON"],
    [{ ...foreign, format: 7 }, "This run file is of another version."],
    [{ ...foreign, metrics: [{ step: 0, digest: "x", wallMs: 1 }] }, "This run file is damaged."],
    [{ ...foreign, recipe: { ...foreign.recipe, grpo: { steps: -1 } } }, "none of this version"],
  ] as const) {
    await open(app, content, "broken.json");
    await expect(app.alert).toContainText(words);
    await expect(app.alert).toContainText("mine.json is still open");
    await expect(compare).toContainText("Run file: mine.json");
  }
  await app.button("Dismiss").click();
  await expect(app.alert).toBeHidden();
  // Dropped instead of chosen.
  await compare.getByText("or drop a run.json here").evaluate((element, text) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], "dropped.json"));
    element.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
  }, JSON.stringify(foreign));
  await expect(compare).toContainText("Run file: dropped.json");
  await app.button("Close run file").click();
  await expect(compare).toContainText("Open a run file");
  expect(page.url()).toMatch(/#compare$/);
});

test("an address that cannot be read says why", async ({ page }) => {
  // No `app`: the browser itself reports such failures in the console.
  const server = createServer((request, response) => {
    if (request.url === "/closed.json")
      response.end(JSON.stringify(foreign)); // for pages of its own only
    else response.writeHead(404, { "access-control-allow-origin": "*" }).end();
  });
  await new Promise<void>((listening) => void server.listen(0, listening));
  const { port } = server.address() as AddressInfo;
  try {
    const app = await App.open(page, `#compare?run=http://localhost:${port}/closed.json`);
    await expect(app.alert).toContainText(`localhost:${port} does not let other sites read its files (CORS)`);
    await app.field("Address of a run file").fill(`http://localhost:${port}/none.json`);
    await app.button("Open address").click();
    await expect(app.alert).toContainText("the server answered 404");
    expect(page.url()).toContain(`#compare?run=http%3A%2F%2Flocalhost%3A${port}%2Fnone.json`);
    await app.field("Address of a run file").fill("file:///etc/hosts");
    await app.button("Open address").click();
    await expect(app.alert).toContainText("This is no address of a run file.");
  } finally {
    server.close();
  }
});

test("the example that the page ships is a whole run of the toy recipe", async ({ app, page }) => {
  const compare = await app.openTab("Compare");
  await app.button("Open the example").click();
  await expect(compare).toContainText("Run file: example-run.json");
  expect(page.url()).toContain("#compare?run=");
  const facts = compare.getByRole("group", { name: "What the run file says" });
  await expect(row(facts, "Steps").getByRole("cell")).toHaveText("40");
  await expect(row(facts, "Right answers").getByRole("cell")).toHaveText("52% → 98%");
  const shares = compare.getByRole("group", { name: "Right answers with their 95% intervals" });
  await expect(row(shares, "all")).toContainText("+46.5 pp");
});
