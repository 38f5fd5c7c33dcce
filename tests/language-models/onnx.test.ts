import { describe, expect, test } from "vitest";
import { createJudge } from "../../src/language-models/judge.ts";
import { scoreOf, type OnnxConfig, type OnnxSession } from "../../src/language-models/onnx.ts";
import { openPairScorer } from "../../src/language-models/open.ts";
import { memorySource } from "../../src/storage/source.ts";
import { LanguageModelError, MissingFileError } from "../../src/util/errors.ts";
import { pairTokenizer, sumOfSecondText } from "../support/tiny-onnx.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
// Ids 3, 4, 5, 6 behind [UNK] 0, [CLS] 1, [SEP] 2.
const files = {
  "tokenizer.json": bytes(pairTokenizer(["what", "red", "blue", "bicycle"])),
  "onnx/model.onnx": sumOfSecondText(),
};
const config: OnnxConfig = { kind: "onnx", url: "https://models.example/tiny", output: { form: "raw" } };
const pair = { question: "what", gold: "red bicycle", answer: "blue bicycle" };

const open = (more: Partial<OnnxConfig> = {}, replaced: Partial<typeof files> = {}) =>
  openPairScorer({ ...config, ...more }, { source: memorySource({ ...files, ...replaced }) });

describe("ONNX Runtime Web runs a model on the pair's tokens", () => {
  test("with the question before both, and without", async () => {
    // Second text: what 3, blue 5, bicycle 6, and [SEP] 2 behind it.
    expect(await (await open()).score(pair)).toBe(3 + 5 + 6 + 2);
    expect(await (await open({ withQuestion: false })).score(pair)).toBe(5 + 6 + 2);
  });

  test("as a judge, with thresholds on the scorer's scale", async () => {
    const judge = createJudge(await open({ withQuestion: false }), { thresholds: { half: 9, full: 13 } });
    const request = { problem: "what", answer: "red bicycle" };
    const scores = [];
    for (const response of ["blue bicycle", "blue red", "red"])
      scores.push((await judge.judge({ ...request, response })).score);
    expect(scores).toEqual([1, 0.5, 0]); // 13, 11, 6
  });
});

describe("a pair gets no score", () => {
  test("when it is too long, as a cut one might get a wrong one", async () => {
    const scorer = await open({ maxTokens: 8 });
    expect(await scorer.score({ ...pair, gold: "red" })).toBe(16); // 8 tokens
    await expect(scorer.score(pair)).rejects.toThrow(/pair of 9 tokens, expected at most 8/);
  });

  test("when it is aborted", async () => {
    const scorer = await open();
    await expect(scorer.score(pair, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });

  test("when the model takes something else", async () => {
    const session: OnnxSession = {
      inputNames: ["pixel_values"],
      run: () => Promise.resolve([1]),
      release: () => Promise.resolve(),
    };
    const source = memorySource(files);
    const scorer = await openPairScorer(config, { source, createSession: () => Promise.resolve(session) });
    await expect(scorer.score(pair)).rejects.toThrow(/takes pixel_values/);
  });
});

describe("what does not load is named", () => {
  test("a model of other bytes", async () => {
    const opened = open({}, { "onnx/model.onnx": Uint8Array.of(1, 2, 3) });
    await expect(opened).rejects.toThrow(LanguageModelError);
    await expect(opened).rejects.toThrow(/onnx\/model\.onnx does not load/);
  });

  test("a file that lacks", async () => {
    await expect(open({ file: "onnx/other.onnx" })).rejects.toThrow(MissingFileError);
  });
});

describe("logits become a score", () => {
  test.each<[number[], NonNullable<OnnxConfig["output"]>, number]>([
    [[0], { form: "sigmoid" }, 0.5],
    [[Math.log(3)], { form: "sigmoid" }, 0.75],
    [[Math.log(1), Math.log(3)], { form: "softmax", index: 1 }, 0.75],
    [[1000, 0, 1000], { form: "softmax" }, 0.5],
    [[7, -2], { form: "raw", index: 1 }, -2],
  ])("%j by %j", (logits, output, score) => {
    expect(scoreOf(logits, output)).toBeCloseTo(score, 12);
  });

  test.each<[number[], NonNullable<OnnxConfig["output"]>]>([
    [[0, 1], { form: "sigmoid" }],
    [[0, 1], { form: "softmax", index: 2 }],
    [[], { form: "raw" }],
  ])("%j by %j is refused", (logits, output) => {
    expect(() => scoreOf(logits, output)).toThrow(LanguageModelError);
  });
});
