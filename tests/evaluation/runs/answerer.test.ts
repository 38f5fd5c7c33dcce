import { expect, test } from "vitest";
import { modelAnswerer } from "../../../src/evaluation/runs/answerer.ts";
import type { AskOptions, LanguageModel } from "../../../src/language-models/language-model.ts";
import { LanguageModelError } from "../../../src/util/errors.ts";

const sampling = { temperature: 0.5, topK: 0, topP: 1, maxTokens: 7, seed: 3 };
const request = { messages: [{ role: "user" as const, content: "what" }], position: 4 };

test("a model answers, its reasoning put back where it came apart", async () => {
  const asked: (AskOptions | undefined)[] = [];
  const model: LanguageModel = {
    name: "model",
    takesImages: true,
    ask: (_, options) => {
      asked.push(options);
      return Promise.resolve({
        text: "<answer>2</answer>",
        reasoning: "1 and 1",
        completionTokens: 9,
        finishReason: "stop",
      });
    },
  };
  const answerer = modelAnswerer(model, { concurrency: 2 });
  expect(answerer).toMatchObject({ name: "model", takesImages: true, batch: 1, concurrency: 2 });
  expect(await answerer.answer([request], sampling)).toEqual([
    { text: "<think>1 and 1</think>\n<answer>2</answer>", tokens: 9, finishReason: "stop" },
  ]);
  expect(asked).toEqual([{ signal: undefined, maxTokens: 7, temperature: 0.5, seed: 7 }]);
});

test("what a model cannot say is its question's; a bug and an abort are the run's", async () => {
  const failing = (error: Error) => modelAnswerer({ name: "model", ask: () => Promise.reject(error) });
  expect(await failing(new LanguageModelError("status 500")).answer([request], sampling)).toEqual([
    { error: "status 500" },
  ]);
  const refused = new LanguageModelError("filtered", { ofQuestion: true });
  expect(await failing(refused).answer([request], sampling)).toEqual([
    { error: "filtered", ofQuestion: true },
  ]);
  await expect(failing(new TypeError("no")).answer([request], sampling)).rejects.toThrow(TypeError);
  const signal = AbortSignal.abort(new Error("enough"));
  const aborted = failing(new LanguageModelError("late")).answer([request], sampling, { signal });
  await expect(aborted).rejects.toThrow();
  expect(failing(new Error()).takesImages).toBe(false);
  expect(() =>
    modelAnswerer({ name: "model", ask: () => Promise.reject(new Error()) }, { concurrency: 0 }),
  ).toThrow("concurrency: got 0");
});
