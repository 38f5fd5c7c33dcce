import { InvalidOptionError, NonFiniteError, ShapeError } from "../util/errors.ts";

/** The completion tokens of a micro-batch, sequence by sequence: what an objective of the user's is a function of. */
export interface ObjectiveBatch {
  /** [T] log-probability of each token under the policy, at the rollouts' temperature. */
  logp: Float32Array;
  /** [T] the same before the first update on these rollouts; null in that update: the ratio is 1. */
  oldLogp: Float32Array | null;
  /** [T] the same without the adapter; null: the recipe has neither `klCoef` nor `logKl`, or the KL is in the reward. */
  refLogp: Float32Array | null;
  /** [T] log-probabilities that the sampler stored. */
  samplerLogp: Float32Array;
  /** [T] the advantage of the token, or of its sequence. */
  advantages: Float32Array;
  /** [T] what the recipe's `lossType` and `lossAverage` let a token weigh: Σ weight · l over all micro-batches is the average. */
  weights: Float32Array;
  /** [S] tokens of each sequence, in order; they add up to T. A sequence lies whole in one micro-batch. */
  lengths: Uint32Array;
  /** Of the updates on these rollouts, from 0. */
  iteration: number;
  /** What the KL to `refLogp` weighs in this step's loss; 0 with the KL in the reward. An adaptive one changes from step to step. */
  klCoef: number;
}

/** What an objective makes of a batch. */
export interface ObjectiveGradient {
  /** The batch's share of the step's loss. */
  loss: number;
  /** [T] the derivative of the loss by each log-probability. */
  dlogp: ArrayLike<number>;
  /** The loss without its KL part. Default: `loss`. */
  policyLoss?: number;
  /** Numbers to be shown among the step's metrics, as `objective/NAME`; means over micro-batches by their tokens. */
  stats?: Readonly<Record<string, number>>;
}

/**
 * A policy objective of the user's, in place of the kernel's: a pure function of a batch, of which the network learns by
 * `dlogp` alone. {@link policyObjective} is one, but for its options.
 * @param options what a recipe's `objective` has besides `module`
 */
export type UserObjective = (
  batch: ObjectiveBatch,
  options: Readonly<Record<string, unknown>>,
) => ObjectiveGradient | Promise<ObjectiveGradient>;

/**
 * What the objective says of the batch.
 * @throws NonFiniteError when something of it is NaN or infinite, ShapeError when it has not one derivative for each
 *   token, InvalidOptionError when it gives something else; whatever the objective throws.
 */
export async function evaluateObjective(
  objective: UserObjective,
  batch: ObjectiveBatch,
  options: Readonly<Record<string, unknown>>,
): Promise<Required<ObjectiveGradient>> {
  const T = batch.logp.length;
  const broken = batch.logp.findIndex((logp, t) => batch.weights[t] !== 0 && !Number.isFinite(logp));
  if (broken >= 0) {
    throw new NonFiniteError(
      `the policy gave token ${broken} the log-probability ${batch.logp[broken]}, of which no objective can be ` +
        "computed. A smaller learning rate may help.",
    );
  }
  const given: unknown = await objective(batch, options);
  if (!isGradient(given))
    throw new InvalidOptionError(
      "objective: its result",
      given,
      "an object with a number `loss` and an array `dlogp`",
    );
  const { loss, dlogp, policyLoss = loss, stats = {} } = given;
  if (dlogp.length !== T) throw new ShapeError("objective: dlogp", dlogp.length, `${T}, one for each token`);
  const finite = (name: string, value: number) => {
    if (!Number.isFinite(value))
      throw new NonFiniteError(`objective: ${name}: got ${value}, expected a finite number`);
  };
  finite("loss", loss);
  finite("policyLoss", policyLoss);
  for (let t = 0; t < T; t++) finite(`dlogp[${t}]`, dlogp[t]);
  for (const [name, value] of Object.entries(stats)) finite(`stats.${name}`, value);
  return { loss, dlogp, policyLoss, stats };
}

function isGradient(value: unknown): value is ObjectiveGradient {
  if (typeof value !== "object" || value === null || !("loss" in value) || !("dlogp" in value)) return false;
  const { loss, dlogp } = value;
  return typeof loss === "number" && (Array.isArray(dlogp) || ArrayBuffer.isView(dlogp));
}
