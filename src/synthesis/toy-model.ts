/** A model for the toy world that plays every role of a synthesis. It reads scenes, not pixels. */
import type { ContentPart, Message } from "../data/chat-template.ts";
import { imageFile } from "../language-models/data-url.ts";
import type { AskOptions, LanguageModel } from "../language-models/language-model.ts";
import { parseOptions } from "../rl/verifiers/multiple-choice.ts";
import { columnOf, gridSize, rowOf } from "../tasks/grid.ts";
import {
  colourNames,
  isRightAnswer,
  questionsAbout,
  shapeNames,
  type SceneQuestion,
  type Thing,
} from "../tasks/shapes/own-scene.ts";
import type { ShapesKind } from "../tasks/shapes/questions.ts";
import { LanguageModelError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { sha256Hex } from "../util/sha256.ts";
import { stageTitle, type Reply, type WrittenQuestion } from "./forms.ts";
import { askingStages, type AbilityCode, type AskingStage } from "./stages.ts";
import type { ToyScene } from "./toy-scenes.ts";

/** What the model is called, in provenance and reports. */
export const toyModelName = "built-in toy (reads the drawn scene, not the pixels)";

/** Besides reasoning. */
const abilitiesOf: Readonly<Record<ShapesKind, readonly AbilityCode[]>> = {
  colour: ["rec"],
  "count-colour": ["rec", "math"],
  "count-shape": ["rec", "math"],
  total: ["rec", "math"],
  compare: ["rec", "math"],
  number: ["rec", "math"],
  choice: ["rec", "math"],
  describe: ["rec", "gen", "spat"],
};

/**
 * A model for synthesis over pictures of the toy world without any outside model. It knows a picture by its file and
 * looks its scene up: it sees nothing, and says so in its name. It answers the kit's own prompts alone.
 */
export function toySynthesisModel(scenes: readonly ToyScene[]): LanguageModel {
  let byHash: Promise<Map<string, readonly Thing[]>> | undefined;
  const sceneOf = async (messages: readonly Message[], signal?: AbortSignal) => {
    byHash ??= hashed(scenes);
    const part = messages
      .flatMap(({ content }) => (typeof content === "string" ? [] : content))
      .find(isImage);
    if (!part) throw new LanguageModelError(`${toyModelName}: no image was given`);
    const file = await imageFile(part.type === "image" ? part.image : part.image_url.url, signal);
    const things = (await byHash).get(await sha256Hex(new Uint8Array(await file.arrayBuffer())));
    if (!things)
      throw new LanguageModelError(`${toyModelName}: it knows only the pictures that it was given`);
    return things;
  };
  return {
    name: toyModelName,
    identity: "thinktab-toy-synthesis-1",
    takesImages: true,
    async ask(messages, { schema, signal }: AskOptions = {}) {
      signal?.throwIfAborted();
      const stage = askingStages.find((each) => stageTitle(each) === schema?.title);
      if (!stage) throw new LanguageModelError(`${toyModelName}: it is asked by the synthesis alone`);
      const reply = await answer(stage, wordsOf(messages), () => sceneOf(messages, signal));
      return { text: JSON.stringify(reply), promptTokens: 0, completionTokens: 0, finishReason: "stop" };
    },
  };
}

const isImage = (part: ContentPart): part is Exclude<ContentPart, { type: "text" }> => part.type !== "text";

async function hashed(scenes: readonly ToyScene[]): Promise<Map<string, readonly Thing[]>> {
  return new Map(
    await Promise.all(scenes.map(async ({ png, things }) => [await sha256Hex(png), things] as const)),
  );
}

/** The user's words. */
function wordsOf(messages: readonly Message[]): string {
  const content = messages.find(({ role }) => role === "user")?.content ?? "";
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

type Scene = () => Promise<readonly Thing[]>;
type Answers = { [S in AskingStage]: (words: string, scene: Scene) => Promise<Reply<S>> | Reply<S> };

const answers: Answers = {
  describe: async (_, scene) => {
    const things = await scene();
    const names = things.map(({ colour, shape }) => `a ${colour} ${shape}`).join(", ");
    return {
      description: `A picture of coloured shapes on a plain ground. Objects: ${things.length}. There is ${names}.`,
    };
  },
  "ask-missing": (words) => ({
    questions: section(words, "dialogue") === "" ? ["In which row and column is each object?"] : [],
  }),
  "answer-missing": async (_, scene) => ({ answers: [placesOf(await scene())] }),
  merge: async (_, scene) => {
    const things = await scene();
    return {
      description: `A picture of coloured shapes on a plain ground, in a grid of ${gridSize} rows and columns. Objects: ${things.length}. ${placesOf(things)}`,
    };
  },
  questions: (words) => ({ questions: writtenQuestions(words) }),
  filter(words) {
    const { kind } = questionOf(thingsIn(section(words, "description")), section(words, "question"));
    if (kind === "colour")
      return { verdict: "no-reasoning", why: "One glance at the one such object answers it." };
    return { verdict: "valid", why: "It takes finding the objects and counting or ordering them." };
  },
  "answer-text": (words) => answered(thingsIn(section(words, "description")), section(words, "question")),
  "answer-image": async (words, scene) => answered(await scene(), section(words, "question")),
  adjudicate(words) {
    const asked = questionOf(thingsIn(section(words, "description")), section(words, "question"));
    const first = isRightAnswer(asked, section(words, "first"));
    const second = isRightAnswer(asked, section(words, "second"));
    const right = first ? (second ? "both" : "first") : second ? "second" : "neither";
    return { right, why: `The scene gives “${asked.answer}”.` };
  },
  rewrite: (words) => ({
    reasoning: section(words, "reasoning").replace(/ To be sure, [^]*?\.(?= So )/, ""),
  }),
};

/** Of a stage whose types are tied together by its name alone. */
function answer(stage: AskingStage, words: string, scene: Scene): unknown {
  return answers[stage](words, scene);
}

/** What stands between a prompt's tags. */
function section(words: string, tag: string): string {
  const body = new RegExp(`<${tag}>\\n([^]*?)\\n?</${tag}>`).exec(words)?.[1];
  if (body === undefined) throw new LanguageModelError(`${toyModelName}: the prompt is not the kit's own`);
  return body.trim();
}

/** "Row 1, column 2: a red circle. …" */
function placesOf(things: readonly Thing[]): string {
  return things
    .map(
      (thing) => `Row ${rowOf(thing) + 1}, column ${columnOf(thing) + 1}: a ${thing.colour} ${thing.shape}.`,
    )
    .join(" ");
}

/** The scene in a description's words. */
function thingsIn(description: string): Thing[] {
  const places = /Row (\d), column (\d): a (\w+) (\w+)\./g;
  return Array.from(description.matchAll(places), ([, row, column, ofColour, ofShape]) => ({
    cell: (Number(row) - 1) * gridSize + Number(column) - 1,
    colour: known(colourNames, ofColour),
    shape: known(shapeNames, ofShape),
  }));
}

function known<T extends string>(names: readonly T[], word: string): T {
  const name = names.find((each) => each === word);
  if (name === undefined) throw new LanguageModelError(`${toyModelName}: it knows no ${word}`);
  return name;
}

/** Questions of different kinds, drawn by the description's own words. */
function writtenQuestions(words: string): WrittenQuestion[] {
  const description = section(words, "description");
  const count = Number(/Write (\d+) questions/.exec(words)?.[1] ?? 4);
  const seed = Array.from(description).reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 2 ** 40, 7);
  const rng = new Rng(seed);
  const all = rng.shuffle(
    questionsAbout(thingsIn(description), seed).filter(({ kind }) => kind !== "choice"),
  );
  const kinds = rng.shuffle([...new Set(all.map(({ kind }) => kind))]);
  // A kind each, and again from the first.
  const byKind = kinds.map((kind) => all.filter((question) => question.kind === kind));
  const drawn = Array.from({ length: Math.max(...byKind.map(({ length }) => length)) }, (_, round) =>
    byKind.flatMap((questions) => questions.slice(round, round + 1)),
  ).flat();
  return drawn.slice(0, count).map((question) => written(question, rng));
}

function written({ kind, problem, answer: right }: SceneQuestion, rng: Rng): WrittenQuestion {
  const type = kind === "describe" ? "descriptive" : "fill-in-blank";
  const plain: WrittenQuestion = { type, question: problem, options: [], abilities: [...abilitiesOf[kind]] };
  if (!kind.startsWith("count-")) return plain;
  const wrong = rng.shuffle(["0", "1", "2", "3", "4"].filter((number) => number !== right)).slice(0, 3);
  return { ...plain, type: "multiple-choice", options: rng.shuffle([right, ...wrong]) };
}

/** The scene's question in the words of a problem, its options left aside; the answer is that of the scene. */
function questionOf(things: readonly Thing[], problem: string): SceneQuestion {
  const [stem] = problem.split("\n");
  const found = questionsAbout(things, 0).find((question) => question.problem === stem);
  if (!found) throw new LanguageModelError(`${toyModelName}: it did not write the question “${stem}”`);
  const [letter] = Object.entries(parseOptions(problem)).find(([, option]) => option === found.answer) ?? [];
  return { ...found, answer: letter ?? found.answer };
}

/** Goes through the picture twice, so that there is something to leave out. */
function answered(things: readonly Thing[], problem: string): { reasoning: string; answer: string } {
  const { answer: right } = questionOf(things, problem);
  const option = parseOptions(problem)[right];
  const walk = things
    .map((thing) => `row ${rowOf(thing) + 1}, column ${columnOf(thing) + 1}: ${thing.colour} ${thing.shape}`)
    .join("; ");
  return {
    reasoning: `I go through the picture in reading order: ${walk}. To be sure, once more: ${walk}. So for “${problem.split("\n")[0]}” I get ${option === undefined ? right : `${option}, which is ${right}`}.`,
    answer: right,
  };
}
