import { defineKernel } from "../gpu/kernel.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { matrix, perElement } from "./elementwise.ts";
import sigmoid from "../../shaders/lib/sigmoid.wgsl?raw";
import source from "../../shaders/gelu.wgsl?raw";

/** "gelu" is the exact form by erf. For the formulas see shaders/gelu.wgsl. */
export type ActivationKind = "gelu" | "gelu_tanh" | "quick_gelu" | "silu";

/** In the order of the shader's KIND. */
export const activationKinds: readonly ActivationKind[] = ["gelu", "gelu_tanh", "quick_gelu", "silu"];

function perKind(entry: string, tensors: Record<string, readonly string[]>): Record<ActivationKind, Kernel> {
  const kernel = (kind: ActivationKind) =>
    defineKernel({
      name: "gelu",
      wgsl: [sigmoid, source],
      entry,
      tensors,
      workgroups: perElement,
      variants: [{ KIND: activationKinds.indexOf(kind) }],
    });
  return {
    gelu: kernel("gelu"),
    gelu_tanh: kernel("gelu_tanh"),
    quick_gelu: kernel("quick_gelu"),
    silu: kernel("silu"),
  };
}

/** y = f(x) over [T, F], one kernel per kind. */
export const activationForward = perKind("forward", { x: ["T", "F"], y: ["T", "F"] });

/** dx = dy · f′(x). */
export const activationBackward = perKind("backward", { x: ["T", "F"], dy: ["T", "F"], dx: ["T", "F"] });

/** Records y = f(x); x, y of one shape and dtype. */
export function emitActivation(
  rec: Recorder,
  { kind, x, y }: { kind: ActivationKind; x: Tensor; y: Tensor },
): void {
  rec.run(activationForward[kind], { x: matrix(rec, x), y: matrix(rec, y) });
}

/** Records dx = dy · f′(x), overwriting dx; x, dy, dx of one shape and dtype. */
export function emitActivationBackward(
  rec: Recorder,
  { kind, x, dy, dx }: { kind: ActivationKind; x: Tensor; dy: Tensor; dx: Tensor },
): void {
  rec.run(activationBackward[kind], { x: matrix(rec, x), dy: matrix(rec, dy), dx: matrix(rec, dx) });
}
