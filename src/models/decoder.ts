import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitRopeAngles } from "../kernels/rope.ts";
import { Attention } from "../layers/attention.ts";
import { Block } from "../layers/block.ts";
import type { BlockSaved } from "../layers/block.ts";
import { Embedding } from "../layers/embedding.ts";
import { Head } from "../layers/head.ts";
import type { TokenContext } from "../layers/layer.ts";
import { SwigluMlp } from "../layers/mlp.ts";
import type { LayerFactory } from "./factory.ts";
import type { TextConfig } from "./config.ts";
import { inverseFrequencies, ropeAxes } from "./positions.ts";

/** Frequencies of a rotary embedding, on the GPU. */
export interface RopeTables {
  inverseFrequencies: Tensor;
  axes: Tensor;
}

/** cos and sin [T, D/2] for positions i32 [A, T], packed with the run's T. */
export function emitAngles(
  rec: Recorder,
  tables: RopeTables,
  positions: Tensor,
): { cos: Tensor; sin: Tensor } {
  const shape = [positions.shape[1], tables.axes.shape[0]];
  const cos = rec.tensor("rope.cos", shape, "f32");
  const sin = rec.tensor("rope.sin", shape, "f32");
  emitRopeAngles(rec, { positions, ...tables, cos, sin });
  return { cos, sin };
}

export interface DecoderForward {
  /** Residual stream behind the last block [T, C]. */
  x: Tensor;
  /** Residual stream behind each block. */
  residuals: Tensor[];
  saved: BlockSaved[];
}

/** Qwen2 and Qwen2.5 decoder: pre-norm blocks with grouped queries, biased q, k and v, SwiGLU. */
export class Decoder {
  constructor(
    readonly config: TextConfig,
    readonly embedding: Embedding,
    readonly blocks: readonly Block[],
    readonly head: Head,
    readonly rope: RopeTables,
  ) {}

  static async create(config: TextConfig, factory: LayerFactory): Promise<Decoder> {
    const shape = { heads: config.numHeads, kvHeads: config.numKvHeads, headDim: config.headDim };
    const embedded = await factory.embedding("embed_tokens.weight", config.vocabSize, config.hiddenSize);
    const embedding = new Embedding(embedded.w, embedded.dense);
    const blocks: Block[] = [];
    for (let index = 0; index < config.numLayers; index++) {
      const at = `layers.${index}`;
      const width = { q: shape.heads * shape.headDim, kv: shape.kvHeads * shape.headDim };
      const linear = (module: string, N: number, K: number, bias = false) =>
        factory.linear(`${at}.${module}`, N, K, { bias, lora: true });
      const { hiddenSize: C, intermediateSize: F, attentionBias } = config;
      const attention = new Attention(`${at}.attention`, index, shape, {
        q: await linear("self_attn.q_proj", width.q, C, attentionBias),
        k: await linear("self_attn.k_proj", width.kv, C, attentionBias),
        v: await linear("self_attn.v_proj", width.kv, C, attentionBias),
        o: await linear("self_attn.o_proj", C, width.q),
      });
      const mlp = new SwigluMlp(`${at}.mlp`, {
        gate: await linear("mlp.gate_proj", F, C),
        up: await linear("mlp.up_proj", F, C),
        down: await linear("mlp.down_proj", C, F),
      });
      const norm1 = await factory.rmsNorm(`${at}.input_layernorm`, C, config.rmsNormEps);
      const norm2 = await factory.rmsNorm(`${at}.post_attention_layernorm`, C, config.rmsNormEps);
      blocks.push(new Block(at, { norm1, attention, norm2, mlp }));
      factory.progress();
    }
    const headWeight = config.tieWordEmbeddings
      ? embedded
      : await factory.embedding("lm_head.weight", config.vocabSize, config.hiddenSize);
    const norm = await factory.rmsNorm("norm", config.hiddenSize, config.rmsNormEps);
    const rope = {
      inverseFrequencies: factory.constant(
        "rope.inverseFrequencies",
        "f32",
        inverseFrequencies(config.ropeTheta, config.headDim),
      ),
      axes: factory.constant("rope.axes", "u32", ropeAxes(config)),
    };
    return new Decoder(config, embedding, blocks, new Head(norm, headWeight.w, headWeight.dense), rope);
  }

  /** Embeddings x [T, C] through every block. `recompute` keeps only the blocks' inputs for the reverse. */
  forward(rec: Recorder, x: Tensor, context: TokenContext, recompute = false): DecoderForward {
    const residuals: Tensor[] = [];
    const saved: BlockSaved[] = [];
    for (const block of this.blocks) {
      const out = block.forward(rec, x, context, recompute);
      x = out.y;
      residuals.push(x);
      saved.push(out.saved);
    }
    return { x, residuals, saved };
  }

  /**
   * Gradient of the last residual stream [T, C] → gradient of the embeddings. `residualGradients[i]` is the gradient of
   * the stream behind block i.
   */
  backward(
    rec: Recorder,
    dx: Tensor,
    saved: readonly BlockSaved[],
    context: TokenContext,
  ): { dx: Tensor; residualGradients: Tensor[] } {
    const residualGradients: Tensor[] = [];
    for (let index = this.blocks.length - 1; index >= 0; index--) {
      residualGradients.unshift(dx);
      dx = this.blocks[index].backward(rec, dx, saved[index], context);
    }
    return { dx, residualGradients };
  }
}
