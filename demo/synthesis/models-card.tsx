import { NumberField } from "../components/field.tsx";
import { Fold } from "../components/fold.tsx";
import { ModelFields } from "./model-fields.tsx";
import { roles, synthesisModels, titleOf, words } from "./models.ts";
import { synthesis } from "./synthesis-store.ts";

/** Who is asked, and how much. */
export function ModelsCard() {
  const { toy, readsScenes, asksModels, questions, turns, concurrency, filters, samples } = synthesis;
  const busy = synthesis.state.value !== "idle";
  return (
    <section class="card" aria-label="Models">
      <h2>Models</h2>
      {toy.value && (
        <label class="check-line">
          <input
            type="checkbox"
            disabled={busy}
            checked={readsScenes.value}
            onChange={({ currentTarget }) => (readsScenes.value = currentTarget.checked)}
          />
          Without a model: a built-in program plays all parts. It knows the scenes by heart and does not look
          at the pixels.
        </label>
      )}
      {asksModels.value && <ModelsForm busy={busy} />}
      <div class="synthesis-numbers">
        <NumberField label="Questions per image" value={questions} min={1} max={20} disabled={busy} />
        <NumberField label="Turns of refinement" value={turns} min={0} max={10} disabled={busy} />
        <NumberField label="Requests at a time" value={concurrency} min={1} max={64} disabled={busy} />
      </div>
      <label class="check-line">
        <input
          type="checkbox"
          disabled={busy}
          checked={filters.value}
          onChange={({ currentTarget }) => (filters.value = currentTarget.checked)}
        />
        Keep only questions that the policy in this tab is sometimes right about
      </label>
      {filters.value && (
        <div class="synthesis-numbers">
          <NumberField label="Tries of the policy" value={samples} min={2} max={32} disabled={busy} />
        </div>
      )}
    </section>
  );
}

function ModelsForm({ busy }: { busy: boolean }) {
  const drafts = synthesisModels.drafts.value;
  return (
    <div class="stack">
      {drafts.map((model, index) => (
        <ModelFields key={model.id} model={model} number={index + 1} busy={busy} />
      ))}
      <div class="row">
        <button
          type="button"
          class="secondary outline"
          disabled={busy}
          onClick={() => synthesisModels.add("openai")}
        >
          Add a model
        </button>
      </div>
      {drafts.length > 1 && (
        <Fold summary="Who plays which part" open>
          <div class="synthesis-roles">
            {roles.map(([role, does]) => (
              <div class="field" key={role}>
                <label for={`synthesis-${role}`}>{words(role)}</label>
                <select
                  id={`synthesis-${role}`}
                  disabled={busy}
                  value={synthesisModels.of(role).id}
                  onChange={({ currentTarget }) => synthesisModels.cast(role, Number(currentTarget.value))}
                >
                  {drafts.map((model, index) => (
                    <option key={model.id} value={model.id}>
                      {titleOf(model, index + 1)}
                    </option>
                  ))}
                </select>
                <small class="note">{does}</small>
              </div>
            ))}
          </div>
        </Fold>
      )}
    </div>
  );
}
