import { useSignal } from "@preact/signals";
import type { KeptQuestion, SynthesisDrop } from "../../src/synthesis/store.ts";
import { DataTable } from "../components/data-table.tsx";
import { download } from "../components/download.ts";
import { Fold } from "../components/fold.tsx";
import { Picture } from "../components/picture.tsx";
import { data } from "../data/data-store.ts";
import { settings } from "../state/settings.ts";
import { synthesis } from "./synthesis-store.ts";

/** Cards that are shown at a time. */
const step = 12;
const jsonl = "application/x-ndjson";

/** What was made, and what was dropped. */
export function RecordsCard() {
  const shown = useSignal(step);
  const kept = synthesis.kept.value;
  const drops = synthesis.drops.value;
  const newest = [...kept].reverse();
  return (
    <section class="card" aria-label="Records">
      <h2>{kept.length === 1 ? "One record" : `${kept.length} records`}</h2>
      <div class="row">
        <button
          type="button"
          disabled={kept.length === 0}
          onClick={() => download(synthesis.lines(), "synthesised.jsonl", jsonl)}
        >
          Download records
        </button>
        <button
          type="button"
          class="secondary outline"
          disabled={kept.length === 0}
          onClick={() => download(synthesis.provenance(), "provenance.jsonl", jsonl)}
        >
          Download provenance
        </button>
        <button
          type="button"
          class="secondary outline"
          disabled={kept.length === 0}
          onClick={() => {
            void data.open(synthesis.dataset());
            settings.open("data");
          }}
        >
          Open in Data
        </button>
      </div>
      <ol class="card-list">
        {newest.slice(0, shown.value).map((question) => (
          <li key={`${question.record.image_path} ${question.provenance.question}`}>
            <RecordCard question={question} />
          </li>
        ))}
      </ol>
      {kept.length > shown.value && (
        <button type="button" class="secondary outline" onClick={() => (shown.value += step)}>
          More records
        </button>
      )}
      {drops.length > 0 && (
        <Fold summary={drops.length === 1 ? "One was dropped" : `${drops.length} were dropped`}>
          <Drops drops={drops} />
          <button
            type="button"
            class="secondary outline"
            onClick={() =>
              download(drops.map((drop) => `${JSON.stringify(drop)}\n`).join(""), "dropped.jsonl", jsonl)
            }
          >
            Download what was dropped
          </button>
        </Fold>
      )}
    </section>
  );
}

function RecordCard({ question: { record, provenance } }: { question: KeptQuestion }) {
  const { problem, answer, refined_cot: reasoning, category, abilities, reward } = record;
  const image = synthesis.images.value.get(record.image_path) ?? null;
  const { by, taken, why } = provenance.agreement;
  return (
    <article class="picture-card">
      <div class="synthesis-picture">
        {image ? (
          <Picture image={image} label={record.image_path} size={96} />
        ) : (
          <span class="note">{record.image_path}</span>
        )}
      </div>
      <div class="stack">
        <p class="synthesis-text">{problem}</p>
        <p>
          <span class="note">Answer</span> <strong>{answer}</strong>
        </p>
        <Fold summary="Reasoning">
          <p class="synthesis-text">{reasoning}</p>
        </Fold>
        <Fold summary={by === "rule" ? "Both answers agree" : `A third decided: the ${taken}'s answer`}>
          <p class="synthesis-text">
            From the description: {provenance.answers.text}
            {"\n"}From the image: {provenance.answers.image}
            {"\n"}
            {why}
          </p>
        </Fold>
        <p class="note">
          {[category, abilities.join(", "), reward].filter((text) => text !== "").join(" · ")}
        </p>
      </div>
    </article>
  );
}

function Drops({ drops }: { drops: readonly SynthesisDrop[] }) {
  return (
    <DataTable
      caption="The last of them"
      head={["Image", "stage", "reason", "why"]}
      numeric={[]}
      rows={[...drops]
        .reverse()
        .slice(0, 50)
        .map(({ path, stage, reason, detail, problem }) => [
          path,
          stage.replaceAll("-", " "),
          reason.replaceAll("-", " "),
          problem === undefined ? detail : `${problem} — ${detail}`,
        ])}
    />
  );
}
