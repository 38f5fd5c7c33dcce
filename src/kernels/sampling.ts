import { InvalidOptionError } from "../util/errors.ts";
import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import finite from "../../shaders/lib/finite.wgsl?raw";
import order from "../../shaders/lib/order.wgsl?raw";
import rng from "../../shaders/lib/rng.wgsl?raw";
import mark from "../../shaders/sampling-mark.wgsl?raw";
import source from "../../shaders/sampling.wgsl?raw";

/** One draw per row of logits [B, V]. W = ⌈V/32⌉ words of bits. See shaders/sampling.wgsl. */
export const samplingSample = defineKernel({
  name: "sampling",
  wgsl: [finite, order, rng, source],
  entry: "sample",
  tensors: {
    logits: ["B", "V"],
    token: ["B"],
    logp: ["B"],
    sequence: ["B"],
    position: ["B"],
    banned: ["W"],
    seen: ["slots", "W"],
    slot: ["B"],
  },
  optional: ["seen", "slot"],
  workgroups: ({ B }) => rows(B),
});

/** Sets the bits of tokens [B, N] in marks [slots, W]. See shaders/sampling-mark.wgsl. */
export const samplingMark = defineKernel({
  name: "sampling-mark",
  wgsl: [mark],
  entry: "mark",
  tensors: { tokens: ["B", "N"], marks: ["slots", "W"], slot: ["B"] },
  optional: ["slot"],
  workgroups: ({ B }) => Math.ceil(B / 64),
});

/** What a draw gives when nothing can be drawn: every token banned, or a logit NaN or +∞. Its log-prob is NaN. */
export const noToken = 0xffffffff;

export interface SampleTensors {
  /** f32 [B, V] */
  logits: Tensor;
  /** u32 [B], written: the draw, or {@link noToken}. */
  token: Tensor;
  /** f32 [B], written: log-softmax(logits / temperature) of the draw over the tokens not banned. */
  logp: Tensor;
  /** u32 [B]: keys the random number, with `position`; a row may move in the batch without changing its draws. */
  sequence: Tensor;
  /** u32 [B]: position of the token to be drawn. */
  position: Tensor;
  /** u32 [⌈V/32⌉]: {@link bannedMask}. */
  banned: Tensor;
  /** u32 [slots, ⌈V/32⌉]: tokens the repetition penalty applies to; see {@link emitMarkSeen}. */
  seen?: Tensor;
  /** u32 [B]: row of `seen` for a row of the batch. Default: the same row. */
  slot?: Tensor;
}

/** Each may be a Scalar of the run. */
export interface SampleParams {
  /** The seed's two words: `seedFrom` of util/rng.ts. */
  seedLo: ParamValue;
  seedHi: ParamValue;
  /** 0: greedy, the lowest index on a tie. Default 1. */
  temperature?: ParamValue;
  /** 0: off. Tokens tied with the k-th stay, as in Hugging Face's processor. */
  topK?: ParamValue;
  /** 1: off. Tokens of equal logits stay or go together. */
  topP?: ParamValue;
  /** 0: off. Relative to the likeliest token. */
  minP?: ParamValue;
  /** 1: off. Divides positive and multiplies negative logits of seen tokens. */
  repetitionPenalty?: ParamValue;
}

/**
 * Records one draw per row: bans, repetition penalty, temperature, top-k, top-p, min-p, inverse CDF, in that order.
 * `logp` is what `emitLogprob` recomputes with the same temperature and banned tokens: penalty and truncation are not
 * in it (with greedy decoding the temperature is 1).
 */
export function emitSample(rec: Recorder, inputs: SampleTensors & SampleParams): void {
  const { logits, token, logp, sequence, position, banned, seen, slot } = inputs;
  rec.run(
    samplingSample,
    { logits, token, logp, sequence, position, banned, seen, slot },
    {
      seed_lo: inputs.seedLo,
      seed_hi: inputs.seedHi,
      top_k: inputs.topK ?? 0,
      has_seen: seen ? 1 : 0,
      has_slot: slot ? 1 : 0,
      temperature: inputs.temperature ?? 1,
      top_p: inputs.topP ?? 1,
      min_p: inputs.minP ?? 0,
      penalty: inputs.repetitionPenalty ?? 1,
    },
  );
}

/**
 * Records the setting of bits in `seen`, u32 [slots, W], for `token`, u32 [B] or [B, N]; tokens beyond the vocabulary,
 * {@link noToken} among them, are left out. A slot may stand only once in `slot`.
 */
export function emitMarkSeen(
  rec: Recorder,
  { token, seen, slot }: { token: Tensor; seen: Tensor; slot?: Tensor },
): void {
  const tokens = token.shape.length === 1 ? rec.view(token, [token.shape[0], 1]) : token;
  rec.run(samplingMark, { tokens, marks: seen, slot }, { has_slot: slot ? 1 : 0 });
}

/**
 * The bitmask of tokens that must not be drawn: [⌈vocabularySize/32⌉].
 * @throws InvalidOptionError for a token outside the vocabulary.
 */
export function bannedMask(vocabularySize: number, tokens: Iterable<number>): Uint32Array {
  const mask = new Uint32Array(Math.ceil(vocabularySize / 32));
  for (const token of tokens) {
    if (!(Number.isInteger(token) && token >= 0 && token < vocabularySize)) {
      throw new InvalidOptionError("bannedMask: token", token, `an integer of 0 to ${vocabularySize - 1}`);
    }
    mask[token >>> 5] |= 1 << (token & 31);
  }
  return mask;
}
