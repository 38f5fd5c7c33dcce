import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Constants, Kernel, Sizes, Variant } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, shards, showShape } from "../gpu/tensor.ts";
import type { Scalar, Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import { weightPieces } from "./weight.ts";
import type { Weight } from "./weight.ts";
import mad4 from "../../shaders/lib/mad4.wgsl?raw";
import rowsDy from "../../shaders/lib/rows-dy.wgsl?raw";
import rowsDyRagged from "../../shaders/lib/rows-dy-ragged.wgsl?raw";
import rowsX from "../../shaders/lib/rows-x.wgsl?raw";
import rowsXRagged from "../../shaders/lib/rows-x-ragged.wgsl?raw";
import shareNone from "../../shaders/lib/share-none.wgsl?raw";
import share4 from "../../shaders/lib/share-subgroup-4.wgsl?raw";
import share8 from "../../shaders/lib/share-subgroup-8.wgsl?raw";
import weightF16 from "../../shaders/lib/weight-f16.wgsl?raw";
import weightF16Ragged from "../../shaders/lib/weight-f16-ragged.wgsl?raw";
import weightF32 from "../../shaders/lib/weight-f32.wgsl?raw";
import weightF32Ragged from "../../shaders/lib/weight-f32-ragged.wgsl?raw";
import weightQ4 from "../../shaders/lib/weight-q4.wgsl?raw";
import weightQ8 from "../../shaders/lib/weight-q8.wgsl?raw";
import forwardSource from "../../shaders/matmul.wgsl?raw";
import backwardBiasSource from "../../shaders/matmul-backward-bias.wgsl?raw";
import backwardWSource from "../../shaders/matmul-backward-w.wgsl?raw";
import backwardXSource from "../../shaders/matmul-backward-x.wgsl?raw";

/** How a row reaches all lanes: through a subgroup of at least 8 or 4, or loaded by each of them. */
type Sharing = 8 | 4 | 1;
const sharing: Record<Sharing, string> = { 8: share8, 4: share4, 1: shareNone };

/** Weight pieces by format, and the columns a row's length must be a multiple of to be loaded a unit at a time. */
const formats: Record<
  Weight["format"],
  { whole: string; ragged: string; multiple: number; step: (whole: boolean) => number }
> = {
  f32: { whole: weightF32, ragged: weightF32Ragged, multiple: 4, step: () => 4 },
  f16: { whole: weightF16, ragged: weightF16Ragged, multiple: 8, step: (whole) => (whole ? 8 : 4) },
  q8: { whole: weightQ8, ragged: weightQ8, multiple: 1, step: () => 8 },
  q4: { whole: weightQ4, ragged: weightQ4, multiple: 1, step: () => 8 },
};

/** Tile heights and workgroup widths. Register arrays need a const, so the height comes as a line of WGSL. */
function tiles(
  heights: readonly number[],
  lanes: readonly number[],
  share: Sharing,
  parts: readonly string[],
): Variant[] {
  return lanes.flatMap((LANES) =>
    heights.map((TILE_T) => ({
      constants: { LANES, TILE_T },
      requires: share === 1 ? [] : ["subgroups" as const],
      wgsl: [`const TILE_ROWS: u32 = ${TILE_T}u; override TILE_T: u32 = TILE_ROWS;`, ...parts],
    })),
  );
}

/** The lowest tile that covers `height` rows, else the tallest; the narrowest workgroup that covers `width` lanes. */
function pick(eligible: readonly Variant[], height: number, width: number): number {
  const cost = ({ constants }: Variant) => {
    const tile = Number(constants.TILE_T);
    const lanes = Number(constants.LANES);
    return (
      (Math.ceil(height / tile) * tile - height) * 1e-3 +
      Math.ceil(height / tile) +
      1e4 * (Math.ceil(width / lanes) + (lanes / 64) * 0.5)
    );
  };
  return eligible.reduce((best, variant, index) => (cost(variant) < cost(eligible[best]) ? index : best), 0);
}

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);
const blocks = (
  height: number,
  width: number,
  { TILE_T, LANES }: Constants,
): readonly [number, number, number] => rows(ceilDiv(height, Number(TILE_T)) * ceilDiv(width, Number(LANES)));

const remembered = new Map<string, Kernel>();
function remember(key: string, make: () => Kernel): Kernel {
  let kernel = remembered.get(key);
  if (!kernel) remembered.set(key, (kernel = make()));
  return kernel;
}

function weightPart(w: Weight): { part: string; whole: boolean; step: number } {
  const { whole, ragged, multiple, step } = formats[w.format];
  const isWhole = w.K % multiple === 0;
  return { part: isWhole ? whole : ragged, whole: isWhole, step: step(isWhole) };
}

const scalesShape = (w: Weight): Record<string, readonly string[]> =>
  w.scales ? { scales: ["scale_rows", "groups"] } : {};

/** y (=|+=) alpha·x·wᵀ + bias + add. See shaders/matmul.wgsl. */
function forwardKernel(w: Weight, share: Sharing): Kernel {
  const { part, whole } = weightPart(w);
  return remember(`forward ${w.format} ${whole} ${w.K % 4 === 0} ${share}`, () => {
    const parts = [mad4, sharing[share], w.K % 4 === 0 ? rowsX : rowsXRagged, part, forwardSource];
    return defineKernel({
      name: "matmul",
      wgsl: parts,
      entry: "forward",
      tensors: {
        x: ["T", "K"],
        data: ["rows", "words"],
        ...scalesShape(w),
        bias: ["N"],
        add: ["T", "N"],
        y: ["T", "N"],
      },
      optional: ["bias", "add"],
      workgroups: ({ T, count }, constants) => blocks(T, ceilDiv(count, 4), constants),
      variants: tiles([16, 32, 8, 4, 2, 1], [64, 8], share, parts),
      choose: ({ T, count }, eligible) => pick(eligible, T, ceilDiv(count, 4)),
    });
  });
}

/** dx (=|+=) alpha·dy·w. See shaders/matmul-backward-x.wgsl. */
function backwardXKernel(w: Weight, share: Sharing): Kernel {
  const { part, whole, step } = weightPart(w);
  return remember(`backward-x ${w.format} ${whole} ${w.N % 4 === 0} ${share}`, () => {
    const parts = [mad4, sharing[share], w.N % 4 === 0 ? rowsDy : rowsDyRagged, part, backwardXSource];
    const units = ({ K, group }: Sizes) => (w.scales ? ceilDiv(K, group) * (group / step) : ceilDiv(K, step));
    return defineKernel({
      name: "matmul-backward-x",
      wgsl: parts,
      entry: "backward_x",
      tensors: { dy: ["T", "N"], data: ["rows", "words"], ...scalesShape(w), dx: ["T", "K"] },
      workgroups: (sizes, constants) => blocks(sizes.T, units(sizes), constants),
      variants: tiles([16, 8, 1], [64, 8], share, parts),
      choose: (sizes, eligible) => pick(eligible, sizes.T, units(sizes)),
    });
  });
}

/** dw (=|+=) alpha·dyᵀ·x. See shaders/matmul-backward-w.wgsl. */
function backwardWKernel(N: number, K: number, share: Sharing): Kernel {
  return remember(`backward-w ${N % 4 === 0} ${K % 4 === 0} ${share}`, () => {
    const parts = [
      sharing[share],
      N % 4 === 0 ? rowsDy : rowsDyRagged,
      K % 4 === 0 ? rowsX : rowsXRagged,
      backwardWSource,
    ];
    return defineKernel({
      name: "matmul-backward-w",
      wgsl: parts,
      entry: "backward_w",
      tensors: { dy: ["T", "N"], x: ["T", "K"], dw: ["count", "K"] },
      workgroups: ({ count, K }, constants) => blocks(count, ceilDiv(K, 4), constants),
      variants: tiles([16, 32, 4], [64, 8], share, parts),
      choose: ({ count, K }, eligible) => pick(eligible, count, ceilDiv(K, 4)),
    });
  });
}

/** db (=|+=) Σ_t dy[t]. See shaders/matmul-backward-bias.wgsl. */
export const biasBackward = defineKernel({
  name: "matmul-backward-bias",
  wgsl: [backwardBiasSource],
  entry: "backward_bias",
  tensors: { dy: ["T", "N"], db: ["N"] },
  workgroups: ({ N }) => rows(ceilDiv(N, 16)),
});

/** What the device can share rows through. Subgroups of an unknown size have at least 4 lanes. */
function sharingOf({ device }: Recorder): Sharing {
  if (!device.has("subgroups")) return 1;
  return (device.info.subgroupMinSize ?? 4) >= 8 ? 8 : 4;
}

/** A matrix [T, width] of a tensor whose axes behind the first make up `width`. */
function matrix(rec: Recorder, tensor: Tensor, width: number, what: string): Tensor {
  const [T, ...rest] = tensor.shape;
  const columns = rest.reduce<number>((product, extent) => product * capacity(extent), 1);
  if (columns !== width)
    throw new ShapeError(`${what}: ${tensor.name}`, showShape(tensor.shape), `[T, ${width}]`);
  return rest.length === 1 ? tensor : rec.view(tensor, [T, width]);
}

export interface MatmulArguments {
  /** [T, K], f32 or f16. */
  x: Tensor;
  /** [N, K] in any format. */
  w: Weight;
  /** [T, N], f32 or f16. Other tensors may not share its buffer. */
  y: Tensor;
  /** f32 [N]. */
  bias?: Tensor;
  /** [T, N], f32 or f16: the residual stream that y continues. */
  add?: Tensor;
  alpha?: number | Scalar;
  /** Adds to what y holds instead of overwriting it. */
  accumulate?: boolean;
}

/**
 * Records y (=|+=) alpha·x·wᵀ + bias + add. Axes behind a tensor's first are taken as one. Each y is one sum over
 * ascending k, in the same order for every T and format-independent tile: rows computed one at a time and rows computed
 * together come out bit for bit the same.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmul(
  rec: Recorder,
  { x, w, y, bias, add, alpha = 1, accumulate = false }: MatmulArguments,
): void {
  const kernel = forwardKernel(w, sharingOf(rec));
  const tensors = {
    x: matrix(rec, x, w.K, "matmul"),
    y: matrix(rec, y, w.N, "matmul"),
    add: add && matrix(rec, add, w.N, "matmul"),
    bias,
  };
  const flags = {
    accumulate: Number(accumulate),
    has_bias: Number(bias !== undefined),
    has_add: Number(add !== undefined),
  };
  for (const { data, scales, ...piece } of weightPieces(w)) {
    const params = { ...piece, ...flags, group: w.group, alpha };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  }
}

export interface MatmulBackwardXArguments {
  /** [T, N], f32 or f16. */
  dy: Tensor;
  /** [N, K] in any format. */
  w: Weight;
  /** [T, K], f32 or f16. */
  dx: Tensor;
  alpha?: number | Scalar;
  accumulate?: boolean;
}

/**
 * Records dx (=|+=) alpha·dy·w.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmulBackwardX(
  rec: Recorder,
  { dy, w, dx, alpha = 1, accumulate = false }: MatmulBackwardXArguments,
): void {
  const kernel = backwardXKernel(w, sharingOf(rec));
  const tensors = {
    dy: matrix(rec, dy, w.N, "matmul backward"),
    dx: matrix(rec, dx, w.K, "matmul backward"),
  };
  weightPieces(w).forEach(({ data, scales, ...piece }, index) => {
    const params = { ...piece, group: w.group, alpha, accumulate: Number(accumulate || index > 0) };
    rec.run(kernel, { ...tensors, data, ...(scales && { scales }) }, params);
  });
}

export interface MatmulBackwardWArguments {
  /** [T, N], f32 or f16. */
  dy: Tensor;
  /** [T, K], f32 or f16. */
  x: Tensor;
  /** f32 [N, K]. */
  dw: Tensor;
  alpha?: number | Scalar;
  accumulate?: boolean;
}

/**
 * Records dw (=|+=) alpha·dyᵀ·x, summed over ascending t.
 * @throws ShapeError when shapes do not fit.
 */
export function emitMatmulBackwardW(
  rec: Recorder,
  { dy, x, dw, alpha = 1, accumulate = false }: MatmulBackwardWArguments,
): void {
  const [N, K] = dw.shape.map(capacity);
  const kernel = backwardWKernel(N, K, sharingOf(rec));
  const tensors = { dy: matrix(rec, dy, N, "matmul backward"), x: matrix(rec, x, K, "matmul backward") };
  for (const { begin, tensor } of shards(dw)) {
    rec.run(kernel, { ...tensors, dw: tensor }, { begin, alpha, accumulate: Number(accumulate) });
  }
}

/** Records db (=|+=) Σ_t dy[t]. dy [T, N] f32 or f16, db f32 [N]. */
export function emitBiasBackward(
  rec: Recorder,
  { dy, db, accumulate = false }: { dy: Tensor; db: Tensor; accumulate?: boolean },
): void {
  const tensors = { dy: matrix(rec, dy, capacity(db.shape[0]), "bias backward"), db };
  rec.run(biasBackward, tensors, { accumulate: Number(accumulate) });
}
