import type { PlainReport } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { download } from "../components/download.ts";
import { Fold } from "../components/fold.tsx";
import { showPercent } from "../components/format.ts";
import { Stat, Stats } from "../components/stat.tsx";
import { any, data, type RowFilter } from "./data-store.ts";

/** Values of a column that are listed before they are folded away. */
const shownValues = 12;

const count = (rows: number) => rows.toLocaleString("en");

/** What is in a data set, counted. */
export function ReportCard({ report }: { report: PlainReport }) {
  const { format, rows, accepted, rejected, categories, abilities, rewards, lengths, images } = report;
  const changes = Object.entries(report.changes).filter(([, changed]) => changed > 0);
  return (
    <section class="card" aria-label="What is in it">
      <h2>What is in it</h2>
      <Stats>
        <Stat label="Rows" value={count(rows)} />
        <Stat label="Taken" value={count(accepted)} />
        <Stat label="Rejected" value={count(rejected.total)} />
        <Stat label="Format" value={format} />
        {images && <Stat label="Images missing" value={count(images.missing)} />}
      </Stats>
      <div class="data-tables">
        <Values name="Category" field="category" values={categories} of={accepted} />
        <Values name="Ability" field="ability" values={abilities} of={accepted} />
        <Values name="Reward" field="reward" values={rewards} of={accepted} />
        <DataTable
          caption="Lengths, characters"
          head={["", "min", "median", "mean", "95%", "max"]}
          rows={Object.entries(lengths).map(([field, { min, median, mean, p95, max }]) => [
            field,
            ...[min, median, Math.round(mean), p95, max].map(count),
          ])}
        />
      </div>
      {rejected.total > 0 && (
        <Fold
          summary={`${count(rejected.total)} rejected: ${reasons(rejected.byReason)}`}
          open={accepted === 0}
        >
          <DataTable
            caption="The first of them"
            head={["Row", "Reason", "What was found"]}
            numeric={[]}
            rows={rejected.listed
              .slice(0, 20)
              .map(({ number, reason, detail }) => [String(number), words(reason), detail])}
          />
          <div class="row">
            <button
              type="button"
              class="secondary outline"
              disabled={data.read.value !== null}
              onClick={() => void saveRejected()}
            >
              Download rejected rows
            </button>
            <button type="button" class="secondary outline" onClick={() => data.filterBy({ rejected: true })}>
              Show them below
            </button>
          </div>
        </Fold>
      )}
      {changes.length > 0 && (
        <p class="note">
          Texts put in plain form:{" "}
          {changes.map(([what, rowsOf]) => `${words(what)} in ${count(rowsOf)}`).join(", ")}.
        </p>
      )}
    </section>
  );
}

function Values(props: {
  name: string;
  field: keyof Pick<RowFilter, "category" | "ability" | "reward">;
  values: PlainReport["categories"];
  of: number;
}) {
  const { name, field, values, of } = props;
  const chosen = data.filter.value[field];
  const row = ({ value, count: rows }: PlainReport["categories"][number]) => [
    <button
      key={value}
      type="button"
      class="data-value"
      aria-pressed={chosen === value}
      onClick={() => data.filterBy({ [field]: chosen === value ? any() : value, rejected: false })}
    >
      {value === "" ? "(none)" : value}
    </button>,
    count(rows),
    showPercent(of === 0 ? 0 : rows / of),
  ];
  const head = [name, "rows", ""];
  return (
    <div>
      <DataTable
        caption={`By ${name.toLowerCase()}`}
        head={head}
        rows={values.slice(0, shownValues).map(row)}
      />
      {values.length > shownValues && (
        <Fold summary={`${values.length - shownValues} more`}>
          <DataTable head={head} rows={values.slice(shownValues, 200).map(row)} />
          {values.length > 200 && <p class="note">and {values.length - 200} that are not listed</p>}
        </Fold>
      )}
    </div>
  );
}

async function saveRejected(): Promise<void> {
  const lines = await data.run((dataset, signal, onProgress) => dataset.rejectedRows({ signal, onProgress }));
  if (lines) download(lines, "rejected.jsonl", "application/x-ndjson");
}

function reasons(byReason: PlainReport["rejected"]["byReason"]): string {
  return Object.entries(byReason)
    .map(([reason, rows]) => `${words(reason)} ${count(rows)}`)
    .join(", ");
}

function words(name: string): string {
  return name.replaceAll("-", " ");
}
