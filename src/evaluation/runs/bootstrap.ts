import { InvalidOptionError } from "../../util/errors.ts";
import { Rng } from "../../util/rng.ts";

/** How intervals are drawn. */
export interface BootstrapOptions {
  /** Default 2000. */
  resamples?: number;
  /** Of the draws. Default 0. */
  seed?: number;
}

/**
 * The 95% percentile interval of a statistic under the bootstrap (Efron 1979, doi:10.1214/aos/1176344552): `count` items
 * are drawn with replacement, again and again, and the statistic computed of each draw. Resamples without a value are
 * left out; null when none has one.
 * @param statistic of items by their numbers, in no order.
 * @throws InvalidOptionError for resamples that are no positive integer.
 */
export function bootstrapInterval(
  count: number,
  statistic: (items: Uint32Array) => number | null,
  { resamples = 2000, seed = 0 }: BootstrapOptions = {},
): [low: number, high: number] | null {
  if (!Number.isInteger(resamples) || resamples < 1)
    throw new InvalidOptionError("bootstrap: resamples", resamples, "an integer from 1");
  if (count === 0) return null;
  const rng = new Rng(seed);
  const items = new Uint32Array(count);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < count; i++) items[i] = rng.below(count);
    const value = statistic(items);
    if (value !== null) values.push(value);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return [quantile(values, 0.025), quantile(values, 0.975)];
}

/** Of ascending values, between two of them by their distance. */
function quantile(values: readonly number[], share: number): number {
  const place = share * (values.length - 1);
  const below = Math.floor(place);
  const next = values[Math.min(below + 1, values.length - 1)];
  return values[below] + (place - below) * (next - values[below]);
}
