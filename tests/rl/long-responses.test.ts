/** Responses of 100 kB that were made to be slow: where a rule takes quadratic time, it takes many seconds for some. */
import { describe, expect, test } from "vitest";
import { hybridReward } from "../../src/rl/hybrid-reward.ts";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";

const length = 100_000;
/** A tenth of a second is usual; other work on the machine takes its share. */
const limitMs = 2500;
const fill = (unit: string) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

/** Units that repeat, and some that only almost close what they open. */
const units = [
  " ",
  "\n",
  "\t \n",
  "1",
  "1,",
  "1/",
  "0.1e",
  "−",
  "ab ",
  "(A) ",
  "{",
  "[1,",
  "(1,2)",
  "\\boxed{",
  "\\frac{1}{",
  "\\text{ ",
  "\\left(",
  "$1",
  "x^",
  "</think> ",
  "<answer>",
  "the answer is A ",
  " and\n",
  "- ",
  "```",
  "1 x ",
];

const examples = {
  "multiple-choice": { reward: "multiple-choice", answer: "B", options: { A: "cat", B: "dog" } },
  "fill-in-blank": { reward: "fill-in-blank", answer: "1/2 of it" },
  number: { reward: "number", answer: "42" },
  math: { reward: "math", answer: "\\frac{1}{2}" },
  "yes-no": { reward: "yes-no", answer: "yes" },
  iou: { reward: "iou", answer: "[1, 2, 3, 4]" },
  set: { reward: "set", answer: "red, blue" },
  "easyr1-r1v": { reward: "easyr1-r1v", answer: "\\frac{1}{2}" },
  "easyr1-math": { reward: "easyr1-math", answer: "\\frac{1}{2}" },
} as const;

describe.each(Object.entries(examples))("%s", (_kind, example) => {
  test("takes no long response for long", async () => {
    const reward = hybridReward({ math: await loadMathEngine() });
    const slow: string[] = [];
    for (const unit of units) {
      for (const [form, text] of Object.entries({
        tagged: `<think>${fill(unit)}</think><answer>${fill(unit)}</answer>`,
        ended: `${fill(unit)}\u2028!`,
        inside: `<think>a</think> <answer>x${fill(unit)}y</answer>`,
        behind: `<answer>{x])}${fill(unit)}y</answer>`,
      })) {
        const begin = performance.now();
        await reward({ text, tokens: [], finishReason: "stop" }, example);
        const ms = performance.now() - begin;
        if (ms > limitMs) slow.push(`${form} ${JSON.stringify(unit)}: ${ms.toFixed(0)} ms`);
      }
    }
    expect(slow).toEqual([]);
  });
});
