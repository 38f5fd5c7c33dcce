import { describe, expect, test } from "vitest";
import { splitResponse } from "../../demo/response.ts";

const whole = "<think> red circle . so circle 1</think><answer> yes</answer>";

test("reasoning and answer of a whole response", () => {
  expect(splitResponse(whole, true)).toEqual({
    thinking: "red circle . so circle 1",
    thought: true,
    answer: "yes",
  });
  expect(splitResponse("<answer> 2</answer>", true)).toEqual({ thinking: null, thought: true, answer: "2" });
});

test("text without tags, or with tags in other places, is the answer", () => {
  expect(splitResponse("just text", true).answer).toBe("just text");
  expect(splitResponse("so <think> late </think>", true)).toMatchObject({
    thinking: null,
    answer: "so <think> late </think>",
  });
  expect(splitResponse("", true)).toEqual({ thinking: null, thought: true, answer: "" });
});

describe("while it streams, character by character", () => {
  const seen = Array.from(whole, (_, index) => splitResponse(whole.slice(0, index + 1), false));

  test("neither part ever shows a piece of a tag, or shrinks", () => {
    for (const [index, { thinking, answer }] of seen.entries()) {
      expect(`${thinking ?? ""}${answer}`).not.toMatch(/[<>]/);
      expect((thinking ?? "").length).toBeGreaterThanOrEqual((seen[index - 1]?.thinking ?? "").length);
      expect(answer.length).toBeGreaterThanOrEqual(seen[index - 1]?.answer.length ?? 0);
    }
  });

  test("the reasoning shows before it has ended", () => {
    expect(seen.some(({ thinking, thought }) => thinking === "red circle" && !thought)).toBe(true);
  });
});

test("at the end, what looked like the beginning of a tag is text", () => {
  expect(splitResponse("1 <a", false).answer).toBe("1");
  expect(splitResponse("1 <a", true).answer).toBe("1 <a");
});
