/**
 * A second task, to show what one takes: a word list, an example with its trace, and a line in registry.ts. What
 * questions with a think block and an answer block share is in taught.ts, and the drawing in rasteriser.ts and grid.ts.
 */
import type { RgbImage } from "../data/image.ts";
import { normaliseAnswer } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { cellCount, centreOf, pictureSize, readGrid, splitOf, type InCell, type Place } from "./grid.ts";
import { Canvas, type Figure, type Rgb } from "./rasteriser.ts";
import { splitSeed, type Split, type TaughtTask } from "./task.ts";
import {
  pictureQuestion,
  taughtDemonstration,
  taughtReward,
  type TaughtExample,
  type TaughtReward,
} from "./taught.ts";

export const digitsKinds = ["sum", "largest", "smallest"] as const;
/** What is asked about the digits. */
export type DigitsKind = (typeof digitsKinds)[number];

/** A digit in a cell. */
export interface Digit extends InCell {
  /** 0 to 9. */
  digit: number;
}

/** A record with the fields of WeThink's set, the picture itself included, and what it shows. */
export interface DigitsExample extends TaughtExample {
  kind: DigitsKind;
  problem: string;
  category: "fill-in-blank";
  abilities: string[];
  image: RgbImage;
  /** What the picture would be called in a folder of the set. */
  image_path: string;
  reward: "exact-match";
  scene: { objects: (Digit & Place)[] };
}

/** Options of the task, as a recipe has them. */
export interface DigitsOptions {
  reward?: TaughtReward;
  /** Edge of the picture, pixels: 24 to 480. */
  size?: number;
}

/** Standard deviation of the pixels' noise, as a share of full scale. */
const noise = 0.03;

/** Streams of an example's generator; see the shapes. */
const streams = { layout: 5, question: 6, places: 7, noise: 8 };

/** Draws of a layout before giving up: one in eight belongs to the rarer splits. */
const maxDraws = 1000;

const kinds: Readonly<
  Record<
    DigitsKind,
    {
      problem: string;
      abilities: readonly string[];
      answer: (digits: readonly number[]) => number;
      /** How the answer follows, pair by pair: the result so far stands first in the next pair. */
      step: (soFar: number, next: number) => string;
    }
  >
> = {
  sum: {
    problem: "what is the sum ?",
    abilities: ["digit recognition", "arithmetic"],
    answer: (digits) => digits.reduce((sum, digit) => sum + digit, 0),
    step: (soFar, next) => `${spell(soFar)} + ${next} = ${spell(soFar + next)}`,
  },
  largest: {
    problem: "which is the largest ?",
    abilities: ["digit recognition", "comparison"],
    answer: (digits) => Math.max(...digits),
    step: comparison,
  },
  smallest: {
    problem: "which is the smallest ?",
    abilities: ["digit recognition", "comparison"],
    answer: (digits) => Math.min(...digits),
    step: comparison,
  },
};

/** A number digit by digit, each a word: "1 4". */
const spell = (number: number) => [...String(number)].join(" ");

function comparison(a: number, b: number): string {
  return `${a} ${a < b ? "<" : a > b ? ">" : "="} ${b}`;
}

/**
 * Two or three seven-segment digits in a 3×3 grid: their sum, the largest or the smallest of them.
 * @throws InvalidOptionError for an option that is unknown or out of range.
 */
export function digitsTask({
  reward = "answer",
  size = pictureSize,
}: DigitsOptions = {}): TaughtTask<DigitsExample> {
  if (!Number.isInteger(size) || size < 24 || size > 480)
    throw new InvalidOptionError("size", size, "an integer of 24 to 480");
  return {
    name: "digits",
    description: "Two or three digits in a 3×3 grid: their sum, the largest, the smallest.",
    example(seed, split = "train") {
      const drawn = splitSeed(seed, split);
      const layout = drawLayout(new Rng(drawn, streams.layout), split);
      const kind = digitsKinds[new Rng(drawn, streams.question).below(digitsKinds.length)];
      const { problem, abilities, answer } = kinds[kind];
      const objects = placeDigits(layout, new Rng(drawn, streams.places));
      const image = drawDigits(objects, size, new Rng(drawn, streams.noise));
      const id = `digits/${split}/${seed}`;
      return {
        id,
        kind,
        messages: pictureQuestion(image, problem),
        problem,
        answer: spell(answer(layout.map(({ digit }) => digit))),
        category: "fill-in-blank",
        abilities: [...abilities],
        refined_cot: trace(kind, layout),
        image,
        image_path: `${id}.png`,
        reward: "exact-match",
        scene: { objects },
      };
    },
    // "14" and "1 4" are the same number: a tokenizer may put digits apart.
    reward: taughtReward<DigitsExample>(reward, (answer) => normaliseAnswer(answer).replaceAll(" ", "")),
    demonstration: taughtDemonstration,
  };
}

/** Every word of a question, a trace or an answer. */
export function digitsWords(): string[] {
  const numbers = Array.from({ length: 10 }, (_, digit) => String(digit));
  return [..."what which is the sum largest smallest ? . so + = < >".split(" "), ...numbers];
}

/** Two or three digits in cells of their own, in reading order; drawn until the layout is of the split. */
function drawLayout(rng: Rng, split: Split): Digit[] {
  for (let draw = 0; draw < maxDraws; draw++) {
    const cells = rng
      .permutation(cellCount)
      .slice(0, 2 + rng.below(2))
      .sort();
    const layout = Array.from(cells, (cell) => ({ cell, digit: rng.below(10) }));
    if (splitOf(layout, ({ digit }) => digit) === split) return layout;
  }
  throw new InvalidOptionError("digits: layouts drawn", maxDraws, `one of the ${split} split`);
}

/** The grid, "so", and the digits taken together from left to right: "so 3 + 5 = 8 8 + 9 = 1 7", "so 3 < 5 5 > 1". */
function trace(kind: DigitsKind, layout: readonly Digit[]): string {
  const { answer, step } = kinds[kind];
  const digits = layout.map(({ digit }) => digit);
  const steps = digits.slice(1).map((digit, index) => step(answer(digits.slice(0, index + 1)), digit));
  return `${readGrid(layout, ({ digit }) => String(digit), ".")} so ${steps.join(" ")}`;
}

function placeDigits(layout: readonly Digit[], rng: Rng): (Digit & Place)[] {
  const offset = () => 2 * rng.uniform() - 1;
  return layout.map((digit) => ({ ...digit, dx: offset(), dy: offset(), half: 5.5 + rng.uniform() }));
}

const background: Rgb = [236, 236, 232];
const ink: Rgb = [30, 34, 46];

function drawDigits(objects: readonly (Digit & Place)[], size: number, rng: Rng): RgbImage {
  const scale = size / pictureSize;
  const canvas = new Canvas(size, background);
  for (const object of objects) {
    const [x, y] = centreOf(object);
    const half = object.half * scale;
    canvas.paint(sevenSegments(object.digit, half), x * scale, y * scale, half, ink);
  }
  return canvas.finish(noise, rng.uint32());
}

/** A digit of half-height 1 lies between x = ±outer; its bars are 2·thin thick. */
const outer = 0.6;
const thin = 0.18;
const inner = outer - 2 * thin;

/**
 * The bars of a digit, each an interval of x and one of y: top, upper left, upper right, middle, lower left, lower
 * right, bottom.
 */
const bars = [
  [-outer, outer, -1, -1 + 2 * thin],
  [-outer, -inner, -1, thin],
  [inner, outer, -1, thin],
  [-outer, outer, -thin, thin],
  [-outer, -inner, -thin, 1],
  [inner, outer, -thin, 1],
  [-outer, outer, 1 - 2 * thin, 1],
] as const;

/** Per digit, which of the {@link bars} are on. */
const segments = [
  "1110111",
  "0010010",
  "1011101",
  "1011011",
  "0111010",
  "1101011",
  "1101111",
  "1010010",
  "1111111",
  "1111011",
];

function sevenSegments(digit: number, half: number): Figure {
  const on = bars.filter((_, index) => segments[digit][index] === "1");
  return (x, y) =>
    on.some(
      ([left, right, top, bottom]) =>
        x >= left * half && x <= right * half && y >= top * half && y <= bottom * half,
    );
}
