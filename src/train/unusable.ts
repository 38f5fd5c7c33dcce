import {
  ContextLengthError,
  ImageDecodeError,
  ImageTokenMismatchError,
  MissingFileError,
} from "../util/errors.ts";

/** Errors that are of one example, not of the run: a data set of many thousands has some. */
const ofExamples = [ContextLengthError, ImageDecodeError, ImageTokenMismatchError, MissingFileError];

/** Whether the example is to be left out, and another drawn in its place. */
export function isOfExample(error: unknown): error is Error {
  return ofExamples.some((kind) => error instanceof kind);
}

/** Most examples that may be left out while so many are drawn: with more of them the data is at fault. */
export function mostLeftOut(wanted: number): number {
  return 100 + 10 * wanted;
}

/** Binary digits of a count: one more whenever it has doubled. */
export function bits(count: number): number {
  return 32 - Math.clz32(count);
}
