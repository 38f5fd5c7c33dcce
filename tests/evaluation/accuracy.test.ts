import { describe, expect, it } from "vitest";
import { evaluate, summaryOf, wilsonInterval } from "../../src/evaluation/accuracy.ts";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import type { Task } from "../../src/tasks/task.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";

const letters = letterShareTask();
const seen: string[] = [];

/** Right where the example's number is even and the text begins as `begin` says; kinds by threes. */
function counting(begin = ""): Task {
  return {
    ...letters,
    async example(seed, split) {
      seen.push(`${split} ${seed}`);
      return {
        ...(await letters.example(seed, split)),
        number: seed,
        kind: seed % 3 === 0 ? "three" : "other",
      };
    },
    reward({ text }, { number }) {
      const right = text.startsWith(begin) && Number(number) % 2 === 0 ? 1 : 0;
      return { value: right / 2, parts: { accuracy: right, length: text.length } };
    },
  };
}

async function policy(): Promise<Policy> {
  return Policy.load(await sharedDevice(), await tinyPolicySource(1), {
    format: "q8",
    lora: { rank: 4, seed: 1 },
  });
}

describe("evaluate", () => {
  it("counts right answers, by kind, of the seeds of a split", async () => {
    const on = await policy();
    seen.length = 0;
    const progress: number[] = [];
    const options = { count: 7, batch: 4, maxNewTokens: 6 };
    const result = await evaluate(on, counting(), {
      ...options,
      seed: 10,
      split: "validation",
      onProgress: (done) => progress.push(done),
    });
    expect(seen).toEqual([10, 11, 12, 13, 14, 15, 16].map((seed) => `validation ${seed}`));
    expect(progress).toEqual([0, 4, 7]);
    expect(result.accuracy).toBe(4 / 7);
    expect(result.count).toBe(7);
    expect(result.byKind.three).toEqual({ accuracy: 1 / 2, count: 2, interval: wilsonInterval(1, 2) });
    expect(result.byKind.other.accuracy).toBe(3 / 5);
    expect(result.parts.accuracy).toBe(4 / 7);
    expect(result.results.map(({ correct }) => correct)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(result.results[0]).toMatchObject({
      id: "letter-share/validation/10",
      kind: "other",
      thinking: false,
    });
    expect(result.meanLength).toBeGreaterThan(0);
    expect(summaryOf(result)).not.toHaveProperty("results");
    on.destroy();
  });

  it("is greedy: the same texts again, and in batches of another size", async () => {
    const on = await policy();
    const texts = async (batch: number) =>
      (await evaluate(on, counting(), { count: 6, batch, maxNewTokens: 8 })).results.map(({ text }) => text);
    const first = await texts(6);
    expect(new Set(first.map((text) => text.length > 0))).toEqual(new Set([true]));
    expect(await texts(6)).toEqual(first);
    expect(await texts(4)).toEqual(first);
    on.destroy();
  });

  it("shows the reward the prefill, and counts thinking from it", async () => {
    const on = await policy();
    const options = { count: 2, maxNewTokens: 4 };
    const without = await evaluate(on, counting("<think>"), options);
    const thought = await evaluate(on, counting("<think>"), { ...options, prefill: "<think>x</think>" });
    expect(without.accuracy).toBe(0);
    expect(thought.accuracy).toBe(1 / 2);
    expect([without.thinking, thought.thinking]).toEqual([0, 1]);
    expect(thought.results[0].prompt.endsWith("<think>x</think>")).toBe(true);
    expect(thought.results[0].length).toBeLessThanOrEqual(4);
    on.destroy();
  });

  it("evaluates the base with the adapter off", async () => {
    const on = await policy();
    const read = async (adapter: boolean) =>
      (await evaluate(on, counting(), { count: 3, maxNewTokens: 8, adapter })).results.map(
        ({ text }) => text,
      );
    const base = await read(true);
    const values = (await on.model.parameters?.read()) ?? new Map<string, Float32Array>();
    for (const data of values.values()) for (const [i] of data.entries()) data[i] = Math.sin(i) * 0.5;
    on.model.parameters?.restore(values);
    expect(await read(true)).not.toEqual(base);
    expect(await read(false)).toEqual(base);
    on.destroy();
  });

  it("takes a reward of 1 for right where there is no accuracy, and refuses what it cannot count", async () => {
    const on = await policy();
    const values = [1, 0.99, null];
    const task: Task = {
      ...letters,
      example: (seed) => ({ id: String(seed), number: seed, messages: [{ role: "user", content: "go" }] }),
      reward: (_, { number }) => ({ value: values[Number(number)], parts: {} }),
    };
    const result = await evaluate(on, task, { count: 3, maxNewTokens: 2 });
    expect(result.results.map(({ correct }) => correct)).toEqual([true, false, false]);
    expect(result.byKind).toEqual({});
    await expect(evaluate(on, task, { count: 0 })).rejects.toThrow(InvalidOptionError);
    await expect(evaluate(on, task, { batch: 1.5 })).rejects.toThrow(/batch: got 1.5/);
    on.destroy();
  });
});

describe("wilsonInterval", () => {
  // Worked out apart from the code, in Python.
  it.each([
    [7, 10, 0.3968, 0.8922],
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [50, 100, 0.4038, 0.5962],
    [460, 512, 0.8692, 0.9217],
  ])("of %i in %i", (successes, count, low, high) => {
    const interval = wilsonInterval(successes, count);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it("knows nothing from nothing", () => {
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });
});
