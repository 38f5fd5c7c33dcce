import type { RgbImage } from "../data/image.ts";
import { normaliseAnswer } from "../rl/reward.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { pictureSize, readGrid } from "./grid.ts";
import { splitSeed, type TaughtTask } from "./task.ts";
import {
  pictureQuestion,
  taughtDemonstration,
  taughtReward,
  type TaughtExample,
  type TaughtReward,
} from "./taught.ts";
import { resolveDifficulty, type DifficultyOption } from "./shapes/difficulty.ts";
import { drawQuestion } from "./shapes/draw.ts";
import { normaliseDescription } from "./shapes/own-scene.ts";
import { questionKinds, type KindOfQuestion, type ShapesKind } from "./shapes/questions.ts";
import { drawScene, nameOf, placeThings, type Scene } from "./shapes/scene.ts";

export { shapesKinds, shapesWords, type ShapesKind } from "./shapes/questions.ts";
export {
  difficulties,
  type Difficulty,
  type DifficultyName,
  type DifficultyOption,
} from "./shapes/difficulty.ts";
export type { Scene, SceneObject } from "./shapes/scene.ts";

/** A record with the fields of WeThink's set, the picture itself included, and the scene it was drawn from. */
export interface ShapesExample extends TaughtExample {
  kind: ShapesKind;
  problem: string;
  category: KindOfQuestion["category"];
  abilities: string[];
  image: RgbImage;
  /** What the picture would be called in a folder of the set. */
  image_path: string;
  /** How an answer is judged: equal as text, or as a collection of objects in any order. */
  reward: "exact-match" | "object-multiset";
  scene: Scene;
}

/** Options of the task, as a recipe has them. */
export interface ShapesOptions {
  reward?: TaughtReward;
  difficulty?: DifficultyOption;
  /** Edge of the picture, pixels: 24 to 480. */
  size?: number;
}

/** Streams of an example's generator: a change to how one thing is drawn leaves the others as they were. */
const streams = { question: 2, places: 3, noise: 4 };

/**
 * Pictures of up to nine coloured shapes in a grid, and eight kinds of question about them. Reading the picture first
 * pays: answered at once they are hard for a small policy, behind a trace of the grid they are easy.
 * @throws InvalidOptionError for an option that is unknown or out of range.
 */
export function shapesTask({
  reward = "answer",
  difficulty = "normal",
  size = pictureSize,
}: ShapesOptions = {}): TaughtTask<ShapesExample> {
  if (!Number.isInteger(size) || size < 24 || size > 480)
    throw new InvalidOptionError("size", size, "an integer of 24 to 480");
  const level = resolveDifficulty(difficulty);
  return {
    name: "shapes",
    description:
      "Questions about coloured shapes in a 3×3 grid: colours, counts, comparisons, choices, descriptions.",
    example(seed, split = "train") {
      const drawn = splitSeed(seed, split);
      const { kind, layout, question } = drawQuestion(new Rng(drawn, streams.question), split, level);
      const scene = placeThings(layout, new Rng(drawn, streams.places), level);
      const image = drawScene(scene, size, level.noise, new Rng(drawn, streams.noise).uint32());
      const { problem, answer, derivation } = question;
      const { category, abilities } = questionKinds[kind];
      const id = `shapes/${split}/${seed}`;
      return {
        id,
        kind,
        messages: pictureQuestion(image, problem),
        problem,
        answer,
        category,
        abilities: [...abilities],
        refined_cot: `${readGrid(layout, nameOf, ". .")} so ${derivation}`.trim(),
        image,
        image_path: `${id}.png`,
        reward: kind === "describe" ? "object-multiset" : "exact-match",
        scene,
      };
    },
    reward: taughtReward<ShapesExample>(reward, (answer, example) =>
      example.reward === "object-multiset" ? normaliseDescription(answer) : normaliseAnswer(answer),
    ),
    demonstration: taughtDemonstration,
  };
}
