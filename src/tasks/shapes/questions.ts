import type { Rng } from "../../util/rng.ts";
import { colourNames, nameOf, shapeNames, type Colour, type Shape, type Thing } from "./scene.ts";

/** A question about a layout, its answer, and how the answer follows from the grid. */
export interface Question {
  problem: string;
  answer: string;
  /** What the trace says after the grid and "so"; empty where the grid says all. */
  derivation: string;
  /** Which of the kind's wishes it fulfils; the answer when left out. */
  wish?: string;
}

export const shapesKinds = [
  "colour",
  "count-colour",
  "count-shape",
  "total",
  "compare",
  "number",
  "choice",
  "describe",
] as const;
/** What is asked about the shapes. */
export type ShapesKind = (typeof shapesKinds)[number];

export interface KindOfQuestion {
  /** Of 100 questions, how many are of this kind. */
  weight: number;
  /** WeThink's three types of question, by the names it goes by in reviews: the set's own spelling is not published. */
  category: "fill-in-blank" | "multiple choice" | "descriptive";
  /** What it takes to answer. */
  abilities: readonly string[];
  /**
   * What to ask for and how often, by weight; null: whatever the scene gives. A wish is an answer, or an answer and
   * something in the question. A layout is drawn again until a question fulfils the wish that was drawn before, so that
   * no answer is right much more often than another, neither in all nor to the same question.
   */
  wishes: Readonly<Record<string, number>> | null;
  /** The questions of this kind that a layout allows. */
  questions: (layout: readonly Thing[], rng: Rng) => Question[];
}

const isOf = (word: Colour | Shape) => (thing: Thing) => thing.colour === word || thing.shape === word;
const countOf = (layout: readonly Thing[], word: Colour | Shape) => layout.filter(isOf(word)).length;

/** "circle 1 2 3", or "circle 0". */
function counting(word: string, count: number): string {
  return [word, ...(count === 0 ? [0] : Array.from({ length: count }, (_, index) => index + 1))].join(" ");
}

/** What is counted, and how a question names several of it. */
const countedWords = [
  ...colourNames.map((word) => ({ word, plural: `${word} objects` })),
  ...shapeNames.map((word) => ({ word, plural: `${word}s` })),
];

/** Goes on counting: "square 3 4", or "square 2" when there are 2 already and no squares. */
function countingOn(word: string, count: number, from: number): string {
  return [
    word,
    ...(count === 0 ? [from] : Array.from({ length: count }, (_, index) => from + index + 1)),
  ].join(" ");
}

const sign = (a: number, b: number) => (a < b ? "<" : a > b ? ">" : "=");
const yesNo = (yes: boolean) => (yes ? "yes" : "no");

/** Ordered pairs of different shapes. */
const shapePairs = shapeNames.flatMap((first) =>
  shapeNames.filter((second) => second !== first).map((second) => [first, second] as const),
);

const letters = ["A", "B", "C"] as const;

/** Answers to a count of one sort of thing. */
const fewWeights = { "0": 24, "1": 28, "2": 28, "3": 20 };

export const questionKinds: Readonly<Record<ShapesKind, KindOfQuestion>> = {
  colour: {
    weight: 10,
    category: "fill-in-blank",
    abilities: ["colour recognition"],
    wishes: Object.fromEntries(colourNames.map((colour) => [colour, 1])),
    questions: (layout) =>
      shapeNames.flatMap((shape) => {
        const [only, ...more] = layout.filter(isOf(shape));
        return only === undefined || more.length > 0
          ? []
          : {
              problem: `what colour is the ${shape} ?`,
              answer: only.colour,
              derivation: `${shape} ${only.colour}`,
            };
      }),
  },
  "count-colour": {
    weight: 14,
    category: "fill-in-blank",
    abilities: ["colour recognition", "counting"],
    wishes: fewWeights,
    questions: (layout) =>
      colourNames.map((colour) => {
        const count = countOf(layout, colour);
        return {
          problem: `how many ${colour} objects ?`,
          answer: String(count),
          derivation: counting(colour, count),
        };
      }),
  },
  "count-shape": {
    weight: 14,
    category: "fill-in-blank",
    abilities: ["shape recognition", "counting"],
    wishes: fewWeights,
    questions: (layout) =>
      shapeNames.map((shape) => {
        const count = countOf(layout, shape);
        return {
          problem: `how many ${shape}s ?`,
          answer: String(count),
          derivation: counting(shape, count),
        };
      }),
  },
  total: {
    weight: 14,
    category: "fill-in-blank",
    abilities: ["shape recognition", "counting", "arithmetic"],
    wishes: { "0": 10, "1": 20, "2": 25, "3": 25, "4": 20 },
    questions: (layout) =>
      shapePairs.map(([first, second]) => {
        const count = countOf(layout, first);
        const more = countOf(layout, second);
        return {
          problem: `how many ${first}s and ${second}s ?`,
          answer: String(count + more),
          derivation: `${counting(first, count)} ${countingOn(second, more, count)}`,
        };
      }),
  },
  compare: {
    weight: 12,
    category: "fill-in-blank",
    abilities: ["shape recognition", "counting", "comparison"],
    wishes: { yes: 1, no: 1 },
    questions: (layout) =>
      shapePairs.flatMap(([first, second]) => {
        const count = countOf(layout, first);
        const other = countOf(layout, second);
        if (count + other === 0) return [];
        return {
          problem: `are there more ${first}s than ${second}s ?`,
          answer: yesNo(count > other),
          derivation: `${counting(first, count)} ${counting(second, other)} ${sign(count, other)}`,
        };
      }),
  },
  number: {
    weight: 14,
    category: "fill-in-blank",
    abilities: ["counting", "comparison"],
    wishes: { "yes 2": 1, "no 2": 1, "yes 3": 1, "no 3": 1 },
    questions: (layout) =>
      countedWords.flatMap(({ word, plural }) => {
        const count = countOf(layout, word);
        return [2, 3].map((number) => ({
          problem: `are there ${number} ${plural} ?`,
          answer: yesNo(count === number),
          wish: `${yesNo(count === number)} ${number}`,
          derivation: `${counting(word, count)} asked ${number} ${sign(count, number)}`,
        }));
      }),
  },
  choice: {
    weight: 14,
    category: "multiple choice",
    abilities: ["counting"],
    wishes: { "0": 1, "1": 1, "2": 1, "3": 1 },
    questions: (layout, rng) =>
      countedWords.flatMap(({ word, plural }) => {
        const count = countOf(layout, word);
        const wrong = rng.shuffle([0, 1, 2, 3].filter((number) => number !== count)).slice(0, 2);
        return letters.map((answer, place) => {
          const options = wrong.toSpliced(place, 0, count);
          const walked = options.map(
            (option, index) => `${letters[index]} ${option} ${yesNo(option === count)}`,
          );
          return {
            problem: `how many ${plural} ? ${options.map((option, index) => `${letters[index]} ${option}`).join(" ")}`,
            answer,
            wish: String(count),
            derivation: `${counting(word, count)} ${walked.join(" ")}`,
          };
        });
      }),
  },
  describe: {
    weight: 8,
    category: "descriptive",
    abilities: ["object recognition", "description"],
    wishes: null,
    questions: (layout) => [
      { problem: "describe the picture .", answer: layout.map(nameOf).join(" "), derivation: "" },
    ],
  },
};

/** Every word of a question, a trace or an answer. */
export function shapesWords(): string[] {
  const numbers = Array.from({ length: 10 }, (_, number) => String(number));
  const asked = "what colour is the how many objects and are there more than describe picture ? .";
  const plurals = shapeNames.map((shape) => `${shape}s`);
  const derived = ["so", "asked", "=", "<", ">", "yes", "no"];
  return [...asked.split(" "), ...colourNames, ...shapeNames, ...plurals, ...letters, ...derived, ...numbers];
}
