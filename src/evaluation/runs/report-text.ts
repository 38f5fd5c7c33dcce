/** A report in words and tables: Markdown, and the lines that terminal and page show, too. Pure. */
import type { EvaluationReport } from "./report.ts";

/** How a run was made, as terms and what there is to say of each. */
export function optionLines({ settings, scoring, counts }: EvaluationReport): [term: string, text: string][] {
  const { model, data, selection, system, sampling } = settings;
  const { name, ...others } = model;
  const more = Object.entries(others).flatMap(([key, value]) => (value === null ? [] : [`${key} ${value}`]));
  const drawn =
    selection.limit === null ? "" : `, ${selection.limit} units drawn with seed ${selection.seed}`;
  const split = selection.split === null ? "" : `, split ${selection.split}`;
  const prompts = {
    default: "the kit's own",
    wethink: "WeThink's original",
    custom: `custom, SHA-256 ${system?.sha256.slice(0, 12)}…`,
    none: "none",
  };
  const { judge } = scoring;
  return [
    ["model", [name, ...more].join(", ")],
    ["data", `${counts.asked} of ${data.rows} rows of ${data.file}${split}${drawn}`],
    ["system", `prompt: ${prompts[system?.kind ?? "none"]}`],
    [
      "sampling",
      sampling.temperature === 0
        ? `greedy, up to ${sampling.maxTokens} tokens`
        : `temperature ${sampling.temperature}, top-k ${sampling.topK || "off"}, top-p ${sampling.topP}, ` +
          `seed ${sampling.seed}, up to ${sampling.maxTokens} tokens`,
    ],
    ["tags", scoring.cutTags ? "think and answer tags cut before scoring" : "think and answer tags left in"],
    [
      "judge",
      judge
        ? `${judge.name}: ${judge.replied} replies, ${judge.cached} from the record, ${judge.failed} failed`
        : "none: rules alone",
    ],
  ];
}

const howNames = {
  rule: "by rule",
  judge: "by judge",
  approximation: "by a rule in the judge's place",
  undecided: "undecided, counted as wrong",
  "judge-failed": "judge failed, left out",
  unscored: "without a key, left out",
  pending: "waiting for the judge, left out",
} as const;

/** How answers came to their scores: "412 by rule, 30 by judge, 2 undecided, counted as wrong". */
export function decidedLine({ counts }: EvaluationReport): string {
  const parts = Object.entries(howNames).flatMap(([how, name]) => {
    const count = counts.how[how as keyof typeof howNames];
    return count > 0 ? [`${count} ${name}`] : [];
  });
  return parts.length === 0 ? "nothing was scored" : parts.join("; ");
}

/** How many answers there are: "512 of 515 answered, 3 cut at the limit of tokens". */
export function answeredLine({ counts }: EvaluationReport): string {
  const cut = counts.cut > 0 ? `, ${counts.cut} cut at the limit of tokens` : "";
  const open = counts.unanswered > 0 ? `, ${counts.unanswered} without an answer` : "";
  return `${counts.answered} of ${counts.asked} answered${cut}${open}`;
}

/** A figure as boards write it: one decimal of a percentage, whole points of 1000. */
export function formatFigure(value: number | null, unit: "%" | "of 1000"): string {
  if (value === null) return "-";
  return unit === "%" ? value.toFixed(1) : String(Math.round(value));
}

/** "+1.2", "-0.4", "0.0". */
export function formatDifference(value: number | null, unit: "%" | "of 1000"): string {
  const text = formatFigure(value, unit);
  return value !== null && value > 0 && Number(text) !== 0
    ? `+${text}`
    : text.replace(/^-(?=0(?:\.0)?$)/, "");
}

/** The headline with its interval: "71.6% (95%: 68.1 to 75.0, 1000 units)". */
export function headlineLine({ headline }: EvaluationReport): string {
  const { value, unit, interval, units } = headline;
  if (value === null) return "nothing to compute it from";
  const range = interval ? `95%: ${interval.map((end) => formatFigure(end, unit)).join(" to ")}, ` : "";
  return `${formatFigure(value, unit)}${unit === "%" ? "%" : " of 1000"} (${range}${units} unit${units === 1 ? "" : "s"})`;
}

/** Rows of the report's own figures: what, of how many, value. The headline is first. */
export function figureRows({
  headline,
  figures,
  table,
}: EvaluationReport): [what: string, count: string, value: string][] {
  const heads = figures
    .filter(({ name }) => name !== headline.name)
    .map(({ name, value, unit }): [string, string, string] => [name, "", formatFigure(value, unit)]);
  const shown = [headline, ...figures].map(({ name }) => name);
  const rows = table
    // What the rows above say already.
    .filter(({ split, by, figure }) => !(split === null && by === "overall" && shown.includes(figure)))
    .map(({ split, by, name, figure, value, count }): [string, string, string] => {
      const place = [...(split === null ? [] : [split]), by === "overall" ? name : `${by}: ${name}`];
      const what = `${place.join(", ")}${figure === headline.name ? "" : ` (${figure})`}`;
      return [what, String(count), formatFigure(value, "%")];
    });
  return [
    [headline.name, String(headline.units), formatFigure(headline.value, headline.unit)],
    ...heads,
    ...rows,
  ];
}

/** Rows of published figures: model, figure, theirs, the run's, difference, where from. */
export function publishedRows({ published, headline, figures }: EvaluationReport): string[][] {
  return published.map(({ model, figure, value, own, difference, source, date }) => {
    const unit = [headline, ...figures].find(({ name }) => name === figure)?.unit ?? headline.unit;
    return [
      model,
      figure,
      formatFigure(value, unit),
      formatFigure(own, unit),
      formatDifference(difference, unit),
      `${source}${date === null ? "" : `, ${date}`}`,
    ];
  });
}

/** The report as a page of Markdown. */
export function toMarkdown(report: EvaluationReport): string {
  const { benchmark, headline, counts, notComparable, notes, undecided } = report;
  const sections = [
    `# ${benchmark.title}, answered by ${report.settings.model.name}`,
    `**${headline.name}: ${headlineLine(report)}**`,
    table(
      ["option", "value"],
      [...optionLines(report), ["answers", answeredLine(report)], ["scores", decidedLine(report)]],
    ),
    "## Figures",
    table(["figure", "units", "value"], figureRows(report), [1, 2]),
  ];
  if (report.published.length > 0)
    sections.push(
      "## Beside published figures",
      table(
        ["model", "figure", "published", "this run", "difference", "source"],
        publishedRows(report),
        [2, 3, 4],
      ),
      notComparable.length > 0
        ? `Not measured alike:\n\n${bullets(notComparable)}`
        : "Nothing is known that would set them apart.",
    );
  if (notes.length > 0) sections.push("## Notes", bullets(notes));
  if (undecided.length > 0 && counts.how.undecided > 0)
    sections.push("## Undecided", undecided.map((index) => `\`${index}\``).join(", "));
  return `${sections.join("\n\n")}\n`;
}

function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")).join(" | ")} |`;
  const rule = header.map((_, column) => (right.includes(column) ? "---:" : "---"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

function bullets(lines: readonly string[]): string {
  return lines.map((text) => `- ${text}`).join("\n");
}
