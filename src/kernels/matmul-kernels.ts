import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Constants, Kernel, Sizes, Variant } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, showShape } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import type { Weight } from "./weight.ts";
import chunkF16 from "../../shaders/lib/chunk-f16.wgsl?raw";
import chunkF32 from "../../shaders/lib/chunk-f32.wgsl?raw";
import chunkQ4 from "../../shaders/lib/chunk-q4.wgsl?raw";
import chunkQ8 from "../../shaders/lib/chunk-q8.wgsl?raw";
import columnsDx from "../../shaders/lib/columns-dx.wgsl?raw";
import columnsDxRagged from "../../shaders/lib/columns-dx-ragged.wgsl?raw";
import columnsY from "../../shaders/lib/columns-y.wgsl?raw";
import columnsYRagged from "../../shaders/lib/columns-y-ragged.wgsl?raw";
import mad4 from "../../shaders/lib/mad4.wgsl?raw";
import few from "../../shaders/lib/matmul-few.wgsl?raw";
import split from "../../shaders/lib/matmul-split.wgsl?raw";
import storeTile from "../../shaders/lib/matmul-store.wgsl?raw";
import tileForward from "../../shaders/lib/matmul-tile.wgsl?raw";
import tileBackward from "../../shaders/lib/matmul-tile-backward.wgsl?raw";
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
import loraSource from "../../shaders/lora.wgsl?raw";
import loraBackwardSource from "../../shaders/lora-backward.wgsl?raw";
import forwardSource from "../../shaders/matmul.wgsl?raw";
import backwardBiasSource from "../../shaders/matmul-backward-bias.wgsl?raw";
import backwardWSource from "../../shaders/matmul-backward-w.wgsl?raw";
import backwardXSource from "../../shaders/matmul-backward-x.wgsl?raw";

/** How a row reaches all lanes: through a subgroup of at least 8 or 4, or loaded by each of them. */
export type Sharing = 8 | 4 | 1;
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

/**
 * Tile heights. Without a subgroup to share rows through, every row of a tile is a load of its own: taller tiles are no
 * faster then, and a software adapter compiles them four times as long.
 */
const heights = {
  forward: { 8: [16, 8, 4, 2, 1], 4: [16, 8, 4, 2, 1], 1: [8, 4, 2, 1] },
  backwardX: { 8: [16, 8, 1], 4: [16, 8, 1], 1: [8, 1] },
  backwardW: { 8: [32, 16, 4], 4: [32, 16, 4], 1: [16, 4] },
} as const;

/** Lanes of a workgroup along the columns, four columns each. */
const workgroupWidths = [64, 32, 16, 8];

/** Weight pieces that give 32 values at a time: for few rows of x, K a multiple of 32. */
const chunks: Record<Weight["format"], string> = { f32: chunkF32, f16: chunkF16, q8: chunkQ8, q4: chunkQ4 };

/** Up to how many rows of x the row kernels (lib/matmul-few.wgsl, lib/matmul-split.wgsl) serve better than the tiles. */
const fewRows = 4;

/** Tile heights and workgroup widths. Register arrays need a const, so the height comes as a line of WGSL. */
function tiles(
  tileHeights: readonly number[],
  lanes: readonly number[],
  share: Sharing,
  parts: readonly string[],
): Variant[] {
  return lanes.flatMap((LANES) =>
    tileHeights.map((TILE_T) => ({
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
      // Lanes beyond the last column work for nothing; narrow workgroups cost more each: twice as much at 8 lanes.
      1e4 * Math.ceil(width / lanes) * (lanes + 8)
    );
  };
  return eligible.reduce((best, variant, index) => (cost(variant) < cost(eligible[best]) ? index : best), 0);
}

/**
 * Index of the forward variant for T rows of x and `width` quads of columns. Few rows go to the row kernels: on a GPU
 * those that split k among lanes (keeping the tiles' order of summation would leave most of it idle there), on a CPU
 * that plays one those that do not. Its other formats than q4 are faster in low tiles.
 */
function pickForward(eligible: readonly Variant[], T: number, width: number, wide: boolean): number {
  const isFew = ({ constants }: Variant) => constants.SPLIT !== undefined;
  const few = T <= fewRows && eligible.some(isFew);
  const candidates = eligible.filter(
    (variant) => isFew(variant) === few && (!few || wide === Number(variant.constants.SPLIT) > 1),
  );
  return eligible.indexOf(candidates[pick(candidates, T, width)]);
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

/** y (=|+=) alpha·x·wᵀ + bias + add. See shaders/matmul.wgsl. With `lora`, + scale·z·bᵀ: shaders/lora.wgsl. */
export function forwardKernel(w: Weight, share: Sharing, lora: boolean): Kernel {
  const { part, whole } = weightPart(w);
  return remember(
    `forward ${w.format} ${whole} ${w.K % 4 === 0} ${w.K % 32 === 0} ${w.N % 4 === 0} ${share} ${lora}`,
    () => {
      const parts = (sharing: string, part: string, tile: string) => [
        mad4,
        sharing,
        w.K % 4 === 0 ? rowsX : rowsXRagged,
        w.N % 4 === 0 ? columnsY : columnsYRagged,
        part,
        tile,
        storeTile,
        lora ? loraSource : forwardSource,
      ];
      const tiled = parts(sharing[share], part, tileForward);
      const variants = tiles(heights.forward[share], workgroupWidths, share, tiled);
      if (w.K % 32 === 0) {
        const withSplit = (SPLIT: number, variants: Variant[]): Variant[] =>
          variants.map((variant) => ({ ...variant, constants: { ...variant.constants, SPLIT } }));
        if (w.format === "q4") {
          const fewParts = parts(sharing[share], chunks.q4, few);
          variants.push(...withSplit(1, tiles([4, 2, 1], [64], share, fewParts)));
        }
        const splitParts = parts(sharing[1], chunks[w.format], split);
        variants.push(...withSplit(8, tiles([4, 2, 1], [64], 1, splitParts)));
      }
      return defineKernel({
        name: lora ? "lora" : "matmul",
        wgsl: tiled,
        entry: "forward",
        tensors: {
          x: ["T", "K"],
          data: ["rows", "words"],
          ...scalesShape(w),
          bias: ["N"],
          add: ["T", "N"],
          y: ["T", "N"],
          ...(lora && { z: ["T", "R"], b: ["N", "R"] }),
        },
        optional: ["bias", "add"],
        consts: ({ ACCUMULATE, HAS_BIAS, HAS_ADD }) => ({ ACCUMULATE, HAS_BIAS, HAS_ADD }),
        workgroups: ({ T, count }, constants) => {
          const LANES = Number(constants.LANES) / Number(constants.SPLIT ?? 1);
          return blocks(T, ceilDiv(count, 4), { ...constants, LANES });
        },
        variants,
        tunable: true,
        choose: ({ T, count, WIDE }, eligible) => pickForward(eligible, T, ceilDiv(count, 4), WIDE !== 0),
      });
    },
  );
}

/** dx (=|+=) alpha·dy·w. See shaders/matmul-backward-x.wgsl. With `lora`, + dz·a: shaders/lora-backward.wgsl. */
export function backwardXKernel(w: Weight, share: Sharing, lora: boolean): Kernel {
  const { part, whole, step } = weightPart(w);
  return remember(
    `backward-x ${w.format} ${whole} ${w.K % 4 === 0} ${w.N % 4 === 0} ${share} ${lora}`,
    () => {
      const parts = [
        mad4,
        sharing[share],
        w.N % 4 === 0 ? rowsDy : rowsDyRagged,
        w.K % 4 === 0 ? columnsDx : columnsDxRagged,
        part,
        tileBackward,
        lora ? loraBackwardSource : backwardXSource,
      ];
      const units = ({ K, group }: Sizes) =>
        w.scales ? ceilDiv(K, group) * (group / step) : ceilDiv(K, step);
      return defineKernel({
        name: lora ? "lora-backward" : "matmul-backward-x",
        wgsl: parts,
        entry: "backward_x",
        tensors: {
          dy: ["T", "N"],
          data: ["rows", "words"],
          ...scalesShape(w),
          dx: ["T", "K"],
          ...(lora && { dz: ["T", "R"], a: ["R", "K"] }),
        },
        consts: ({ ACCUMULATE }) => ({ ACCUMULATE }),
        workgroups: (sizes, constants) => blocks(sizes.T, units(sizes), constants),
        variants: tiles(heights.backwardX[share], workgroupWidths, share, parts),
        tunable: true,
        choose: (sizes, eligible) => pick(eligible, sizes.T, units(sizes)),
      });
    },
  );
}

/** dw (=|+=) alpha·dyᵀ·x. See shaders/matmul-backward-w.wgsl. */
export function backwardWKernel(N: number, K: number, share: Sharing): Kernel {
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
      consts: ({ ACCUMULATE }) => ({ ACCUMULATE }),
      workgroups: ({ count, K }, constants) => blocks(count, ceilDiv(K, 4), constants),
      variants: tiles(heights.backwardW[share], workgroupWidths, share, parts),
      tunable: true,
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
export function sharingOf({ device }: Recorder): Sharing {
  if (!device.has("subgroups")) return 1;
  return (device.info.subgroupMinSize ?? 4) >= 8 ? 8 : 4;
}

/** A matrix [T, width] of a tensor whose axes behind the first make up `width`. */
export function matrix(rec: Recorder, tensor: Tensor, width: number, what: string): Tensor {
  const [T, ...rest] = tensor.shape;
  const columns = rest.reduce<number>((product, extent) => product * capacity(extent), 1);
  if (columns !== width)
    throw new ShapeError(`${what}: ${tensor.name}`, showShape(tensor.shape), `[T, ${width}]`);
  return rest.length === 1 ? tensor : rec.view(tensor, [T, width]);
}
