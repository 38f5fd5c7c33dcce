import { EndpointFields } from "../components/endpoint-fields.tsx";
import { synthesisModels, type ModelDraft } from "./models.ts";

const kinds = [
  ["openai", "an OpenAI-compatible endpoint"],
  ["policy", "the policy in this tab"],
  ["built-in", "the browser's own model"],
] as const;

/** One model of the user's. */
export function ModelFields(props: { model: ModelDraft; number: number; busy: boolean }) {
  const { model, number, busy } = props;
  const id = `synthesis-model-${model.id}`;
  const change = (part: Partial<ModelDraft>) => synthesisModels.change(model.id, part);
  return (
    <fieldset class="synthesis-model">
      <legend>Model {number}</legend>
      <div class="field">
        <label for={`${id}-kind`}>Model {number} is</label>
        <select
          id={`${id}-kind`}
          disabled={busy}
          value={model.kind}
          onChange={({ currentTarget }) => {
            const kind = kinds.find(([value]) => value === currentTarget.value);
            if (kind) change({ kind: kind[0] });
          }}
        >
          {kinds.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      </div>
      {model.kind === "openai" && <EndpointFields id={id} draft={model} onChange={change} busy={busy} />}
      {model.kind === "built-in" && (
        <label class="check-line">
          <input
            type="checkbox"
            disabled={busy}
            checked={model.takesImages}
            onChange={({ currentTarget }) => change({ takesImages: currentTarget.checked })}
          />
          It takes images
        </label>
      )}
      {synthesisModels.drafts.value.length > 1 && (
        <button
          type="button"
          class="secondary outline"
          disabled={busy}
          onClick={() => synthesisModels.remove(model.id)}
        >
          Remove model {number}
        </button>
      )}
    </fieldset>
  );
}
