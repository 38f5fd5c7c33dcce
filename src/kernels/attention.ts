import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Sizes, Variant } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import { attentionTile, segmentLayout } from "./attention-segments.ts";
import type { SegmentInputs } from "./attention-segments.ts";
import backwardKv from "../../shaders/attention-backward-kv.wgsl?raw";
import backwardQ from "../../shaders/attention-backward-q.wgsl?raw";
import decodeRows from "../../shaders/attention-decode-rows.wgsl?raw";
import decode from "../../shaders/attention-decode.wgsl?raw";
import rowStats from "../../shaders/attention-stats.wgsl?raw";
import forward from "../../shaders/attention.wgsl?raw";
import keys from "../../shaders/lib/attention-keys.wgsl?raw";
import segmentTable from "../../shaders/lib/attention-segments.wgsl?raw";
import spreadNone from "../../shaders/lib/attention-spread-none.wgsl?raw";
import spreadSubgroup from "../../shaders/lib/attention-spread-subgroup.wgsl?raw";
import dotAdd from "../../shaders/lib/dot-add.wgsl?raw";

export * from "./attention-segments.ts";

/** How much an invocation holds: consts of the WGSL, since register arrays need const sizes. */
interface Tiling {
  /** Rows it owns. */
  rows: number;
  /** Rows of the other side it takes at a time. */
  block: number;
}

function tiled(source: string, { rows, block }: Tiling, unroll: boolean, subgroups: boolean): Variant {
  const consts = `const ROWS = ${rows}u;\nconst BLOCK = ${block}u;\nconst UNROLL = ${unroll};\n`;
  const spread = subgroups ? spreadSubgroup : spreadNone;
  return {
    constants: {},
    wgsl: [consts, segmentTable, spread, source],
    ...(subgroups && { requires: ["subgroups"] as const }),
  };
}

/**
 * Four ways to run a source: with and without subgroups, and tiled for a software adapter (many rows per invocation,
 * since loads are dear and registers are cached memory; loops kept, since compiling is dear) or for a GPU.
 */
function variants(source: string, software: { plain: Tiling; subgroups: Tiling }): Variant[] {
  return [
    tiled(source, software.plain, false, false),
    tiled(source, software.subgroups, false, true),
    tiled(source, { rows: 1, block: 4 }, true, false),
    tiled(source, { rows: 1, block: 8 }, true, true),
  ];
}

/** Of the variants above: subgroups where there are any, tiled for what the device is. */
function choose({ software }: Sizes, eligible: readonly Variant[]): number {
  const half = eligible.length === 4 ? 1 : 0;
  return software ? half : eligible.length / 2 + half;
}

const consts = ({ D, subgroup_lanes }: Sizes) => ({ D4: D / 4, SUBGROUP_LANES: subgroup_lanes });
const tiles = (extent: number) => Math.ceil(extent / attentionTile);

/** q, o [T, H, D], k, v [Tk, KV, D], lse [T, H]. See shaders/attention.wgsl. */
export const attentionForward = defineKernel({
  name: "attention",
  wgsl: [],
  entry: "forward",
  tensors: {
    q: ["T", "H", "D"],
    k: ["Tk", "KV", "D"],
    v: ["Tk", "KV", "D"],
    table: ["W"],
    o: ["T", "H", "D"],
    lse: ["T", "H"],
  },
  workgroups: ({ T, H }) => rows(tiles(T) * H),
  variants: variants(forward, { plain: { rows: 4, block: 8 }, subgroups: { rows: 4, block: 16 } }),
  choose,
  consts,
});

/** o, d_o [T, H, D], lse [T, H], stats [T, H, 2]. See shaders/attention-stats.wgsl. */
export const attentionRowStats = defineKernel({
  name: "attention-stats",
  wgsl: [dotAdd, rowStats],
  entry: "row_stats",
  tensors: { o: ["T", "H", "D"], d_o: ["T", "H", "D"], lse: ["T", "H"], stats: ["T", "H", 2] },
  workgroups: ({ T, H }) => rows(Math.ceil((T * H) / 64)),
});

/** q, d_o, dq [T, H, D], k, v [Tk, KV, D], stats [T, H, 2]. See shaders/attention-backward-q.wgsl. */
export const attentionBackwardQ = defineKernel({
  name: "attention-backward-q",
  wgsl: [],
  entry: "backward_q",
  tensors: {
    q: ["T", "H", "D"],
    k: ["Tk", "KV", "D"],
    v: ["Tk", "KV", "D"],
    table: ["W"],
    d_o: ["T", "H", "D"],
    stats: ["T", "H", 2],
    dq: ["T", "H", "D"],
  },
  workgroups: ({ T, H }) => rows(tiles(T) * H),
  variants: variants(backwardQ, { plain: { rows: 4, block: 4 }, subgroups: { rows: 4, block: 8 } }),
  choose,
  consts,
});

/** q, d_o [T, H, D], k, v, dk, dv [Tk, KV, D], stats [T, H, 2]. See shaders/attention-backward-kv.wgsl. */
export const attentionBackwardKv = defineKernel({
  name: "attention-backward-kv",
  wgsl: [],
  entry: "backward_kv",
  tensors: {
    q: ["T", "H", "D"],
    k: ["Tk", "KV", "D"],
    v: ["Tk", "KV", "D"],
    table: ["W"],
    d_o: ["T", "H", "D"],
    stats: ["T", "H", 2],
    dk: ["Tk", "KV", "D"],
    dv: ["Tk", "KV", "D"],
  },
  workgroups: ({ Tk, KV }) => rows(tiles(Tk) * KV),
  variants: variants(backwardKv, { plain: { rows: 4, block: 4 }, subgroups: { rows: 2, block: 16 } }),
  choose,
  consts,
});

const decodeTensors = {
  q: ["B", "H", "D"],
  k: ["Tk", "KV", "D"],
  v: ["Tk", "KV", "D"],
  table: ["W"],
  o: ["B", "H", "D"],
};

/** LANES of shaders/attention-decode-rows.wgsl. */
const decodeLanes = 8;
/** Rows and heads from which one invocation for each keeps a software adapter's threads busy. */
const manyDecodeRows = 32;

/** q, o [B, H, D], k, v [Tk, KV, D]. See shaders/attention-decode.wgsl. */
export const attentionDecode = defineKernel({
  name: "attention-decode",
  wgsl: [segmentTable, keys, dotAdd, decode],
  entry: "decode",
  tensors: decodeTensors,
  workgroups: ({ B, H }) => rows(B * H),
});

/** The same in f32, an invocation per row and head: for software adapters. See shaders/attention-decode-rows.wgsl. */
export const attentionDecodeRows = defineKernel({
  name: "attention-decode-rows",
  wgsl: [segmentTable, keys, dotAdd, decodeRows],
  entry: "decode",
  tensors: decodeTensors,
  workgroups: ({ B, H }) => rows(Math.ceil((B * H) / decodeLanes)),
});

export interface AttentionTensors {
  /** [T, H, D]. D is a multiple of 4 and at most 128; H is a multiple of KV. */
  q: Tensor;
  /** [Tk, KV, D]: the packed tokens' own (Tk = T), or a cache. */
  k: Tensor;
  v: Tensor;
  /** Which query sees which keys. */
  segments: SegmentInputs;
  /** [T, H, D] */
  o: Tensor;
  /** What scores are multiplied by: D^-1/2 as a rule. */
  scale: number;
}

/**
 * Records o = softmax(scale · q·kᵀ)·v within the segments, and lse [T, H] f32, which the backward needs. No tensor of
 * T × T exists. q, k, v, o are f32, or all f16.
 * @throws ShapeError when the shapes do not fit each other, the segment table, or the limits of {@link AttentionTensors}.
 */
export function emitAttention(rec: Recorder, tensors: AttentionTensors & { lse: Tensor }): void {
  const { q, k, v, segments, o, lse, scale } = tensors;
  const params = attentionParams(rec, tensors, scale);
  rec.run(attentionForward, { q, k, v, table: segments.table, o, lse }, params);
}

/**
 * Records dq [T, H, D], dk and dv [Tk, KV, D] from do = dL/do [T, H, D] and the forward's q, k, v, o, lse. All three are
 * overwritten. A key that several segments see (a shared prefix) gets the sum of their gradients.
 * @throws ShapeError as {@link emitAttention}.
 */
export function emitAttentionBackward(
  rec: Recorder,
  tensors: AttentionTensors & { lse: Tensor; do: Tensor; dq: Tensor; dk: Tensor; dv: Tensor },
): void {
  const { q, k, v, segments, o, lse, do: d_o, dq, dk, dv, scale } = tensors;
  const params = attentionParams(rec, tensors, scale);
  const stats = rec.tensor(`${q.name} row stats`, [...q.shape.slice(0, 2), 2], "f32");
  rec.run(attentionRowStats, { o, d_o, lse, stats });
  rec.run(attentionBackwardQ, { q, k, v, table: segments.table, d_o, stats, dq }, params);
  rec.run(attentionBackwardKv, { q, k, v, table: segments.table, d_o, stats, dk, dv }, params);
}

/**
 * Records attention of few rows over a cache: the same o as {@link emitAttention} up to rounding, laid out for segments
 * of one query. Works for B = 1 to hundreds.
 * @throws ShapeError as {@link emitAttention}.
 */
export function emitDecodeAttention(rec: Recorder, tensors: AttentionTensors): void {
  const { q, k, v, segments, o, scale } = tensors;
  const { segments_at, software } = attentionParams(rec, tensors, scale);
  const [B, H] = q.shape.map(capacity);
  const single = [q, k, v, o].every(({ dtype }) => dtype === "f32");
  const kernel = software && single && B * H >= manyDecodeRows ? attentionDecodeRows : attentionDecode;
  rec.run(kernel, { q, k, v, table: segments.table, o }, { segments_at, scale });
}

/**
 * Checks the shapes that no kernel can and gives the parameters that the kernels share.
 * @throws ShapeError as {@link emitAttention}.
 */
export function attentionParams(
  rec: Recorder,
  { q, k, segments }: Pick<AttentionTensors, "q" | "k" | "segments">,
  scale: number,
) {
  const [T, H, D] = q.shape.map(capacity);
  const [Tk, KV] = k.shape.map(capacity);
  if (D % 4 !== 0 || D > 128)
    throw new ShapeError(`attention: head width of ${q.name}`, D, "a multiple of 4 up to 128");
  if (H % KV !== 0)
    throw new ShapeError(`attention: heads of ${q.name}`, H, `a multiple of the ${KV} of ${k.name}`);
  if (T > segments.queries)
    throw new ShapeError(`attention: rows of ${q.name}`, T, `at most the segments' ${segments.queries}`);
  if (Tk > segments.keys)
    throw new ShapeError(`attention: rows of ${k.name}`, Tk, `at most the segments' ${segments.keys}`);
  const { info } = rec.device;
  const { keyTilesAt, segmentsAt } = segmentLayout(segments);
  return {
    scale,
    key_tiles_at: keyTilesAt,
    segments_at: segmentsAt,
    // Not parameters of the WGSL: what `consts` and `choose` decide by.
    subgroup_lanes: (info.subgroupMinSize ?? 4) >= 8 ? 8 : 4,
    software: Number(
      /llvmpipe|lavapipe|swiftshader/i.test(`${info.architecture} ${info.device} ${info.description}`),
    ),
  };
}
