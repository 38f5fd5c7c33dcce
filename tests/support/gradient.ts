/**
 * Checks a hand-written backward against central differences of its forward, both in float64.
 *
 * With a fixed random dy the loss is L = Σ dy · y(inputs), so the backward's d(input) must equal
 * (L(input + h) − L(input − h)) / 2h for every element of every input it names.
 */
import { normals } from "./random.ts";

/** Named flat inputs; everything that is not differentiated (shapes, tables) is closed over instead. */
export type GradientInputs = Record<string, Float64Array>;

export interface GradientOptions {
  /** Step h, scaled by max(1, |element|). Default 1e-5: error about h² ≈ 1e-10 for a smooth function. */
  step?: number;
  /** Allowed |got − expected|, scaled by max(1, the largest |expected| in that input). Default 1e-7. */
  tolerance?: number;
  /** Seed of dy. */
  seed?: number;
}

/**
 * Throws an Error naming the input, index, got and expected value of the worst element when a gradient
 * returned by `backward` differs from central differences of `forward`, has another length than its input,
 * or when `backward` names nothing or something that is not an input.
 */
export function checkGradient(
  label: string,
  inputs: GradientInputs,
  forward: (inputs: GradientInputs) => Float64Array,
  backward: (inputs: GradientInputs, dy: Float64Array) => GradientInputs,
  { step = 1e-5, tolerance = 1e-7, seed = 1 }: GradientOptions = {},
): void {
  const dy = normals(forward(inputs).length, seed);
  const gradients = backward(inputs, dy);
  if (Object.keys(gradients).length === 0) throw new Error(`${label}: the backward returned no gradient`);

  for (const [name, got] of Object.entries(gradients)) {
    const values = inputs[name];
    if (values === undefined)
      throw new Error(`${label}: the backward names "${name}", which is not an input`);
    if (got.length !== values.length) {
      throw new Error(`${label}: d${name} has ${got.length} elements, ${name} has ${values.length}`);
    }
    const expected = centralDifferences(values, step, dy, (moved) => forward({ ...inputs, [name]: moved }));
    compare(`${label}: d${name}`, got, expected, tolerance);
  }
}

/** dL/d(values) for L = Σ dy · y, one element at a time. */
function centralDifferences(
  values: Float64Array,
  step: number,
  dy: Float64Array,
  forward: (moved: Float64Array) => Float64Array,
): Float64Array {
  return values.map((value, i) => {
    const h = step * Math.max(1, Math.abs(value));
    const above = Float64Array.from(values);
    const below = Float64Array.from(values);
    above[i] = value + h;
    below[i] = value - h;
    const yAbove = forward(above);
    const yBelow = forward(below);
    let change = 0; // differences are taken before the sum, so that large sums do not cancel
    for (let j = 0; j < dy.length; j++) change += dy[j] * (yAbove[j] - yBelow[j]);
    return change / (above[i] - below[i]);
  });
}

function compare(label: string, got: Float64Array, expected: Float64Array, tolerance: number): void {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  let worst = 0;
  let worstError = -1;
  for (let i = 0; i < got.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    const error = Number.isNaN(difference) ? Infinity : difference; // NaN must lose, not slip through
    if (error > worstError) {
      worst = i;
      worstError = error;
    }
  }
  if (worstError > tolerance * scale) {
    throw new Error(
      `${label}[${worst}] is ${got[worst]}, central differences give ${expected[worst]} ` +
        `(error ${worstError.toExponential(2)}, allowed ${(tolerance * scale).toExponential(2)})`,
    );
  }
}
