import { CorruptFileError } from "../../util/errors.ts";
import type { Benchmark, EvalRow, ScoringKind } from "./benchmark.ts";
import { figureIndex } from "./units.ts";
import { stepKey } from "./wemath.ts";

/** Columns that scoring reads, beside index and question; each of a list stands for one of several names. */
const needed: Readonly<Record<ScoringKind, readonly string[]>> = {
  choice: [],
  "circular-choice": ["A", "B"],
  mmmu: ["A", "B"],
  "yes-no": [],
  "yes-no-figures": [],
  ocrbench: ["category"],
  "ocrbench-v2": ["category", "eval"],
  mathvista: ["question_type", "answer_type", "choices", "answer_option"],
  mathvision: ["choices"],
  mathverse: [],
  dynamath: ["answer_type", "qid"],
  wemath: ["A", "B", "ID", "key"],
  logicvista: [],
  mmvet: ["category"],
  exact: [],
};

/**
 * @param header names of the table's columns.
 * @throws CorruptFileError that names the columns which scoring needs and the table lacks. A table without `answer` is a
 *   hidden test set: it is answered, and not scored.
 */
export function checkColumns(
  benchmark: Pick<Benchmark, "name" | "scoring">,
  header: readonly string[],
): void {
  const missing = ["index", "question", ...needed[benchmark.scoring]].filter(
    (name) => !header.includes(name),
  );
  if (missing.length === 0) return;
  throw new CorruptFileError(
    `${benchmark.name}: got the columns ${header.join(", ")}, expected ${missing.join(" and ")} too (scoring ${benchmark.scoring})`,
  );
}

/** @throws CorruptFileError for a row that cannot be counted: an index or key that does not say where it belongs. */
export function checkRow(benchmark: Pick<Benchmark, "name" | "scoring">, row: EvalRow): void {
  const wrong = (what: string, got: string, expected: string): never => {
    throw new CorruptFileError(
      `${benchmark.name}: row ${row.index}: ${what}: got ${got}, expected ${expected}`,
    );
  };
  const { columns, index } = row;
  switch (benchmark.scoring) {
    case "circular-choice":
      if (columns.g_index === undefined && !/^\d+$/.test(index))
        wrong("index", index, "a whole number, rotation k at k · 1000000");
      break;
    case "yes-no-figures":
      if (!figureIndex(row)) wrong("index", index, "CATEGORY_SUBCATEGORY_VISUAL_SET_FIGURE_QUESTION");
      break;
    case "wemath":
      if (!stepKey.test(columns.key ?? "")) wrong("key", columns.key ?? "nothing", "2steps_1, 2steps_multi, 3steps_1 …"); // prettier-ignore
      break;
    case "dynamath":
      if (columns.qid === undefined) wrong("qid", "nothing", "the question that it is a variant of");
      break;
    default:
  }
}
