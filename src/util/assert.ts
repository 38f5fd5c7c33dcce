import { ShapeError, ThinktabError } from "./errors.ts";

/** Throws when a condition the kit itself guarantees does not hold: a defect of the kit, not of its input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ThinktabError(`internal: ${message}`);
}

/** Throws a {@link ShapeError} unless both shapes are equal. */
export function assertShape(what: string, got: readonly number[], expected: readonly number[]): void {
  const same = got.length === expected.length && got.every((extent, axis) => extent === expected[axis]);
  if (!same) throw new ShapeError(`${what}: shape`, [...got], [...expected]);
}
