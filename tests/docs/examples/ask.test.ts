import { expect, test } from "vitest";
import { ask, askSeveral, whereItLooked } from "../../../docs/guide/examples/ask.ts";
import type { ContentPart } from "thinktab";
import { toPng } from "./pictures.ts";
import { printed, withToy } from "./support.ts";

test("the first example: a question to the policy that ships", async () => {
  const { lines } = await printed(() => import("../../../docs/guide/examples/first.ts"));
  expect(lines).toEqual([
    "question: how many triangles ?",
    expect.stringMatching(/^response: <think>.*<\/think><answer> 1<\/answer>$/),
    "right is: 1",
  ]);
});

test("an answer streams, and is taken apart", async () => {
  await withToy(async (policy, kit) => {
    const [picture] = (await kit.example({ name: "shapes" }, 7)).messages[0].content as ContentPart[];
    const shown: string[] = [];
    const result = await ask(policy, await toPng(picture), "how many triangles ?", (text) =>
      shown.push(text),
    );
    expect(shown.length).toBeGreaterThan(1); // piece by piece
    expect(shown.at(-1)).toContain(result.answer);
    expect(shown.every((text, i) => i === 0 || text.startsWith(shown[i - 1]))).toBe(true);
    if (result.reasoning !== null) expect(shown.at(-1)).toContain(result.reasoning);
  });
});

test("an answer that was aborted rejects with an AbortError", async () => {
  await withToy(async (policy, kit) => {
    const [picture] = (await kit.example({ name: "shapes" }, 7)).messages[0].content as ContentPart[];
    const controller = new AbortController();
    const asked = ask(
      policy,
      await toPng(picture),
      "describe the picture .",
      () => controller.abort(),
      controller.signal,
    );
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});

test("several responses, the most probable first, and where one of them looked", async () => {
  await withToy(async (policy, kit) => {
    const { messages } = await kit.example({ name: "shapes" }, 7);
    const responses = await askSeveral(policy, messages, 4);
    expect(responses).toHaveLength(4);
    const sums = responses.map(({ logps }) => logps.reduce((sum, logp) => sum + logp, 0));
    expect(sums).toEqual(sums.toSorted((a, b) => b - a));

    const looks = await whereItLooked(policy, messages, responses[0]);
    expect(looks).toHaveLength(responses[0].tokens.length);
    expect(looks.map(({ text }) => text).join("")).toContain(responses[0].text);
    for (const [token, { probability, row, column }] of looks.entries()) {
      expect(probability).toBeCloseTo(Math.exp(responses[0].logps[token]), 2);
      expect([row, column].every((cell) => cell >= 0 && cell < 3)).toBe(true); // the toy's grid is 3 by 3
    }
  });
});
