import type { EvalRow, ScoredSample } from "./benchmark.ts";
import { ocrBenchV2Categories } from "./scoring/ocrbench-v2.ts";

/**
 * What is independent of the rest: a sample, a question with its rotations, a problem with its steps or variants, a set of
 * figures. The headline is {@link headlineOf} all of them, so that drawing units again gives its interval.
 */
export interface Unit {
  id: string;
  /** Numerator and denominator of each ratio that the headline is the mean of; a unit of no weight has 0 and 0. */
  parts: readonly (readonly [numerator: number, denominator: number])[];
}

/** scale × the mean of Σ numerators ÷ Σ denominators, over the ratios that have any; null without one. */
export function headlineOf(units: readonly Unit[], scale: number): number | null {
  const ratios: number[] = [];
  const width = Math.max(0, ...units.slice(0, 1).map(({ parts }) => parts.length));
  for (let part = 0; part < width; part++) {
    let numerator = 0;
    let denominator = 0;
    for (const { parts } of units) {
      numerator += parts[part][0];
      denominator += parts[part][1];
    }
    if (denominator > 0) ratios.push(numerator / denominator);
  }
  return ratios.length === 0 ? null : (scale * ratios.reduce((sum, ratio) => sum + ratio, 0)) / ratios.length;
}

/** What one value is counted for: a sample, or several that count as one. */
export interface Item {
  id: string;
  /** Of the sample, or of the first of several. */
  row: EvalRow;
  /** null: left out. */
  value: number | null;
}

/** 0 when any is wrong, else null when any is not known, else 1: right only if all of it is right. */
export function allRight(values: readonly (number | null)[]): number | null {
  if (values.some((value) => value !== null && value < 1)) return 0;
  return values.includes(null) ? null : 1;
}

/** The mean of those that are known; null without any. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** In the order in which keys first come. */
export function groupBy<T>(list: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

export const itemOf = ({ row, score }: ScoredSample): Item => ({ id: row.index, row, value: score.score });

export const unitOfItem = ({ id, value }: Item): Unit => ({
  id,
  parts: [value === null ? [0, 0] : [value, 1]],
});

/** Rotation k of a question has its index + k · 10⁶. */
const rotationStep = 1_000_000;

/** The question that a rotation belongs to: column `g_index`, else told by the index. */
export const circularGroup = ({ index, columns }: EvalRow): string =>
  columns.g_index ?? String(Number(index) % rotationStep);

/** Questions with their rotations: right only if every rotation is. */
export function circularItems(samples: readonly ScoredSample[]): Item[] {
  return [...groupBy(samples, ({ row }) => circularGroup(row))].map(([id, group]) => {
    const [first] = [...group].sort((a, b) => Number(a.row.index) - Number(b.row.index));
    return { id, row: first.row, value: allRight(group.map(({ score }) => score.score)) };
  });
}

/** Where a question of HallusionBench belongs: its index is CATEGORY_SUBCATEGORY_VISUAL_SET_FIGURE_QUESTION. */
export function figureIndex(row: EvalRow): { set: string; figure: string; question: string } | null {
  const [, subcategory, , set, figure, question] = row.index.split("_");
  if ([set, figure, question].some((part) => !/^\d+$/.test(part ?? ""))) return null;
  const prefix = `${row.l2Category ?? subcategory}_${set}`;
  return { set: prefix, figure: `${prefix}_${figure}`, question: `${prefix}_${question}` };
}

/** aAcc, fAcc, qAcc: over questions, over figures with all their questions, over questions on all their figures. */
export function figureParts(samples: readonly ScoredSample[]): Unit["parts"] {
  const ratio = (values: readonly (number | null)[]): readonly [number, number] => {
    const known = values.filter((value) => value !== null);
    return [known.reduce((sum, value) => sum + value, 0), known.length];
  };
  const whole = (of: "figure" | "question") =>
    [...groupBy(samples, ({ row }) => figureIndex(row)?.[of] ?? row.index).values()].map((group) =>
      allRight(group.map(({ score }) => score.score)),
    );
  return [ratio(samples.map(({ score }) => score.score)), ratio(whole("figure")), ratio(whole("question"))];
}

/** A unit for each set of figures: what figures and questions have in common never leaves it. */
export function figureUnits(samples: readonly ScoredSample[]): Unit[] {
  return [...groupBy(samples, ({ row }) => figureIndex(row)?.set ?? row.index)].map(([id, group]) => ({
    id,
    parts: figureParts(group),
  }));
}

/** The category of OCRBench v2 that a task belongs to. */
export function ocrBenchV2Category(row: EvalRow): { language: "en" | "cn"; name: string } | null {
  for (const language of ["en", "cn"] as const) {
    const entries = Object.entries(ocrBenchV2Categories[language]);
    const name = entries.find(([, tasks]) => tasks.includes(row.category ?? ""))?.[0];
    if (name !== undefined) return { language, name };
  }
  return null;
}

/** A ratio for each category of the language: the headline is the mean over categories. */
export function ocrBenchV2Units(samples: readonly ScoredSample[], language: "en" | "cn"): Unit[] {
  const names = Object.keys(ocrBenchV2Categories[language]);
  return samples.flatMap(({ row, score: { score } }): Unit[] => {
    const category = ocrBenchV2Category(row);
    if (category?.language !== language || score === null) return [];
    return [{ id: row.index, parts: names.map((name) => (name === category.name ? [score, 1] : [0, 0])) }];
  });
}
