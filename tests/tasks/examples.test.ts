import { describe, expect, it } from "vitest";
import { examplesTask, maxCharacters, maxExamples } from "../../src/tasks/examples.ts";
import type { ExamplesOptions, OwnExample } from "../../src/tasks/examples.ts";
import { createTask, createTaughtTask } from "../../src/tasks/registry.ts";
import type { Split, TaskExample } from "../../src/tasks/task.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const dot =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const rows = (count: number): OwnExample[] =>
  Array.from({ length: count }, (_, i) => ({ image: dot, question: `what is ${i} ?`, answer: String(i) }));
const make = (options: Partial<ExamplesOptions>) => examplesTask(options);
const ids = (task: ReturnType<typeof make>, split: Split, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => task.example(from + i, split).id);
const score = (task: ReturnType<typeof make>, text: string, example: Partial<TaskExample>) =>
  task.reward({ text, tokens: [], finishReason: "stop" }, { id: "x", messages: [], ...example });

describe("examplesTask", () => {
  it("gives a row as a chat: its picture, then its question", () => {
    const task = make({ examples: [{ ...rows(1)[0], kind: "number", reasoning: "so it is" }] });
    expect(task.example(0)).toEqual({
      id: "examples/1",
      kind: "number",
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: dot } },
            { type: "text", text: "what is 0 ?" },
          ],
        },
      ],
      answer: "0",
      reasoning: "so it is",
    });
    const [message] = make({ examples: [{ question: "why ?", answer: "so" }] }).example(0).messages;
    expect(message.content).toEqual([{ type: "text", text: "why ?" }]);
  });

  it.each<[count: number, heldOut: number | undefined, train: number, test: number]>([
    [10, undefined, 8, 2],
    [2, undefined, 1, 1],
    [1, undefined, 1, 0],
    [3, 0, 3, 0],
    [4, 0.99, 1, 3],
    [512, 0.5, 256, 256],
  ])("splits %i rows with heldOut %s into %i and %i", (count, heldOut, train, test) => {
    const task = make({ examples: rows(count), heldOut });
    expect(task.sizes).toEqual({ train, validation: 0, test });
    const trained = new Set(ids(task, "train", train));
    const tested = new Set(test > 0 ? ids(task, "test", test) : []);
    expect([trained.size, tested.size]).toEqual([train, test]);
    expect(new Set([...trained, ...tested]).size).toBe(count);
  });

  it("goes through a split in rounds, each row once a round and the rounds in other orders", () => {
    const task = make({ examples: rows(20), heldOut: 0.4 });
    const first = ids(task, "train", 12);
    const second = ids(task, "train", 12, 12);
    expect([...first].sort()).toEqual([...second].sort());
    expect(first).not.toEqual(second);
    expect(ids(make({ examples: rows(20), heldOut: 0.4 }), "train", 12)).toEqual(first);
    expect(new Set(ids(task, "train", 12, 2 ** 32 - 1 - ((2 ** 32 - 1) % 12))).size).toBe(12);
  });

  it("holds out others with another seed, and the same with the same", () => {
    const held = (seed: number) => ids(make({ examples: rows(40), seed }), "test", 8).sort();
    expect(held(1)).toEqual(held(1));
    expect(held(1)).not.toEqual(held(2));
  });

  it("says which splits are empty", () => {
    const message = (heldOut: number, split: Split) => () =>
      make({ examples: rows(3), heldOut }).example(0, split);
    expect(message(0, "test")).toThrow("task examples: heldOut: got 0, expected a share above 0");
    expect(message(0.5, "validation")).toThrow(
      "task examples: split: got validation, expected train or test",
    );
    expect(() => make({ examples: rows(3) }).example(-1)).toThrow("example: seed");
  });

  it.each<[gold: string, said: string, accuracy: number]>([
    ["Three cats", "<answer> three  cats. </answer>", 1],
    ["1,000", "<answer>1000.0</answer>", 1],
    ["-2", "<answer>\u22122</answer>", 1],
    ["0", "<answer>-0</answer>", 1],
    [".5", "<answer>0.50</answer>", 1],
    ["10", "<answer>1,0</answer>", 0],
    ["7", "<answer>7 cats</answer>", 0],
    ["A", "A", 0],
    ["-", "<answer>+</answer>", 0],
  ])("takes %s for %s: %i", (answer, text, accuracy) => {
    const task = make({ examples: rows(1) });
    expect(score(task, text, { answer })).toEqual({
      value: accuracy,
      parts: { accuracy, thinking: 0, format: 0 },
    });
  });

  it("weighs answer and format in the hybrid reward", () => {
    const task = make({ examples: rows(1), reward: "hybrid" });
    const all = { accuracy: 1, thinking: 1, format: 1 };
    const right = "<think>hm</think> <answer>3</answer>";
    expect(score(task, right, { answer: "3" })).toEqual({ value: 1, parts: all });
    expect(score(task, right, { answer: "4" })).toEqual({ value: 0.3, parts: { ...all, accuracy: 0 } });
    expect(score(task, "<answer>4</answer>", { answer: "4" })).toMatchObject({ value: 0.7 });
  });

  it("demonstrates with the reasoning where there is one", () => {
    const task = createTaughtTask({ name: "examples", examples: rows(1) });
    const example = { id: "x", messages: [], answer: "3", reasoning: "two and one" };
    expect(task.demonstration(example, "think")).toBe("<think> two and one </think> <answer> 3 </answer>");
    expect(task.demonstration(example, "answer")).toBe("<answer> 3 </answer>");
    for (const reasoning of [undefined, "", " "])
      expect(task.demonstration({ ...example, reasoning }, "think")).toBe("<answer> 3 </answer>");
  });
});

describe("a set that is refused", () => {
  const [good] = rows(1);
  it.each<[what: string, options: object, message: string | RegExp]>([
    ["none", {}, "task examples: examples: got undefined, expected a list of { image, question, answer }"],
    ["an empty list", { examples: [] }, "task examples: examples: got 0 examples, expected 1 to 512"],
    ["too many", { examples: rows(maxExamples + 1) }, "examples: got 513 examples, expected 1 to 512"],
    ["a text", { examples: ["a"] }, "task examples: example 1: got a, expected { image, question, answer }"],
    [
      "no answer",
      { examples: [good, { question: "q" }] },
      "example 2: answer: got undefined, expected a text",
    ],
    [
      "an empty question",
      { examples: [{ ...good, question: " " }] },
      /example 1: question: got .*expected a text/,
    ],
    ["a number", { examples: [{ ...good, answer: 3 }] }, "example 1: answer: got 3, expected a text"],
    ["a number for a kind", { examples: [{ ...good, kind: 3 }] }, "example 1: kind: got 3, expected a text"],
    [
      "a typo",
      { examples: [{ ...good, anwser: "3" }] },
      "example 1: anwser: got an unknown field, expected [one of",
    ],
    [
      "a path",
      { examples: [{ ...good, image: "cat.png" }] },
      "example 1: image: got cat.png, expected a data:image",
    ],
    ["http", { examples: [{ ...good, image: "http://a.example/a.png" }] }, "or an https: address"],
    [
      "half a data URL",
      { examples: [{ ...good, image: dot.slice(0, -1) }] },
      /example 1: image: got data.*… \(\d+ char/,
    ],
    [
      "text as picture",
      { examples: [{ ...good, image: "data:text/plain;base64,YQ==" }] },
      "example 1: image",
    ],
    [
      "the same again",
      { examples: [...rows(3), good] },
      "example 4: got the picture and question of example 1 again",
    ],
    [
      "a reward",
      { examples: rows(2), reward: "constant" },
      "reward: got constant, expected [one of, answer, hybrid]",
    ],
    ["all held out", { examples: rows(2), heldOut: 1 }, "heldOut: got 1, expected a share from 0 to below 1"],
    ["a share in words", { examples: rows(2), heldOut: "0.2" }, "heldOut: got 0.2, expected a share"],
    ["a seed", { examples: rows(2), seed: -1 }, "seed: got -1, expected an integer from 0"],
    ["an unknown option", { examples: rows(2), split: 3 }, "task examples: split: got an unknown option"],
  ])("%s", (_, options, message) => {
    const create = () => createTask({ name: "examples", ...options });
    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(message);
  });

  it("pictures that are too large together, with how large they are", () => {
    const image = `data:image/png;base64,${"A".repeat(maxCharacters / 2)}`;
    const large = (count: number) => rows(count).map((row) => ({ ...row, image }));
    expect(() => make({ examples: large(1) })).not.toThrow();
    expect(() => make({ examples: large(2) })).toThrow(
      "examples: got 8.0 MiB of texts and pictures, expected at most 8.0 MiB: scale the pictures down",
    );
  });
});
