/** Patches of an image or video: frames (in temporal patches), rows, columns. A still image has one frame. */
export type Grid = readonly [t: number, h: number, w: number];

/** Tokens a grid takes in the prompt: mergeSize² patches of a frame make one. */
export function mergedTokens([t, h, w]: Grid, mergeSize: number): number {
  return (t * h * w) / (mergeSize * mergeSize);
}
