import { expect, test } from "vitest";
import { digitsTask } from "../../src/tasks/digits.ts";
import { misreads, taughtReward, taughtRewards, type TaughtReward } from "../../src/tasks/taught.ts";

const example = { id: "x/train/1", messages: [], answer: "two", refined_cot: "a b so c" };
const reward = (name: TaughtReward, text: string, id = example.id) =>
  taughtReward(name)({ text, tokens: [], finishReason: "stop" }, { ...example, id });

const texts = {
  ideal: "<think> a b so c </think> <answer> two </answer>",
  direct: "<answer> two </answer>",
  wrong: "<think> a b so c </think> <answer> three </answer>",
  wordy: "well <think> x </think> <answer> Two. </answer>",
  none: "two",
};

test.each([
  ["answer", { ideal: 1, direct: 1, wrong: 0, wordy: 1, none: 0 }],
  ["hybrid", { ideal: 1, direct: 0.7, wrong: 0.3, wordy: 0.7, none: 0 }],
  ["constant", { ideal: 1, direct: 1, wrong: 1, wordy: 1, none: 1 }],
] as const)("%s", (name, expected) => {
  for (const [text, value] of Object.entries(expected)) {
    expect(reward(name, texts[text as keyof typeof texts]).value, text).toBe(value);
  }
});

test("parts do not depend on the reward", () => {
  const parts = {
    ideal: { accuracy: 1, thinking: 1, format: 1, misread: 0 },
    direct: { accuracy: 1, thinking: 0, format: 0, misread: 0 },
    wrong: { accuracy: 0, thinking: 1, format: 1, misread: 0 },
    wordy: { accuracy: 1, thinking: 1, format: 0, misread: 0 },
    none: { accuracy: 0, thinking: 0, format: 0, misread: 0 },
  };
  for (const name of taughtRewards) {
    for (const [text, expected] of Object.entries(parts)) {
      expect(reward(name, texts[text as keyof typeof texts]).parts, `${name} ${text}`).toEqual(expected);
    }
  }
});

test("shuffled is a coin: fair, the same again, and blind to whether the answer is right", () => {
  const sides = (text: string) =>
    Array.from({ length: 4000 }, (_, seed) => reward("shuffled", text, `x/${seed}`).value);
  const [right, wrong] = [sides(texts.ideal), sides(texts.wrong)];
  expect(sides(texts.ideal)).toEqual(right);
  for (const side of [right, wrong]) {
    expect(side.every((value) => value === 0 || value === 1)).toBe(true);
    const mean = side.reduce<number>((sum, value) => sum + (value ?? NaN), 0) / side.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03); // 3.8 standard errors
  }
  const agree = right.filter((value, index) => value === wrong[index]).length / right.length;
  expect(Math.abs(agree - 0.5)).toBeLessThan(0.03);
});

test.each([
  ["a b so c", false],
  ["a  b\nso c", false],
  ["a b", false],
  ["a b so", false],
  ["a so c", true],
  ["a b so d", true],
  ["a b so c so c", true],
  ["", true],
  ["c", true],
])("misreads %j: %s", (think, expected) => {
  expect(misreads(think, example.refined_cot)).toBe(expected);
});

test("a sum of two digits is right in one word or two", () => {
  const task = digitsTask();
  const seed = Array.from({ length: 100 }, (_, index) => index).find(
    (index) => task.example(index).answer.length === 3,
  );
  const sum = task.example(seed ?? -1);
  const accuracy = async (answer: string) =>
    (await task.reward({ text: `<answer>${answer}</answer>`, tokens: [], finishReason: "stop" }, sum)).parts
      .accuracy;
  return Promise.all([
    expect(accuracy(sum.answer)).resolves.toBe(1),
    expect(accuracy(sum.answer.replace(" ", ""))).resolves.toBe(1),
    expect(accuracy(sum.answer.slice(2))).resolves.toBe(0),
  ]);
});
