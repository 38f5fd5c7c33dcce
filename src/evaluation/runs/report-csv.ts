import type { EvaluationReport } from "./report.ts";

const columns = [
  "benchmark",
  "model",
  "split",
  "by",
  "name",
  "figure",
  "value",
  "unit",
  "count",
  "low",
  "high",
  "source",
  "date",
] as const;
type Row = Partial<Record<(typeof columns)[number], string | number | null>>;

/**
 * A report's figures as a table for other programs, a row each: the headline with its 95% interval, the other figures,
 * their parts, and what others published.
 */
export function toCsv({
  benchmark,
  settings,
  headline,
  figures,
  table,
  published,
}: EvaluationReport): string {
  const { name, value, unit, interval, units } = headline;
  const [low, high] = interval ?? [null, null];
  const own = { benchmark: benchmark.name, model: settings.model.name, source: "this run" };
  const unitOf = (figure: string) => figures.find((each) => each.name === figure)?.unit ?? unit;
  const rows: Row[] = [
    { ...own, by: "headline", name, figure: name, value, unit, count: units, low, high },
    ...figures
      .filter((figure) => figure.name !== name)
      .map((figure) => ({ ...own, by: "figure", ...figure, figure: figure.name })),
    ...table.map((row) => ({ ...own, ...row, unit: "%" })),
    ...published.map(({ model, figure, value, source, date }) => {
      const by = "published";
      return {
        benchmark: own.benchmark,
        model,
        by,
        name: figure,
        figure,
        value,
        unit: unitOf(figure),
        source,
        date,
      };
    }),
  ];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? null))];
  return lines.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

/** By RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+@\t\r-]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
