/**
 * Packed token batches. A group of completions shares its prompt: the prompt, but for its last token, is one segment
 * that everybody sees, and each completion is a segment [last prompt token, c₁ … c₍ₙ₋₁₎] whose rows predict c₁ … cₙ.
 * A group costs P − 1 + Σ|c| tokens, and every scored row is a row of its own.
 */
import type { Segment } from "../kernels/attention.ts";
import { ImageTokenMismatchError, ShapeError } from "../util/errors.ts";

/** Row index that gather and scatter leave out. */
export const skipRow = 0xffff_ffff;

export interface PackedPrompt {
  tokens: ArrayLike<number>;
  /** [3, P]: temporal, height and width position of each token. */
  positions: Int32Array;
  /** Position of the first token behind the prompt, on all three axes. */
  nextPosition: number;
  /** Rows of the feature tensor that the prompt's image tokens take, in order. */
  featureRows: ArrayLike<number>;
}

export interface PackedGroup {
  prompt: PackedPrompt;
  completions: readonly ArrayLike<number>[];
}

/** One batch, as the arrays that a Program's inputs take. */
export interface PackedBatch {
  /** [T]. */
  ids: Uint32Array;
  /** [3, T]. */
  positions: Int32Array;
  segments: Segment[];
  /** For each row of the feature tensor, the token row it overwrites, or {@link skipRow}. */
  featureTargets: Uint32Array;
  /** Rows that predict something [S], what they predict [S], and to which completion they belong [S]. */
  scoredRows: Uint32Array;
  targets: Uint32Array;
  sequence: Uint32Array;
}

/** Tokens a group takes in a batch. */
export function packedLength({ prompt, completions }: PackedGroup): number {
  return prompt.tokens.length - 1 + completions.reduce((sum, tokens) => sum + tokens.length, 0);
}

/**
 * Packs whole groups. `featureCount` is the number of rows of the feature tensor, `imageToken` the id that image
 * features replace.
 * @throws ImageTokenMismatchError when a prompt's image tokens and features differ in number.
 */
export function packGroups(
  groups: readonly PackedGroup[],
  { featureCount = 0, imageToken = null }: { featureCount?: number; imageToken?: number | null } = {},
): PackedBatch {
  for (const { prompt } of groups)
    if (prompt.tokens.length === 0) throw new ShapeError("prompt: tokens", 0, "at least 1");
  const batch = new BatchBuilder(
    groups.reduce((sum, group) => sum + packedLength(group), 0),
    featureCount,
  );
  let sequence = 0;
  for (const { prompt, completions } of groups) {
    const prefix = batch.prompt(prompt, imageToken);
    for (const completion of completions) batch.completion(prompt, prefix, completion, sequence++);
  }
  return batch.finish();
}

/** Packs prompts without their last tokens and without completions: what a prefill computes. */
export function packPrefixes(
  prompts: readonly PackedPrompt[],
  options: { featureCount?: number; imageToken?: number | null } = {},
): PackedBatch {
  return packGroups(
    prompts.map((prompt) => ({ prompt, completions: [] })),
    options,
  );
}

class BatchBuilder {
  #at = 0;
  readonly #ids: Uint32Array;
  readonly #positions: Int32Array;
  readonly #segments: Segment[] = [];
  readonly #featureTargets: Uint32Array;
  readonly #scored: number[] = [];
  readonly #targets: number[] = [];
  readonly #sequence: number[] = [];

  constructor(
    private readonly count: number,
    featureCount: number,
  ) {
    this.#ids = new Uint32Array(count);
    this.#positions = new Int32Array(3 * count);
    this.#featureTargets = new Uint32Array(featureCount).fill(skipRow);
  }

  /** Places all but the prompt's last token; returns the rows they take. */
  prompt(
    { tokens, positions, featureRows }: PackedPrompt,
    imageToken: number | null,
  ): { begin: number; end: number } {
    const length = tokens.length;
    if (positions.length !== 3 * length)
      throw new ShapeError("prompt: positions", positions.length, 3 * length);
    const begin = this.#at;
    let image = 0;
    for (let i = 0; i < length - 1; i++) {
      if (tokens[i] === imageToken) {
        if (image < featureRows.length) this.#featureTargets[featureRows[image]] = this.#at;
        image++;
      }
      this.#token(tokens[i], positions[i], positions[length + i], positions[2 * length + i]);
    }
    if (tokens[length - 1] === imageToken || image !== featureRows.length) {
      throw new ImageTokenMismatchError(
        `the prompt holds ${image + Number(tokens[length - 1] === imageToken)} image tokens (its last token must not be one) ` +
          `and its images give ${featureRows.length} features`,
      );
    }
    if (this.#at > begin) {
      this.#segments.push({
        queryBegin: begin,
        queryEnd: this.#at,
        causal: true,
        prefixBegin: 0,
        prefixEnd: 0,
        keyBegin: begin,
        keyEnd: this.#at,
      });
    }
    return { begin, end: this.#at };
  }

  completion(
    prompt: PackedPrompt,
    prefix: { begin: number; end: number },
    completion: ArrayLike<number>,
    sequence: number,
  ): void {
    if (completion.length === 0) throw new ShapeError(`completion ${sequence}: tokens`, 0, "at least 1");
    const last = prompt.tokens.length - 1;
    const { positions } = prompt;
    const begin = this.#at;
    for (let i = 0; i < completion.length; i++) {
      this.#scored.push(this.#at);
      this.#targets.push(completion[i]);
      this.#sequence.push(sequence);
      if (i === 0) {
        const length = prompt.tokens.length;
        this.#token(
          prompt.tokens[last],
          positions[last],
          positions[length + last],
          positions[2 * length + last],
        );
      } else {
        const position = prompt.nextPosition + i - 1;
        this.#token(completion[i - 1], position, position, position);
      }
    }
    this.#segments.push({
      queryBegin: begin,
      queryEnd: this.#at,
      causal: true,
      prefixBegin: prefix.begin,
      prefixEnd: prefix.end,
      keyBegin: begin,
      keyEnd: this.#at,
    });
  }

  #token(id: number, temporal: number, height: number, width: number): void {
    this.#ids[this.#at] = id;
    this.#positions[this.#at] = temporal;
    this.#positions[this.count + this.#at] = height;
    this.#positions[2 * this.count + this.#at] = width;
    this.#at++;
  }

  finish(): PackedBatch {
    return {
      ids: this.#ids,
      positions: this.#positions,
      segments: this.#segments,
      featureTargets: this.#featureTargets,
      scoredRows: Uint32Array.from(this.#scored),
      targets: Uint32Array.from(this.#targets),
      sequence: Uint32Array.from(this.#sequence),
    };
  }
}
