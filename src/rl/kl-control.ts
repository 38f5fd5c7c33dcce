import { InvalidOptionError } from "../util/errors.ts";

/** What {@link adaptKlCoef} goes by. */
export interface KlControlOptions {
  /** The KL that was measured. */
  kl: number;
  /** Completions that it was measured on. */
  samples: number;
  /** The KL aimed at. Default 0.1. */
  target?: number;
  /** Completions in which the weight changes by the factor that one of them asks for. Default 10,000. */
  horizon?: number;
}

/** The most that one step changes the weight by, as a share of samples / horizon. */
export const maxKlError = 0.2;

/**
 * The next weight of the KL: coef · (1 + clip(kl / target − 1, ±0.2) · samples / horizon). Ziegler et al. 2019,
 * arXiv:1909.08593, section 2.2; EasyR1's adaptive controller. A KL that is not a number leaves it as it is. The
 * weight stays above 0 while the horizon is more than a fifth of the samples.
 */
export function adaptKlCoef(
  coef: number,
  { kl, samples, target = 0.1, horizon = 10_000 }: KlControlOptions,
): number {
  if (!(target > 0)) throw new InvalidOptionError("adaptKlCoef: target", target, "a number above 0");
  if (!(horizon > 0)) throw new InvalidOptionError("adaptKlCoef: horizon", horizon, "a number above 0");
  if (Number.isNaN(kl)) return coef;
  const error = Math.min(Math.max(kl / target - 1, -maxKlError), maxKlError);
  return coef * (1 + (error * samples) / horizon);
}
