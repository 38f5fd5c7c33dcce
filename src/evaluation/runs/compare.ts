import { InvalidOptionError } from "../../util/errors.ts";
import { isRecord } from "../../util/is-record.ts";
import { aggregate, headlineOf, scaleOf, unitOf, type Unit } from "../benchmarks/aggregate.ts";
import { rowOfColumns, type Benchmark, type ScoredSample } from "../benchmarks/benchmark.ts";
import { bootstrapInterval, type BootstrapOptions } from "./bootstrap.ts";
import type { ScoreRecord, StoredEvaluation } from "./rescore.ts";

/** One of two runs. */
export interface ComparedRun {
  /** Who answered. */
  model: string;
  /** The headline over the units that are in both runs. */
  value: number | null;
  /** Answers of this run that the other does not have. */
  only: number;
  /** Answers that both have and this run's scoring left out. */
  leftOut: number;
}

/** Two runs of a benchmark, over what both have. */
export interface EvaluationComparison {
  benchmark: { name: string; title: string };
  headline: { name: string; unit: "%" | "of 1000" };
  a: ComparedRun;
  b: ComparedRun;
  /** Answers in both, and scored in both, with all of their unit. */
  samples: number;
  /** What is drawn: questions with all their rotations, variants or figures. */
  units: number;
  /** Units that score more in a, in b, and the same in both. */
  better: { a: number; b: number; same: number };
  /** b less a. */
  difference: number | null;
  /** 95%, paired bootstrap: each draw takes the same units of both runs. Null where there is no difference to tell. */
  interval: [low: number, high: number] | null;
  resamples: number;
  seed: number;
  /** In what the runs' settings and scoring differ: "sampling.temperature: 0 and 1". */
  differences: string[];
}

/**
 * Compares the headlines of two runs of one benchmark, by their scores as stored.
 * @throws InvalidOptionError for runs of two benchmarks, or without a scored answer in common.
 */
export function compareEvaluations(
  a: StoredEvaluation,
  b: StoredEvaluation,
  { resamples = 2000, seed = 0 }: BootstrapOptions = {},
): EvaluationComparison {
  const { benchmark } = a;
  if (benchmark.name !== b.benchmark.name || benchmark.scoring !== b.benchmark.scoring)
    throw new InvalidOptionError(
      "comparison",
      `runs of ${describe(benchmark)} and ${describe(b.benchmark)}`,
      "two runs of one benchmark",
    );
  const scored = [a, b].map((run) => new Map(run.scores.map((score) => [score.index, score])));
  const [inA, inB] = scored;
  const isScored = (side: ReadonlyMap<string, ScoreRecord>, index: string) =>
    (side.get(index)?.score ?? null) !== null;
  // A unit counts as a whole: with rows that one run lacks it would be another unit there.
  const torn = new Set<string>();
  for (const { index, columns } of [...a.samples, ...b.samples])
    if (isScored(inA, index) !== isScored(inB, index)) torn.add(unitOf(benchmark, rowOfColumns(columns)));
  const shared = new Set(
    a.samples.flatMap(({ index, columns }) =>
      isScored(inA, index) && isScored(inB, index) && !torn.has(unitOf(benchmark, rowOfColumns(columns)))
        ? [index]
        : [],
    ),
  );
  if (shared.size === 0)
    throw new InvalidOptionError(
      "comparison",
      "no question that both runs have scored answers of",
      "at least one",
    );
  const results = [a, b].map((run, side) =>
    aggregate(
      benchmark,
      run.samples.flatMap(({ index, columns }): ScoredSample[] => {
        const score = scored[side].get(index);
        return score && shared.has(index) ? [{ row: rowOfColumns(columns), score }] : [];
      }),
    ),
  );
  const pairs = pairUnits(results[0].units, results[1].units);
  const { name, unit } = results[0].headline;
  const scale = scaleOf(unit);
  const headlines = (items: readonly (readonly [Unit, Unit])[]): [number | null, number | null] => [
    headlineOf(items.map(([first]) => first), scale), // prettier-ignore
    headlineOf(items.map(([, second]) => second), scale), // prettier-ignore
  ];
  const [valueA, valueB] = headlines(pairs);
  const run = (mine: 0 | 1, value: number | null): ComparedRun => ({
    model: [a, b][mine].settings.model.name,
    value,
    only: [...scored[mine].keys()].filter((index) => !scored[1 - mine].has(index)).length,
    leftOut: [...scored[mine].values()].filter(
      ({ index, score }) => score === null && scored[1 - mine].has(index),
    ).length,
  });
  const gains = pairs.map(([first, second]) => shareOf(second) - shareOf(first));
  return {
    benchmark: { name: benchmark.name, title: benchmark.title },
    headline: { name, unit },
    a: run(0, valueA),
    b: run(1, valueB),
    samples: shared.size,
    units: pairs.length,
    better: {
      a: gains.filter((gain) => gain < 0).length,
      b: gains.filter((gain) => gain > 0).length,
      same: gains.filter((gain) => gain === 0).length,
    },
    difference: differenceOf([valueA, valueB]),
    interval: bootstrapInterval(
      pairs.length,
      (items) => differenceOf(headlines(Array.from(items, (item) => pairs[item]))),
      { resamples, seed },
    ),
    resamples,
    seed,
    differences: [
      ...differencesOf(shortSettings(a), shortSettings(b)),
      ...differencesOf(scoringOf(a), scoringOf(b), "scoring"),
    ],
  };
}

/** Units of the same id. */
function pairUnits(a: readonly Unit[], b: readonly Unit[]): [Unit, Unit][] {
  const byId = new Map(b.map((unit) => [unit.id, unit]));
  return a.flatMap((unit): [Unit, Unit][] => {
    const other = byId.get(unit.id);
    return other ? [[unit, other]] : [];
  });
}

/** What a unit has of what it could have, over its parts. */
function shareOf({ parts }: Unit): number {
  const counted = parts.filter(([, denominator]) => denominator !== 0);
  const sum = counted.reduce((total, [numerator, denominator]) => total + numerator / denominator, 0);
  return counted.length === 0 ? 0 : sum / counted.length;
}

function differenceOf([a, b]: readonly [number | null, number | null]): number | null {
  return a === null || b === null ? null : b - a;
}

function describe({ name, scoring }: Benchmark): string {
  return `${name} (${scoring})`;
}

function scoringOf({ report }: StoredEvaluation): unknown {
  return { cutTags: report?.scoring.cutTags ?? null, judge: report?.scoring.judge?.name ?? null };
}

/** A system prompt stands as its kind and the beginning of its hash. */
function shortSettings({ settings }: StoredEvaluation): unknown {
  const { system, ...others } = settings;
  return { ...others, system: system && `${system.kind}, ${system.sha256.slice(0, 12)}…` };
}

/** What is absent counts as null. */
function differencesOf(a: unknown, b: unknown, path = ""): string[] {
  if (isRecord(a) && isRecord(b)) {
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return names.flatMap((name) => differencesOf(a[name], b[name], path === "" ? name : `${path}.${name}`));
  }
  const [first, second] = [a, b].map((value) => JSON.stringify(value ?? null));
  return first === second ? [] : [`${path}: ${first} and ${second}`];
}
