import type { Device } from "../gpu/device.ts";
import { runPrograms } from "../gpu/program.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Model } from "../models/model.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../models/packed-inputs.ts";
import type { PackedCapacity } from "../models/packed-inputs.ts";
import type { PackedBatch } from "../models/packing.ts";
import { klEstimate } from "../rl/kl.ts";
import type { KlType } from "../rl/kl.ts";
import type { ObjectiveStats } from "../rl/metrics.ts";
import { evaluateObjective } from "../rl/user-objective.ts";
import type { ObjectiveBatch, ObjectiveGradient, UserObjective } from "../rl/user-objective.ts";
import { InvalidOptionError } from "../util/errors.ts";

export interface UserProgramOptions {
  capacity: PackedCapacity;
  features?: Tensor;
  recompute: boolean;
  banned: Tensor;
  pool?: SlotPool;
}

/**
 * The network's two halves of an update by a user's objective: log-probs, which are read back, and gradients from the
 * derivatives that are uploaded. The second computes the forward pass again: activations do not outlive a program.
 */
export interface UserPrograms {
  score: { program: Program; inputs: PackedInputs; logp: Tensor; entropy: Tensor };
  backward: { program: Program; inputs: PackedInputs; dlogp: Tensor };
}

export async function recordUserUpdate(model: Model, options: UserProgramOptions): Promise<UserPrograms> {
  const { capacity, features, recompute, banned, pool } = options;
  const score = async () => {
    const rec = new Recorder(model.device, "score");
    const inputs = new PackedInputs(rec, capacity, features);
    const forward = emitDecoder(rec, model, inputs, { adapter: true });
    const scoring = { temperature: rec.scalar("temperature"), banned };
    const { logp, entropy } = emitScores(rec, model, inputs, forward, scoring);
    for (const tensor of [logp, entropy]) rec.output(tensor);
    return { program: await rec.build({ pool }), inputs, logp, entropy };
  };
  const backward = async () => {
    const rec = new Recorder(model.device, "update");
    const inputs = new PackedInputs(rec, capacity, features, model.decoder.embedding);
    const { S } = inputs;
    if (!S)
      throw new InvalidOptionError("GRPO: scored tokens of a micro-batch", capacity.scored, "at least 1");
    const scoring = { temperature: rec.scalar("temperature"), banned };
    const forward = emitDecoder(rec, model, inputs, { adapter: true, recompute });
    const scores = emitScores(rec, model, inputs, forward, scoring);
    const dlogp = rec.input("dlogp", [S], "f32");
    emitBackward(rec, model, inputs, forward, scores, dlogp, scoring);
    return { program: await rec.build({ pool }), inputs, dlogp };
  };
  return { score: await score(), backward: await backward() };
}

/** What a micro-batch is made of besides its log-probs. */
export interface UserBatch {
  packed: PackedBatch;
  /** Programs that come before, such as the reference's, with their values. */
  before: readonly (readonly [Program, Record<string, number>])[];
  /** Programs that come after, such as the optimizer. */
  after: readonly (readonly [Program, Record<string, number>])[];
  refLogp: Tensor | undefined;
  advantages: Tensor;
  /** Which advantage is each token's. */
  advantageIndex: Uint32Array;
  given: Pick<ObjectiveBatch, "oldLogp" | "samplerLogp" | "weights" | "lengths" | "iteration" | "klCoef">;
  temperature: number;
}

/** An objective of the user's, with what it is told of each batch. */
export interface UserFunction {
  objective: UserObjective;
  options: Readonly<Record<string, unknown>>;
}

/** One micro-batch: its log-probs, what the user's objective says of them, and the gradients of that. */
export async function runUserUpdate(
  device: Device,
  { score, backward }: UserPrograms,
  { objective, options }: UserFunction,
  batch: UserBatch,
): Promise<{ inputs: ObjectiveBatch; result: Required<ObjectiveGradient>; entropy: Float32Array }> {
  const { packed, temperature } = batch;
  const scoring = { ...score.inputs.write(score.program, packed), temperature };
  runPrograms(device, [...batch.before, [score.program, scoring]]);
  const T = packed.targets.length;
  const wanted = [score.logp, score.entropy, batch.advantages, ...(batch.refLogp ? [batch.refLogp] : [])];
  const read = (await device.readAll(wanted)) as (Float32Array | undefined)[];
  const [logp, entropy, advantages] = read.map((values) => values ?? new Float32Array(0));
  const inputs: ObjectiveBatch = {
    ...batch.given,
    logp: logp.slice(0, T),
    refLogp: read[3]?.slice(0, T) ?? null,
    advantages: Float32Array.from(batch.advantageIndex, (index) => advantages[index]),
  };
  const result = await evaluateObjective(objective, copyOf(inputs), options);
  const values = { ...backward.inputs.write(backward.program, packed), temperature };
  backward.program.write(backward.dlogp, Float32Array.from(result.dlogp));
  runPrograms(device, [[backward.program, values], ...batch.after]);
  return { inputs, result, entropy: entropy.subarray(0, T) };
}

/** The batch with arrays of its own: what the user's function does to them reaches neither statistics nor later updates. */
function copyOf(batch: ObjectiveBatch): ObjectiveBatch {
  return {
    ...batch,
    logp: batch.logp.slice(),
    oldLogp: batch.oldLogp?.slice() ?? null,
    refLogp: batch.refLogp?.slice() ?? null,
    samplerLogp: batch.samplerLogp.slice(),
    advantages: batch.advantages.slice(),
    weights: batch.weights.slice(),
    lengths: batch.lengths.slice(),
  };
}

/** The statistics of a step's micro-batches, as the kernel would have them; shares of clipped tokens only the user knows. */
export class UserStats {
  readonly #sums = new Map<string, number>();
  readonly #user = new Map<string, number>();
  #ratioMin = Infinity;
  #ratioMax = 0;
  #differenceMax = 0;

  constructor(private readonly kl: { klType: KlType; klClamp: boolean }) {}

  add(
    inputs: ObjectiveBatch,
    { loss, policyLoss, stats }: Required<ObjectiveGradient>,
    entropy: Float32Array,
  ): void {
    const put = (sums: Map<string, number>, name: string, value: number) =>
      sums.set(name, (sums.get(name) ?? 0) + value);
    put(this.#sums, "loss", loss);
    put(this.#sums, "policyLoss", policyLoss);
    let tokens = 0;
    for (let t = 0; t < inputs.logp.length; t++) {
      if (inputs.weights[t] === 0) continue;
      tokens++;
      const logp = inputs.logp[t];
      const d = inputs.oldLogp ? logp - inputs.oldLogp[t] : 0;
      const ratio = Math.exp(d);
      const difference = Math.abs(logp - inputs.samplerLogp[t]);
      put(this.#sums, "ratio", ratio);
      put(this.#sums, "ppoKl", -d);
      put(this.#sums, "entropy", entropy[t]);
      put(this.#sums, "difference", difference);
      if (inputs.refLogp)
        put(this.#sums, "kl", klEstimate(logp - inputs.refLogp[t], this.kl.klType, this.kl.klClamp).value);
      this.#ratioMin = Math.min(this.#ratioMin, ratio);
      this.#ratioMax = Math.max(this.#ratioMax, ratio);
      this.#differenceMax = Math.max(this.#differenceMax, difference);
    }
    put(this.#sums, "tokens", tokens);
    for (const [name, value] of Object.entries(stats)) put(this.#user, name, value * tokens);
  }

  read(): ObjectiveStats {
    const sum = (name: string) => this.#sums.get(name) ?? 0;
    const tokens = sum("tokens");
    const mean = (name: string) => (tokens > 0 ? sum(name) / tokens : 0);
    return {
      loss: sum("loss"),
      policyLoss: sum("policyLoss"),
      kl: mean("kl"),
      ratioMean: mean("ratio"),
      ratioMin: tokens > 0 ? this.#ratioMin : 0,
      ratioMax: this.#ratioMax,
      ppoKl: mean("ppoKl"),
      logpDifferenceMean: mean("difference"),
      logpDifferenceMax: this.#differenceMax,
      entropy: mean("entropy"),
      tokens,
      nonFinite: 0,
      own: Object.fromEntries(
        [...this.#user].map(([name, value]) => [name, tokens > 0 ? value / tokens : 0]),
      ),
    };
  }
}
