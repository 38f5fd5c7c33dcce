import { useSignal } from "@preact/signals";
import type { HandedOff } from "../../workers/client.ts";
import { download } from "../components/download.ts";
import { NumberField, SelectField, TextField } from "../components/field.tsx";
import { showBytes } from "../components/format.ts";
import { run } from "../state/run.ts";
import { data } from "./data-store.ts";

const trainers = [
  ["easyr1", "EasyR1 (GRPO on a cluster)"],
  ["trl", "TRL (GRPO)"],
  ["llamafactory", "LLaMA-Factory (supervised)"],
] as const;
type Trainer = (typeof trainers)[number][0];

/** The data set with all that another trainer needs. */
export function HandOffCard({ rows }: { rows: number }) {
  const to = useSignal<Trainer>("easyr1");
  const model = useSignal("Qwen/Qwen2.5-VL-7B-Instruct");
  const asRun = useSignal(false);
  const batch = useSignal(batchOf(rows));
  const made = useSignal<HandedOff | null>(null);
  const recipe = run.recipe.value;
  const handOff = async () => {
    made.value = null;
    const result = await data.run((dataset, signal, onProgress) =>
      dataset.handOff(
        {
          to: to.value,
          model: model.value.trim(),
          ...(asRun.value && recipe ? { recipe } : to.value === "easyr1" && { set: batches(batch.value) }),
        },
        { signal, onProgress },
      ),
    );
    if (!result) return;
    download(result.archive, result.name, result.archive.type);
    made.value = result;
  };
  return (
    <section class="card" aria-label="Hand over">
      <h2>Hand over to a cluster</h2>
      <p class="note">
        One archive with rows and images, the trainer's configuration, the reward as a Python file that gives
        the same scores, the system prompt, a script that starts the run, and a README. What the trainer would
        stop at is told here first.
      </p>
      <div class="data-hand-off">
        <SelectField label="Trainer" value={to} options={trainers} />
        <TextField label="Base model" value={model} hint="As Hugging Face calls it." />
      </div>
      {to.value === "easyr1" && !asRun.value && (
        <NumberField
          label="Questions a step"
          value={batch}
          min={8}
          step={8}
          hint="EasyR1 takes 512. It passes over an incomplete batch, so there must be at least as many rows."
        />
      )}
      {recipe && (
        <label class="data-check">
          <input
            type="checkbox"
            checked={asRun.value}
            onChange={({ currentTarget }) => (asRun.value = currentTarget.checked)}
          />
          With the settings of the run in the tab Train
        </label>
      )}
      <div class="row">
        <button type="button" disabled={data.read.value !== null} onClick={() => void handOff()}>
          Hand over
        </button>
      </div>
      <div role="status" aria-label="Hand-off" class="stack">
        {made.value && <Made handedOff={made.value} />}
      </div>
    </section>
  );
}

/** EasyR1's own, or the largest power of two that leaves a twentieth of the rows to validate with. */
function batchOf(rows: number): number {
  const most = Math.floor(0.9 * rows);
  return most >= 512 ? 512 : 2 ** Math.floor(Math.log2(Math.max(8, most)));
}

/** By their names in EasyR1's configuration; its updates are of a quarter of a step, as in its example. */
function batches(questions: number): Record<string, number> {
  return {
    "data.rollout_batch_size": questions,
    "worker.actor.global_batch_size": Math.max(8, Math.floor(questions / 4)),
  };
}

function Made({ handedOff: { name, archive, counts, notes } }: { handedOff: HandedOff }) {
  return (
    <>
      <p>
        <strong>{name}</strong>, {showBytes(archive.size)}: {counts.train.toLocaleString("en")} rows to train
        on, {counts.validation.toLocaleString("en")} to validate.
      </p>
      {notes.length > 0 && (
        <ul>
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <p class="note">
        Bring the run back in the tab Compare: its experiment_log.jsonl beside a run of this browser, and the
        adapter.
      </p>
    </>
  );
}
