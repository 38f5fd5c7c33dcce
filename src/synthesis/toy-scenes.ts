/** Pictures of the toy world to make records of, with what is in them. */
import { encodePng } from "../data/encode-png.ts";
import { shapesTask } from "../tasks/shapes.ts";
import type { Thing } from "../tasks/shapes/own-scene.ts";
import { InvalidOptionError } from "../util/errors.ts";

/** A drawn picture. */
export interface ToyScene {
  path: string;
  png: Uint8Array<ArrayBuffer>;
  /** What was drawn, in reading order. */
  things: readonly Thing[];
}

/**
 * Pictures of coloured shapes in a 3×3 grid, as the task `shapes` draws them for training.
 * @param seed of the first; the others follow.
 * @throws InvalidOptionError
 */
export async function toyScenes(count: number, seed = 0): Promise<ToyScene[]> {
  if (!Number.isInteger(count) || count < 1)
    throw new InvalidOptionError("toyScenes: count", count, "an integer from 1");
  const task = shapesTask();
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { image, scene } = task.example(seed + index);
      const things = scene.objects.map(({ cell, colour, shape }) => ({ cell, colour, shape }));
      return {
        path: `scene-${String(seed + index).padStart(4, "0")}.png`,
        png: await encodePng(image),
        things,
      };
    }),
  );
}
