import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import cosSin from "../../shaders/lib/rope-angle.wgsl?raw";
import source from "../../shaders/rope.wgsl?raw";

const wgsl = [cosSin, source];

/** Cosine and sine tables [T, P] from positions [A, T]. See shaders/rope.wgsl. */
export const ropeAngles = defineKernel({
  name: "rope",
  wgsl,
  entry: "angles",
  tensors: {
    positions: ["A", "T"],
    inverse_frequencies: ["P"],
    axes: ["P"],
    cosines: ["T", "P"],
    sines: ["T", "P"],
  },
  workgroups: ({ T, P }) => rows(Math.ceil((T * P) / 64)),
});

/** Rotates x [T, H, 2 P] in place by the tables; direction -1 is the backward. */
export const ropeRotate = defineKernel({
  name: "rope",
  wgsl,
  entry: "rotate",
  tensors: { x: ["T", "H", "D"], cosines: ["T", "P"], sines: ["T", "P"] },
  workgroups: ({ T, H, P }) => rows(Math.ceil((T * H * P) / 64)),
});

/** The same into y, leaving x. */
export const ropeRotateTo = defineKernel({
  name: "rope",
  wgsl,
  entry: "rotate_to",
  tensors: { x: ["T", "H", "D"], y: ["T", "H", "D"], cosines: ["T", "P"], sines: ["T", "P"] },
  workgroups: ({ T, H, P }) => rows(Math.ceil((T * H * P) / 64)),
});

/**
 * Records the tables of one batch of tokens: cos, sin f32 [T, D/2] of position[axes[i], t] · inverseFrequencies[i].
 * positions: i32 [A, T], row by row with the T of the run (axis a of token t is element a·T + t).
 * inverseFrequencies: f32 [D/2]. axes: u32 [D/2], below A: which row of positions a frequency turns by.
 */
export function emitRopeAngles(
  rec: Recorder,
  tensors: { positions: Tensor; inverseFrequencies: Tensor; axes: Tensor; cos: Tensor; sin: Tensor },
): void {
  const { positions, inverseFrequencies, axes, cos, sin } = tensors;
  rec.run(
    ropeAngles,
    { positions, inverse_frequencies: inverseFrequencies, axes, cosines: cos, sines: sin },
    { H: 1, direction: 1 },
  );
}

/** Records rotate-half rope of x [T, H, D] by cos, sin [T, D/2]: in place, or into y [T, H, D]. */
export function emitRope(
  rec: Recorder,
  { x, y, cos, sin }: { x: Tensor; y?: Tensor; cos: Tensor; sin: Tensor },
): void {
  checkWidth(x, cos);
  if (y) rec.run(ropeRotateTo, { x, y, cosines: cos, sines: sin }, { direction: 1 });
  else rec.run(ropeRotate, { x, cosines: cos, sines: sin }, { direction: 1 });
}

/** Records the backward in place: dx [T, H, D] holds dy before and dx after. */
export function emitRopeBackward(
  rec: Recorder,
  { dx, cos, sin }: { dx: Tensor; cos: Tensor; sin: Tensor },
): void {
  checkWidth(dx, cos);
  rec.run(ropeRotate, { x: dx, cosines: cos, sines: sin }, { direction: -1 });
}

function checkWidth(x: Tensor, cos: Tensor): void {
  const D = capacity(x.shape[x.shape.length - 1]);
  const P = capacity(cos.shape[cos.shape.length - 1]);
  if (D !== 2 * P)
    throw new ShapeError(`rope: width of the tables for ${x.name} of head width ${D}`, P, D / 2);
}
