import type { EvaluationFile, ShownReport } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { download } from "../components/download.ts";
import { Fold } from "../components/fold.tsx";
import { evaluate } from "./evaluate-store.ts";

const files: readonly (readonly [kind: EvaluationFile, label: string, ending: string])[] = [
  ["samples", "Download samples", "samples.jsonl"],
  ["json", "Download JSON", "report.json"],
  ["csv", "Download CSV", "report.csv"],
  ["markdown", "Download Markdown", "report.md"],
];

/** Rows of figures that are shown before they are folded away. */
const shownFigures = 24;

/** The figures of a run, published ones beside them, and how it was made. */
export function ReportCard({ shown }: { shown: ShownReport }) {
  const { report, headline, answered, decided, options, figures, published } = shown;
  const { notComparable, notes, benchmark } = report;
  const head = ["Figure", "units", report.headline.unit === "%" ? "%" : "value"];
  return (
    <section class="card" aria-label="Report">
      <h2>{benchmark.title}</h2>
      <p class="evaluate-headline">
        {report.headline.name}: <strong>{headline}</strong>
      </p>
      <p class="note">
        {answered}; {decided}.
      </p>
      <div class="evaluate-tables">
        <div>
          <DataTable caption="Figures" head={head} rows={figures.slice(0, shownFigures)} />
          {figures.length > shownFigures && (
            <Fold summary={`${figures.length - shownFigures} more`}>
              <DataTable head={head} rows={figures.slice(shownFigures)} />
            </Fold>
          )}
        </div>
        <DataTable caption="How it was made" rows={options} numeric={[]} />
      </div>
      {published.length > 0 && (
        <>
          <DataTable
            caption="Beside published figures"
            head={["Model", "figure", "published", "this run", "difference", "source"]}
            numeric={[2, 3, 4]}
            rows={published}
          />
          <Fold summary="What is not measured alike" open>
            {notComparable.length === 0 ? (
              <p>Nothing is known that would set them apart.</p>
            ) : (
              <ul>
                {notComparable.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            )}
          </Fold>
        </>
      )}
      {notes.length > 0 && (
        <ul class="note">
          {notes.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      <div class="row">
        {files.map(([kind, label, ending]) => (
          <button
            key={kind}
            type="button"
            class={kind === "samples" ? undefined : "secondary outline"}
            onClick={() => void save(kind, `${benchmark.name}-${ending}`)}
          >
            {label}
          </button>
        ))}
      </div>
      <p class="note">
        The samples hold every question, response and verdict: two runs are compared by them, and they can be
        scored again here without the model.
      </p>
    </section>
  );
}

async function save(kind: EvaluationFile, name: string): Promise<void> {
  const blob = await evaluate.file(kind);
  if (blob) download(blob, name, blob.type);
}
