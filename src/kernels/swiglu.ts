import { defineKernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { matrix, perElement } from "./elementwise.ts";
import sigmoid from "../../shaders/lib/sigmoid.wgsl?raw";
import source from "../../shaders/swiglu.wgsl?raw";

const wgsl = [sigmoid, source];

/** h = gate · σ(gate) · up over [T, F]. See shaders/swiglu.wgsl. */
export const swigluForward = defineKernel({
  name: "swiglu",
  wgsl,
  entry: "forward",
  tensors: { gate: ["T", "F"], up: ["T", "F"], h: ["T", "F"] },
  workgroups: perElement,
});

/** dgate and dup from dh. */
export const swigluBackward = defineKernel({
  name: "swiglu",
  wgsl,
  entry: "backward",
  tensors: { gate: ["T", "F"], up: ["T", "F"], dh: ["T", "F"], dgate: ["T", "F"], dup: ["T", "F"] },
  workgroups: perElement,
});

/** Records h = gate · σ(gate) · up; all [T, F] of one dtype. */
export function emitSwiglu(rec: Recorder, { gate, up, h }: { gate: Tensor; up: Tensor; h: Tensor }): void {
  rec.run(swigluForward, { gate: matrix(rec, gate), up: matrix(rec, up), h: matrix(rec, h) });
}

/** Records dgate and dup, which are overwritten; all [T, F] of one dtype. */
export function emitSwigluBackward(
  rec: Recorder,
  { gate, up, dh, dgate, dup }: Record<"gate" | "up" | "dh" | "dgate" | "dup", Tensor>,
): void {
  rec.run(swigluBackward, {
    gate: matrix(rec, gate),
    up: matrix(rec, up),
    dh: matrix(rec, dh),
    dgate: matrix(rec, dgate),
    dup: matrix(rec, dup),
  });
}
