import { describe, expect, test } from "vitest";
import type { Completion } from "../../src/rl/reward.ts";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import { recordReward, type RecordRewardOptions } from "../../src/tasks/record-reward.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const said = (answer: string): Completion => ({
  text: `<think> so </think> <answer> ${answer} </answer>`,
  tokens: [],
  finishReason: "stop",
});
/** A module as a page has it, by its address. */
const moduleOf = (body: string, name = "own.js") =>
  `data:text/javascript,${encodeURIComponent(`export default ${body}`)}//${name}`;
const error = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );

describe("without a module", () => {
  test("records get the hybrid reward, with the options of their task", async () => {
    const reward = await recordReward(
      { weights: { accuracy: 0.9, format: 0.1 }, format: "lenient", number: { absolute: 1 } },
      { math: loadMathEngine },
    );
    expect((await reward(said("41"), { answer: "42", reward: "number" })).value).toBe(1);
    expect((await reward(said("7"), { answer: "42", reward: "number" })).value).toBeCloseTo(0.1);
    expect((await reward(said("$\\frac12$"), { answer: "0.5", reward: "math" })).value).toBe(1);
  });

  test("a descriptive answer is judged by what the surroundings give, or left out", async () => {
    const record = { problem: "What?", answer: "a red bicycle", reward: "llm" };
    const alone = await recordReward();
    expect((await alone(said("a bike"), record)).value).toBeNull();
    const judged = await recordReward({}, { judge: () => Promise.resolve({ score: 0.5 }) });
    expect((await judged(said("a bike"), record)).value).toBeCloseTo(0.7 * 0.5 + 0.3);
  });
});

describe("a module of the user's", () => {
  const length = moduleOf(`({ text }, { answer }) => answer === "none" ? null : text.length`);

  test("rewards the records that name it, and no others", async () => {
    const reward = await recordReward({ module: length });
    expect(await reward(said("B"), { answer: "B", reward: "own.js" })).toEqual({
      value: said("B").text.length,
      parts: { custom: said("B").text.length },
    });
    expect((await reward(said("B"), { answer: "B", reward: "own" })).value).toBe(said("B").text.length);
    expect((await reward(said("B"), { answer: "B", reward: "multiple-choice" })).value).toBe(1);
  });

  test("may reward all of them, and null leaves a sample out as in TRL", async () => {
    const reward = await recordReward({ module: length, moduleFor: "all" });
    expect((await reward(said("B"), { answer: "B", reward: "multiple-choice" })).value).toBeGreaterThan(1);
    expect(await reward(said("B"), { answer: "none" })).toEqual({ value: null, parts: {} });
  });

  test("may take its time and give parts", async () => {
    const body = `async ({ text }) => ({ value: 0.25, parts: { words: text.split(" ").length } })`;
    const reward = await recordReward({ module: moduleOf(body), moduleFor: "all" });
    expect(await reward(said("B"), {})).toEqual({ value: 0.25, parts: { words: 6 } });
    const noParts = await recordReward({ module: moduleOf("() => ({ value: 1 })"), moduleFor: "all" });
    expect(await noParts(said("B"), {})).toEqual({ value: 1, parts: {} });
  });

  test.each(["undefined", "NaN", `"1"`, "[1]", "({ value: 1, parts: { a: NaN } })", "({})", "true"])(
    "that gives %s is an error, not a guess",
    async (result) => {
      const reward = await recordReward({ module: moduleOf(`() => (${result})`), moduleFor: "all" });
      const caught = await error(reward(said("B"), {}));
      expect(caught).toBeInstanceOf(InvalidOptionError);
      expect(String(caught)).toContain("expected a finite number, null, or { value, parts }");
    },
  );

  test.each([
    ["data:text/javascript,throw%20new%20Error('broken')", "broken"],
    ["data:text/javascript,export%20const%20a=1", "got none, expected a function"],
    ["data:text/javascript,export%20default%201", "got number, expected a function"],
  ])("%s is refused before any reward", async (module, message) => {
    const caught = await error(recordReward({ module }));
    expect(caught).toBeInstanceOf(InvalidOptionError);
    expect(String(caught)).toContain(message);
  });
});

test.each<[unknown, string]>([
  [[], "records: reward"],
  [{ weight: 1 }, "records: reward.weight: got an unknown option"],
  [{ weights: 1 }, "reward.weights: got 1"],
  [{ weights: { accuracy: -1, format: 1 } }, "weight of accuracy: got -1"],
  [{ weights: {} }, "weight of accuracy"],
  [{ format: "loose" }, "reward.format: got loose"],
  [{ number: { relative: "1" } }, "reward.number.relative: got 1"],
  [{ iou: { threshold: -1 } }, "reward.iou.threshold: got -1"],
  [{ set: { score: "half" } }, "reward.set.score: got half"],
  [{ module: "" }, "reward.module"],
  [{ moduleFor: "some" }, "reward.moduleFor: got some"],
  [{ prefill: 1 }, "reward.prefill: got 1"],
])("options from a file are checked: %j", async (options, message) => {
  const caught = await error(recordReward(options as RecordRewardOptions));
  expect(caught).toBeInstanceOf(InvalidOptionError);
  expect(String(caught)).toContain(message);
});
