import { describe, expect, test } from "vitest";
import { storyOf } from "../../demo/train/story.ts";
import type { StoryFacts } from "../../demo/train/story.ts";
import type { EvaluationSummary } from "../../src/evaluation/accuracy.ts";

const toy: StoryFacts = { kind: "grpo", task: "shapes", questions: 8, samples: 6 };
const sft: StoryFacts = { kind: "sft", task: "shapes", questions: 16, samples: 1 };

function run(metric: string, values: readonly number[], more: Record<string, readonly number[]> = {}) {
  return values.map((value, step) => ({
    step,
    metrics: {
      [metric]: value,
      ...Object.fromEntries(Object.entries(more).map(([key, list]) => [key, list[step]])),
    },
  }));
}

function measured(accuracy: number, thinking: number, width = 0.03): EvaluationSummary {
  const interval: [number, number] = [accuracy - width, accuracy + width];
  return { accuracy, count: 512, interval, byKind: {}, thinking, meanLength: 10, parts: {} };
}

test("before: what will happen, with the recipe's own numbers", () => {
  const text = storyOf(toy, { at: "before" });
  expect(text).toContain("8 questions, 6 times each");
  expect(text).toContain("think before they answer");
  expect(storyOf({ ...toy, task: "letter-share" }, { at: "before" })).not.toContain("think");
  expect(storyOf(sft, { at: "before" })).toContain("ideal answers");
});

test("while it is measured: what for", () => {
  expect(storyOf(toy, { at: "measuring", when: "before" })).toContain("“before”");
  expect(storyOf(toy, { at: "measuring", when: "after" })).toContain("“after”");
});

describe("during", () => {
  const story = (steps: ReturnType<typeof run>, facts = toy) => storyOf(facts, { at: "during", steps });

  test("the first steps say how it works; no trend is read out of them", () => {
    expect(story(run("reward", [0.1, 0.9]))).toContain("drawn at random");
  });

  test("what climbs and why, when thinking spreads", () => {
    const thinking = { "rewards/thinking/mean": [0.1, 0.2, 0.3, 0.6, 0.7, 0.8] };
    const text = story(run("reward", [0.5, 0.5, 0.5, 0.7, 0.8, 0.9], thinking));
    expect(text).toContain("0.50 to 0.80");
    expect(text).toContain("20% to 70%");
    expect(text).toContain("Nobody told it to think");
  });

  test("a climb without thinking claims no thinking", () => {
    expect(story(run("reward", [0.3, 0.4, 0.6, 0.7]))).not.toContain("think");
  });

  test("nothing yet is called nothing yet", () => {
    expect(story(run("reward", [0.5, 0.6, 0.5, 0.5, 0.5, 0.5]))).toContain("not much yet");
  });

  test("a policy that comes apart", () => {
    expect(story(run("reward", [0.5, 0.5, 0.6, 0.9, 0.9, 0.9, 0.3, 0.2, 0.1]))).toContain("come apart");
  });

  test("a supervised run tells its loss", () => {
    expect(story(run("loss", [3, 2.5, 1, 0.5]), sft)).toContain("2.75 to 0.75 nats a token");
  });
});

describe("after", () => {
  const story = (before: EvaluationSummary | null, after: EvaluationSummary | null, facts = toy) =>
    storyOf(facts, { at: "after", before, after });

  test("what changed, and that it was the reward", () => {
    const text = story(measured(0.59, 0.02), measured(0.89, 0.98));
    expect(text).toContain("59% before and in 89% now");
    expect(text).toContain("98% of them instead of 2%");
    expect(text).toContain("the reward alone");
    expect(story(measured(0.59, 0.02), measured(0.89, 0.98), sft)).not.toContain("reward");
  });

  test("a difference within chance is not claimed; a fall is told", () => {
    expect(story(measured(0.5, 0, 0.2), measured(0.6, 0, 0.2))).toContain("cannot tell these apart");
    expect(story(measured(0.8, 0), measured(0.4, 0))).toContain("got worse");
  });

  test("without test scenes nothing is claimed", () => {
    expect(story(null, null)).toContain("Nothing was measured");
  });
});

test("stopped: that going on gives the same", () => {
  expect(storyOf(toy, { at: "stopped", step: 5 })).toContain("after step 5");
});
