import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { definePacked, runPacked } from "./pack.ts";
import type { PackedKernel } from "./pack.ts";
import sigmoid from "../../shaders/lib/sigmoid.wgsl?raw";
import source from "../../shaders/gelu.wgsl?raw";

/** "gelu" is the exact form by erf. For the formulas see shaders/gelu.wgsl. */
export type ActivationKind = "gelu" | "gelu_tanh" | "quick_gelu" | "silu";

/** In the order of the shader's KIND. */
export const activationKinds: readonly ActivationKind[] = ["gelu", "gelu_tanh", "quick_gelu", "silu"];

function perKind(entry: string, names: readonly string[]): Record<ActivationKind, PackedKernel> {
  const tensors = Object.fromEntries(names.map((name) => [name, ["T", "F"]]));
  const kernel = (kind: ActivationKind) =>
    definePacked({
      name: "gelu",
      wgsl: [sigmoid, source],
      entry,
      tensors,
      extent: ["T", "F"],
      constants: { KIND: activationKinds.indexOf(kind) },
    });
  return {
    gelu: kernel("gelu"),
    gelu_tanh: kernel("gelu_tanh"),
    quick_gelu: kernel("quick_gelu"),
    silu: kernel("silu"),
  };
}

/** y = f(x) over [T, F], for each kind. */
export const activationForward = perKind("forward", ["x", "y"]);

/** dx = dy · f′(x). */
export const activationBackward = perKind("backward", ["x", "dy", "dx"]);

/** Records y = f(x); x, y of one shape and dtype. */
export function emitActivation(
  rec: Recorder,
  { kind, x, y }: { kind: ActivationKind; x: Tensor; y: Tensor },
): void {
  runPacked(rec, activationForward[kind], { x, y });
}

/** Records dx = dy · f′(x), overwriting dx; x, dy, dx of one shape and dtype. */
export function emitActivationBackward(
  rec: Recorder,
  { kind, x, dy, dx }: { kind: ActivationKind; x: Tensor; dy: Tensor; dx: Tensor },
): void {
  runPacked(rec, activationBackward[kind], { x, dy, dx });
}
