import type { Tolerance } from "./tolerance.ts";

/**
 * Compares element by element. A failure shows only what is wrong: how many, the worst, and the first few with their
 * indices. NaN equals nothing.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { abs, rel }: Tolerance,
  label = "values",
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${label}: got ${actual.length} elements, expected ${expected.length}`);
  }
  const wrong: number[] = [];
  let worst = 0;
  let worstExcess = -Infinity;
  for (let index = 0; index < actual.length; index++) {
    const difference = Math.abs(actual[index] - expected[index]);
    const allowed = abs + rel * Math.abs(expected[index]);
    if (difference <= allowed) continue;
    wrong.push(index);
    const excess = Number.isNaN(difference) ? Infinity : difference / allowed;
    if (excess > worstExcess) [worst, worstExcess] = [index, excess];
  }
  if (wrong.length === 0) return;
  const line = (index: number) =>
    `  [${index}] got ${actual[index]}, expected ${expected[index]}, off by ${Math.abs(actual[index] - expected[index])}`;
  throw new Error(
    `${label}: ${wrong.length} of ${actual.length} elements are off (abs ${abs}, rel ${rel}); worst ${worstExcess.toFixed(1)}× the tolerance\n` +
      [worst, ...wrong.filter((index) => index !== worst).slice(0, 5)].map(line).join("\n"),
  );
}
