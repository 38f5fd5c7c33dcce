import { describe, expect, expectTypeOf, test, vi } from "vitest";
import type { Judge } from "../../src/language-models/judge.ts";
import { hybridReward, type JudgeAnswer } from "../../src/rl/hybrid-reward.ts";
import { chooseVerifier, verifierNamed } from "../../src/rl/verifiers/choose.ts";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const completion = (text: string) => ({ text, tokens: [], finishReason: "stop" as const });
const said = (answer: string) => completion(`<think>so</think> <answer>${answer}</answer>`);

describe("the verifier", () => {
  test.each([
    ["multiple-choice", "multiple-choice"],
    ["Multiple Choice", "multiple-choice"],
    ["MultipleChoice", "multiple-choice"],
    ["MCQ", "multiple-choice"],
    ["mc_choice", "multiple-choice"],
    ["fill_in_the_blank", "fill-in-blank"],
    ["FIB", "fill-in-blank"],
    ["exact-match", "fill-in-blank"],
    ["numeric match", "number"],
    ["Math", "math"],
    ["math_verify", "math"],
    ["yes/no", "yes-no"],
    ["IoU", "iou"],
    ["bbox", "iou"],
    ["list", "set"],
    ["DES", "model-judge"],
    ["descriptive", "model-judge"],
    ["LLM judge", "model-judge"],
    ["open-ended", "model-judge"],
    ["easyr1-r1v", "easyr1-r1v"],
    ["easyr1-math", "easyr1-math"],
    ["sorcery", undefined],
    ["design", undefined],
    ["", undefined],
  ])("%j names %s", (value, verifier) => {
    expect(verifierNamed(value)).toBe(verifier);
  });

  test.each([
    ["B", { A: "cat", B: "dog" }, "multiple-choice"],
    ["dog", { A: "cat", B: "dog" }, "multiple-choice"],
    ["B", undefined, "multiple-choice"],
    ["Yes", undefined, "yes-no"],
    ["[1, 2, 3, 4]", undefined, "iou"],
    ["12", undefined, "number"],
    ["1,234.5 cm", undefined, "number"],
    ["50%", undefined, "number"],
    ["\\frac{1}{2}", undefined, "math"],
    ["$x^2$", undefined, "math"],
    ["x = 5", undefined, "math"],
    ["a red car", undefined, "fill-in-blank"],
    ["The man is walking his dog in the park at night.", undefined, "model-judge"],
  ])("of the answer %j with %j is %s", (answer, options, verifier) => {
    expect(chooseVerifier({ answer, options }).verifier).toBe(verifier);
  });

  test("is the reward's, then the category's, then the answer's; what is not understood is shown", () => {
    expect(chooseVerifier({ reward: "math", category: "MC", answer: "B" })).toEqual({
      verifier: "math",
      why: "by reward “math”",
      unknown: [],
    });
    expect(chooseVerifier({ reward: "sorcery", category: "MCQ", answer: "x" })).toEqual({
      verifier: "multiple-choice",
      why: "by category “MCQ” (unknown reward “sorcery”)",
      unknown: ["reward “sorcery”"],
    });
    expect(chooseVerifier({ reward: "sorcery", category: "magic", answer: "7" })).toEqual({
      verifier: "number",
      why: "the answer looks like a number (unknown reward “sorcery” and category “magic”)",
      unknown: ["reward “sorcery”", "category “magic”"],
    });
  });
});

describe("the hybrid reward", () => {
  test("is 0.7 of accuracy and 0.3 of format", async () => {
    const reward = hybridReward();
    const example = { answer: "B", reward: "MC" };
    expect(await reward(said("B"), example)).toEqual({
      value: 1,
      overall: 1,
      accuracy: 1,
      format: 1,
      parts: { accuracy: 1, format: 1 },
      verifier: "multiple-choice",
      extracted: "B",
      verdict: "B by its letter is the gold answer",
      why: "multiple-choice: by reward “MC”; read the answer block; B by its letter is the gold answer",
    });
    expect((await reward(said("A"), example)).value).toBe(0.3);
    expect((await reward(completion("B"), example)).value).toBe(0.7);
    expect((await reward(completion("A"), example)).value).toBe(0);
    expect((await reward(completion("<think>B"), example)).value).toBe(0);
  });

  test("with other weights, another reading of the format, and a prefilled tag", async () => {
    const weights = { accuracy: 1, format: 0.5 };
    const text = completion("so</think><answer>B</answer> done");
    expect((await hybridReward({ weights })(said("B"), { answer: "B" })).value).toBe(1.5);
    const overall = async (format: "strict" | "lenient" | "easyr1-r1v" | "easyr1-math") =>
      (await hybridReward({ format, prefill: "<think>" })(text, { answer: "B" })).format;
    expect([await overall("strict"), await overall("lenient"), await overall("easyr1-r1v")]).toEqual([
      0, 1, 0,
    ]);
    const boxed = completion("so</think> \\boxed{B}");
    expect(
      (await hybridReward({ format: "easyr1-math", prefill: "<think>" })(boxed, { answer: "B" })).value,
    ).toBe(1);
  });

  test.each([
    [{ answer: "$\\frac12$", reward: "math" }, "0.5", "math"],
    [{ answer: "Yes", category: "yes_no" }, "yes.", "yes-no"],
    [{ answer: "[0,0,10,10]", reward: "iou" }, "[0,0,10,9]", "iou"],
    [{ answer: "a, b", reward: "list" }, "b, a", "set"],
    [{ answer: "0.5", category: "FIB" }, "1/2", "fill-in-blank"],
    [{ answer: "1,000" }, "1000", "number"],
  ])("%j and %j by %s", async (example, answer, verifier) => {
    const reward = hybridReward({ math: loadMathEngine });
    expect(await reward(said(answer), example)).toMatchObject({ overall: 1, accuracy: 1, verifier });
  });

  test("EasyR1's own rewards with their own weights", async () => {
    const reward = hybridReward();
    const r1v = await reward(completion("<answer>0.5</answer>"), {
      answer: "\\frac12",
      reward: "easyr1-r1v",
    });
    expect(r1v).toMatchObject({ overall: 0.5, accuracy: 1, format: 0, extracted: "0.5" });
    const math = await reward(completion("\\boxed{0.5}"), { answer: "\\frac12", reward: "easyr1-math" });
    expect(math).toMatchObject({ overall: 0.9, accuracy: 1, format: 0, extracted: "0.5" });
  });

  test("the judge sees question, gold answer and the cut answer", async () => {
    const asked: unknown[] = [];
    const judge = (request: unknown) => {
      asked.push(request);
      return Promise.resolve({ score: 0.5, why: "half of it" });
    };
    const example = { answer: "a dog on a lawn", problem: "What is it?", reward: "DES" };
    const result = await hybridReward({ judge })(said("a dog"), example);
    expect(asked).toEqual([{ problem: "What is it?", answer: "a dog on a lawn", response: "a dog" }]);
    expect(result).toMatchObject({ accuracy: 0.5, format: 1, verifier: "model-judge", extracted: "a dog" });
    expect(result.value).toBeCloseTo(0.65, 12);
    expect(result.why).toContain("half of it");
  });

  test("the judge is given the example's images", async () => {
    const asked: unknown[] = [];
    const judge: JudgeAnswer = (request) => {
      asked.push(request);
      return Promise.resolve({ score: 1 });
    };
    const images = ["https://example.org/dog.png", new Uint8Array([1])];
    await hybridReward({ judge })(said("a dog"), { answer: "a dog", reward: "DES", images });
    expect(asked).toEqual([{ problem: "", answer: "a dog", response: "a dog", images }]);
    expectTypeOf<Judge["judge"]>().toExtend<JudgeAnswer>();
  });

  test("an abort during a judgement rejects with its reason", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const judge: JudgeAnswer = () =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("cut off"))));
    const scored = hybridReward({ judge, signal })(said("a dog"), { answer: "a dog", reward: "judge" });
    controller.abort(new DOMException("enough", "AbortError"));
    await expect(scored).rejects.toBe(signal.reason);
  });

  test.each([
    ["fails", () => Promise.resolve({ score: null, why: "429" })],
    ["throws", () => Promise.reject(new Error("429"))],
    ["gives a score that is none", () => Promise.resolve({ score: 5 })],
    ["is not there", undefined],
  ])("a judge that %s excludes the sample", async (_, judge) => {
    const result = await hybridReward({ judge })(said("a dog"), { answer: "a dog", reward: "judge" });
    expect(result).toMatchObject({ value: null, overall: null, accuracy: null, parts: { format: 1 } });
    expect(result.parts).not.toHaveProperty("accuracy");
  });

  test("what cannot be decided is null, never 0", async () => {
    const reward = hybridReward();
    expect((await reward(said("7"), {})).value).toBeNull();
    expect((await reward(said("7"), { answer: "perhaps", reward: "yes-no" })).value).toBeNull();
    expect((await reward(said("7"), { answer: "7", reward: "math" })).value).toBeNull(); // no engine
    expect((await reward(completion("<think>7"), { answer: "7" })).value).toBe(0); // no answer is wrong
  });

  test("the engine is loaded when mathematics first comes, and once", async () => {
    let loads = 0;
    const reward = hybridReward({ math: () => (loads++, loadMathEngine()) });
    await reward(said("B"), { answer: "B" });
    expect(loads).toBe(0);
    await reward(said("7"), { answer: "7", reward: "math" });
    await reward(said("8"), { answer: "7", reward: "math" });
    expect(loads).toBe(1);
  });

  test("an engine that cannot be loaded leaves mathematics undecided, and is asked for again", async () => {
    let loads = 0;
    const math = () => (loads++ === 0 ? Promise.reject(new Error("offline")) : loadMathEngine());
    const reward = hybridReward({ math });
    const failed = await reward(said("7"), { answer: "7", reward: "math" });
    expect(failed).toMatchObject({ value: null, accuracy: null, format: 1 });
    expect(failed.why).toContain("could not be loaded: offline");
    expect((await reward(said("7"), { answer: "7", reward: "math" })).value).toBe(1);
    const without = hybridReward({ math: () => Promise.reject(new Error("offline")) });
    expect((await without(said("Red"), { answer: "red", reward: "FIB" })).value).toBe(1);
  });

  test("a failed load of the engine is forgotten", async () => {
    vi.resetModules();
    vi.doMock("@cortex-js/compute-engine", () => {
      throw new Error("offline");
    });
    const fresh = await import("../../src/rl/verifiers/math-engine.ts");
    await expect(fresh.loadMathEngine()).rejects.toThrow();
    vi.doUnmock("@cortex-js/compute-engine");
    expect((await fresh.loadMathEngine()).parse("7")).toEqual(7);
  });

  test("refuses weights and formats that are none", () => {
    expect(() => hybridReward({ weights: { accuracy: -1, format: 0 } })).toThrow(InvalidOptionError);
    expect(() => hybridReward({ weights: { accuracy: 1, format: NaN } })).toThrow("weight of format");
    expect(() => hybridReward({ format: "loose" as "strict" })).toThrow("format: got loose");
  });
});
