/** A drawn scene as a word of an address: two letters a cell, in reading order, `..` for an empty one. */
import { colourNames, shapeNames } from "../../workers/client.ts";
import type { Thing } from "../../workers/client.ts";

export const cellCount = 9;
const empty = "..";

/** `rc..bs............`: a red circle, and a blue square in the third cell. */
export function encodeLayout(things: readonly Thing[]): string {
  return Array.from({ length: cellCount }, (_, cell) => {
    const thing = things.find((candidate) => candidate.cell === cell);
    return thing ? thing.colour[0] + thing.shape[0] : empty;
  }).join("");
}

/** Null for a word that is no layout. */
export function decodeLayout(word: string): Thing[] | null {
  if (word.length !== 2 * cellCount) return null;
  const things: Thing[] = [];
  for (let cell = 0; cell < cellCount; cell++) {
    const code = word.slice(2 * cell, 2 * cell + 2);
    if (code === empty) continue;
    const colour = colourNames.find((name) => name.startsWith(code[0]));
    const shape = shapeNames.find((name) => name.startsWith(code[1]));
    if (!colour || !shape) return null;
    things.push({ cell, colour, shape });
  }
  return things;
}

/** "red circle, blue square", or "nothing". */
export function inWords(things: readonly Thing[]): string {
  const names = things.toSorted((a, b) => a.cell - b.cell).map(({ colour, shape }) => `${colour} ${shape}`);
  return names.join(", ") || "nothing";
}
