import { expect, test } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import { openLanguageModel } from "../../src/language-models/open.ts";
import { policyModel, type GeneratingPolicy } from "../../src/language-models/policy-model.ts";
import type { GenerateOptions, Policy } from "../../src/rollout/policy.ts";
import {
  ContextLengthError,
  DeviceLostError,
  ImageTokenMismatchError,
  LanguageModelError,
} from "../../src/util/errors.ts";
import type { RemotePolicy } from "../../workers/remote-policy.ts";

const question: Message[] = [{ role: "user", content: "How many?" }];

/** Stands in for a policy: answers after a while, and hears no abort before that. */
function fakePolicy(milliseconds = 5) {
  const calls: { messages: readonly Message[]; options: GenerateOptions }[] = [];
  const state = { now: 0, most: 0 };
  const policy: GeneratingPolicy = {
    async generate(messages, options = {}) {
      calls.push({ messages, options });
      state.most = Math.max(state.most, ++state.now);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      state.now--;
      return [{ text: `answer ${calls.length}`, tokens: [1, 2, 3], finishReason: "stop" }];
    },
  };
  return { policy, calls, state };
}

test("the engine's policy and the page's can both stand there", () => {
  const engine: (policy: Policy) => GeneratingPolicy = (policy) => policy;
  const page: (policy: RemotePolicy) => GeneratingPolicy = (policy) => policy;
  expect([engine, page]).toHaveLength(2);
});

test("a question is a completion with these options, without the adapter where that is said", async () => {
  const { policy, calls } = fakePolicy();
  const model = await openLanguageModel({ kind: "policy", adapter: false }, { policy });
  expect(model).toMatchObject({ name: "policy without adapter", identity: null, takesImages: true });
  expect(await model.ask(question, { maxTokens: 9, temperature: 0, seed: 3 })).toEqual({
    text: "answer 1",
    completionTokens: 3,
    finishReason: "stop",
  });
  expect(calls[0].messages).toEqual(question);
  expect(calls[0].options).toMatchObject({ adapter: false, maxNewTokens: 9, temperature: 0, seed: 3 });
  expect(model.counters?.()).toMatchObject({ answered: 1, completionTokens: 3, withoutUsage: 1 });
});

test("questions are asked one at a time", async () => {
  const { policy, state } = fakePolicy();
  const model = policyModel(policy);
  await Promise.all([1, 2, 3].map(() => model.ask(question)));
  expect(state.most).toBe(1);
});

test("an abort ends a question at once; the next waits until the device is free", async () => {
  const { policy, calls, state } = fakePolicy(60);
  const model = policyModel(policy);
  const control = new AbortController();
  const asked = model.ask(question, { signal: control.signal });
  await expect.poll(() => calls.length).toBe(1);
  const begin = performance.now();
  control.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  expect(performance.now() - begin).toBeLessThan(40);
  expect((await model.ask(question)).text).toBe("answer 2");
  expect(state.most).toBe(1);
  expect(model.counters?.()).toMatchObject({ asked: 2, answered: 1, aborted: 1 });
});

test("images are refused where the policy is said not to see", async () => {
  const { policy, calls } = fakePolicy();
  const model = policyModel(policy, { takesImages: false });
  const asked = model.ask([{ role: "user", content: [{ type: "image", image: "x.png" }] }]);
  await expect(asked).rejects.toThrow(/images: got 1/);
  expect(calls).toHaveLength(0);
});

test.each([
  new ContextLengthError("prompt: got 2000 tokens, expected at most 1024"),
  new ImageTokenMismatchError("prompt: got 2 image placeholders for 1 image"),
])("a question that the policy cannot take fails alone: %s", async (error) => {
  const model = policyModel({ generate: () => Promise.reject(error) });
  const asked = model.ask(question);
  await expect(asked).rejects.toThrow(LanguageModelError);
  await expect(asked).rejects.toMatchObject({ message: error.message, ofQuestion: true });
  const lost = policyModel({ generate: () => Promise.reject(new DeviceLostError("gone")) });
  await expect(lost.ask(question)).rejects.toThrow(DeviceLostError);
});

test("caches tell policies apart by their weights, and the base from the adapter; a small one answers no longer than it can", async () => {
  const { policy, calls } = fakePolicy();
  const open = (adapter: boolean, policyIdentity: string) =>
    openLanguageModel({ kind: "policy", adapter }, { policy, policyIdentity, policyTokens: 512 });
  const opened = await Promise.all([open(true, "a"), open(false, "a"), open(true, "b"), open(false, "b")]);
  expect(new Set(opened.map(({ identity }) => identity)).size).toBe(4);
  for (const maxTokens of [9, 4096, undefined]) await opened[0].ask(question, { maxTokens });
  expect(calls.map(({ options }) => options.maxNewTokens)).toEqual([9, 512, undefined]);
});
