import { InvalidOptionError } from "../../util/errors.ts";
import type { Rng } from "../../util/rng.ts";
import { splitOf } from "../grid.ts";
import type { Split } from "../task.ts";
import type { Difficulty } from "./difficulty.ts";
import { questionKinds, shapesKinds, type Question, type ShapesKind } from "./questions.ts";
import { codeOf, drawLayout, type Thing } from "./scene.ts";

/** A layout of the wanted split, and a question about it. */
export interface Asked {
  kind: ShapesKind;
  layout: Thing[];
  question: Question;
}

/** Layouts that are drawn for one wish before another kind and wish are drawn: a wish may not suit the difficulty. */
const layoutsPerWish = 400;
const maxWishes = 50;

/**
 * Draws a kind and a wish, and then layouts until one is of the split and has a question that fulfils it. Ends after
 * a fixed number of draws, and is a pure function of the generator's state.
 * @throws InvalidOptionError when none was found: the difficulty allows hardly any layout.
 */
export function drawQuestion(rng: Rng, split: Split, difficulty: Difficulty): Asked {
  for (let drawn = 0; drawn < maxWishes; drawn++) {
    const kind =
      shapesKinds[
        weighted(
          rng,
          shapesKinds.map((name) => questionKinds[name].weight),
        )
      ];
    const { wishes, questions } = questionKinds[kind];
    const wish = wishes && Object.keys(wishes)[weighted(rng, Object.values(wishes))];
    for (let attempt = 0; attempt < layoutsPerWish; attempt++) {
      const layout = drawLayout(rng, difficulty);
      if (splitOf(layout, codeOf) !== split) continue;
      const fitting = questions(layout, rng).filter(
        (question) => wish === null || (question.wish ?? question.answer) === wish,
      );
      if (fitting.length > 0) return { kind, layout, question: fitting[rng.below(fitting.length)] };
    }
  }
  throw new InvalidOptionError(
    "difficulty.objects",
    difficulty.objects,
    `objects that make scenes of the ${split} split`,
  );
}

/** An index, drawn in proportion to whole weights. */
function weighted(rng: Rng, weights: readonly number[]): number {
  let left = rng.below(weights.reduce((sum, weight) => sum + weight, 0));
  return weights.findIndex((weight) => (left -= weight) < 0);
}
