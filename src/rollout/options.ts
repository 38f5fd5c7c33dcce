import { InvalidOptionError } from "../util/errors.ts";
import type { Seed } from "../util/rng.ts";

/** How completions are drawn. Defaults are those of plain sampling: the model's own distribution. */
export interface SamplingOptions {
  /** 0 takes the most likely token. Default 1. */
  temperature?: number;
  /** Keep the k most likely tokens; 0 is off. */
  topK?: number;
  /** Keep the smallest set of tokens whose probability reaches p; 1 is off. */
  topP?: number;
  /** Drop tokens less likely than this share of the most likely one; 0 is off. */
  minP?: number;
  /** Divides the positive logits (multiplies the negative ones) of tokens already there; 1 is off. */
  repetitionPenalty?: number;
  /** Most tokens of a completion. Default 256. */
  maxNewTokens?: number;
  /** Tokens that end a completion; they are part of it. Default: the model's end-of-sequence tokens. */
  stopTokens?: readonly number[];
  /** Tokens never drawn, besides the placeholders. */
  bannedTokens?: readonly number[];
  /** Never draw image and video placeholders, which would break the next prompt. Default true. */
  banPlaceholders?: boolean;
  seed?: number | Seed;
}

export interface ResolvedSampling {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  repetitionPenalty: number;
  maxNewTokens: number;
}

function within(what: string, value: number, valid: boolean, expected: string): void {
  if (!valid || Number.isNaN(value)) throw new InvalidOptionError(what, value, expected);
}

/** Defaults filled in. @throws InvalidOptionError */
export function resolveSampling(options: SamplingOptions): ResolvedSampling {
  const resolved = {
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? 1,
    maxNewTokens: options.maxNewTokens ?? 256,
  };
  const { temperature, topK, topP, minP, repetitionPenalty, maxNewTokens } = resolved;
  within("temperature", temperature, temperature >= 0 && temperature <= 100, "a number from 0 to 100");
  within("topK", topK, Number.isInteger(topK) && topK >= 0, "an integer, 0 or more");
  within("topP", topP, topP > 0 && topP <= 1, "a number above 0, at most 1");
  within("minP", minP, minP >= 0 && minP < 1, "a number from 0 to below 1");
  within(
    "repetitionPenalty",
    repetitionPenalty,
    repetitionPenalty > 0 && repetitionPenalty <= 100,
    "a number above 0, at most 100",
  );
  within(
    "maxNewTokens",
    maxNewTokens,
    Number.isInteger(maxNewTokens) && maxNewTokens >= 1,
    "an integer, 1 or more",
  );
  return resolved;
}
