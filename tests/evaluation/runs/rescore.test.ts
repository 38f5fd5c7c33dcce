import { describe, expect, test } from "vitest";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { openEvaluation, recordedJudge, rescore } from "../../../src/evaluation/runs/rescore.ts";
import type { ScoringOptions } from "../../../src/evaluation/runs/score-run.ts";
import type { LanguageModel } from "../../../src/language-models/language-model.ts";
import { memoryStore, type BlobStore } from "../../../src/storage/blob-store.ts";
import { LanguageModelError } from "../../../src/util/errors.ts";
import { answererOf, drain, finish, table } from "./support.ts";

const choices = [0, 1, 2, 3].map((i) => ({
  index: String(i),
  question: `question ${i}`,
  A: "a cat",
  B: "a dog",
  answer: "A",
}));
const choice = ownBenchmark("own", "choice");
/** A rule reads the first two; of the others only a judge can tell. */
const answers = ["A", "B", "The feline, clearly, as whiskers show", "Hard to tell whether it barks or meows"];
const byNumber = () => answererOf((text) => answers[Number(/question (\d)/.exec(text)?.[1])]);

/** A judge that says what it is told to, and what it was asked. */
function judgeOf(
  says: (prompt: string, attempt: number) => string | Error,
  more: Partial<LanguageModel> = {},
): LanguageModel & { prompts: string[] } {
  const prompts: string[] = [];
  return {
    name: "judge",
    prompts,
    ask: ([{ content }]) => {
      const prompt = typeof content === "string" ? content : "";
      const reply = says(prompt, prompts.filter((each) => each === prompt).length);
      prompts.push(prompt);
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve({ text: reply });
    },
    ...more,
  };
}

const again = (store: BlobStore, options?: ScoringOptions) => drain(rescore(store, options));
/** Says A of the feline, and nothing of use of the other. */
const reader = () => judgeOf((prompt) => (prompt.includes("feline") ? "A" : "I cannot say."));

describe("a judge", () => {
  test("is asked what rules leave open; what it cannot say is counted, left out, and never 0", async () => {
    const judge = reader();
    const { report } = await finish(choice, table(choices), byNumber(), { judge });
    // Right, wrong, right by the judge; the fourth is in no figure.
    expect(report.headline.value).toBeCloseTo(100 * (2 / 3));
    expect(report.counts).toMatchObject({ answered: 4, scored: 3 });
    expect(report.counts.how).toMatchObject({ rule: 2, judge: 1, "judge-failed": 1, undecided: 0 });
    expect(report.scoring.judge).toEqual({
      name: "judge", identity: "judge", asked: 2, replied: 1, cached: 0, failed: 1,
    }); // prettier-ignore
    const ofOther = judge.prompts.filter((prompt) => prompt.includes("barks"));
    expect(ofOther).toHaveLength(3); // tried again, and no more
    expect(report.notComparable).toContain("Judged by judge: figures by another judge are others.");
  });

  test("is not asked again for what it said; a failure is tried again", async () => {
    const store = memoryStore();
    await finish(choice, table(choices), byNumber(), { store, judge: reader() });
    const second = judgeOf(() => "B");
    const { report } = await again(store, { judge: second });
    expect(second.prompts).toHaveLength(1);
    expect(report.counts.how).toMatchObject({ rule: 2, judge: 2 });
    expect(report.headline.value).toBe(50);
    expect(report.scoring.judge).toMatchObject({ replied: 1, cached: 1 });
    const other = judgeOf(() => "B", { name: "another" });
    expect((await again(store, { judge: other })).report.scoring.judge).toMatchObject({
      replied: 2,
      cached: 0,
    });
  });

  test("that is gone still counts by what it replied", async () => {
    const store = memoryStore();
    const first = await finish(choice, table(choices), byNumber(), { store, judge: reader() });
    const judge = await recordedJudge(store);
    expect(judge).toEqual({ name: "judge", identity: "judge", recorded: true });
    const { report } = await again(store, { judge });
    expect(report.headline).toEqual(first.report.headline);
    expect(report.counts).toEqual(first.report.counts);
    expect(report.scoring.judge).toMatchObject({ cached: 1, replied: 0, failed: 1 });
  });

  test("whose answers change is asked anew; its replies are kept for the record", async () => {
    const store = memoryStore();
    await finish(choice, table(choices), byNumber(), { store, judge: { ...reader(), identity: null } });
    const changed = judgeOf(() => "B", { identity: null });
    expect((await again(store, { judge: changed })).report.scoring.judge).toMatchObject({
      replied: 2,
      cached: 0,
    });
    const recorded = await again(store, { judge: await recordedJudge(store) });
    expect(recorded.report.scoring.judge).toMatchObject({ replied: 0, cached: 2 });
  });

  test("that gives no answer fails its question alone; a bug ends the run", async () => {
    const down = judgeOf(() => new LanguageModelError("status 401"));
    const { report } = await finish(choice, table(choices), byNumber(), { judge: down });
    expect(report.counts.how).toMatchObject({ rule: 2, "judge-failed": 2 });
    expect(report.headline.value).toBe(50);
    expect(down.prompts).toHaveLength(2); // the model tries again itself where that may help
    const broken = judgeOf(() => new TypeError("x is not a function"));
    await expect(finish(choice, table(choices), byNumber(), { judge: broken })).rejects.toThrow(TypeError);
  });

  test("that cannot be reached is told of with its error, and ends the run after ten failures in a row", async () => {
    const many = Array.from({ length: 30 }, (_, i) => ({
      ...choices[2],
      index: String(i),
      question: `${i}?`,
    }));
    const says = () => answererOf(() => answers[3]);
    const store = memoryStore();
    const down = judgeOf(() => new LanguageModelError("status 401"));
    const gone = finish(choice, table(many), says(), { store, judge: down });
    await expect(gone).rejects.toThrow(
      /^10 requests to the judge in a row failed, .*: status 401\. .* is kept/,
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(down.prompts.length).toBeLessThan(14);
    const now = await again(store, { judge: judgeOf(() => "A") });
    expect(now.report.counts.how.judge).toBe(30);

    const shaky = judgeOf((prompt) => (prompt.includes("7?") ? new LanguageModelError("status 500") : "A"));
    const other = memoryStore();
    await finish(choice, table(many), says(), { store: other, judge: shaky });
    const { scores } = await openEvaluation(other);
    expect(scores[7]).toMatchObject({ score: null, why: "the judge could not be asked: status 500" });
  });

  test("is asked equal questions once", async () => {
    const twice = choices.slice(0, 3).map((row) => ({ ...row, question: "question 2" }));
    const judge = reader();
    const { report } = await finish(choice, table(twice), byNumber(), { judge });
    expect(judge.prompts).toHaveLength(1);
    expect(report.counts.how.judge).toBe(3);
    expect(report.scoring.judge).toMatchObject({ asked: 3, replied: 1, cached: 2 });
  });

  test("is left by an abort", async () => {
    const controller = new AbortController();
    const judge = judgeOf(() => "A", {
      ask: (_, { signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason as Error));
          controller.abort(new Error("enough"));
        }),
    });
    const run = finish(choice, table(choices), byNumber(), { judge, signal: controller.signal });
    await expect(run).rejects.toThrow("enough");
  });
});

test("without a judge what no rule reads counts as wrong, and the report names it", async () => {
  const { report } = await finish(choice, table(choices), byNumber());
  expect(report.headline.value).toBe(25);
  expect(report.counts.how).toMatchObject({ rule: 2, undecided: 2 });
  expect(report.undecided).toEqual(["2", "3"]);
  expect(report.notes.join(" ")).toContain("count as wrong");
});

test("answers are scored again without a model: tags left in, then cut", async () => {
  const store = memoryStore();
  const tagged = answererOf(() => "<think>hmm</think><answer>A</answer>");
  const first = await finish(choice, table(choices), tagged, { store });
  expect(first.report.headline.value).toBe(100);
  const left = await again(store, { cutTags: false });
  // Angle brackets are no separators: the rule finds no letter.
  expect(left.report).toMatchObject({ scoring: { cutTags: false }, headline: { value: 0 } });
  expect(left.report.counts.how.undecided).toBe(4);
  expect((await again(store)).report).toEqual(first.report);
});

test("a run that did not end is scored as far as it went", async () => {
  const store = memoryStore();
  const failing = answererOf((_, { position }) => (position < 2 ? "A" : { error: "late" }));
  await expect(finish(choice, table(choices), failing, { store, stopAfter: 2 })).rejects.toThrow("in a row");
  const { report } = await again(store);
  expect(report.counts).toMatchObject({ asked: 4, answered: 2, unanswered: 2 });
  expect(report.headline.value).toBe(100);
});

describe("what is no run", () => {
  test("an empty store", async () => {
    await expect(again(memoryStore())).rejects.toThrow("memory: it holds no evaluation");
    await expect(openEvaluation(memoryStore())).rejects.toThrow("it holds no evaluation");
  });

  test("settings or a report that are broken", async () => {
    const store = memoryStore();
    await finish(choice, table(choices), byNumber(), { store });
    await store.save("report.json", new TextEncoder().encode('{"version":1}'));
    await expect(openEvaluation(store)).rejects.toThrow(
      "report.json in memory: it is no report of an evaluation",
    );
    expect((await again(store)).report.headline.value).toBe(25); // which scoring makes anew
    await store.save("settings.json", new TextEncoder().encode('{"version":2}'));
    await expect(again(store)).rejects.toThrow("expected the settings of an evaluation, version 1");
    await store.save("settings.json", new TextEncoder().encode("{"));
    await expect(again(store)).rejects.toThrow("it is not JSON");
  });
});
