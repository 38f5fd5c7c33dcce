import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { expect, test } from "./page.ts";

const record = (number: number, more: object = {}) => ({
  problem: `How many birds are in picture ${number}?`,
  answer: String(number),
  category: number % 2 === 0 ? "Counting" : "Reading",
  abilities: ["rec"],
  refined_cot: `I count ${number}.`,
  image_path: `birds/${number}.png`,
  reward: "number",
  ...more,
});

test("a data set is read, searched, converted, and its rejected rows are told", async ({ app }) => {
  const panel = await app.openTab("Data");
  const lines = [
    ...Array.from({ length: 40 }, (_, number) => JSON.stringify(record(number))),
    "{broken",
    JSON.stringify(record(41, { answer: "" })),
  ];
  await panel
    .getByLabel("Choose data file")
    .setInputFiles({ name: "birds.jsonl", mimeType: "", buffer: Buffer.from(lines.join("\n")) });
  const report = panel.getByRole("region", { name: "What is in it" });
  await expect(report).toContainText("Rows42");
  await expect(report).toContainText("Taken40");
  await expect(report).toContainText("2 rejected: broken json 1, empty answer 1");

  const found = panel.getByRole("status", { name: "Rows found" });
  await expect(found).toHaveText("The first 12");
  await panel.getByRole("button", { name: "More rows" }).click();
  await expect(found).toHaveText("The first 24");
  await panel.getByLabel("Search", { exact: true }).fill("picture 3");
  await app.button("Find rows").click();
  await expect(found).toHaveText("11 rows");
  await panel.getByLabel("Category", { exact: true }).selectOption("Counting");
  await expect(found).toHaveText("5 rows");
  await app.field("Rejected rows").check();
  await panel.getByLabel("Search", { exact: true }).fill("");
  await app.button("Find rows").click();
  await expect(found).toHaveText("2 rows");

  await panel.getByLabel("Format", { exact: true }).selectOption("easyr1");
  const downloading = app.page.waitForEvent("download", (file) =>
    file.suggestedFilename().startsWith("birds"),
  );
  await app.button("Convert and download").click();
  const converted = (await readFile(await (await downloading).path(), "utf8")).trim().split("\n");
  expect(converted).toHaveLength(40);
  expect(JSON.parse(converted[3])).toMatchObject({ answer: "3", images: ["birds/3.png"] });
});

test("made-up records have pictures, and a reward says how it came about", async ({ app }) => {
  const panel = await app.openTab("Data");
  await app.button("Make up 48 records").click();
  await expect(panel.getByRole("status", { name: "Rows found" })).toHaveText("The first 12");
  await expect(panel.getByRole("img", { name: /^Image of row/ })).toHaveCount(12);
  await app.field("Question").fill("What is a half?");
  await app.field("Right answer").fill("$\\frac{1}{2}$");
  await app.field("Reward method").fill("math");
  await app.field("Response").fill("<think>one of two</think><answer>0.5</answer>");
  await app.button("Explain reward").click();
  const reward = panel.getByRole("status", { name: "Reward" });
  await expect(reward).toContainText("Reward 1");
  await expect(reward).toContainText("math");
  await app.field("Response").fill("0.5");
  await app.button("Explain reward").click();
  await expect(reward).toContainText("Reward 0.7");
});

test("a data set is handed over, and a cluster's log brought back", async ({ app }) => {
  const panel = await app.openTab("Data");
  await app.button("Make up 48 records").click();
  await expect(panel.getByRole("status", { name: "Rows found" })).toHaveText("The first 12");
  const downloading = app.page.waitForEvent("download");
  await app.button("Hand over").click();
  const archive = await readFile(await (await downloading).path(), "latin1");
  expect(archive.startsWith("PK")).toBe(true);
  for (const path of ["README.md", "reward.py", "train.sh", "data/train.jsonl"])
    expect(archive).toContain(path);
  await expect(panel.getByRole("status", { name: "Hand-off" })).toContainText("rows to train on");

  const compare = await app.openTab("Compare");
  const log = [1, 2, 3].map((step) => JSON.stringify({ step, reward: { overall: step / 4 } }));
  await compare.getByLabel("Open experiment log").setInputFiles({
    name: "experiment_log.jsonl",
    mimeType: "",
    buffer: Buffer.from(log.join("\n") + "\n{"),
  });
  await expect(compare.getByRole("status", { name: "Brought back" })).toHaveText(
    "3 steps; lines that could not be read: 4.",
  );
  await expect(compare.getByText("the cluster’s run")).toBeVisible();
});

test("what is no data set is refused in words", async ({ app }) => {
  const panel = await app.openTab("Data");
  await panel
    .getByLabel("Choose data file")
    .setInputFiles({ name: "set.parquet", mimeType: "", buffer: Buffer.from("no parquet") });
  await expect(app.alert).toContainText("set.parquet");
});
