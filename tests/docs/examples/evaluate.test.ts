import { expect, test } from "vitest";
import { memoryStore, Policy, shapesTask } from "thinktab/engine";
import { folderSource } from "thinktab/node";
import { evaluateTable, verdict } from "../../../docs/guide/examples/evaluate.ts";
import { encodePng } from "../../../src/data/encode-png.ts";
import { sharedDevice } from "../../support/device.ts";

/** Questions of the toy task; of each the answer that the task has, or another. */
async function toyTable(count: number, answerOf: (answer: string) => string): Promise<Uint8Array> {
  const task = shapesTask();
  const lines = ["index\timage\tquestion\tanswer"];
  for (let i = 0; i < count; i++) {
    const { image, problem, answer } = task.example(i, "test");
    const pixels = Buffer.from(await encodePng(image)).toString("base64");
    lines.push([i, pixels, problem, answerOf(answer ?? "")].join("\t"));
  }
  return new TextEncoder().encode(`${lines.join("\n")}\n`);
}

test("a table is asked, scored and compared; a second call asks nothing", async () => {
  const policy = await Policy.load(await sharedDevice(), folderSource("policies/toy"));
  const [before, after] = [memoryStore(), memoryStore()];
  const shown: string[] = [];
  const show = (text: string) => shown.push(text);

  const table = await toyTable(4, (answer) => answer);
  const report = await evaluateTable(policy, table, after, show);
  expect(shown).toHaveLength(4);
  expect(shown[3]).toMatch(/^4 of 4: <(think|answer)>/);
  expect(report.benchmark).toEqual({ name: "own", title: "own", scoring: "exact" });
  expect(report.headline.value).toBeGreaterThanOrEqual(50); // what the toy policy can
  expect(await evaluateTable(policy, table, after, show)).toEqual(report);
  expect(shown).toHaveLength(4);

  // The same questions with answers that nobody gives.
  await evaluateTable(policy, await toyTable(4, () => "none of it"), before, show);
  expect(await verdict(before, after)).toMatch(/^(Better by|Not to be told apart:) \d+\.0 points, 95% from /);
  expect(await verdict(after, after)).toBe(
    "Not to be told apart: 0.0 points, 95% from 0.0 to 0.0, over 4 questions.",
  );
  policy.destroy();
});
