import type { ProcessedImage } from "../data/image.ts";
import type { PackedPrompt } from "../models/packing.ts";

/** A prompt, tokenized and with its images preprocessed: what rollouts and training take. */
export interface PolicyPrompt {
  text: string;
  tokens: number[];
  positions: Int32Array;
  nextPosition: number;
  images: ProcessedImage[];
  /** Image features that the prompt holds. */
  featureCount: number;
}

/** Prompts that are placed together, as the programs take them: their image features follow one another from row 0. */
export function packedPrompts(prompts: readonly PolicyPrompt[]): PackedPrompt[] {
  let begin = 0;
  return prompts.map(({ tokens, positions, nextPosition, featureCount }) => {
    const featureRows = Uint32Array.from({ length: featureCount }, (_, i) => begin + i);
    begin += featureCount;
    return { tokens, positions, nextPosition, featureRows };
  });
}
