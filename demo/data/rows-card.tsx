import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { PlainReport, ShownRow } from "../../workers/client.ts";
import { Fold } from "../components/fold.tsx";
import { Picture } from "../components/picture.tsx";
import { any, data, type RowFilter, type Searched } from "./data-store.ts";
import { rewardTrial } from "./reward-trial.ts";

/** The rows that a search finds, as cards. */
export function RowsCard({ report }: { report: PlainReport }) {
  const filter = data.filter.value;
  const rows = data.rows.value;
  const searched = data.searched.value;
  return (
    <section class="card" aria-label="Rows">
      <h2>Rows</h2>
      <form
        class="data-filter"
        onSubmit={(event) => {
          event.preventDefault();
          void data.find();
        }}
      >
        <div class="field">
          <label for="data-search">Search</label>
          <input
            id="data-search"
            type="search"
            placeholder="in question, reasoning and answer"
            value={filter.text}
            onInput={({ currentTarget }) => (data.filter.value = { ...filter, text: currentTarget.value })}
          />
        </div>
        <ValueField label="Category" field="category" values={report.categories} />
        <ValueField label="Ability" field="ability" values={report.abilities} />
        <ValueField label="Reward" field="reward" values={report.rewards} />
        <label class="data-check">
          <input
            type="checkbox"
            checked={filter.rejected}
            onChange={({ currentTarget }) => data.filterBy({ rejected: currentTarget.checked })}
          />
          Rejected rows
        </label>
        <button type="submit">Find rows</button>
      </form>
      <div class="row data-found">
        <p class="note" role="status" aria-label="Rows found">
          {foundWords(searched, rows.length)}
        </p>
        {/* Counted beside the live region: it would be read out over and over. */}
        {(searched === "going" || searched === "stopped") && (
          <span class="note">{data.lookedAt.value.toLocaleString("en")} rows looked at</span>
        )}
        <button
          type="button"
          class="secondary outline small"
          disabled={searched !== "going"}
          onClick={() => data.stopSearching()}
        >
          Stop searching
        </button>
      </div>
      <ol class="card-list">
        {rows.map((row) => (
          <li key={`${filter.rejected}-${row.number}`}>
            {row.rejected ? <RejectedCard row={row} /> : <RecordCard row={row} />}
          </li>
        ))}
      </ol>
      {/* It stays while it works, and keeps the focus. */}
      {(searched === "more" || (searched === "going" && rows.length > 0)) && (
        <button
          type="button"
          class="secondary outline"
          aria-disabled={searched === "going"}
          onClick={() => {
            if (data.searched.peek() === "more") void data.more();
          }}
        >
          More rows
        </button>
      )}
    </section>
  );
}

function foundWords(searched: Searched, rows: number): string {
  switch (searched) {
    case "going":
      return "Searching";
    case "more":
      return `The first ${rows}`;
    case "stopped":
      return `Stopped; ${rows === 1 ? "one row" : `${rows} rows`} found`;
    case "all":
      return rows === 1 ? "One row" : `${rows} rows`;
  }
}

function ValueField(props: {
  label: string;
  field: keyof Pick<RowFilter, "category" | "ability" | "reward">;
  values: PlainReport["categories"];
}) {
  const { label, field, values } = props;
  const id = `data-${field}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={data.filter.value[field]}
        disabled={data.filter.value.rejected}
        onChange={({ currentTarget }) => data.filterBy({ [field]: currentTarget.value })}
      >
        <option value={any()}>any</option>
        {values.slice(0, 200).map(({ value }) => (
          <option key={value} value={value}>
            {value === "" ? "(none)" : value}
          </option>
        ))}
      </select>
    </div>
  );
}

function RecordCard({ row: { number, record } }: { row: Extract<ShownRow, { record: object }> }) {
  const { problem, answer, refined_cot: reasoning, category, abilities, reward } = record;
  return (
    <article class="picture-card">
      <RowImage number={number} path={record.image_path} />
      <div class="stack">
        <p class="data-problem">{problem}</p>
        <p>
          <span class="note">Answer</span> <strong>{answer === "" ? "(none)" : answer}</strong>
        </p>
        {reasoning !== "" && (
          <Fold summary="Reasoning">
            <p class="data-text">{reasoning}</p>
          </Fold>
        )}
        <p class="note">
          Row {number}
          {[category, abilities.join(", "), reward]
            .filter((text) => text !== "")
            .map((text) => ` · ${text}`)
            .join("")}
        </p>
        <button
          type="button"
          class="secondary outline data-try"
          onClick={() => rewardTrial.take(record)}
          aria-label={`Try its reward: row ${number}`}
        >
          Try its reward
        </button>
      </div>
    </article>
  );
}

function RejectedCard({ row: { number, rejected } }: { row: Extract<ShownRow, { rejected: object }> }) {
  return (
    <article class="picture-card">
      <div class="stack">
        <p>
          Row {number}: <strong>{rejected.reason.replaceAll("-", " ")}</strong>. {rejected.detail}
        </p>
        <pre class="data-text mono">{rejected.row.slice(0, 2000)}</pre>
      </div>
    </article>
  );
}

/** A row's image, read when its card is made. */
function RowImage({ number, path }: { number: number; path: string }) {
  const image = useSignal<Blob | null>(null);
  const why = useSignal("…");
  const dataset = data.dataset.value;
  useEffect(() => {
    let left = false;
    void dataset?.image(number).then(
      (bytes) => {
        if (!left) image.value = new Blob([bytes]);
      },
      () => {
        if (!left) why.value = path === "" ? "no image" : `${path} (not at hand)`;
      },
    );
    return () => void (left = true);
  }, [dataset, number]);
  return (
    <div class="data-image">
      {image.value === null ? (
        <span class="note">{why.value}</span>
      ) : (
        <Picture
          image={image.value}
          label={`Image of row ${number}: ${path}`}
          size={104}
          onError={() => {
            image.value = null;
            why.value = `${path} (cannot be shown)`;
          }}
        />
      )}
    </div>
  );
}
