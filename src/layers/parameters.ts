import type { Device, TensorData } from "../gpu/device.ts";
import { elementCount, window, windowAlignmentBytes } from "../gpu/tensor.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { MissingTensorError, ShapeError } from "../util/errors.ts";

/** One trainable tensor: its values, and its gradient once {@link ParameterSet.allocateGradients} has run. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly value: Tensor;
  grad: Tensor | undefined;
}

export interface ParameterSpec {
  name: string;
  shape: readonly number[];
  /** Whether weight decay applies: to matrices, not to norms and biases. */
  decay: boolean;
}

/** A run of parameters in one buffer, so that the optimizer needs one dispatch for all of them. */
export interface ParameterBlock {
  readonly decay: boolean;
  readonly param: Tensor;
  grad: Tensor | undefined;
  m: Tensor | undefined;
  v: Tensor | undefined;
}

const alignment = windowAlignmentBytes / 4;

/**
 * Trainable tensors, packed into flat f32 blocks: parameters, gradients and both AdamW moments each have the same
 * layout, so that clipping, the optimizer and a checkpoint work on whole blocks.
 */
export class ParameterSet {
  readonly blocks: ParameterBlock[] = [];
  readonly #parameters = new Map<string, Parameter & { block: ParameterBlock; begin: number }>();

  constructor(
    private readonly device: Device,
    readonly name: string,
    specs: readonly ParameterSpec[],
  ) {
    for (const decay of [true, false]) {
      this.#pack(
        specs.filter((spec) => spec.decay === decay),
        decay,
      );
    }
  }

  #pack(specs: readonly ParameterSpec[], decay: boolean): void {
    const limit = this.device.info.maxBindingBytes / 4;
    let pending: { spec: ParameterSpec; begin: number }[] = [];
    let length = 0;
    const flush = () => {
      if (length === 0) return;
      const name = `${this.name}.block${this.blocks.length}`;
      const param = this.device.tensor(name, [length], "f32");
      const block: ParameterBlock = { decay, param, grad: undefined, m: undefined, v: undefined };
      this.blocks.push(block);
      for (const { spec, begin } of pending) {
        const value = window(param, begin, spec.shape, spec.name);
        this.#parameters.set(spec.name, {
          name: spec.name,
          shape: spec.shape,
          value,
          grad: undefined,
          block,
          begin,
        });
      }
      pending = [];
      length = 0;
    };
    for (const spec of specs) {
      const padded = Math.ceil(elementCount(spec.shape) / alignment) * alignment;
      if (padded > limit)
        throw new ShapeError(`parameter ${spec.name}: elements`, padded, `at most ${limit} in one binding`);
      if (length + padded > limit) flush();
      pending.push({ spec, begin: length });
      length += padded;
    }
    flush();
  }

  /** Gradients and moments, all zero. Inference needs neither. */
  allocateGradients(): void {
    for (const block of this.blocks) {
      if (block.grad) continue;
      const like = (suffix: string) =>
        this.device.tensor(`${block.param.name}.${suffix}`, [elementCount(block.param.shape)], "f32");
      block.grad = like("grad");
      block.m = like("m");
      block.v = like("v");
    }
    for (const parameter of this.#parameters.values()) {
      if (parameter.block.grad)
        parameter.grad = window(
          parameter.block.grad,
          parameter.begin,
          parameter.shape,
          `d ${parameter.name}`,
        );
    }
  }

  /** Zeroes both moments where they are allocated: an optimizer that begins anew must not find those of another run. */
  resetMoments(): void {
    for (const { m, v } of this.blocks) {
      for (const tensor of [m, v]) if (tensor) this.#zero(tensor);
    }
  }

  /** Zeroes gradients where they are allocated: those of a step that failed half way must not count in the next. */
  zeroGradients(): void {
    for (const { grad } of this.blocks) if (grad) this.#zero(grad);
  }

  #zero(tensor: Tensor): void {
    this.device.write(tensor, new Float32Array(elementCount(tensor.shape)));
  }

  get names(): string[] {
    return [...this.#parameters.keys()];
  }

  /** Trainable values, without the padding between them. */
  get count(): number {
    return [...this.#parameters.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  find(name: string): Parameter | undefined {
    return this.#parameters.get(name);
  }

  get(name: string): Parameter {
    const parameter = this.#parameters.get(name);
    if (!parameter)
      throw new MissingTensorError(`parameter ${name}: got a set that holds ${this.names.join(", ")}`);
    return parameter;
  }

  /** Overwrites one parameter's values. */
  set(name: string, data: TensorData): void {
    const { value } = this.get(name);
    if (data.byteLength !== elementCount(value.shape) * 4) {
      throw new ShapeError(`parameter ${name}: bytes`, data.byteLength, elementCount(value.shape) * 4);
    }
    this.device.write(value, data);
  }

  /** Reads every parameter (or gradient, or moment) back, by name. */
  async read(what: "param" | "grad" | "m" | "v" = "param"): Promise<Map<string, Float32Array>> {
    const wanted = this.blocks.map((block) => {
      const tensor = block[what];
      if (!tensor) throw new MissingTensorError(`${this.name}: ${what} has not been allocated`);
      return tensor;
    });
    const flats = await this.device.readAll(wanted);
    const values = new Map<string, Float32Array>();
    for (const { name, shape, block, begin } of this.#parameters.values()) {
      const flat = flats[this.blocks.indexOf(block)] as Float32Array;
      values.set(name, flat.slice(begin, begin + elementCount(shape)));
    }
    return values;
  }

  /** Writes back what {@link ParameterSet.read} gave. Every name must be there, with its shape. */
  restore(values: ReadonlyMap<string, Float32Array>, what: "param" | "m" | "v" = "param"): void {
    for (const { name, shape, block, begin } of this.#parameters.values()) {
      const data = values.get(name);
      if (data?.length !== elementCount(shape)) {
        throw new ShapeError(
          `${this.name}: ${what} of ${name}`,
          data ? `${data.length} values` : "nothing",
          `${elementCount(shape)} values`,
        );
      }
      const tensor = block[what];
      if (!tensor) throw new MissingTensorError(`${this.name}: ${what} has not been allocated`);
      this.device.write(tensor, data, begin);
    }
  }

  destroy(): void {
    for (const { param, grad, m, v } of this.blocks) {
      for (const tensor of [param, grad, m, v]) if (tensor) this.device.freeTensor(tensor);
    }
  }
}
