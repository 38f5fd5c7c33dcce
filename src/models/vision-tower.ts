import type { Recorder } from "../gpu/recorder.ts";
import { view } from "../gpu/tensor.ts";
import type { Dim, Tensor } from "../gpu/tensor.ts";
import type { SegmentInputs } from "../kernels/attention.ts";
import { emitActivation, emitActivationBackward } from "../kernels/gelu.ts";
import { Attention } from "../layers/attention.ts";
import { Block } from "../layers/block.ts";
import type { BlockSaved } from "../layers/block.ts";
import type { TokenContext } from "../layers/layer.ts";
import type { Linear, LinearSaved } from "../layers/linear.ts";
import { SwigluMlp } from "../layers/mlp.ts";
import type { NormSaved, RmsNorm } from "../layers/norm.ts";
import { packedRows } from "../storage/mlx.ts";
import type { VisionConfig } from "./config.ts";
import { emitAngles } from "./decoder.ts";
import type { RopeTables } from "./decoder.ts";
import type { LayerFactory, WeightSource } from "./factory.ts";
import { visionInverseFrequencies } from "./positions.ts";

export interface VisionInputs {
  /** Patches in window order [N, channels·time·p·p]; the host permutes them, and the features come in the same order. */
  pixels: Tensor;
  /** (row, column) of each patch, axis-major i32 [2, N]. */
  positions: Tensor;
  windows: SegmentInputs;
  frames: SegmentInputs;
  /** Merged tokens, N / mergeSize². */
  merged: Dim | number;
}

export interface VisionForward {
  /** [N / mergeSize², out]. */
  features: Tensor;
  patches: Tensor;
  blocks: Tensor[];
  rope: { cos: Tensor; sin: Tensor };
  saved: {
    patchEmbed: LinearSaved;
    blocks: BlockSaved[];
    norm: NormSaved;
    fc1: LinearSaved;
    activated: Tensor;
    fc2: LinearSaved;
    context: (index: number) => TokenContext;
  };
}

/** Qwen2.5-VL's vision tower: patch embedding, windowed and full attention with 2-D rotary positions, 2×2 merger. */
export class VisionTower {
  constructor(
    readonly config: VisionConfig,
    private readonly rope: RopeTables,
    private readonly parts: {
      patchEmbed: Linear;
      blocks: readonly Block[];
      norm: RmsNorm;
      fc1: Linear;
      fc2: Linear;
    },
  ) {}

  /** Values per patch: channels · frames · p². */
  static patchDim({ inChannels, temporalPatchSize, patchSize }: VisionConfig): number {
    return inChannels * temporalPatchSize * patchSize ** 2;
  }

  static async create(
    config: VisionConfig,
    factory: LayerFactory,
    source: WeightSource,
  ): Promise<VisionTower> {
    const { hiddenSize: C, intermediateSize: F, headDim, numHeads: heads, normEps } = config;
    const split = splitProjections(source);
    const patchEmbed = await factory.linear("visual.patch_embed.proj", C, VisionTower.patchDim(config), {});
    const blocks: Block[] = [];
    for (let index = 0; index < config.depth; index++) {
      const at = `visual.blocks.${index}`;
      const biased = (module: string, N: number, K: number) =>
        factory.linear(`${at}.${module}`, N, K, { bias: true, source: split });
      const attention = new Attention(
        `${at}.attention`,
        index,
        { heads, kvHeads: heads, headDim },
        {
          q: await biased("attn.q", C, C),
          k: await biased("attn.k", C, C),
          v: await biased("attn.v", C, C),
          o: await biased("attn.proj", C, C),
        },
      );
      const mlp = new SwigluMlp(`${at}.mlp`, {
        gate: await biased("mlp.gate_proj", F, C),
        up: await biased("mlp.up_proj", F, C),
        down: await biased("mlp.down_proj", C, F),
      });
      const norm1 = await factory.rmsNorm(`${at}.norm1`, C, normEps);
      const norm2 = await factory.rmsNorm(`${at}.norm2`, C, normEps);
      blocks.push(new Block(at, { norm1, attention, norm2, mlp }));
      factory.progress();
    }
    const wide = C * config.mergeSize ** 2;
    const norm = await factory.rmsNorm("visual.merger.ln_q", C, normEps);
    const fc1 = await factory.linear("visual.merger.mlp.0", wide, wide, { bias: true });
    const fc2 = await factory.linear("visual.merger.mlp.2", config.outHiddenSize, wide, { bias: true });
    const frequencies = visionInverseFrequencies(config);
    const axes = Uint32Array.from({ length: frequencies.length * 2 }, (_, i) =>
      i < frequencies.length ? 0 : 1,
    );
    const both = Float32Array.from(axes, (_, i) => frequencies[i % frequencies.length]);
    const rope = {
      inverseFrequencies: factory.constant("visual.rope.inverseFrequencies", "f32", both),
      axes: factory.constant("visual.rope.axes", "u32", axes),
    };
    return new VisionTower(config, rope, { patchEmbed, blocks, norm, fc1, fc2 });
  }

  forward(rec: Recorder, inputs: VisionInputs, recompute = false): VisionForward {
    const { patchEmbed, blocks, norm, fc1, fc2 } = this.parts;
    const frozen = { adapter: false };
    const rope = emitAngles(rec, this.rope, inputs.positions);
    const full = new Set(this.config.fullAttentionBlocks);
    const context = (index: number): TokenContext => ({
      rope,
      segments: full.has(index) ? inputs.frames : inputs.windows,
      adapter: false,
    });
    const embedded = patchEmbed.forward(rec, inputs.pixels, frozen);
    let x = embedded.y;
    const outputs: Tensor[] = [];
    const saved: BlockSaved[] = [];
    blocks.forEach((block, index) => {
      const out = block.forward(rec, x, context(index), recompute);
      x = out.y;
      outputs.push(x);
      saved.push(out.saved);
    });
    return rec.scope("visual.merger", () => {
      const normed = norm.forward(rec, x);
      const wide = view(normed.y, [inputs.merged, fc1.K]);
      const first = fc1.forward(rec, wide, frozen);
      const activated = rec.like(first.y, "visual.merger.gelu");
      emitActivation(rec, { kind: "gelu", x: first.y, y: activated });
      const second = fc2.forward(rec, activated, frozen);
      return {
        features: second.y,
        patches: embedded.y,
        blocks: outputs,
        rope,
        saved: {
          patchEmbed: embedded.saved,
          blocks: saved,
          norm: normed.saved,
          fc1: first.saved,
          activated: first.y,
          fc2: second.saved,
          context,
        },
      };
    });
  }

  /** Gradient of the features [N / mergeSize², out] into the tower's parameters, for dense training. */
  backward(rec: Recorder, dFeatures: Tensor, { saved }: VisionForward): void {
    const { patchEmbed, blocks, norm, fc1, fc2 } = this.parts;
    const dActivated = fc2.backward(rec, dFeatures, saved.fc2);
    const dHidden = rec.like(dActivated, "d visual.merger.gelu");
    emitActivationBackward(rec, { kind: "gelu", x: saved.activated, dy: dActivated, dx: dHidden });
    const dWide = fc1.backward(rec, dHidden, saved.fc1);
    let dx = norm.backward(rec, view(dWide, saved.norm.x.shape), saved.norm);
    for (let index = blocks.length - 1; index >= 0; index--) {
      dx = blocks[index].backward(rec, dx, saved.blocks[index], saved.context(index));
    }
    patchEmbed.backward(rec, dx, saved.patchEmbed);
  }
}

/** Checkpoints hold q, k and v of a vision block as one tensor, rows in that order; the kit keeps them apart. */
function splitProjections(source: WeightSource): WeightSource {
  const partOf = (name: string) => {
    const match = /^(.*\.attn)\.([qkv])\.(weight|bias)$/.exec(name);
    return match && { fused: `${match[1]}.qkv.${match[3]}`, index: "qkv".indexOf(match[2]) };
  };
  return {
    async read(name) {
      const part = partOf(name);
      if (!part) return source.read(name);
      const values = await source.read(part.fused);
      const third = values.length / 3;
      return values.slice(part.index * third, (part.index + 1) * third);
    },
    async readPacked(name) {
      const part = partOf(name);
      const packed = await source.readPacked?.(part ? part.fused : name);
      return part && packed ? packedRows(packed, (part.index * packed.N) / 3, packed.N / 3) : packed;
    },
  };
}
