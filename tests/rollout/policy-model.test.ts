import { expect, test } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import { policyModel } from "../../src/language-models/policy-model.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { sharedDevice } from "../support/device.ts";

/** A policy whose adapter turns its answers. */
async function adapted(): Promise<Policy> {
  const options = { format: "f32", lora: { rank: 4 } } as const;
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(3), options);
  const adapter = await policy.model.readAdapter();
  for (const { b } of adapter.tensors.values()) b.forEach((_, i) => (b[i] = Math.sin(i)));
  policy.model.loadAdapter(adapter);
  return policy;
}

test("a policy answers as a model what it generates; without the adapter, what its base does", async () => {
  const policy = await adapted();
  const messages: Message[] = [{ role: "user", content: "What is there?" }];
  const options = { maxNewTokens: 12, temperature: 0 };
  const texts: string[] = [];
  for (const adapter of [true, false]) {
    const [expected] = await policy.generate(messages, { ...options, adapter });
    const model = policyModel(policy, { adapter });
    const answer = await model.ask(messages, { maxTokens: 12, temperature: 0 });
    expect(answer).toEqual({
      text: expected.text,
      completionTokens: expected.tokens.length,
      finishReason: expected.finishReason,
    });
    texts.push(answer.text);
  }
  expect(texts[0]).not.toBe(texts[1]);
  policy.destroy();
});
