import type { Program } from "../gpu/program.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Sizes } from "../gpu/kernel.ts";
import type { Dim, Tensor } from "../gpu/tensor.ts";
import { segmentInputs, writeSegments } from "../kernels/attention.ts";
import type { SegmentInputs } from "../kernels/attention.ts";
import { embeddingOrder } from "../kernels/embedding.ts";
import { emitGatherRows, emitScatterRows } from "../kernels/rows.ts";
import type { Embedding, EmbeddingOrderInputs } from "../layers/embedding.ts";
import type { HeadSaved, ScoringOptions } from "../layers/head.ts";
import type { TokenContext } from "../layers/layer.ts";
import { ContextLengthError } from "../util/errors.ts";
import { emitAngles } from "./decoder.ts";
import type { DecoderForward } from "./decoder.ts";
import type { Model } from "./model.ts";
import { skipRow } from "./packing.ts";
import type { PackedBatch } from "./packing.ts";

export interface PackedCapacity {
  tokens: number;
  /** Rows that predict; 0 for a prefill. */
  scored: number;
  segments: number;
}

/** The inputs of a Program that runs a {@link PackedBatch}, and how a batch is written into them. */
export class PackedInputs {
  readonly T: Dim;
  readonly S: Dim | undefined;
  readonly ids: Tensor;
  readonly positions: Tensor;
  readonly segments: SegmentInputs;
  /** Token row of each feature row; absent when the network sees no images. */
  readonly featureTargets: Tensor | undefined;
  readonly scoredRows: Tensor | undefined;
  readonly targets: Tensor | undefined;
  readonly sequence: Tensor | undefined;
  /** Present where the embedding is trained. */
  readonly embeddingOrder: (EmbeddingOrderInputs & { vocabulary: number }) | undefined;

  /**
   * @param features image features [M, C] of every prompt of the step
   * @param trained the embedding, when the program computes its gradient
   */
  constructor(
    rec: Recorder,
    readonly capacity: PackedCapacity,
    readonly features?: Tensor,
    trained?: Embedding,
  ) {
    this.T = rec.dim("T", capacity.tokens);
    this.ids = rec.input("ids", [this.T], "u32");
    this.positions = rec.input("positions", [3, this.T], "i32");
    this.segments = segmentInputs(rec, { queries: capacity.tokens, segments: capacity.segments });
    if (features) this.featureTargets = rec.input("featureTargets", [features.shape[0]], "u32");
    if (trained?.dense) {
      const order = rec.input("embedding order", [capacity.tokens], "u32");
      const offsets = rec.input("embedding offsets", [capacity.tokens + 1], "u32");
      const rows = rec.input("embedding rows", [rec.dim("U", capacity.tokens)], "u32");
      this.embeddingOrder = { order, offsets, rows, vocabulary: trained.w.N };
    }
    if (capacity.scored > 0) {
      this.S = rec.dim("S", capacity.scored);
      this.scoredRows = rec.input("scoredRows", [this.S], "u32");
      this.targets = rec.input("targets", [this.S], "u32");
      this.sequence = rec.input("sequence", [this.S], "u32");
    }
  }

  /**
   * Writes a batch; returns the run values it needs.
   * @throws ContextLengthError when the batch is larger than what was recorded.
   */
  write(program: Program, batch: PackedBatch): Sizes {
    const tokens = batch.ids.length;
    const scored = batch.scoredRows.length;
    if (tokens > this.capacity.tokens || scored > this.capacity.scored) {
      throw new ContextLengthError(
        `the batch has ${tokens} tokens, ${scored} of them scored; the program was recorded for ` +
          `${this.capacity.tokens} and ${this.capacity.scored}`,
      );
    }
    program.write(this.ids, batch.ids);
    program.write(this.positions, batch.positions);
    if (this.featureTargets) program.write(this.featureTargets, batch.featureTargets);
    if (this.scoredRows && this.targets && this.sequence) {
      program.write(this.scoredRows, batch.scoredRows);
      program.write(this.targets, batch.targets);
      program.write(this.sequence, batch.sequence);
    }
    writeSegments(program, this.segments, batch.segments);
    return { T: tokens, ...(this.S ? { S: scored } : {}), ...this.#writeOrder(program, batch) };
  }

  #writeOrder(program: Program, { ids, featureTargets }: PackedBatch): Sizes {
    if (!this.embeddingOrder) return {};
    const { vocabulary, ...inputs } = this.embeddingOrder;
    // Rows that image features overwrite give the embedding no gradient.
    const own = ids.slice();
    for (const row of featureTargets) if (row < own.length) own[row] = skipRow;
    const tables = embeddingOrder(own, vocabulary);
    program.write(inputs.order, tables.order);
    program.write(inputs.offsets, tables.offsets);
    program.write(inputs.rows, tables.rows);
    return { U: tables.rows.length };
  }
}

export interface PackedForward {
  context: TokenContext;
  embeddings: Tensor;
  decoder: DecoderForward;
}

export interface PackedScores {
  logp: Tensor;
  entropy: Tensor;
  /** Residual stream at the scored rows [S, C]. */
  rows: Tensor;
  saved: HeadSaved;
}

/** Embeds a packed batch, splices the image features in and runs the blocks. */
export function emitDecoder(
  rec: Recorder,
  { decoder }: Model,
  inputs: PackedInputs,
  options: { adapter: boolean; recompute?: boolean } & Pick<TokenContext, "cache" | "look">,
): PackedForward {
  const embeddings = decoder.embedding.forward(rec, inputs.ids);
  if (inputs.features && inputs.featureTargets) {
    emitScatterRows(rec, { src: inputs.features, index: inputs.featureTargets, y: embeddings });
  }
  const rope = emitAngles(rec, decoder.rope, inputs.positions);
  const context: TokenContext = {
    rope,
    segments: inputs.segments,
    adapter: options.adapter,
    cache: options.cache,
    look: options.look,
  };
  return { context, embeddings, decoder: decoder.forward(rec, embeddings, context, options.recompute) };
}

/** Log-probs and entropies [S] of the targets at the scored rows. */
export function emitScores(
  rec: Recorder,
  { decoder }: Model,
  inputs: PackedInputs,
  forward: PackedForward,
  scoring: ScoringOptions,
): PackedScores {
  const { scoredRows, targets, S } = inputs;
  if (!scoredRows || !targets || !S)
    throw new ContextLengthError("scores were asked of a program recorded without scored rows");
  const rows = rec.tensor("scored", [S, decoder.config.hiddenSize], "f32");
  emitGatherRows(rec, { src: forward.decoder.x, index: scoredRows, y: rows });
  return { rows, ...decoder.head.forward(rec, rows, targets, scoring) };
}

/** From dL/dlogp [S] to every gradient of the decoder's parameters. Returns those of the residual streams. */
export function emitBackward(
  rec: Recorder,
  { decoder }: Model,
  inputs: PackedInputs,
  forward: PackedForward,
  scores: PackedScores,
  dlogp: Tensor,
  scoring: ScoringOptions,
): { dEmbeddings: Tensor; residualGradients: Tensor[] } {
  const { x, saved } = forward.decoder;
  const dRows = decoder.head.backward(rec, dlogp, scores.saved, scoring);
  const dx = rec.like(x, "d residual");
  rec.zero(dx);
  if (inputs.scoredRows) emitScatterRows(rec, { src: dRows, index: inputs.scoredRows, y: dx });
  const { dx: dEmbeddings, residualGradients } = decoder.backward(rec, dx, saved, forward.context);
  if (inputs.embeddingOrder) decoder.embedding.backward(rec, dEmbeddings, inputs.embeddingOrder);
  return { dEmbeddings, residualGradients };
}
