import { parseRunRecipe, shippedRecipes } from "../../workers/client.ts";
import type { RunRecord } from "../../workers/client.ts";

/** 64 digits, as a hash has. */
export function hash(digit: string): string {
  return digit.repeat(64);
}

/** A small run's record; `digests` gives a step each. */
export function recordOf(digests: string, change: Partial<RunRecord> = {}): RunRecord {
  return {
    format: 1,
    kit: { version: "0.1.0" },
    recipe: parseRunRecipe(shippedRecipes.toy),
    seed: 1,
    model: "toy",
    adapter: { vendor: "mesa", architecture: "llvmpipe", description: "llvmpipe (LLVM 15)" },
    variants: {},
    tuned: {},
    steps: digests.length,
    metrics: [...digests].map((digit, step) => ({ step, digest: hash(digit), wallMs: 7, reward: step / 4 })),
    before: null,
    after: null,
    wallMs: 120_000,
    weightsSha256: hash("f"),
    ...change,
  };
}
