/** What the command line says of an evaluation, in lines of at most 80 columns. Pure. */
import type { EvaluationComparison } from "../evaluation/runs/compare.ts";
import {
  answeredLine,
  decidedLine,
  figureRows,
  formatDifference,
  formatFigure,
  headlineLine,
  optionLines,
  publishedRows,
} from "../evaluation/runs/report-text.ts";
import type { EvaluationReport } from "../evaluation/runs/report.ts";
import { formatTable, lineWidth, wrapText } from "./format.ts";
import { describeTerms } from "./run-text.ts";

/** Rows of the table of figures that are shown; the files hold all. */
const shownFigures = 40;

/** The report of a run: how it was made, its figures, published ones beside them, and what sets these apart. */
export function describeEvaluation(report: EvaluationReport): string {
  const { benchmark, headline, published, notComparable, notes } = report;
  const parts = [
    describeTerms([
      ["benchmark", `${benchmark.title}, scored as ${benchmark.scoring}`],
      ...optionLines(report),
      ["answers", answeredLine(report)],
      ["scores", decidedLine(report)],
    ]),
    wrapText(`${headline.name}: ${headlineLine(report)}`).join("\n"),
    figureTable(report),
  ];
  if (published.length > 0) {
    parts.push(publishedTable(report));
    parts.push(
      notComparable.length > 0
        ? `Not measured alike:\n${bullets(notComparable)}`
        : "Nothing is known that would set them apart.",
    );
  }
  if (notes.length > 0) parts.push(`Notes:\n${bullets(notes)}`);
  return parts.join("\n\n");
}

function figureTable(report: EvaluationReport): string {
  const rows = figureRows(report);
  const shown = rows.slice(0, shownFigures);
  const table = formatTable(
    [["figure", "units", "value"], ...shown.map(([what, ...rest]) => [cut(what, 56), ...rest])],
    [1, 2],
  );
  const more = rows.length - shown.length;
  return more > 0 ? `${table}\n(${more} more in report.csv)` : table;
}

/** Sources stand below, numbered: they are longer than a column. */
function publishedTable(report: EvaluationReport): string {
  const rows = publishedRows(report);
  const sources = [...new Set(rows.map((row) => row[5]))];
  const oneFigure = new Set(rows.map((row) => row[1])).size === 1;
  const lines = [
    ["published", "figure", "theirs", "this run", "difference", ""],
    ...rows.map(([model, figure, theirs, own, difference, source]) => [
      cut(model, 26),
      cut(figure, 16),
      theirs,
      own,
      difference,
      `[${sources.indexOf(source) + 1}]`,
    ]),
  ].map((cells) => (oneFigure ? cells.filter((_, column) => column !== 1) : cells));
  const right = oneFigure ? [1, 2, 3] : [2, 3, 4];
  const footnotes = sources.flatMap((source, i) => {
    const mark = `[${i + 1}] `;
    return wrapText(source, { indent: " ".repeat(mark.length) }).map((line, at) =>
      at === 0 ? mark + line.slice(mark.length) : line,
    );
  });
  return [formatTable(lines, right), ...footnotes].join("\n");
}

/** Two runs side by side. @param names as they were given. */
export function describeComparison(
  comparison: EvaluationComparison,
  names: readonly [a: string, b: string],
): string {
  const { benchmark, headline, a, b, better, difference, interval, units, samples } = comparison;
  const { unit } = headline;
  const row = (label: string, name: string, run: typeof a) => [
    label,
    cutFront(name, 34),
    cutFront(run.model, 24),
    formatFigure(run.value, unit),
  ];
  const table = formatTable([["", "run", "model", unit], row("A", names[0], a), row("B", names[1], b)], [3]);
  const range = interval
    ? ` (95%: ${interval.map((end) => formatDifference(end, unit)).join(" to ")}, paired bootstrap, ` +
      `${comparison.resamples} resamples, seed ${comparison.seed})`
    : "";
  const verdict =
    interval === null || (interval[0] <= 0 && interval[1] >= 0)
      ? "The interval holds 0: this does not tell the runs apart."
      : `The interval is on one side of 0: ${interval[0] > 0 ? "B" : "A"} is better on questions like these.`;
  const only = [
    ...(a.only > 0 ? [`${a.only} in A only`] : []),
    ...(b.only > 0 ? [`${b.only} in B only`] : []),
    ...(a.leftOut > 0 ? [`${a.leftOut} that A's scoring left out`] : []),
    ...(b.leftOut > 0 ? [`${b.leftOut} that B's scoring left out`] : []),
  ];
  const terms: [string, string][] = [
    ["benchmark", `${benchmark.title}: ${headline.name}`],
    ["B - A", `${formatDifference(difference, unit)}${range}`],
    [
      "units",
      `${units}, of ${samples} answers in both: A better in ${better.a}, B in ${better.b}, the same in ${better.same}`,
    ],
    ["not in it", only.length === 0 ? "nothing: both have the same answers" : only.join(", ")],
  ];
  const parts = [table, describeTerms(terms), verdict];
  if (comparison.differences.length > 0)
    parts.push(`The runs differ in:\n${bullets(comparison.differences.map((text) => cut(text, 200)))}`);
  return parts.join("\n\n");
}

function bullets(lines: readonly string[]): string {
  return lines
    .flatMap((text) =>
      wrapText(text, { width: lineWidth, indent: "  " }).map((line, i) =>
        i === 0 ? `-${line.slice(1)}` : line,
      ),
    )
    .join("\n");
}

/** The end of a path tells more than its beginning. */
function cutFront(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `…${characters.slice(1 - width).join("")}` : text;
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join("")}…` : text;
}
