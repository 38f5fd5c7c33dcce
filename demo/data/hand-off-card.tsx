import { useSignal } from "@preact/signals";
import type { HandedOff } from "../../workers/client.ts";
import { download } from "../components/download.ts";
import { SelectField, TextField } from "../components/field.tsx";
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
export function HandOffCard() {
  const to = useSignal<Trainer>("easyr1");
  const model = useSignal("Qwen/Qwen2.5-VL-7B-Instruct");
  const asRun = useSignal(false);
  const made = useSignal<HandedOff | null>(null);
  const recipe = run.recipe.value;
  const handOff = async () => {
    made.value = null;
    const result = await data.run((dataset, signal, onProgress) =>
      dataset.handOff(
        {
          to: to.value,
          model: model.value.trim(),
          ...(asRun.value && recipe && { recipe }),
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
