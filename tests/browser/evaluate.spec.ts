import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { expect, test } from "./page.ts";

test("the toy policy answers a benchmark, stops, goes on after a reload, and is compared", async ({
  app,
}) => {
  test.setTimeout(300_000);
  const panel = await app.openTab("Evaluate");
  const status = panel.getByRole("status", { name: "Evaluation status" });
  await expect(status).toHaveText("Choose a table first.");
  await app.button("Use 24 toy questions").click();
  await expect(panel.getByRole("status", { name: "Benchmark chosen" })).toContainText("scored as exact");
  await app.field("Questions to draw").fill("16");
  await app.button("Start evaluation").click();
  await expect(status).toHaveText(/Asking: ([1-9]|1[0-5]) of 16 are answered/);
  // All answers are of the same weights: nobody takes the policy away meanwhile.
  await expect(app.button("Start over")).toBeDisabled();
  await app.button("Stop evaluation").click();
  await expect(status).toHaveText(
    /toy-questions: ([1-9]|1[0-5]) of 16 are answered. Going on asks the others./,
  );
  await expect(app.button("Start over")).toBeEnabled();
  const before = Number(/(\d+) of 16/.exec(await status.innerText())?.[1]);

  await app.page.reload();
  await app.ready();
  await app.openTab("Evaluate");
  await expect(status).toContainText(`${before} of 16 are answered. Choose its table again to go on`);
  await app.button("Use 24 toy questions").click();
  // With another setting it does not go on, and says why.
  await app.button("Go on").click();
  await expect(app.alert).toContainText("selection.limit 16");
  await app.field("Questions to draw").fill("16");
  await app.button("Go on").click();
  await expect(status).toContainText("Complete: 16 of 16 answered");
  const report = panel.getByRole("region", { name: "Report" });
  await expect(report).toContainText("Accuracy");
  await expect(report).toContainText("16 of 24 rows of toy-questions.tsv");
  const answers = panel.getByRole("region", { name: "Answers" });
  await expect(answers.getByRole("img", { name: /^Image 1 of question/ })).toHaveCount(12);
  // Pictures of another table are not those of this run's questions.
  await app.button("Use 8 rotated choices").click();
  await expect(answers.getByRole("img", { name: /^Image 1 of question/ })).toHaveCount(0);
  await app.button("Use 24 toy questions").click();
  await expect(answers.getByRole("img", { name: /^Image 1 of question/ })).toHaveCount(12);

  const downloading = app.page.waitForEvent("download");
  await app.button("Download samples").click();
  const samples = await readFile(await (await downloading).path(), "utf8");
  expect(samples.trim().split("\n")).toHaveLength(17);
  // The same answers, all of them made right.
  const better = samples.replaceAll(/"score":0,/g, '"score":1,').replaceAll("Toy policy", "Better policy");
  await panel
    .getByLabel("Choose samples of another run")
    .setInputFiles({ name: "samples.jsonl", mimeType: "", buffer: Buffer.from(better) });
  const comparison = panel.getByRole("status", { name: "Comparison of runs" });
  await expect(comparison).toContainText("The other: Better policy");
  await expect(comparison).toContainText("over the 16 answers that both have");
  await app.button("Forget this run").click();
  await expect(status).toHaveText("Ready. It can be stopped at any time, and gone on with later.");
});

test("an endpoint answers, another judges, and scoring again asks nobody", async ({ app }) => {
  const asked: { path: string; key: string; text: string }[] = [];
  await app.page.context().route("https://*.example/**", async (route) => {
    const request = route.request();
    const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
    if (request.method() === "OPTIONS") return route.fulfill({ status: 204, headers });
    const judge = request.url().includes("judge.example");
    const text = request.postData() ?? "";
    asked.push({ path: judge ? "judge" : "seer", key: request.headers().authorization ?? "none", text });
    const content = judge
      ? "B"
      : text.includes("red")
        ? "<think>two</think><answer>A</answer>"
        : "it is hard to say";
    await route.fulfill({ headers, json: { choices: [{ message: { content }, finish_reason: "stop" }] } });
  });
  const panel = await app.openTab("Evaluate");
  const status = panel.getByRole("status", { name: "Evaluation status" });
  const table = [
    "index\tquestion\tA\tB\tanswer\tcategory",
    "1\tHow many red ones?\ttwo\tthree\tA\tcounting",
    "2\tWhich one is larger?\tthe moon\tthe sun\tB\tknowledge",
  ];
  await panel
    .getByLabel("Choose table")
    .setInputFiles({ name: "two.tsv", mimeType: "", buffer: Buffer.from(`${table.join("\n")}\n`) });
  await app.field("Answers are given by").selectOption("openai");
  await expect(app.button("Start evaluation")).toBeDisabled();
  await app.field("Address").fill("https://seer.example/v1");
  await app.field("Name of the model").fill("seer");
  await app.field("Key").fill("secret-1234");
  await app.button("Start evaluation").click();
  await expect(status).toContainText("Complete: 2 of 2 answered");
  const report = panel.getByRole("region", { name: "Report" });
  await expect(report).toContainText("Accuracy: 50.0%");
  await expect(report).toContainText("1 by rule; 1 undecided, counted as wrong");
  expect(asked.map(({ path }) => path)).toEqual(["seer", "seer"]);
  expect(asked[0].key).toBe("Bearer secret-1234");

  await app.field("Judge").selectOption("openai");
  await app.field("Address of the judge").fill("https://judge.example/v1");
  await app.field("Name of the judge").fill("wise");
  await app.field("Key of the judge").fill("secret-5678");
  await app.button("Score again").click();
  await expect(report).toContainText("Accuracy: 100.0%");
  await expect(report).toContainText("1 by rule; 1 by judge");
  expect(asked.filter(({ path }) => path === "seer")).toHaveLength(2);
  expect(asked.at(-1)).toMatchObject({ path: "judge", key: "Bearer secret-5678" });
  const judged = asked.length;
  await app.button("Score again").click();
  await expect(report).toContainText("0 replies, 1 from the record");
  expect(asked).toHaveLength(judged);
  const kept = await app.page.evaluate(storedTexts);
  expect(kept).toContain("seer.example");
  expect(kept).not.toContain("secret-");
});

/** Everything that the page keeps: its files, and its settings. */
async function storedTexts(): Promise<string> {
  const texts = [JSON.stringify(Object.entries(localStorage))];
  const folders = [await navigator.storage.getDirectory()];
  for (const folder of folders) {
    for await (const [name, entry] of folder.entries()) {
      texts.push(name);
      if (entry instanceof FileSystemDirectoryHandle) folders.push(entry);
      else if (entry instanceof FileSystemFileHandle) texts.push(await (await entry.getFile()).text());
    }
  }
  return texts.join("\n");
}
