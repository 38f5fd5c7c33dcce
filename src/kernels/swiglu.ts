import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { definePacked, runPacked } from "./pack.ts";
import sigmoid from "../../shaders/lib/sigmoid.wgsl?raw";
import source from "../../shaders/swiglu.wgsl?raw";

const wgsl = [sigmoid, source];

/** h = gate · σ(gate) · up over [T, F]. See shaders/swiglu.wgsl. */
export const swigluForward = definePacked({
  name: "swiglu",
  wgsl,
  entry: "forward",
  tensors: { gate: ["T", "F"], up: ["T", "F"], h: ["T", "F"] },
  extent: ["T", "F"],
});

/** dgate and dup from dh. */
export const swigluBackward = definePacked({
  name: "swiglu",
  wgsl,
  entry: "backward",
  tensors: { gate: ["T", "F"], up: ["T", "F"], dh: ["T", "F"], dgate: ["T", "F"], dup: ["T", "F"] },
  extent: ["T", "F"],
});

/** Records h = gate · σ(gate) · up; all of one shape and dtype. */
export function emitSwiglu(rec: Recorder, { gate, up, h }: Record<"gate" | "up" | "h", Tensor>): void {
  runPacked(rec, swigluForward, { gate, up, h });
}

/** Records dgate and dup, which are overwritten; all of one shape and dtype. */
export function emitSwigluBackward(
  rec: Recorder,
  { gate, up, dh, dgate, dup }: Record<"gate" | "up" | "dh" | "dgate" | "dup", Tensor>,
): void {
  runPacked(rec, swigluBackward, { gate, up, dh, dgate, dup });
}
