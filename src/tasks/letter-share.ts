import type { RgbImage } from "../data/image.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { splitSeed, type Task, type TaskExample } from "./task.ts";

/** Colours of the squares, and what they are called. */
const colours = [
  { name: "red", rgb: [220, 50, 47] },
  { name: "green", rgb: [60, 160, 70] },
  { name: "blue", rgb: [40, 90, 200] },
] as const;

export interface LetterShareExample extends TaskExample {
  answer: string;
}

/**
 * The smallest task with something to find: say as many of the wanted characters as you can. It needs no skill, so a
 * policy with random weights can learn it, and shows within a few steps that the loop is real: image, tokens, reward,
 * gradient. The reward is the share of the completion's characters that are of the class.
 */
export function letterShareTask({
  letters = "aeiou",
  size = 32,
}: { letters?: string; size?: number } = {}): Task<LetterShareExample> {
  if (letters.length === 0) throw new InvalidOptionError("letters", "none", "at least one character");
  const wanted = new Set(letters);
  return {
    name: "letter-share",
    description: `Fill the answer with the characters “${letters}”: a policy without any skill can learn it in a few steps.`,
    example(seed, split = "train") {
      const rng = new Rng(splitSeed(seed, split), 1);
      const colour = colours[rng.below(colours.length)];
      const question = `The square is ${colour.name}. Say ${[...letters].join(" ")}`;
      return {
        id: `letter-share/${split}/${seed}`,
        answer: colour.name,
        messages: [
          {
            role: "user",
            content: [
              { type: "image", image: square(size, colour.rgb, rng) },
              { type: "text", text: question },
            ],
          },
        ],
      };
    },
    reward({ text }) {
      const characters = [...text];
      const share =
        characters.length === 0
          ? 0
          : characters.filter((character) => wanted.has(character)).length / characters.length;
      return { value: share, parts: { letters: share } };
    },
  };
}

/** A square of one colour on a light ground, somewhere in the picture. */
function square(size: number, [red, green, blue]: readonly [number, number, number], rng: Rng): RgbImage {
  const data = new Uint8Array(size * size * 3).fill(235);
  const side = Math.floor(size / 2);
  const left = rng.below(size - side + 1);
  const top = rng.below(size - side + 1);
  for (let y = top; y < top + side; y++) {
    for (let x = left; x < left + side; x++) data.set([red, green, blue], (y * size + x) * 3);
  }
  return { width: size, height: size, data };
}
