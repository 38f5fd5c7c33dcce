import { expect, test } from "vitest";
import { listCheckpoints, loadLatestCheckpoint, saveCheckpoint } from "../../src/storage/checkpoint.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { TrainerState } from "../../src/train/grpo-trainer.ts";
import { parseRecipe } from "../../src/train/recipe.ts";
import { fromCheckpoint, toCheckpoint } from "../../src/train/trainer-checkpoint.ts";

const one = () => new Map([["a", Float32Array.of(0.1, -3e-8)]]);
const state: TrainerState = {
  recipe: parseRecipe({ onlineFiltering: true, klCoef: 0.01, klController: "adaptive" }),
  task: "shapes",
  step: 3,
  updates: 2,
  numTokens: 99,
  policyVersion: 2,
  rounds: 17,
  klCoef: 0.010102400000000001,
  capacity: { tokens: 256, scored: 64, segments: 9 },
  tensors: { param: one(), m: one(), v: one() },
};

async function stored(change: (progress: Record<string, unknown>) => Record<string, unknown> = (p) => p) {
  const store = memoryStore();
  const checkpoint = toCheckpoint(state, { model: "toy", versions: {} });
  const progress = change(checkpoint.state.progress as Record<string, unknown>);
  await saveCheckpoint(store, { ...checkpoint, state: { ...checkpoint.state, progress } });
  expect(await listCheckpoints(store)).toHaveLength(1);
  const loaded = await loadLatestCheckpoint(store);
  if (!loaded) throw new Error("expected a checkpoint");
  return fromCheckpoint(loaded, "toy");
}

test("keeps all that a trainer goes on from, the prompts' place and the KL's weight to the bit", async () => {
  expect(await stored()).toEqual(state);
});

test("a checkpoint of before there were these has drawn prompts once a step, at the recipe's weight", async () => {
  const { rounds, klCoef } = await stored((progress) => {
    const newer = ["rounds", "klCoef"];
    return Object.fromEntries(Object.entries(progress).filter(([name]) => !newer.includes(name)));
  });
  expect(rounds).toBe(3);
  expect(klCoef).toBe(0.01);
});
