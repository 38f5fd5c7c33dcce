import type { ContentPart } from "../data/chat-template.ts";
import {
  combineRewards,
  exactAnswerReward,
  normaliseAnswer,
  parseThinkAnswer,
  thinkAnswerFormatReward,
  type Completion,
  type RewardResult,
} from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { splitSeed, type Split, type TaskExample, type TaughtTask } from "./task.ts";
import { taughtDemonstration } from "./taught.ts";

/** A question of the user's own and its answer. */
export interface OwnExample {
  /** A `data:image/…` or `https:` address. A data URL keeps the picture in the recipe, and so in every run file. */
  image?: string;
  question: string;
  answer: string;
  /** What an ideal response thinks before it answers: supervised training learns it. */
  reasoning?: string;
  /** Accuracy is also reported by kind. */
  kind?: string;
}

export const examplesRewards = ["answer", "hybrid"] as const;

/** Options of the task, as a recipe has them. */
export interface ExamplesOptions {
  /** 1 to 512 of them, of 8 MiB of text in all. */
  examples: readonly OwnExample[];
  /** answer: 1 when the answer is right. hybrid: 0.7 for that and 0.3 for a think block and an answer block. */
  reward?: (typeof examplesRewards)[number];
  /** The share that is not trained on, 0 to below 1; of two examples or more at least one is on each side. */
  heldOut?: number;
  /** Of the choice which are held out. */
  seed?: number;
}

export const maxExamples = 512;
/** Of all texts and pictures of a set, as its recipe holds them: a run file stays one that can be sent. */
export const maxCharacters = 8 * 2 ** 20;

/** Streams of the generator: which examples are held out, and the orders in which each split's come. */
const streams = { heldOut: 1, train: 2, validation: 3, test: 4 };

/**
 * A small set of the user's own: pictures, questions and answers, all of them in the task's options, so that a recipe
 * and a run file hold everything. A split's examples come in rounds, each in an order of its own and none twice in one.
 * There are two splits, train and test: a small set has no examples to spare for a third.
 * @throws InvalidOptionError naming the example, from 1, and what is wrong with it.
 */
export function examplesTask({
  examples,
  reward = "answer",
  heldOut = 0.2,
  seed = 0,
}: Partial<ExamplesOptions>): TaughtTask {
  const rows = checkedExamples(examples);
  // Options may come from a recipe file, whatever the types say.
  if (!examplesRewards.includes(reward)) throw bad("reward", reward, ["one of", ...examplesRewards]);
  if (typeof heldOut !== "number" || !(heldOut >= 0 && heldOut < 1))
    throw bad("heldOut", heldOut, "a share from 0 to below 1");
  if (!Number.isSafeInteger(seed) || seed < 0) throw bad("seed", seed, "an integer from 0");
  const drawn = [...new Rng(seed, streams.heldOut).permutation(rows.length)];
  const tested = testCount(rows.length, heldOut);
  const members: Record<Split, readonly number[]> = {
    train: drawn.slice(tested),
    validation: [],
    test: drawn.slice(0, tested),
  };
  const sizes = { train: rows.length - tested, validation: 0, test: tested };
  return {
    name: "examples",
    description: `${count(rows.length, "example")} of your own: ${sizes.train} to train on, ${sizes.test} held out.`,
    sizes,
    example(at, split = "train") {
      splitSeed(at, split); // refuses what is no seed and no split
      const size = sizes[split];
      if (size === 0) throw emptySplit(split, heldOut);
      const order = new Rng(Math.floor(at / size), streams[split]).permutation(size);
      const index = members[split][order[at % size]];
      return exampleOf(rows[index], index);
    },
    reward: examplesReward(reward),
    demonstration: ({ answer = "", reasoning }, mode) =>
      typeof reasoning === "string" && reasoning.trim() !== ""
        ? taughtDemonstration({ answer, refined_cot: reasoning }, mode)
        : taughtDemonstration({ answer, refined_cot: "" }, "answer"),
  };
}

function exampleOf({ image, question, answer, reasoning, kind }: OwnExample, index: number): TaskExample {
  const picture: ContentPart[] =
    image === undefined ? [] : [{ type: "image_url", image_url: { url: image } }];
  return {
    id: `examples/${index + 1}`,
    kind,
    messages: [{ role: "user", content: [...picture, { type: "text", text: question }] }],
    answer,
    reasoning,
  };
}

/** How many of so many examples are held out. */
function testCount(examples: number, share: number): number {
  if (share === 0 || examples < 2) return 0;
  return Math.min(examples - 1, Math.max(1, Math.round(examples * share)));
}

/** Parts accuracy, thinking and format, each 0 or 1, as those of the tasks that ship pictures. */
function examplesReward(
  reward: (typeof examplesRewards)[number],
): (completion: Completion, example: TaskExample) => RewardResult {
  const hybrid = combineRewards<TaskExample>(
    { accuracy: exactAnswerReward({ normalise: canonical }), format: thinkAnswerFormatReward() },
    { accuracy: 0.7, format: 0.3 },
  );
  return (completion, example) => {
    const { value, parts } = hybrid(completion, example);
    const thinking = parseThinkAnswer(completion.text).think === null ? 0 : 1;
    const { accuracy, format } = parts;
    return { value: reward === "answer" ? accuracy : value, parts: { accuracy, thinking, format } };
  };
}

/** Texts that are the same answer become equal: numbers by their value, however they are written. */
function canonical(answer: string): string {
  const text = normaliseAnswer(answer);
  const number = text.replace("−", "-");
  return /^[-+]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?$/.test(number) && /\d/.test(number)
    ? String(Number(number.replaceAll(",", "")) + 0)
    : text;
}

const fields = ["image", "question", "answer", "reasoning", "kind"] as const;

/** @throws InvalidOptionError */
function checkedExamples(examples: unknown): readonly OwnExample[] {
  if (!Array.isArray(examples)) throw bad("examples", examples, "a list of { image, question, answer }");
  if (examples.length === 0 || examples.length > maxExamples)
    throw bad("examples", count(examples.length, "example"), `1 to ${maxExamples}`);
  const known = new Map<string, number>();
  let characters = 0;
  for (const [index, row] of (examples as unknown[]).entries()) {
    checkExample(row, `example ${index + 1}`);
    const { image = "", question } = row;
    const key = `${question.trim()}\n${image}`;
    const earlier = known.get(key);
    // One of the two might be held out, and be known from training all the same.
    if (earlier !== undefined)
      throw bad(`example ${index + 1}`, `the picture and question of example ${earlier + 1} again`, "others");
    known.set(key, index);
    characters += fields.reduce((sum, field) => sum + (row[field]?.length ?? 0), 0);
  }
  if (characters > maxCharacters) {
    const inMegabytes = (number: number) => `${(number / 2 ** 20).toFixed(1)} MiB`;
    throw bad(
      "examples",
      `${inMegabytes(characters)} of texts and pictures`,
      `at most ${inMegabytes(maxCharacters)}: scale the pictures down, or take fewer`,
    );
  }
  return examples as OwnExample[];
}

function checkExample(row: unknown, name: string): asserts row is OwnExample {
  if (typeof row !== "object" || row === null || Array.isArray(row))
    throw bad(name, row, "{ image, question, answer }");
  for (const [field, value] of Object.entries(row)) {
    if (!fields.some((known) => known === field))
      throw bad(`${name}: ${field}`, "an unknown field", ["one of", ...fields]);
    const given = value !== undefined || field === "question" || field === "answer";
    if (given && typeof value !== "string") throw bad(`${name}: ${field}`, value, "a text");
  }
  const { question, answer, image } = row as Partial<OwnExample>;
  for (const [field, value] of Object.entries({ question, answer })) {
    if (value === undefined || value.trim() === "") throw bad(`${name}: ${field}`, value, "a text");
  }
  if (image !== undefined && !isPicture(image))
    throw bad(`${name}: image`, image, "a data:image/…;base64,… or an https: address");
}

function isPicture(address: string): boolean {
  if (URL.canParse(address) && address.startsWith("https://")) return true;
  const comma = address.indexOf(",");
  const bytes = address.slice(comma + 1);
  return (
    /^data:image\/[\w.+-]+;base64,/.test(address.slice(0, comma + 1)) &&
    bytes.length % 4 === 0 &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(bytes)
  );
}

function emptySplit(split: Split, heldOut: number): InvalidOptionError {
  return split === "validation"
    ? bad("split", split, "train or test: a small set is split in two")
    : bad("heldOut", heldOut, "a share above 0 of two examples or more, or a run without evaluations");
}

function bad(what: string, got: unknown, expected: unknown): InvalidOptionError {
  const shown = typeof got === "string" ? shorten(got) : got;
  return new InvalidOptionError(`task examples: ${what}`, shown, expected);
}

/** A picture's address is long. */
function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text || "nothing";
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
