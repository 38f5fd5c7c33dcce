/** Scenes that a person lays out: drawn and asked about as the task's own are. */
import type { RgbImage } from "../../data/image.ts";
import { normaliseAnswer } from "../../rl/reward.ts";
import { InvalidOptionError } from "../../util/errors.ts";
import { Rng } from "../../util/rng.ts";
import { cellCount, pictureSize } from "../grid.ts";
import { resolveDifficulty, type DifficultyOption } from "./difficulty.ts";
import { questionKinds, shapesKinds, type ShapesKind } from "./questions.ts";
import { colourNames, drawScene, placeThings, shapeNames, type SceneObject, type Thing } from "./scene.ts";

export { colourNames, shapeNames } from "./scene.ts";
export type { Colour, Shape, Thing } from "./scene.ts";

/** A question that the task asks about a layout, and the right answer. */
export interface SceneQuestion {
  kind: ShapesKind;
  problem: string;
  answer: string;
}

/** Streams of a scene's generator: noise, questions, and from `places` on one for each cell. */
const streams = { noise: 1, questions: 2, places: 16 };

/**
 * The picture of a layout. Where in its cell a thing lies, and how large it is, depends on the seed and the cell alone:
 * what is added or taken away leaves the rest of the picture as it was.
 * @param layout at most one thing a cell, in any order.
 * @param seed an integer of 0 to 2⁵³−1.
 * @param size edge, pixels.
 * @throws InvalidOptionError for a layout that is none, an unknown difficulty or a seed out of range.
 */
export function ownScene(
  layout: readonly Thing[],
  seed: number,
  { difficulty = "normal", size = pictureSize }: { difficulty?: DifficultyOption; size?: number } = {},
): RgbImage {
  const level = resolveDifficulty(difficulty);
  const objects = inOrder(layout).flatMap(
    (thing): SceneObject[] => placeThings([thing], new Rng(seed, streams.places + thing.cell), level).objects,
  );
  return drawScene({ objects }, size, level.noise, new Rng(seed, streams.noise).uint32());
}

/**
 * Every question that the task could ask about a layout, with its answer. Of a question with choices there is one for
 * each place of the right one; which wrong ones stand beside it depends on the seed.
 * @throws InvalidOptionError as {@link ownScene} does.
 */
export function questionsAbout(layout: readonly Thing[], seed: number): SceneQuestion[] {
  const things = inOrder(layout);
  const rng = new Rng(seed, streams.questions);
  return shapesKinds.flatMap((kind) =>
    questionKinds[kind].questions(things, rng).map(({ problem, answer }) => ({ kind, problem, answer })),
  );
}

/** Whether an answer is the right one: the same text, or for a description the same things in any order. */
export function isRightAnswer({ kind, answer }: SceneQuestion, given: string): boolean {
  const normalise = kind === "describe" ? normaliseDescription : normaliseAnswer;
  return normalise(given) === normalise(answer);
}

/** "Red circle blue square.": the pairs of words in alphabetical order. */
export function normaliseDescription(description: string): string {
  const words = normaliseAnswer(description).split(" ");
  return Array.from({ length: Math.ceil(words.length / 2) }, (_, index) =>
    words.slice(2 * index, 2 * index + 2).join(" "),
  )
    .sort()
    .join(" ");
}

/** In reading order. @throws InvalidOptionError: layouts come from links, too. */
function inOrder(layout: readonly Thing[]): Thing[] {
  const things = layout.toSorted((a, b) => a.cell - b.cell);
  for (const [index, { cell, colour, shape }] of things.entries()) {
    const known = colourNames.includes(colour) && shapeNames.includes(shape);
    const free = Number.isInteger(cell) && cell >= 0 && cell < cellCount && things[index - 1]?.cell !== cell;
    if (!known || !free)
      throw new InvalidOptionError(
        "layout",
        `${colour} ${shape} in cell ${cell}`,
        `things of ${colourNames.join(", ")} and ${shapeNames.join(", ")}, at most one in each cell of 0 to ${cellCount - 1}`,
      );
  }
  return things;
}
