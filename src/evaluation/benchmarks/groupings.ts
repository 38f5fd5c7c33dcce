import type { Benchmark, EvalRow } from "./benchmark.ts";
import { parseLiteral, textsOf } from "./python-literal.ts";
import { ocrBenchV2Category } from "./units.ts";

/** A way to part a benchmark's rows; a row may belong to several groups or none. */
export interface Grouping {
  by: string;
  names: (row: EvalRow) => string[];
}

const one = (name: string | undefined): string[] => (name === undefined ? [] : [name]);
const byColumn = (by: string, column: string): Grouping => ({
  by,
  names: ({ columns }) => one(columns[column]),
});
const usual: readonly Grouping[] = [
  { by: "l2-category", names: ({ l2Category }) => one(l2Category) },
  { by: "category", names: ({ category }) => one(category) },
];

/** MM-Vet's abilities; a question's category lists those it needs. */
const abilities = ["rec", "ocr", "know", "gen", "spat", "math"];
const logicSkills = ["inductive", "deductive", "numerical", "spatial", "mechanical"];

/** OCRBench's six kinds of text recognition, which its score joins. */
const recognition = [
  "Regular Text Recognition",
  "Irregular Text Recognition",
  "Artistic Text Recognition",
  "Handwriting Recognition",
  "Digit String Recognition",
  "Non-Semantic Text Recognition",
];

/** MathVerse keeps what a question is about in one cell. */
function metadata(row: EvalRow, key: string): string[] {
  const literal = parseLiteral(row.columns.metadata ?? "");
  if (typeof literal !== "object" || literal === null || Array.isArray(literal)) return [];
  const value = Object.hasOwn(literal, key) ? literal[key] : undefined;
  return typeof value === "string" ? [value] : [];
}

/** How the table of a benchmark's figures is parted, the coarser first. */
export function groupingsOf({ scoring }: Pick<Benchmark, "scoring">): readonly Grouping[] {
  switch (scoring) {
    case "mathvista":
      return [
        byColumn("task", "task"),
        {
          by: "skill",
          names: ({ columns }) => (columns.skills === undefined ? [] : textsOf(columns.skills)),
        },
      ];
    case "mathverse":
      return ["problem_version", "subject", "subfield"].map((by) => ({
        by,
        names: (row) => (row.columns[by] === undefined ? metadata(row, by) : [row.columns[by]]),
      }));
    case "dynamath":
      return [byColumn("subject", "subject"), byColumn("knowledge level", "knowledge_level")];
    case "logicvista":
      return [
        {
          by: "skill",
          names: ({ columns }) => logicSkills.filter((skill) => (columns.skill ?? "").includes(skill)),
        },
      ];
    case "mmvet":
      return [
        {
          by: "ability",
          names: ({ category = "" }) => abilities.filter((name) => category.split(/[,_]/).includes(name)),
        },
        { by: "category", names: ({ category }) => one(category?.replaceAll(",", "_")) },
      ];
    case "ocrbench":
      return [
        { by: "part", names: ({ category = "" }) => one(recognition.includes(category) ? "Text Recognition" : category || undefined) }, // prettier-ignore
        ...usual,
      ];
    case "ocrbench-v2":
      return [
        {
          by: "category",
          names: (row) => {
            const category = ocrBenchV2Category(row);
            return category ? [`${category.language} ${category.name}`] : [];
          },
        },
        { by: "task", names: ({ category }) => one(category) },
      ];
    default:
      return usual;
  }
}
