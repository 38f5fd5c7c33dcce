import { describe, expect, test } from "vitest";
import { attentionOf, sumLogProbs, tally } from "../../demo/ask/figures.ts";
import { Sample } from "../../demo/ask/sample.ts";
import { pickQuestions } from "../../demo/ask/suggestions.ts";
import { transcript } from "../../demo/ask/transcript.ts";
import { questionsAbout, type TextDelta } from "../../workers/client.ts";

/** A sample that got these pieces, the last of which ends it. */
function sampleOf(prefill: string, ...texts: string[]): Sample {
  const sample = new Sample(prefill);
  texts.forEach((text, index) => sample.add(delta(text, index === texts.length - 1)));
  return sample;
}

const delta = (text: string, last: boolean): TextDelta => ({
  index: 0,
  text,
  tokens: [1, 2],
  logps: [-1, -2],
  ...(last && { finishReason: "stop" as const }),
});

describe("a sample", () => {
  test("gathers tokens, log-probs and text, and knows when it has ended", () => {
    const sample = new Sample("");
    sample.add(delta("<think> red", false));
    expect(sample.ending.value).toBeNull();
    expect(sample.response.value).toMatchObject({ thinking: "red", answer: "" });
    sample.add(delta("</think><answer> 2</answer>", true));
    expect(sample.ending.value).toBe("stop");
    expect(sample.response.value).toEqual({ thinking: "red", thought: true, answer: "2" });
    expect([sample.tokens, sample.logps]).toEqual([
      [1, 2, 1, 2],
      [-1, -2, -1, -2],
    ]);
  });

  test("what it was made to begin with belongs to the response, not to its tokens", () => {
    const sample = sampleOf("<think>", " a", " b</think> c");
    expect(sample.response.value).toEqual({ thinking: "a b", thought: true, answer: "c" });
    expect(sample.tokens).toHaveLength(4);
  });
});

test("log-probs add up; without tokens there is no mean", () => {
  expect(sumLogProbs([-1, -2, -3])).toEqual({ total: -6, mean: -2 });
  expect(sumLogProbs([])).toEqual({ total: 0, mean: NaN });
});

test("answers are counted, the most frequent first, whatever their case", () => {
  expect(tally(["no", "Yes ", "yes", "no", "yes", "2"])).toEqual([
    { answer: "Yes", count: 3 },
    { answer: "no", count: 2 },
    { answer: "2", count: 1 },
  ]);
  expect(tally([])).toEqual([]);
});

test("attention of one token, or of all on average", () => {
  const weights = Float32Array.of(0.5, 0, 0.25, 0.25, 0.5, 0.5);
  expect([...attentionOf(weights, 2, 1)]).toEqual([0.25, 0.25]);
  const [first, second] = attentionOf(weights, 2, null);
  expect(first).toBeCloseTo(1.25 / 3, 6);
  expect(second).toBeCloseTo(0.75 / 3, 6);
});

describe("suggested questions", () => {
  const questions = questionsAbout(
    [
      { cell: 0, colour: "red", shape: "circle" },
      { cell: 1, colour: "blue", shape: "square" },
    ],
    1,
  );

  test("are one of each kind that the scene has", () => {
    const picked = pickQuestions(questions, 0);
    expect(new Set(picked.map(({ kind }) => kind))).toEqual(new Set(questions.map(({ kind }) => kind)));
    expect(picked).toHaveLength(8);
    for (const question of picked) expect(questions).toContainEqual(question);
  });

  test("are others in another round", () => {
    const rounds = [0, 1, 2].map((round) =>
      pickQuestions(questions, round)
        .map(({ problem }) => problem)
        .join(),
    );
    expect(new Set(rounds).size).toBe(3);
  });
});

test("an answer as text has its question, its reasoning, and who gave it", () => {
  const asked = { question: "how many ?", title: "Toy policy" };
  expect(transcript(asked, [sampleOf("", "<think> one", " </think><answer>1</answer>")])).toBe(
    "Question: how many ?\n\nReasoning: one\nAnswer: 1\n\n(Toy policy, in Thinktab)",
  );
  expect(transcript(asked, [sampleOf("", "1"), sampleOf("", "2")])).toContain("Sample 2\nAnswer: 2");
  expect(transcript(null, [])).toBe("");
});
