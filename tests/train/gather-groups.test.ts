import { expect, test } from "vitest";
import type { RewardResult } from "../../src/rl/reward.ts";
import { checkFilter, gather, isEnough, newGathering } from "../../src/train/gather-groups.ts";
import type { RewardedGroup } from "../../src/train/gather-groups.ts";
import { parseRecipe } from "../../src/train/recipe.ts";

const recipe = parseRecipe({ onlineFiltering: true, filterKey: "accuracy", promptsPerStep: 1 });

const group = (...rewards: RewardResult[]): RewardedGroup => ({
  seed: 1,
  example: { id: "a", messages: [] },
  prompt: {
    text: "",
    tokens: [1, 2],
    positions: new Int32Array(0),
    nextPosition: 2,
    images: [],
    featureCount: 0,
  },
  completions: [],
  texts: [],
  rewards,
});

test("a round without the part that groups are filtered by is no error while another has it", () => {
  const gathered = newGathering();
  gather(gathered, [group({ value: 0, parts: { format: 0 } })], recipe);
  expect(isEnough(gathered, recipe)).toBe(false);
  gather(
    gathered,
    [group({ value: 1, parts: { accuracy: 1 } }, { value: 0, parts: { accuracy: 0 } })],
    recipe,
  );
  expect(isEnough(gathered, recipe)).toBe(true);
  expect(() => checkFilter(gathered, recipe)).not.toThrow();
  expect(gathered.dropped.none).toBe(1);
});

test("a step in which nothing has it is", () => {
  const gathered = newGathering();
  gather(gathered, [group({ value: 0, parts: { format: 0 } })], recipe);
  expect(() => checkFilter(gathered, recipe)).toThrow(
    /filterKey: got accuracy, expected overall or a part of the reward: format/,
  );
  expect(() => checkFilter(gathered, parseRecipe({ promptsPerStep: 1 }))).not.toThrow();
});
