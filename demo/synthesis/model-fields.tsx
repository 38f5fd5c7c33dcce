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
  const text = (field: "baseUrl" | "model" | "key", label: string, placeholder: string) => {
    const shared = {
      id: `${id}-${field}`,
      autocomplete: "off",
      spellcheck: false,
      placeholder,
      disabled: busy,
      value: model[field],
      onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) =>
        change({ [field]: currentTarget.value }),
    };
    return (
      <div class="field">
        <label for={shared.id}>{label}</label>
        {field === "key" ? <input type="password" {...shared} /> : <input type="text" {...shared} />}
      </div>
    );
  };
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
      {model.kind === "openai" && (
        <>
          {text("baseUrl", "Address", "http://localhost:8000/v1")}
          {text("model", "Name of the model", "as the endpoint calls it")}
          {text("key", "Key", "none")}
        </>
      )}
      {model.kind !== "policy" && (
        <label class="synthesis-check">
          <input
            type="checkbox"
            disabled={busy}
            checked={model.takesImages}
            onChange={({ currentTarget }) => change({ takesImages: currentTarget.checked })}
          />
          It takes images
        </label>
      )}
      {model.kind === "openai" && (
        <p class="note">
          Pictures and questions are sent to this address. The key stays in this tab's memory: it is never
          stored. The endpoint must allow requests from web pages.
        </p>
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
