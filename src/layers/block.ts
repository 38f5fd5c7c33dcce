import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { invariant } from "../util/assert.ts";
import type { Attention, AttentionSaved } from "./attention.ts";
import type { TokenContext } from "./layer.ts";
import type { MlpSaved, SwigluMlp } from "./mlp.ts";
import type { NormSaved, RmsNorm } from "./norm.ts";

interface BlockActivations {
  norm1: NormSaved;
  attention: AttentionSaved | undefined;
  norm2: NormSaved;
  mlp: MlpSaved;
}

/** What a block's reverse starts from: every activation, or the input alone, from which they are computed again. */
export type BlockSaved = { x: Tensor; activations: BlockActivations | undefined };

/** Pre-norm transformer block: x += attention(norm1(x)); x += mlp(norm2(x)). Decoder and vision tower share it. */
export class Block {
  constructor(
    readonly name: string,
    readonly parts: { norm1: RmsNorm; attention: Attention; norm2: RmsNorm; mlp: SwigluMlp },
  ) {}

  /** x [T, C] → y [T, C]. `recompute` keeps only x for the reverse. */
  forward(
    rec: Recorder,
    x: Tensor,
    context: TokenContext,
    recompute = false,
  ): { y: Tensor; saved: BlockSaved } {
    return rec.scope(this.name, () => {
      const { y, activations } = this.#forward(rec, x, context);
      return { y, saved: { x, activations: recompute ? undefined : activations } };
    });
  }

  #forward(rec: Recorder, x: Tensor, context: TokenContext): { y: Tensor; activations: BlockActivations } {
    const { norm1, attention, norm2, mlp } = this.parts;
    const normed1 = norm1.forward(rec, x);
    const mixed = attention.forward(rec, normed1.y, context, x);
    const normed2 = norm2.forward(rec, mixed.y);
    const out = mlp.forward(rec, normed2.y, { adapter: context.adapter, add: mixed.y });
    const activations = {
      norm1: normed1.saved,
      attention: mixed.saved,
      norm2: normed2.saved,
      mlp: out.saved,
    };
    return { y: out.y, activations };
  }

  /** dy [T, C] → dx [T, C]. */
  backward(rec: Recorder, dy: Tensor, saved: BlockSaved, context: TokenContext): Tensor {
    return rec.scope(`${this.name} backward`, () => {
      const { norm1, attention, norm2, mlp } = this.parts;
      const activations = saved.activations ?? this.#forward(rec, saved.x, context).activations;
      invariant(activations.attention, "a decode step has no reverse");
      const dNormed2 = mlp.backward(rec, dy, activations.mlp);
      const dMixed = norm2.backward(rec, dNormed2, activations.norm2, dy);
      const dNormed1 = attention.backward(rec, dMixed, activations.attention, context);
      return norm1.backward(rec, dNormed1, activations.norm1, dMixed);
    });
  }
}
