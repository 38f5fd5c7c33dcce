import { scoredBy, type Benchmark, type EvalRow, type ScoredBy, type ScoredSample } from "./benchmark.ts";
import { groupingsOf } from "./groupings.ts";
import {
  allRight,
  circularGroup,
  circularItems,
  figureIndex,
  figureParts,
  figureUnits,
  groupBy,
  headlineOf,
  itemOf,
  meanOf,
  ocrBenchV2Units,
  unitOfItem,
  type Item,
  type Unit,
} from "./units.ts";
import { masteryOf, problemOf, problemsOf, problemUnits, type Mastery } from "./wemath.ts";

/** What a figure is out of. */
export type FigureUnit = "%" | "of 1000";

/** A figure of the whole benchmark. */
export interface Figure {
  name: string;
  /** null: nothing that it is made of was scored. */
  value: number | null;
  unit: FigureUnit;
}

/** A figure of a part of the benchmark, in percent. */
export interface TableRow {
  /** null where the table has no splits. */
  split: string | null;
  /** "overall", or what `name` is a value of: "category", "l2-category", "skill" … */
  by: string;
  name: string;
  /** Which figure; the headline's name where there is one only. */
  figure: string;
  value: number | null;
  /** Units that the value is of. */
  count: number;
}

/** What the samples of a benchmark come to. */
export interface BenchmarkResult {
  headline: Figure;
  /** Figures beside the headline. */
  figures: Figure[];
  table: TableRow[];
  counts: { rows: number; scored: number; how: Record<ScoredBy, number> };
  /** Indices of rows that no rule decided, where there was no judge. */
  undecided: string[];
  units: Unit[];
  /** What readers must know: the benchmark's own notes, and what happened in this run. */
  notes: string[];
}

/** 100 for percent, 1000 for a score of 1000. */
export const scaleOf = (unit: FigureUnit): number => (unit === "%" ? 100 : 1000);

interface Parts {
  units: Unit[];
  /** Absent: that of the benchmark. */
  headline?: string;
  figures?: Figure[];
  table?: TableRow[];
  notes?: string[];
}

export { headlineOf, type Unit };

/** The unit that a row belongs to, by its id: rows of one unit are asked all or not at all. */
export function unitOf({ scoring }: Pick<Benchmark, "scoring">, row: EvalRow): string {
  switch (scoring) {
    case "circular-choice":
      return circularGroup(row);
    case "yes-no-figures":
      return figureIndex(row)?.set ?? row.index;
    case "dynamath":
      return row.columns.qid ?? row.index;
    case "wemath":
      return problemOf(row) ?? row.index;
    default:
      return row.index;
  }
}

/** Every figure of a benchmark. Samples without a score are left out, and counted. */
export function aggregate(benchmark: Benchmark, samples: readonly ScoredSample[]): BenchmarkResult {
  const ofSplit = samples.filter(({ row }) => row.split === benchmark.split);
  const counted = benchmark.split !== undefined && ofSplit.length > 0 ? ofSplit : samples;
  const parts = partsOf(benchmark, counted, samples);
  const unit: FigureUnit = benchmark.scoring === "ocrbench" ? "of 1000" : "%";
  const how = Object.fromEntries(
    scoredBy.map((name) => [name, samples.filter(({ score }) => score.how === name).length]),
  ) as Record<ScoredBy, number>;
  const undecided = samples.filter(({ score }) => score.how === "undecided").map(({ row }) => row.index);
  return {
    headline: {
      name: parts.headline ?? benchmark.headline,
      value: headlineOf(parts.units, scaleOf(unit)),
      unit,
    },
    figures: parts.figures ?? [],
    table: parts.table ?? tableOf(benchmark, samples.map(itemOf)),
    counts: {
      rows: samples.length,
      scored: samples.filter(({ score }) => score.score !== null).length,
      how,
    },
    undecided,
    units: parts.units,
    notes: [...benchmark.notes, ...(parts.notes ?? []), ...sampleNotes(benchmark, how, ofSplit.length > 0)],
  };
}

/** @param counted the rows of the headline's split; all the rows where the table has no such split. */
function partsOf(
  benchmark: Benchmark,
  counted: readonly ScoredSample[],
  all: readonly ScoredSample[],
): Parts {
  switch (benchmark.scoring) {
    case "circular-choice":
      return circularParts(benchmark, counted, all);
    case "yes-no-figures":
      return figuresParts(benchmark, counted);
    case "dynamath":
      return variantParts(benchmark, counted);
    case "wemath":
      return steppedParts(benchmark, counted);
    case "ocrbench-v2":
      return ocrBenchV2Parts(counted);
    case "ocrbench":
      return ocrBenchParts(benchmark, counted);
    default:
      return { units: unitsOf(counted.map(itemOf)) };
  }
}

const unitsOf = (items: readonly Item[]): Unit[] =>
  items.filter(({ value }) => value !== null).map(unitOfItem);
const percent = (name: string, value: number | null): Figure => ({
  name,
  value: value === null ? null : 100 * value,
  unit: "%",
});

function tableOf(benchmark: Benchmark, items: readonly Item[], figure = benchmark.headline): TableRow[] {
  const splits = [...new Set(items.map(({ row }) => row.split ?? null))];
  return splits.flatMap((split) => {
    const own = items.filter(({ row }) => (row.split ?? null) === split);
    const line = (by: string, name: string, of: readonly Item[]): TableRow => {
      const value = meanOf(of.map((item) => item.value));
      const count = of.filter((item) => item.value !== null).length;
      return { split, by, name, figure, value: value === null ? null : 100 * value, count };
    };
    const groups = groupingsOf(benchmark).flatMap(({ by, names }) => {
      const named = own.flatMap((item) => names(item.row).map((name) => ({ name, item })));
      return [...groupBy(named, ({ name }) => name)]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, group]) => line(by, name, group.map(({ item }) => item))); // prettier-ignore
    });
    return [line("overall", "Overall", own), ...groups];
  });
}

function circularParts(
  benchmark: Benchmark,
  counted: readonly ScoredSample[],
  all: readonly ScoredSample[],
): Parts {
  const items = circularItems(counted);
  const plain = meanOf(counted.map(({ score }) => score.score));
  const groups = [...groupBy(counted, ({ row }) => circularGroup(row))];
  const short = groups.filter(([, group]) => group.length < Object.keys(group[0].row.options).length);
  return {
    units: unitsOf(items),
    figures: [percent("Accuracy without rotations counted together", plain)],
    table: tableOf(benchmark, circularItems(all)),
    notes:
      short.length > 0
        ? [`${short.length} of ${groups.length} questions have fewer rotations here than options: they are easier than whole ones.`] // prettier-ignore
        : [],
  };
}

const figureNames = ["aAcc", "fAcc", "qAcc"];

function figuresParts(benchmark: Benchmark, samples: readonly ScoredSample[]): Parts {
  const ratios = (of: readonly ScoredSample[]) =>
    figureParts(of).map(([right, count]) => ({ value: count > 0 ? right / count : null, count }));
  const lines = (by: string, name: string, of: readonly ScoredSample[]): TableRow[] =>
    ratios(of).map(({ value, count }, at) => ({
      split: null,
      by,
      name,
      figure: figureNames[at],
      value: value === null ? null : 100 * value,
      count,
    }));
  const groups = [...groupingsOf(benchmark)].reverse().flatMap(({ by, names }) => {
    const named = samples.flatMap((sample) => names(sample.row).map((name) => ({ name, sample })));
    return [...groupBy(named, ({ name }) => name)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, group]) => lines(by, name, group.map(({ sample }) => sample))); // prettier-ignore
  });
  return {
    units: figureUnits(samples),
    figures: ratios(samples).map(({ value }, at) => percent(figureNames[at], value)),
    table: [...lines("overall", "Overall", samples), ...groups],
  };
}

const worst = "Worst case";

function variantParts(benchmark: Benchmark, samples: readonly ScoredSample[]): Parts {
  const groups = [...groupBy(samples, ({ row }) => row.columns.qid ?? row.index)];
  const worstItems = groups.map(([id, group]): Item => ({
    id,
    row: group[0].row,
    value: allRight(group.map(({ score }) => score.score)),
  }));
  const counts = new Set(groups.map(([, group]) => group.length));
  return {
    units: groups.flatMap(([id, group]): Unit[] => {
      const known = group.flatMap(({ score: { score } }) => (score === null ? [] : [score]));
      if (known.length === 0) return [];
      return [{ id, parts: [[known.reduce((sum, score) => sum + score, 0), known.length]] }];
    }),
    figures: [percent(worst, meanOf(worstItems.map(({ value }) => value)))],
    table: [...tableOf(benchmark, samples.map(itemOf)), ...tableOf(benchmark, worstItems, worst)],
    notes:
      counts.size > 1 || (counts.size === 1 && !counts.has(10))
        ? [
            "Not every question has its ten variants here: the worst case is easier than the whole benchmark's.",
          ]
        : [],
  };
}

function steppedParts(benchmark: Benchmark, samples: readonly ScoredSample[]): Parts {
  const { whole, incomplete } = problemsOf(samples);
  const rate = (reading: "strict" | "loose", ...of: readonly Mastery[]): number | null =>
    meanOf(whole.map((problem) => (of.includes(masteryOf(problem, reading)) ? 1 : 0)));
  const rote = (reading: "strict" | "loose"): number | null => {
    const solved = whole
      .map((problem) => masteryOf(problem, reading))
      .filter((one) => one === "CM" || one === "RM");
    return meanOf(solved.map((one) => (one === "RM" ? 1 : 0)));
  };
  const ofWhole = (steps: number) =>
    meanOf(whole.filter((problem) => problem.steps === steps).map(({ wholeRight }) => Number(wholeRight)));
  const loose = headlineOf(problemUnits(whole, "loose"), 1);
  const { size = whole.length } = benchmark;
  return {
    units: problemUnits(whole, "strict"),
    figures: [
      percent("Score (Loose)", loose),
      percent("Insufficient Knowledge", rate("strict", "IK")),
      percent("Inadequate Generalization", rate("strict", "IG")),
      percent("Complete Mastery (Strict)", rate("strict", "CM")),
      percent("Complete Mastery (Loose)", rate("loose", "CM")),
      percent("Rote Memorization (Strict)", rote("strict")),
      percent("Rote Memorization (Loose)", rote("loose")),
      percent("One-step (S1)", meanOf(whole.flatMap(({ stepsRight }) => stepsRight.map(Number)))),
      percent("Two-step (S2)", ofWhole(2)),
      percent("Three-step (S3)", ofWhole(3)),
    ],
    notes: [
      ...(incomplete.length > 0 ? [`${incomplete.length} problems are left out: not all of their steps are there and scored.`] : []), // prettier-ignore
      ...(whole.length !== size ? [`The formula is over the ${whole.length} problems that are here, not over ${size}.`] : []), // prettier-ignore
    ],
  };
}

function ocrBenchV2Parts(samples: readonly ScoredSample[]): Parts {
  const english = ocrBenchV2Units(samples, "en");
  const chinese = ocrBenchV2Units(samples, "cn");
  const names = { en: "English overall", cn: "Chinese overall" };
  return english.length > 0 || chinese.length === 0
    ? { units: english, figures: [{ name: names.cn, value: headlineOf(chinese, 100), unit: "%" }] }
    : { units: chinese, headline: names.cn };
}

function ocrBenchParts(benchmark: Benchmark, samples: readonly ScoredSample[]): Parts {
  const units = unitsOf(samples.map(itemOf));
  const { size = units.length } = benchmark;
  const notes =
    units.length !== size ? [`The score is scaled from ${units.length} questions to ${size}.`] : [];
  return { units, notes };
}

/** What happened to the samples. */
function sampleNotes(
  benchmark: Benchmark,
  how: Readonly<Record<ScoredBy, number>>,
  hasSplit: boolean,
): string[] {
  const rows = (count: number) => `${count} ${count === 1 ? "response" : "responses"}`;
  return [
    ...(benchmark.split !== undefined && hasSplit
      ? [`The headline is of the split ${benchmark.split}.`]
      : []),
    ...(how.undecided > 0 ? [`${rows(how.undecided)} could not be decided by rules and, without a judge, count as wrong; no option is drawn at random.`] : []), // prettier-ignore
    ...(how.approximation > 0 ? [`${rows(how.approximation)} scored by a rule of ours where the benchmark asks a judge: not comparable with judged figures.`] : []), // prettier-ignore
    ...(how["judge-failed"] > 0 ? [`${rows(how["judge-failed"])} left out: no reply of the judge could be read.`] : []), // prettier-ignore
    ...(how.unscored > 0 ? [`${rows(how.unscored)} left out: there is nothing to score by (see each one's reason).`] : []), // prettier-ignore
    ...(how.pending > 0 ? [`${rows(how.pending)} left out: the judge was not asked yet.`] : []),
  ];
}
