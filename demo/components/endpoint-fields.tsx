/** An OpenAI-compatible endpoint as somebody names one. */
export interface EndpointDraft {
  baseUrl: string;
  model: string;
  /** Kept in memory only. */
  key: string;
  takesImages: boolean;
}

/** What is missing before it can be asked; "" when nothing is. */
export function missingOfEndpoint({ baseUrl, model }: EndpointDraft, called: string): string {
  if (baseUrl.trim() === "") return `${called} has no address yet.`;
  if (!/^https?:/i.test(baseUrl.trim()) || !URL.canParse(baseUrl.trim()))
    return `The address of ${called.replace(/^The /, "the ")} should begin with http:// or https://.`;
  return model.trim() === "" ? `${called} has no name yet.` : "";
}

/** By address and model, as the data worker asks for them: two models at an address may have keys of their own. */
export function keysOf(endpoints: readonly EndpointDraft[]): ReadonlyMap<string, string> {
  const named = endpoints.filter(({ key }) => key !== "");
  return new Map(named.map(({ baseUrl, model, key }) => [`${baseUrl.trim()} ${model.trim()}`, key]));
}

/** Fields of an endpoint, and what is said of it. */
export function EndpointFields(props: {
  id: string;
  draft: EndpointDraft;
  onChange: (change: Partial<EndpointDraft>) => void;
  busy: boolean;
  /** Of fields, where there is another endpoint on the page. */
  labels?: Record<"baseUrl" | "model" | "key", string>;
  /** What goes to the address. Default: "Pictures and questions". */
  sent?: string;
  /** Whether it may be asked about images at all. */
  images?: boolean;
}) {
  const { id, draft, onChange, busy, sent = "Pictures and questions", images = true } = props;
  const labels = props.labels ?? { baseUrl: "Address", model: "Name of the model", key: "Key" };
  const text = (field: "baseUrl" | "model" | "key", placeholder: string) => {
    const shared = {
      id: `${id}-${field}`,
      autocomplete: "off",
      spellcheck: false,
      placeholder,
      disabled: busy,
      value: draft[field],
      onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) =>
        onChange({ [field]: currentTarget.value }),
    };
    return (
      <div class="field">
        <label for={shared.id}>{labels[field]}</label>
        {field === "key" ? <input type="password" {...shared} /> : <input type="text" {...shared} />}
      </div>
    );
  };
  return (
    <>
      {text("baseUrl", "http://localhost:8000/v1")}
      {text("model", "as the endpoint calls it")}
      {text("key", "none")}
      {images && (
        <label class="check-line">
          <input
            type="checkbox"
            disabled={busy}
            checked={draft.takesImages}
            onChange={({ currentTarget }) => onChange({ takesImages: currentTarget.checked })}
          />
          It takes images
        </label>
      )}
      <p class="note">
        {sent} are sent to this address. The key stays in this tab's memory: it is never stored. The endpoint
        must allow requests from web pages.
      </p>
    </>
  );
}
