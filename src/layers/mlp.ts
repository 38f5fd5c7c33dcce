import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { emitSwiglu, emitSwigluBackward } from "../kernels/swiglu.ts";
import type { Linear, LinearSaved } from "./linear.ts";

export interface MlpSaved {
  gate: Tensor;
  up: Tensor;
  projections: { gate: LinearSaved; up: LinearSaved; down: LinearSaved };
}

/** y = down(silu(gate(x)) · up(x)). */
export class SwigluMlp {
  constructor(
    readonly name: string,
    readonly projections: { gate: Linear; up: Linear; down: Linear },
  ) {}

  /** x [T, C] → y [T, C] (+ `add`). */
  forward(
    rec: Recorder,
    x: Tensor,
    { adapter, add }: { adapter: boolean; add?: Tensor },
  ): { y: Tensor; saved: MlpSaved } {
    const gate = this.projections.gate.forward(rec, x, { adapter });
    const up = this.projections.up.forward(rec, x, { adapter });
    const h = rec.like(gate.y, `${this.name}.h`);
    emitSwiglu(rec, { gate: gate.y, up: up.y, h });
    const down = this.projections.down.forward(rec, h, { adapter, add });
    return {
      y: down.y,
      saved: { gate: gate.y, up: up.y, projections: { gate: gate.saved, up: up.saved, down: down.saved } },
    };
  }

  /** dy [T, C] → dx [T, C]. */
  backward(rec: Recorder, dy: Tensor, { gate, up, projections }: MlpSaved): Tensor {
    const dh = this.projections.down.backward(rec, dy, projections.down);
    const dgate = rec.like(gate, `d ${this.name}.gate`);
    const dup = rec.like(up, `d ${this.name}.up`);
    emitSwigluBackward(rec, { gate, up, dh, dgate, dup });
    const dx = this.projections.gate.backward(rec, dgate, projections.gate);
    this.projections.up.backward(rec, dup, projections.up, dx);
    return dx;
  }
}
