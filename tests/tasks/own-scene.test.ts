import { describe, expect, test } from "vitest";
import { shapesTask } from "../../src/tasks/shapes.ts";
import { isRightAnswer, ownScene, questionsAbout, type Thing } from "../../src/tasks/shapes/own-scene.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const layout: Thing[] = [
  { cell: 4, colour: "blue", shape: "square" },
  { cell: 0, colour: "red", shape: "circle" },
];

/** The pixels of a cell of a picture of 48 pixels. */
function cellOf(cell: number, { data }: { data: Uint8Array }): Uint8Array[] {
  const left = (cell % 3) * 16;
  const top = Math.floor(cell / 3) * 16;
  return Array.from({ length: 16 }, (_, y) =>
    data.slice(((top + y) * 48 + left) * 3, ((top + y) * 48 + left + 16) * 3),
  );
}

describe("a picture of one's own", () => {
  test("has each thing in its cell, in its colour", () => {
    const image = ownScene(layout, 7, { difficulty: { noise: 0 } });
    expect([image.width, image.height]).toEqual([48, 48]);
    const centre = (cell: number) => [...cellOf(cell, image)[8].subarray(24, 27)];
    expect(centre(0)).toEqual([214, 39, 40]);
    expect(centre(4)).toEqual([35, 84, 214]);
    for (const cell of [1, 2, 3, 5, 6, 7, 8])
      expect(
        cellOf(cell, image).every((row) => row.every((value) => value === row[0] || value === 232)),
      ).toBe(true);
  });

  test("is the same for the same seed, in whatever order the things come", () => {
    expect(ownScene(layout.toReversed(), 7)).toEqual(ownScene(layout, 7));
    expect(ownScene(layout, 8)).not.toEqual(ownScene(layout, 7));
  });

  test("keeps every other cell's pixels when a thing is added", () => {
    const before = ownScene(layout, 7);
    const after = ownScene([...layout, { cell: 1, colour: "green", shape: "triangle" }], 7);
    for (let cell = 0; cell < 9; cell++) {
      if (cell === 1) expect(cellOf(cell, after)).not.toEqual(cellOf(cell, before));
      else expect(cellOf(cell, after), `cell ${cell}`).toEqual(cellOf(cell, before));
    }
  });

  test("has the noise and the sizes of the task's pictures", () => {
    const spread = ({ data }: { data: Uint8Array }) => {
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      return Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    };
    const examples = Array.from({ length: 40 }, (_, seed) => shapesTask().example(seed, "test"));
    const theirs = examples.map(({ image }) => spread(image));
    const ours = examples.map(({ scene }, seed) => spread(ownScene(scene.objects, seed)));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(ours) / mean(theirs)).toBeCloseTo(1, 1);
  });
});

describe("questions about a layout", () => {
  test("hold the task's own, with the same answer", () => {
    const missing = Array.from({ length: 400 }, (_, seed) => shapesTask().example(seed, "test")).filter(
      ({ kind, problem, answer, scene }) =>
        kind !== "choice" && // of these the wrong choices differ
        !questionsAbout(scene.objects, 1).some(
          (asked) => asked.kind === kind && asked.problem === problem && asked.answer === answer,
        ),
    );
    expect(missing).toEqual([]);
  });

  test("offer the right choice once, under the letter of the answer", () => {
    const choices = questionsAbout(layout, 3).filter(({ kind }) => kind === "choice");
    expect(new Set(choices.map(({ answer }) => answer))).toEqual(new Set(["A", "B", "C"]));
    for (const { problem, answer } of choices.filter((asked) =>
      asked.problem.startsWith("how many red objects"),
    ))
      expect(problem).toMatch(new RegExp(`${answer} 1`));
  });
});

test("a description is right in any order, every other answer as it stands", () => {
  const [described] = questionsAbout(layout, 1).filter(({ kind }) => kind === "describe");
  expect(described.answer).toBe("red circle blue square");
  expect(isRightAnswer(described, " Blue square red circle. ")).toBe(true);
  expect(isRightAnswer(described, "blue circle red square")).toBe(false);
  const [colour] = questionsAbout(layout, 1).filter(
    ({ problem }) => problem === "what colour is the circle ?",
  );
  expect([isRightAnswer(colour, "red"), isRightAnswer(colour, "blue")]).toEqual([true, false]);
});

test.each([
  ["two things in a cell", [layout[0], { ...layout[1], cell: 4 }]],
  ["a cell that is none", [{ ...layout[0], cell: 9 }]],
  ["half a cell", [{ ...layout[0], cell: 0.5 }]],
  ["a colour that is none", [{ ...layout[0], colour: "pink" as "red" }]],
  ["a shape that is none", [{ ...layout[0], shape: "toString" as "circle" }]],
])("%s is refused", (_, things) => {
  expect(() => ownScene(things, 1)).toThrow(InvalidOptionError);
  expect(() => questionsAbout(things, 1)).toThrow(InvalidOptionError);
});
