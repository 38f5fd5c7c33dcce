import { describe, expect, test } from "vitest";
import {
  shapesKinds,
  shapesTask,
  type Difficulty,
  type DifficultyOption,
  type Scene,
  type ShapesExample,
  type ShapesKind,
} from "../../src/tasks/shapes.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const task = shapesTask();
/** Small pictures are drawn in less time; the scenes and questions are the same. */
const small = shapesTask({ size: 24 });
const sample = Array.from({ length: 4000 }, (_, seed) => small.example(seed));
const ofKind = (kind: ShapesKind) => sample.filter((example) => example.kind === kind);

/** Answers a question from the scene, apart from the code that asks it. */
function solve({ problem, scene: { objects } }: ShapesExample): string {
  const count = (word: string) =>
    objects.filter(({ colour, shape }) => colour === word || shape === word).length;
  const singular = (word: string) => word.replace(/s$/, "");
  const answer = (pattern: RegExp, solution: (...words: string[]) => string) => {
    const match = pattern.exec(problem);
    return match ? solution(...match.slice(1)) : undefined;
  };
  const yesNo = (yes: boolean) => (yes ? "yes" : "no");
  return (
    answer(
      /^what colour is the (\w+) \?$/,
      (name) => objects.find(({ shape }) => shape === name)?.colour ?? "",
    ) ??
    answer(/^how many (\w+) objects \?$/, (colour) => String(count(colour))) ??
    answer(/^how many (\w+) \?$/, (plural) => String(count(singular(plural)))) ??
    answer(/^how many (\w+) and (\w+) \?$/, (a, b) => String(count(singular(a)) + count(singular(b)))) ??
    answer(/^are there more (\w+) than (\w+) \?$/, (a, b) =>
      yesNo(count(singular(a)) > count(singular(b))),
    ) ??
    answer(/^are there (\d) (\w+) objects \?$/, (number, colour) =>
      yesNo(count(colour) === Number(number)),
    ) ??
    answer(/^are there (\d) (\w+) \?$/, (number, plural) =>
      yesNo(count(singular(plural)) === Number(number)),
    ) ??
    answer(/^how many (\w+)(?: objects)? \? A (\d) B (\d) C (\d)$/, (word, ...options) =>
      ["A", "B", "C"].filter((_, index) => Number(options[index]) === count(singular(word))).join(),
    ) ??
    objects.map(({ colour, shape }) => `${colour} ${shape}`).join(" ")
  );
}

describe("questions", () => {
  test("every answer follows from the scene", () => {
    expect(sample.filter((example) => solve(example) !== example.answer)).toEqual([]);
  });

  test("kinds come as often as they are meant to", () => {
    const shares = Object.fromEntries(shapesKinds.map((kind) => [kind, ofKind(kind).length / sample.length]));
    for (const kind of shapesKinds) expect(shares[kind], kind).toBeGreaterThan(0.06);
    expect(shares.describe).toBeLessThan(0.1);
  });

  test.each([
    ["colour", 0.3],
    ["count-colour", 0.33],
    ["count-shape", 0.33],
    ["total", 0.33],
    ["compare", 0.55],
    ["number", 0.55],
    ["choice", 0.38],
    ["describe", 0.05],
  ] as const)("no answer to %s is right more often than %d", (kind, most) => {
    const examples = ofKind(kind);
    expect(mostFrequent(examples.map(({ answer }) => answer))).toBeLessThanOrEqual(most * examples.length);
  });

  test("the question alone does not give the answer away", () => {
    const answers = new Map<string, string[]>();
    for (const { kind, problem, answer } of sample) {
      const form = `${kind}: ${problem.replace(/red|green|blue|yellow/, "C").replace(/circle|square|triangle/g, "S")}`;
      answers.set(form, [...(answers.get(form) ?? []), answer]);
    }
    const right = [...answers.values()].reduce((sum, given) => sum + mostFrequent(given), 0);
    expect(right / sample.length).toBeLessThan(0.45);
  });

  test("pictures have from one to five objects, each number often", () => {
    for (const count of [1, 2, 3, 4, 5]) {
      const share = sample.filter(({ scene }) => scene.objects.length === count).length / sample.length;
      expect(share, String(count)).toBeGreaterThan(0.1);
    }
    expect(sample.every(({ scene }) => scene.objects.length <= 5)).toBe(true);
  });

  test("every record has WeThink's fields", () => {
    const categories = { choice: "multiple choice", describe: "descriptive" };
    for (const { kind, category, abilities, reward } of sample.slice(0, 300)) {
      expect(category).toBe(
        kind in categories ? categories[kind as keyof typeof categories] : "fill-in-blank",
      );
      expect(abilities.length).toBeGreaterThan(0);
      expect(reward).toBe(kind === "describe" ? "object-multiset" : "exact-match");
    }
  });
});

describe("traces", () => {
  test("read two words a cell, in reading order", () => {
    for (const { scene, refined_cot } of sample.slice(0, 500)) {
      const words = refined_cot.split(" ");
      expect(words[18]).toBe("so");
      const cells = Array.from({ length: 9 }, () => [".", "."]);
      for (const { cell, colour, shape } of scene.objects) cells[cell] = [colour, shape];
      expect(words.slice(0, 18)).toEqual(cells.flat());
    }
  });

  test.each([
    ["what colour is the triangle ?", "green", "triangle green"],
    ["how many green objects ?", "2", "green 1 2"],
    ["how many triangles ?", "0", "triangle 0"],
    ["how many triangles and circles ?", "2", "triangle 1 circle 2"],
    ["how many triangles and circles ?", "2", "triangle 0 circle 1 2"],
    ["are there more triangles than squares ?", "yes", "triangle 1 2 square 1 >"],
    ["are there 2 squares ?", "no", "square 1 asked 2 <"],
    ["are there 2 squares ?", "yes", "square 1 2 asked 2 ="],
    ["how many squares ? A 1 B 2 C 0", "A", "square 1 A 1 yes B 2 no C 0 no"],
  ])("derive the answer to %s: %s, by %s", (problem, answer, derivation) => {
    const asked = sample.filter((example) => example.problem === problem && example.answer === answer);
    const said = asked.map(({ refined_cot }) => refined_cot.split(" ").slice(19).join(" "));
    expect(said).toContain(derivation);
  });

  test("say no more than the grid before a description", () => {
    for (const { refined_cot } of ofKind("describe")) expect(refined_cot.split(" ").length).toBe(19);
  });
});

test("objects keep to their cells and to the difficulty", () => {
  const strays = sample.filter(({ scene: { objects } }) => {
    const cells = objects.map(({ cell }) => cell);
    const inOrder = cells.every((cell, index) => index === 0 || cell > cells[index - 1]);
    const inside = objects.every(
      ({ dx, dy, half }) => Math.max(Math.abs(dx), Math.abs(dy)) <= 1.5 && half >= 4.5 && half <= 6.5,
    );
    return !inOrder || !inside;
  });
  expect(strays).toEqual([]);
});

test("each object's colour is at its centre, and nothing is in empty cells", () => {
  const still = shapesTask({ difficulty: { noise: 0 } });
  const painted = { red: [214, 39, 40], green: [36, 150, 60], blue: [35, 84, 214], yellow: [245, 190, 10] };
  for (let seed = 0; seed < 60; seed++) {
    const { image, scene } = still.example(seed);
    const pixel = (x: number, y: number) => [...image.data.subarray((y * 48 + x) * 3, (y * 48 + x) * 3 + 3)];
    for (let cell = 0; cell < 9; cell++) {
      const [left, top] = [(cell % 3) * 16, Math.floor(cell / 3) * 16];
      const object = scene.objects.find((candidate) => candidate.cell === cell);
      // A little below the centre, as a triangle is narrow above it.
      const [x, y] = object ? [left + 8 + object.dx, top + 9 + object.dy] : [left + 8, top + 8];
      expect(pixel(Math.floor(x), Math.floor(y))).toEqual(object ? painted[object.colour] : [236, 236, 232]);
      expect(pixel(left, top)).toEqual([236, 236, 232]);
    }
  }
});

test("figures cover as much as their areas", () => {
  const still = shapesTask({ difficulty: { objects: [1, 1], noise: 0 } });
  const areas = { circle: Math.PI, square: 4, triangle: 2 };
  for (let seed = 0; seed < 100; seed++) {
    const { image, scene } = still.example(seed);
    const [{ colour, shape, half }] = scene.objects;
    const channel = colour === "blue" ? 0 : 2;
    const ink = { red: 40, green: 60, blue: 35, yellow: 10 }[colour];
    const ground = [236, 236, 232][channel];
    let covered = 0;
    for (let at = channel; at < image.data.length; at += 3)
      covered += (ground - image.data[at]) / (ground - ink);
    expect(Math.abs(covered / (half * half) / areas[shape] - 1), `${shape} ${half}`).toBeLessThan(0.06);
  }
});

test("noise has the deviation that was asked for, and no mean", () => {
  const options = { objects: [1, 1], noise: 0.05 } as const;
  const noisy = shapesTask({ difficulty: options });
  const still = shapesTask({ difficulty: { ...options, noise: 0 } });
  let [count, sum, squares] = [0, 0, 0];
  for (let seed = 0; seed < 30; seed++) {
    const [a, b] = [noisy.example(seed).image.data, still.example(seed).image.data];
    for (let index = 0; index < a.length; index++) {
      if (b[index] < 60 || b[index] > 190) continue; // these could be cut off at 0 or 255
      count++;
      sum += a[index] - b[index];
      squares += (a[index] - b[index]) ** 2;
    }
  }
  expect(count).toBeGreaterThan(1000);
  expect(Math.abs(sum / count)).toBeLessThan(1);
  expect(Math.abs(Math.sqrt(squares / count) / (0.05 * 255) - 1)).toBeLessThan(0.1);
});

describe("difficulty", () => {
  const counts = (difficulty: DifficultyOption) =>
    new Set(
      Array.from({ length: 300 }, (_, seed) => shapesTask({ difficulty }).example(seed).scene.objects.length),
    );

  test("sets the number of objects", () => {
    expect([...counts("easy")].sort()).toEqual([1, 2, 3]);
    expect([...counts("normal")].sort()).toEqual([1, 2, 3, 4, 5]);
    expect([...counts("hard")].sort()).toEqual([3, 4, 5, 6, 7]);
    expect([...counts({ objects: [9, 9] })]).toEqual([9]);
    expect([...counts({ objects: [1, 1] })]).toEqual([1]);
  });

  test("what is not set stays normal", () => {
    expect(shapesTask({ difficulty: {} }).example(9)).toEqual(task.example(9));
  });

  test("a full grid is still answered in time", () => {
    const full = shapesTask({ difficulty: { objects: [9, 9] } });
    for (let seed = 0; seed < 150; seed++) {
      const words = full.demonstration(full.example(seed), "think").split(" ");
      expect(words.length + 1).toBeLessThanOrEqual(48);
    }
  });

  test.each([
    ["insane", "difficulty: got insane, expected [one of, easy, normal, hard]"],
    ["toString", "difficulty: got toString"],
    [null, "difficulty: got null"],
    [3, "difficulty: got 3"],
    [[1, 5], "difficulty: got [1, 5]"],
    [{ object: [1, 5] }, "difficulty.object: got an unknown setting, expected [objects, noise, jitter]"],
    [{ objects: [0, 5] }, "difficulty.objects: got [0, 5], expected [least, most], integers of 1 to 9"],
    [{ objects: [1, 10] }, "difficulty.objects"],
    [{ objects: [5, 1] }, "difficulty.objects"],
    [{ objects: [1.5, 2] }, "difficulty.objects"],
    [{ objects: 5 }, "difficulty.objects: got 5"],
    [{ noise: -0.1 }, "difficulty.noise: got -0.1, expected 0 to 0.5"],
    [{ noise: "0.1" }, "difficulty.noise: got 0.1"],
    [{ noise: Number.NaN }, "difficulty.noise"],
    [{ jitter: 1.6 }, "difficulty.jitter: got 1.6, expected 0 to 1.5"],
  ])("refuses %j", (difficulty, message) => {
    const make = () => shapesTask({ difficulty: difficulty as Partial<Difficulty> });
    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(message);
  });
});

test("a description is right in any order, and wrong with an object more, less or changed", () => {
  const example = ofKind("describe").find(
    ({ scene }) => scene.objects.length === 4 && new Set(names(scene)).size === 3,
  );
  if (!example) throw new Error("no such description in the sample");
  const objects = names(example.scene);
  const value = (answer: string[]) =>
    small.reward({ text: `<answer>${answer.join(" ")}</answer>`, tokens: [], finishReason: "stop" }, example);
  const accuracy = (answer: string[]) => Promise.resolve(value(answer)).then(({ parts }) => parts.accuracy);
  return Promise.all([
    expect(accuracy(objects.toReversed())).resolves.toBe(1),
    expect(accuracy(objects.slice(1))).resolves.toBe(0),
    expect(accuracy([...objects, objects[0]])).resolves.toBe(0),
    expect(accuracy([...new Set(objects)])).resolves.toBe(0), // one object is there twice
    expect(accuracy(objects.map((name) => name.split(" ").toReversed().join(" ")))).resolves.toBe(0),
  ]);
});

const names = (scene: Scene) => scene.objects.map(({ colour, shape }) => `${colour} ${shape}`);

/** How often the most frequent of the texts occurs. */
function mostFrequent(texts: string[]): number {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return Math.max(...counts.values());
}
