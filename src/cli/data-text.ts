/** What the command line says of a data set, in lines of at most 80 columns. Pure. */
import type { DatasetReport, LengthStatistics, ValueCount } from "../data/wethink/inspect.ts";
import type { DatasetRow, RecordChange, RejectedRow } from "../data/wethink/record.ts";
import { formatPercent, formatTable, lineWidth, wrapText } from "./format.ts";
import { describeTerms } from "./run-text.ts";

/** Rows of a table of values, and rejected rows, that are shown. */
const shownValues = 15;
const shownRejected = 8;
/** Characters of a text of a sample that are shown. */
const shownCharacters = 400;

/** @param file as it was named. */
export function describeDataset(file: string, report: DatasetReport): string {
  const { rows, accepted, rejected, images, lengths } = report;
  const terms: [string, string][] = [
    ["rows", `${rows} in ${file}: ${accepted} taken, ${rejected.total} rejected`],
  ];
  if (images) terms.push(["images", `${images.found} found, ${images.missing} missing`]);
  const changed = describeChanges(report.changes);
  if (changed !== "") terms.push(["put right", changed]);
  const parts = [describeTerms(terms)];
  if (rejected.total > 0) parts.push(describeRejected(report));
  if (accepted > 0) {
    parts.push(
      valueTable("category", report.categories, accepted),
      valueTable("ability", report.abilities, accepted),
      valueTable("reward", report.rewards, accepted),
      lengthTable(lengths),
      ...report.samples.map(describeSample),
    );
  }
  return parts.join("\n\n");
}

const changeTexts: Readonly<Record<RecordChange, string>> = {
  "image-marker-removed": "lost an image marker",
  "reasoning-unwrapped": "had tags in the reasoning",
  "answer-unwrapped": "had tags in the answer",
  "literal-marker": "speak of markers, which exports escape",
};

function describeChanges(changes: DatasetReport["changes"]): string {
  return Object.entries(changeTexts)
    .flatMap(([change, text]) => {
      const count = changes[change as RecordChange];
      return count > 0 ? [`${count} ${text}`] : [];
    })
    .join("; ");
}

function describeRejected({ rejected }: DatasetReport): string {
  const counts = Object.entries(rejected.byReason).map(([reason, count]) => [reason, String(count)]);
  const shown = rejected.listed.slice(0, shownRejected);
  const more = rejected.total - shown.length;
  return [
    formatTable([["rejected", "rows"], ...counts], [1]),
    "",
    ...shown.flatMap(describeRejection),
    ...(more > 0 ? [`… and ${more} more: --rejected FILE writes them all`] : []),
  ].join("\n");
}

function describeRejection({ number, reason, detail }: RejectedRow): string[] {
  const [first = "", ...rest] = wrapText(`row ${number}: ${reason}: ${printable(detail)}`, { indent: "  " });
  return [first.slice(2), ...rest];
}

/** What a value is counted as, its rows and their share. */
function valueTable(name: string, counts: readonly ValueCount[], rows: number): string {
  const shown = counts
    .slice(0, shownValues)
    .map(({ value, count }) => [
      cut(value === "" ? "(none)" : printable(value), lineWidth - 24),
      String(count),
      formatPercent(count / rows),
    ]);
  const more = counts.length - shown.length;
  const table = formatTable([[name, "rows", "share"], ...shown], [1, 2]);
  return more > 0 ? `${table}\n… and ${more} more values` : table;
}

function lengthTable(lengths: DatasetReport["lengths"]): string {
  const row = (name: string, { min, mean, median, p95, max }: LengthStatistics) => [
    name,
    ...[min, mean, median, p95, max].map((value) => value.toFixed(0)),
  ];
  const header = ["characters", "min", "mean", "median", "95%", "max"];
  return formatTable(
    [
      header,
      row("problem", lengths.problem),
      row("reasoning", lengths.reasoning),
      row("answer", lengths.answer),
    ],
    [1, 2, 3, 4, 5],
  );
}

function describeSample({ number, record }: DatasetRow): string {
  const kinds = [record.category, record.abilities.join(", "), record.reward];
  const terms: [string, string][] = [
    ["image", record.image_path],
    ["kind", kinds.map((kind) => kind || "(none)").join(" · ")],
    ["problem", record.problem],
    ["reasoning", record.refined_cot],
    ["answer", record.answer],
  ];
  const shown = terms.map(([term, text]): [string, string] => [term, cut(printable(text), shownCharacters)]);
  return [`row ${number}`, describeTerms(shown)].join("\n");
}

/** A text that a terminal shows as it is: control characters would move its cursor, or worse. */
function printable(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll(/\p{Cc}/gu, "�");
}

function cut(text: string, characters: number): string {
  const all = [...text];
  return all.length > characters ? `${all.slice(0, characters - 1).join("")}…` : text;
}
