import { InvalidOptionError } from "../../util/errors.ts";

/** How hard the pictures are to read. */
export interface Difficulty {
  /** The fewest and the most objects of a picture: 1 to 9. */
  objects: readonly [least: number, most: number];
  /** Standard deviation of the pixels' noise, as a share of full scale: 0 to 0.5. */
  noise: number;
  /** How far an object may lie from its cell's centre along x and y, pixels of a picture of 48: 0 to 1.5. */
  jitter: number;
}

export const difficulties = {
  easy: { objects: [1, 3], noise: 0.01, jitter: 0.5 },
  normal: { objects: [1, 5], noise: 0.03, jitter: 1.5 },
  hard: { objects: [3, 7], noise: 0.1, jitter: 1.5 },
} as const satisfies Record<string, Difficulty>;

/** The levels that have a name. */
export type DifficultyName = keyof typeof difficulties;

/** A level by name, or "normal" with some of its settings changed. */
export type DifficultyOption = DifficultyName | Partial<Difficulty>;

/** @throws InvalidOptionError for an unknown level or setting, or one out of range. */
export function resolveDifficulty(option: DifficultyOption): Difficulty {
  // Options may come from a recipe file, whatever the types say.
  if (typeof option === "string") {
    if (!Object.hasOwn(difficulties, option))
      throw new InvalidOptionError("difficulty", option, ["one of", ...Object.keys(difficulties)]);
    return difficulties[option];
  }
  if (typeof option !== "object" || (option as unknown) === null || Array.isArray(option))
    throw new InvalidOptionError("difficulty", option, "a level, or { objects, noise, jitter }");
  const unknown = Object.keys(option).find((key) => !Object.hasOwn(difficulties.normal, key));
  if (unknown !== undefined)
    throw new InvalidOptionError(
      `difficulty.${unknown}`,
      "an unknown setting",
      Object.keys(difficulties.normal),
    );
  const { objects, noise, jitter }: Difficulty = { ...difficulties.normal, ...option };
  const counts =
    Array.isArray(objects) &&
    objects.length === 2 &&
    objects.every((count) => Number.isInteger(count) && count >= 1 && count <= 9);
  if (!counts || objects[0] > objects[1])
    throw new InvalidOptionError("difficulty.objects", objects, "[least, most], integers of 1 to 9");
  checkRange("difficulty.noise", noise, 0.5);
  checkRange("difficulty.jitter", jitter, 1.5);
  return { objects: [objects[0], objects[1]], noise, jitter };
}

function checkRange(what: string, value: number, most: number): void {
  if (typeof value !== "number" || !(value >= 0 && value <= most))
    throw new InvalidOptionError(what, value, `0 to ${most}`);
}
