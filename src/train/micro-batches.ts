import { packedLength } from "../models/packing.ts";
import type { PackedGroup, PackedPrompt } from "../models/packing.ts";
import { ContextLengthError } from "../util/errors.ts";

/** A group's part of a micro-batch: its prompt and some of its completions, by their number within the whole step. */
export interface BatchedGroup {
  prompt: PackedPrompt;
  sequences: number[];
}

/** Limits of one micro-batch, as the program was recorded. */
export interface MicroBatchCapacity {
  tokens: number;
  scored: number;
  segments: number;
}

export interface RolledOutGroup {
  prompt: PackedPrompt;
  /** Tokens of each completion. */
  completions: readonly ArrayLike<number>[];
}

/**
 * Splits a step's groups into micro-batches of at most `capacity`, in order. A group stays together while it fits;
 * one that does not is divided, and its prompt comes again with each part. Completion k of group p is sequence p·G + k.
 * @throws ContextLengthError when one completion with its prompt is too long for a micro-batch.
 */
export function microBatches(
  groups: readonly RolledOutGroup[],
  capacity: MicroBatchCapacity,
): BatchedGroup[][] {
  const batches: BatchedGroup[][] = [];
  let current: BatchedGroup[] = [];
  let used = { tokens: 0, scored: 0, segments: 0 };
  const flush = () => {
    if (current.length > 0) batches.push(current);
    current = [];
    used = { tokens: 0, scored: 0, segments: 0 };
  };
  let sequence = 0;
  for (const { prompt, completions } of groups) {
    const prefix = prompt.tokens.length - 1;
    const whole = packedLength({ prompt, completions });
    if (used.tokens + whole > capacity.tokens && whole <= capacity.tokens) flush();
    let part: BatchedGroup | undefined;
    for (const completion of completions) {
      const length = completion.length;
      if (prefix + length > capacity.tokens || length > capacity.scored) {
        throw new ContextLengthError(
          `a prompt of ${prompt.tokens.length} tokens with a completion of ${length} does not fit a micro-batch of ` +
            `${capacity.tokens} tokens; raise \`tokensPerBatch\``,
        );
      }
      const opens = part ? 0 : 1;
      const tokens = used.tokens + length + opens * prefix;
      if (
        tokens > capacity.tokens ||
        used.scored + length > capacity.scored ||
        used.segments + 1 + opens > capacity.segments
      ) {
        flush();
        part = undefined;
      }
      if (!part) {
        part = { prompt, sequences: [] };
        current.push(part);
        used.tokens += prefix;
        used.segments++;
      }
      part.sequences.push(sequence++);
      used.tokens += length;
      used.scored += length;
      used.segments++;
    }
  }
  flush();
  return batches;
}

/** The groups of a micro-batch with their completions' tokens, ready to pack. */
export function toPackedGroups(
  batch: readonly BatchedGroup[],
  completions: readonly ArrayLike<number>[],
): PackedGroup[] {
  return batch.map(({ prompt, sequences }) => ({
    prompt,
    completions: sequences.map((sequence) => completions[sequence]),
  }));
}
