/**
 * Elementwise kernels in two forms: one element per invocation, and four where the width allows. The shader is written
 * once, against shaders/lib/pack-1.wgsl or pack-4.wgsl. On f32 [512, 4096] the wide form of add, SwiGLU, GELU and gather
 * took a tenth to a quarter of the narrow one's time on lavapipe, and a quarter to a half on SwiftShader (a loaded
 * 2-core machine, medians of 7).
 */
import { defineKernel, rows } from "../gpu/kernel.ts";
import type { Constants, Kernel, KernelSpec } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { capacity, Dim, showShape } from "../gpu/tensor.ts";
import type { ParamValue, Tensor } from "../gpu/tensor.ts";
import { ShapeError } from "../util/errors.ts";
import pack1 from "../../shaders/lib/pack-1.wgsl?raw";
import pack4 from "../../shaders/lib/pack-4.wgsl?raw";

/** A kernel per elements handled by one invocation. */
export type PackedKernel = Record<1 | 4, Kernel>;

/** Invocations of one workgroup: LANES in the shaders. */
const lanes = 64;

/**
 * Both forms of a kernel over matrices. `extent` names the dims of the matrix an invocation's element is in, the width
 * last; `wgsl` goes behind the pack piece.
 */
export function definePacked(
  spec: Pick<KernelSpec, "name" | "entry" | "wgsl" | "tensors"> & {
    extent: readonly [rows: string, width: string];
    constants?: Constants;
  },
): PackedKernel {
  const { extent, constants, ...rest } = spec;
  const form = (piece: string, width: number) =>
    defineKernel({
      ...rest,
      wgsl: [piece, ...spec.wgsl],
      workgroups: (sizes) => rows(Math.ceil((sizes[extent[0]] * sizes[extent[1]]) / (lanes * width))),
      variants: [constants ?? {}],
    });
  return { 1: form(pack1, 1), 4: form(pack4, 4) };
}

/**
 * Records the form that the width allows. The tensors of `folded` are seen as matrices [first extent, all others];
 * those of `others` are bound as they are.
 */
export function runPacked(
  rec: Recorder,
  kernel: PackedKernel,
  folded: Record<string, Tensor>,
  params: Record<string, ParamValue> = {},
  others: Record<string, Tensor> = {},
): void {
  const matrices = Object.fromEntries(
    Object.entries(folded).map(([name, tensor]) => [name, matrix(rec, tensor)]),
  );
  const wide = Object.values(matrices).every(({ shape }) => capacity(shape[1]) % 4 === 0);
  rec.run(kernel[wide ? 4 : 1], { ...matrices, ...others }, params);
}

/**
 * The same tensor as [first extent, all others].
 * @throws ShapeError when an extent other than the first is a Dim: its product would not be known before the run.
 */
function matrix(rec: Recorder, tensor: Tensor): Tensor {
  const [first, ...rest] = tensor.shape;
  if (rest.some((extent) => extent instanceof Dim)) {
    throw new ShapeError(
      `shape of ${tensor.name}`,
      showShape(tensor.shape),
      "a runtime length in the first axis only",
    );
  }
  if (rest.length === 1) return tensor;
  return rec.view(tensor, [first, rest.reduce<number>((product, extent) => product * capacity(extent), 1)]);
}
