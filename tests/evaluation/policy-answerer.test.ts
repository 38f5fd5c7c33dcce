import { expect, test } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import { policyAnswerer } from "../../src/evaluation/policy-answerer.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { sharedDevice } from "../support/device.ts";

const greedy = { temperature: 0, topK: 0, topP: 1, maxTokens: 6, seed: 0 };
const question = (text: string): Message[] => [{ role: "user", content: text }];
const picture = (image: Uint8Array): Message[] => [
  {
    role: "user",
    content: [
      { type: "image", image },
      { type: "text", text: "what" },
    ],
  },
];

test("answers in the order of the questions, what cannot be asked left unanswered", async () => {
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource());
  const answerer = policyAnswerer(policy, { name: "tiny" });
  expect(answerer).toMatchObject({ name: "tiny", takesImages: true, batch: 8, concurrency: 1 });
  const long = "word ".repeat(policy.model.config.text.maxPositionEmbeddings);
  const requests = [question("one"), picture(new Uint8Array([1, 2, 3])), question(long), question("two")];
  const ask = (sampling = greedy, order = [0, 1, 2, 3]) =>
    answerer.answer(
      order.map((at) => ({ messages: requests[at], position: at })),
      sampling,
    );
  const answers = await ask();
  expect(answers).toEqual([
    {
      text: expect.any(String) as string,
      tokens: expect.any(Number) as number,
      finishReason: expect.any(String) as string,
    },
    { error: expect.stringMatching(/image|decode/i) as string, ofQuestion: true },
    { error: expect.stringMatching(/got \d+ tokens .*, expected at most 1024/) as string, ofQuestion: true },
    expect.objectContaining({ text: expect.any(String) as string }),
  ]);
  expect(await ask(greedy, [3, 0])).toEqual([answers[3], answers[0]]);

  // The draws are the question's, in whatever company; another seed draws others.
  const drawn = { ...greedy, temperature: 1, maxTokens: 12, seed: 5 };
  const [first, , , second] = await ask(drawn);
  expect(await ask(drawn, [3])).toEqual([second]);
  expect(await ask(drawn, [0])).toEqual([first]);
  expect(await ask({ ...drawn, seed: 6 }, [0])).not.toEqual([first]);

  expect(await ask({ ...greedy, maxTokens: 1020 }, [0])).toEqual([
    {
      error: expect.stringMatching(/and an answer of 1020 do not fit the context of 1024$/) as string,
      ofQuestion: true,
    },
  ]);
  expect(await ask(greedy, [1])).toEqual([answers[1]]); // nothing that can be asked
  expect(() => policyAnswerer(policy, { batch: 0 })).toThrow("batch: got 0");
  policy.destroy();
});
