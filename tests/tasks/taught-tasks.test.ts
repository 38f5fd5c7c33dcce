import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { RgbImage } from "../../src/data/image.ts";
import type { Completion } from "../../src/rl/reward.ts";
import { digitsTask, digitsWords, type DigitsExample } from "../../src/tasks/digits.ts";
import { shapesTask, shapesWords, type ShapesExample } from "../../src/tasks/shapes.ts";
import { splits, type Split, type TaughtTask } from "../../src/tasks/task.ts";
import { taughtRewards, type TaughtReward } from "../../src/tasks/taught.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { readText } from "../support/tree.ts";

type Taught = TaughtTask<ShapesExample> | TaughtTask<DigitsExample>;
type TaughtOptions = { reward?: TaughtReward; size?: number };

const completion = (text: string): Completion => ({ text, tokens: [], finishReason: "stop" });

/** What every taught task promises: each is held to it, and so is a task that is added here. */
const cases: { name: string; words: string[]; make: (options?: TaughtOptions) => Taught; golden: string }[] =
  [
    {
      name: "shapes",
      words: shapesWords(),
      make: (options) => shapesTask(options),
      golden: "735a3c7461738a061ac0692164c40ac5093a1bdb7ac875eada7705001b272224",
    },
    {
      name: "shapes, easy",
      words: shapesWords(),
      make: (options) => shapesTask({ ...options, difficulty: "easy" }),
      golden: "fea87ac140dbbc89c233f93e0ad2c9f92c677ed179235426af4a5bf0ead3f942",
    },
    {
      name: "shapes, hard",
      words: shapesWords(),
      make: (options) => shapesTask({ ...options, difficulty: "hard" }),
      golden: "dedd762e9b9d966c936175bc1f50cf780468b8fdd8f028dd77bc2172ee1372a9",
    },
    {
      name: "digits",
      words: digitsWords(),
      make: (options) => digitsTask(options),
      golden: "63b4eaa0e6dd84728b69673498363f7b4b1482f1d47fe07e219e44a367d64f44",
    },
  ];

/** Examples of a split, by seeds from 0. */
function examplesOf<E>(
  task: { example(seed: number, split: Split): E },
  count: number,
  split: Split = "train",
): E[] {
  return Array.from({ length: count }, (_, seed) => task.example(seed, split));
}

/** Reads an example of any of the tasks; a union of tasks cannot be called with a union of examples. */
function judge(task: Taught, text: string, example: ShapesExample | DigitsExample) {
  const { reward }: { reward(completion: Completion, example: ShapesExample | DigitsExample): unknown } =
    task;
  return reward(completion(text), example);
}

describe.each(cases)("$name", ({ name, words, make, golden }) => {
  const task = make();
  /** The same scenes and questions in less time. */
  const small = make({ size: 24 });

  test("an example is a pure function of seed and split", () => {
    const other = make();
    for (const split of splits) {
      for (const seed of [0, 7, 2 ** 32 - 1, 2 ** 40 - 1]) {
        const example = task.example(seed, split);
        expect(example.id).toBe(`${task.name}/${split}/${seed}`);
        // Drawn in another order, by another task.
        other.example(seed + 1 === 2 ** 40 ? 0 : seed + 1, split);
        expect(other.example(seed, split)).toEqual(example);
      }
    }
    expect(task.example(3)).toEqual(task.example(3, "train"));
  });

  test("the same pixels, questions and answers as ever", () => {
    const hash = createHash("sha256");
    for (const split of splits) {
      for (const { image, problem, answer, scene } of examplesOf<ShapesExample | DigitsExample>(
        task,
        50,
        split,
      )) {
        hash.update(image.data).update(JSON.stringify([problem, answer, scene]));
      }
    }
    expect(hash.digest("hex")).toBe(golden);
  });

  test("no layout is in two splits", () => {
    const [train, validation, test] = splits.map(
      (split) =>
        new Set(
          examplesOf<ShapesExample | DigitsExample>(small, 700, split).map(({ scene }) => layoutOf(scene)),
        ),
    );
    expect(Math.min(train.size, validation.size, test.size)).toBeGreaterThan(100);
    for (const layout of validation) if (train.has(layout) || test.has(layout)) expect.fail(layout);
    for (const layout of test) if (train.has(layout)) expect.fail(layout);
  });

  test("what is said is short, is in the word list, and the word list is said", () => {
    const known = new Set(words);
    expect(known.size).toBe(words.length);
    const said = new Set<string>();
    for (const example of examplesOf<ShapesExample | DigitsExample>(small, 1200)) {
      const question = example.problem.split(" ");
      const response = demonstrate(small, example, "think").split(" ");
      if (question.length > 13 || response.length + 1 > 48) expect.fail(`${example.id} is long`); // + the stop token
      for (const word of [...question, ...example.refined_cot.split(" "), ...example.answer.split(" ")])
        said.add(word);
    }
    expect([...said].filter((word) => !known.has(word))).toEqual([]);
    // Counts above the most objects of a level are in the list for the levels that have them.
    expect([...known].filter((word) => !said.has(word) && !/^\d$/.test(word))).toEqual([]);
  });

  test("the ideal response is right, thinks, and reads the picture as it is", () => {
    for (const example of examplesOf<ShapesExample | DigitsExample>(task, 200)) {
      expect(judge(task, demonstrate(task, example, "think"), example)).toEqual({
        value: 1,
        parts: { accuracy: 1, thinking: 1, format: 1, misread: 0 },
      });
      expect(judge(task, demonstrate(task, example, "answer"), example)).toEqual({
        value: 1,
        parts: { accuracy: 1, thinking: 0, format: 0, misread: 0 },
      });
    }
  });

  test("a wrong grid or a wrong conclusion is misread; the answer counts all the same", () => {
    for (const example of examplesOf<ShapesExample | DigitsExample>(task, 200)) {
      const [grid, conclusion] = example.refined_cot.split(" so");
      const wrong = [
        `${grid} . so${conclusion}`,
        `${grid.split(" ").toReversed().join(" ")} . so${conclusion}`,
      ];
      if (conclusion !== "") wrong.push(`${grid} so${conclusion} 9`);
      for (const think of [...wrong, "", "so", `so${conclusion}`]) {
        expect(
          judge(task, `<think> ${think} </think> <answer> ${example.answer} </answer>`, example),
        ).toEqual({
          value: 1,
          parts: { accuracy: 1, thinking: 1, format: 1, misread: 1 },
        });
      }
      // Reasoning that ends before a conclusion is not wrong about anything.
      expect(judge(task, `<think> ${grid} </think> <answer> 77 </answer>`, example)).toEqual({
        value: 0,
        parts: { accuracy: 0, thinking: 1, format: 1, misread: 0 },
      });
    }
  });

  test("another example's answer is mostly wrong", () => {
    const examples = examplesOf<ShapesExample | DigitsExample>(small, 500);
    const right = examples.filter((example, index) => {
      const { answer } = examples[(index + 1) % examples.length];
      const result = judge(small, `<answer> ${answer} </answer>`, example);
      return (result as { value: number }).value === 1;
    });
    expect(right.length).toBeLessThan(100);
  });

  test("the message is the picture and then the question", () => {
    for (const { messages, image, problem, image_path, id } of examplesOf<ShapesExample | DigitsExample>(
      task,
      20,
    )) {
      expect(messages).toEqual([
        {
          role: "user",
          content: [
            { type: "image", image },
            { type: "text", text: problem },
          ],
        },
      ]);
      expect([image.width, image.height, image.data.length]).toEqual([48, 48, 48 * 48 * 3]);
      expect(image_path).toBe(`${id}.png`);
      expect(problem).toMatch(/^[a-z][a-z\d ]* [?.]( [ABC\d ]+)?$/);
    }
  });

  test("a picture of another size shows the same scene, scaled", () => {
    const large = make({ size: 96 });
    const [a, b] = [task.example(5), large.example(5)];
    expect(b.scene).toEqual(a.scene);
    expect(b.refined_cot).toBe(a.refined_cot);
    expect([b.image.width, b.image.height]).toEqual([96, 96]);
    const difference = meanDifference(a.image, b.image);
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(name === "shapes, hard" ? 26 : 10); // most of it is noise
  });

  test.each([
    [-1, "train", "seed"],
    [1.5, "train", "seed"],
    [2 ** 40, "train", "seed"],
    [Number.NaN, "train", "seed"],
    [1, "exam", "split"],
  ])("refuses seed %d of split %s", (seed, split, what) => {
    expect(() => task.example(seed, split as Split)).toThrow(InvalidOptionError);
    expect(() => task.example(seed, split as Split)).toThrow(`example: ${what}: got`);
  });

  test.each([0, 23, 481, 48.5, Number.NaN])("refuses pictures of %d pixels", (size) => {
    expect(() => make({ size })).toThrow("size: got");
  });

  test("refuses an unknown reward", () => {
    expect(() => make({ reward: "gold" as TaughtReward })).toThrow(
      `reward: got gold, expected [one of, ${taughtRewards.join(", ")}]`,
    );
  });
});

/** What is in which cell, as text. */
function layoutOf(scene: (ShapesExample | DigitsExample)["scene"]): string {
  return JSON.stringify(scene, (key, value: unknown) =>
    ["dx", "dy", "half"].includes(key) ? undefined : value,
  );
}

function demonstrate(task: Taught, example: ShapesExample | DigitsExample, mode: "think" | "answer"): string {
  const { demonstration }: { demonstration(example: ShapesExample | DigitsExample, mode: string): string } =
    task;
  return demonstration(example, mode);
}

/** Mean of the absolute differences of a picture and one of twice the size, whose blocks of 2×2 are averaged. */
function meanDifference(small: RgbImage, large: RgbImage): number {
  let sum = 0;
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const at = (row: number, column: number) => large.data[(row * large.width + column) * 3 + channel];
        const block = [
          at(2 * y, 2 * x),
          at(2 * y, 2 * x + 1),
          at(2 * y + 1, 2 * x),
          at(2 * y + 1, 2 * x + 1),
        ];
        const mean = block.reduce((total, value) => total + value, 0) / 4;
        sum += Math.abs(mean - small.data[(y * small.width + x) * 3 + channel]);
      }
    }
  }
  return sum / small.data.length;
}

test("pictures are drawn without functions that differ between engines", () => {
  const files = ["rasteriser", "grid", "digits", "shapes/scene"].map((name) => `src/tasks/${name}.ts`);
  const used = files.flatMap((path) => readText(path).match(/Math\.\w+|\.normal\(/g) ?? []);
  expect([...new Set(used)].sort()).toEqual(["Math.floor", "Math.imul", "Math.max", "Math.min", "Math.sqrt"]);
});
