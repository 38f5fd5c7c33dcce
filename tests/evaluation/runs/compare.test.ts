import { describe, expect, test } from "vitest";
import type { Benchmark } from "../../../src/evaluation/benchmarks/benchmark.ts";
import { ownBenchmark } from "../../../src/evaluation/benchmarks/own.ts";
import { bootstrapInterval } from "../../../src/evaluation/runs/bootstrap.ts";
import { compareEvaluations } from "../../../src/evaluation/runs/compare.ts";
import { openEvaluation, type StoredEvaluation } from "../../../src/evaluation/runs/rescore.ts";
import type { RunBenchmarkOptions } from "../../../src/evaluation/runs/run-benchmark.ts";
import { memoryStore } from "../../../src/storage/blob-store.ts";
import { Rng } from "../../../src/util/rng.ts";
import { answererOf, finish, table } from "./support.ts";

const yesNo = ownBenchmark("own", "yes-no");

/** A run over questions of which "yes" is right; `right` says which are answered rightly. */
async function runOf(
  right: readonly boolean[],
  { name = "fake", ...more }: Partial<RunBenchmarkOptions> & { name?: string } = {},
): Promise<StoredEvaluation> {
  const rows = right.map((_, i) => ({ index: String(i), question: `question ${i}`, answer: "yes" }));
  const store = memoryStore();
  const answerer = answererOf((_, { position }) => (right[position] ? "Yes" : "No"), { name });
  await finish(yesNo, table(rows), answerer, { store, ...more });
  return openEvaluation(store);
}

/** A stored run with only these of its scores. */
function keep(run: StoredEvaluation, indices: readonly number[]): StoredEvaluation {
  return { ...run, scores: run.scores.filter(({ index }) => indices.includes(Number(index))) };
}

describe("two runs", () => {
  test("the difference, its interval, and who is better in how many", async () => {
    const a = await runOf([true, false, false, false, true, true]);
    const b = await runOf([true, true, true, false, false, true], { name: "trained" });
    const comparison = compareEvaluations(a, b);
    expect(comparison).toMatchObject({
      headline: { name: "Accuracy", unit: "%" },
      a: { model: "fake", value: 50, only: 0, leftOut: 0 },
      b: { model: "trained", only: 0, leftOut: 0 },
      samples: 6,
      units: 6,
      better: { a: 1, b: 2, same: 3 },
      resamples: 2000,
      differences: ['model.name: "fake" and "trained"'],
    });
    expect(comparison.b.value).toBeCloseTo(100 * (4 / 6));
    expect(comparison.difference).toBeCloseTo(100 / 6);
    const [low, high] = comparison.interval ?? [0, 0];
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(100 / 6);
    expect(compareEvaluations(a, b)).toEqual(comparison); // the same seed
    expect(compareEvaluations(b, a).difference).toBeCloseTo(-100 / 6);
  });

  test("that are equal differ by 0, and by nothing else", async () => {
    const a = await runOf([true, false, true]);
    expect(compareEvaluations(a, a)).toMatchObject({ difference: 0, interval: [0, 0], differences: [] });
  });

  test("samples of one alone are counted and left out", async () => {
    const a = await runOf([true, true, false, false]);
    const comparison = compareEvaluations(keep(a, [0, 1, 2]), keep(a, [1, 2, 3]));
    expect(comparison).toMatchObject({
      a: { value: 50, only: 1 },
      b: { value: 50, only: 1 },
      samples: 2,
      units: 2,
    });
    const failed = {
      ...a,
      scores: a.scores.map((score) => (score.index === "0" ? { ...score, score: null } : score)),
    };
    expect(compareEvaluations(a, failed)).toMatchObject({
      a: { only: 0, leftOut: 0 },
      b: { only: 0, leftOut: 1 },
      samples: 3,
    });
  });

  test("of two benchmarks, or with nothing in common, are refused", async () => {
    const a = await runOf([true, false]);
    const other = { ...a, benchmark: ownBenchmark("other", "yes-no") };
    expect(() => compareEvaluations(a, other)).toThrow("got runs of own (yes-no) and other (yes-no)");
    expect(() => compareEvaluations(keep(a, [0]), keep(a, [1]))).toThrow(
      "no question that both runs have scored answers of",
    );
  });
});

describe("groups are drawn whole", () => {
  async function groupsOf(
    benchmark: Benchmark,
    rows: Record<string, string>[],
    says: (at: number) => string,
  ) {
    const store = memoryStore();
    await finish(
      benchmark,
      table(rows),
      answererOf((_, { position }) => says(position)),
      { store },
    );
    return openEvaluation(store);
  }

  test("circular groups", async () => {
    // Two questions of two rotations: the first is right in both, the second in one.
    const rows = [0, 1].flatMap((question) =>
      [0, 1].map((rotation) => ({
        index: String(question + rotation * 1_000_000),
        question: `question ${question}`,
        A: "cat",
        B: "dog",
        answer: "A",
      })),
    );
    const benchmark = ownBenchmark("own", "circular-choice");
    const a = await groupsOf(benchmark, rows, () => "B");
    const b = await groupsOf(benchmark, rows, (at) => (at < 3 ? "A" : "B"));
    const comparison = compareEvaluations(a, b);
    expect(comparison).toMatchObject({
      samples: 4,
      units: 2,
      difference: 50,
      better: { a: 0, b: 1, same: 1 },
    });
    // Of two units drawn twice: none, one or both are the first. Single rows would give 25 and 75, too.
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++)
      seen.add(compareEvaluations(a, b, { resamples: 1, seed }).interval?.[0] ?? NaN);
    expect([...seen].sort((x, y) => x - y)).toEqual([0, 50, 100]);
  });

  test("a group of which one run lacks a row is in neither figure", async () => {
    const rows = [0, 1].flatMap((question) =>
      [0, 1].map((rotation) => ({
        index: String(question + rotation * 1_000_000),
        question: `question ${question}`,
        A: "cat",
        B: "dog",
        answer: "A",
      })),
    );
    // Right in the first question's first rotation alone, which is all that the other run has of it.
    const a = await groupsOf(ownBenchmark("own", "circular-choice"), rows, (at) => (at === 0 ? "A" : "B"));
    const b = { ...a, scores: a.scores.filter(({ index }) => index !== "1000000") };
    expect(compareEvaluations(a, b)).toMatchObject({
      a: { value: 0, only: 1 },
      b: { value: 0, only: 0 },
      samples: 2,
      units: 1,
    });
  });

  test("figure groups", async () => {
    // One set with a figure of two questions, and another with one: three samples, fewer units.
    const rows = [
      { index: "VD_illusion_1_0_1_0", question: "q0", answer: "yes" },
      { index: "VD_illusion_1_0_1_1", question: "q1", answer: "yes" },
      { index: "VD_illusion_1_1_1_0", question: "q2", answer: "yes" },
    ];
    const benchmark = ownBenchmark("own", "yes-no-figures");
    const a = await groupsOf(benchmark, rows, () => "No");
    const b = await groupsOf(benchmark, rows, () => "Yes");
    expect(compareEvaluations(a, b)).toMatchObject({
      samples: 3,
      units: 2,
      difference: 100,
      interval: [100, 100],
    });
  });
});

describe("the bootstrap's interval", () => {
  const meanOf = (values: readonly number[]) => (items: Uint32Array) =>
    items.reduce((sum, item) => sum + values[item], 0) / items.length;

  test("by hand: of 0 and 1 a quarter of the draws gives 0, half 0.5, a quarter 1", () => {
    expect(bootstrapInterval(2, meanOf([0, 1]))).toEqual([0, 1]);
    const values: number[] = [];
    bootstrapInterval(2, (items) => (values.push(meanOf([0, 1])(items)), 0), { resamples: 4000 });
    const share = (value: number) => values.filter((each) => each === value).length / values.length;
    expect([share(0), share(0.5), share(1)]).toEqual([
      expect.closeTo(0.25, 1), expect.closeTo(0.5, 1), expect.closeTo(0.25, 1),
    ]); // prettier-ignore
  });

  test("of 100 questions, of which B gains 20: near the normal one, 0.2 ± 1.96·0.04", () => {
    const gains = Array.from({ length: 100 }, (_, i) => (i < 20 ? 1 : 0));
    const [low, high] = bootstrapInterval(100, meanOf(gains), { resamples: 4000 }) ?? [NaN, NaN];
    expect(low).toBeCloseTo(0.2 - 1.96 * 0.04, 1);
    expect(high).toBeCloseTo(0.2 + 1.96 * 0.04, 1);
  });

  test("covers the truth in about 95 of 100 experiments", () => {
    // A and B answer 150 questions; B is right where A is not with 0.3, wrong where A is right with 0.1: +0.2.
    const rng = new Rng(11);
    let covered = 0;
    for (let experiment = 0; experiment < 200; experiment++) {
      const gains = Array.from({ length: 150 }, () => {
        const draw = rng.uniform();
        return draw < 0.3 ? 1 : draw < 0.4 ? -1 : 0;
      });
      const interval = bootstrapInterval(150, meanOf(gains), { resamples: 300, seed: experiment });
      if (interval && interval[0] <= 0.2 && interval[1] >= 0.2) covered++;
    }
    expect(covered).toBeGreaterThan(178); // 200 · 0.95 less three deviations and what a percentile interval lacks
    expect(covered).toBeLessThan(200);
  });

  test("of nothing, and of draws without a value", () => {
    expect(bootstrapInterval(0, () => 1)).toBeNull();
    expect(bootstrapInterval(3, () => null)).toBeNull();
    expect(() => bootstrapInterval(3, () => 1, { resamples: 0 })).toThrow("resamples: got 0");
  });
});
