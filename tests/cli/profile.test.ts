import { expect, test } from "vitest";
import { describeProfile, profileStep } from "../../src/cli/profile.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import { parseRecipe } from "../../src/train/recipe.ts";
import { sharedDevice } from "../support/device.ts";
import { tooWide } from "./recipe.ts";

test(
  "a step's rows are a prompt for each group and the responses, in rollout and update alike",
  { timeout: 600_000 },
  async () => {
    const device = await sharedDevice();
    const policy = await Policy.load(device, await tinyPolicySource(), { lora: { rank: 4 } });
    const task = letterShareTask({ size: 16 });
    const recipe = parseRecipe({
      promptsPerStep: 2,
      numGenerations: 4,
      maxCompletionLength: 6,
      learningRate: 1e-3,
      klCoef: 0.1,
    });
    const profile = await profileStep(policy, task, recipe);
    const rows = Object.fromEntries(profile.programs.map((program) => [program.name, program]));
    const { prefill, decode, reference, update, optimizer, vision } = rows;
    // Prompts differ by a letter or so in length, but not by group: two of them are here, each once.
    const { tokens } = await policy.encode((await task.example(0)).messages);
    expect(Math.abs(prefill.rows - 2 * (tokens.length - 1))).toBeLessThanOrEqual(4);
    expect(prefill.runs).toBe(1);
    expect(update.promptRows).toBe(prefill.rows);
    expect(reference.promptRows).toBe(prefill.rows);
    // Decoding runs to the end of a stride, so it computes a few rows more than the responses have tokens.
    expect(update.rows - prefill.rows).toBeGreaterThan(0);
    expect(update.rows - prefill.rows).toBeLessThanOrEqual(2 * 4 * 6);
    expect(decode.rows).toBeGreaterThanOrEqual(update.rows - prefill.rows);
    expect(optimizer.runs).toBe(1);
    expect(vision.rows).toBeGreaterThan(0);

    const { wallMs } = profile;
    expect(wallMs.rollout + wallMs.reward + wallMs.train).toBeCloseTo(wallMs.step, 0);
    const timed = profile.programs.filter(({ gpuMs }) => gpuMs !== undefined);
    expect(timed.length).toBe(device.info.timestamps ? profile.programs.length : 0);
    expect(profile.kernels.length > 10).toBe(device.info.timestamps);
    const sum = (values: (number | undefined)[]) =>
      values.reduce<number>((total, ms) => total + (ms ?? 0), 0);
    expect(sum(profile.kernels.map(({ ms }) => ms))).toBeCloseTo(sum(timed.map(({ gpuMs }) => gpuMs)), 3);
    policy.destroy();
  },
);

test("the tables show what sharing saves, and fit 80 columns", () => {
  const program = { runs: 1, rows: 100, promptRows: undefined, gpuMs: 10 };
  const profile = {
    wallMs: { rollout: 2000, reward: 10, train: 1990, step: 4000 },
    prompts: 8,
    groupSize: 8,
    programs: [
      { ...program, name: "prefill", rows: 200, promptRows: 200 },
      { ...program, name: "decode", runs: 24, rows: 1400, gpuMs: 1500 },
      { ...program, name: "update", rows: 1600, promptRows: 200, gpuMs: 1900 },
    ],
    kernels: Array.from({ length: 20 }, (_, i) => {
      return { kernel: `attention-backward-kv.backward_${i}`, dispatches: 100 + i, ms: 200 - i };
    }),
  };
  const text = describeProfile(profile);
  expect(tooWide(text)).toEqual([]);
  expect(text).toMatch(/^rollout +2\.0 s +50%$/m);
  expect(text).toMatch(/^rollout +200 +1400 +13% +3000 +47%$/m);
  expect(text).toMatch(/^update +200 +1400 +13% +3000 +47%$/m);
  expect(text).toContain("and 8 more kernels");
  const without = describeProfile({ ...profile, kernels: [] });
  expect(without).toContain("no timestamps");
});
