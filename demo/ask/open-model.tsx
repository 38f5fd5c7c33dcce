/** Opens a real model in the place of the toy policy. */
import { useSignal } from "@preact/signals";
import { FileButton } from "../components/file-button.tsx";
import { TextField } from "../components/field.tsx";
import { Fold } from "../components/fold.tsx";
import { showBytes } from "../components/format.ts";
import { Meter } from "../components/meter.tsx";
import { session, toySource } from "../state/session.ts";
import { modelBase } from "./model-base.ts";

export function OpenModel() {
  const address = useSignal("");
  const progress = session.progress.value;
  const policy = session.policy.value;
  const busy = !["ready", "unavailable"].includes(session.state.value) || session.heldBy.value !== null;
  return (
    <section class="card ask-open">
      <Fold summary="Open a real model, for photographs">
        <div class="stack">
          <p class="note">
            A Qwen2.5-VL model as Hugging Face has it: a folder with config.json, tokenizer.json,
            preprocessor_config.json and safetensors. It is read here and goes nowhere. Its weights must fit
            into the GPU’s memory.
          </p>
          <div class="row">
            <FileButton
              label="Open model folder"
              directory
              disabled={busy}
              onFiles={(files) => void session.load({ kind: "files", files })}
            />
            {!session.isToy.value && (
              <button
                type="button"
                class="secondary outline"
                disabled={busy}
                onClick={() => void session.load(toySource)}
              >
                Back to the toy policy
              </button>
            )}
          </div>
          <form
            class="row ask-address"
            onSubmit={(event) => {
              event.preventDefault();
              const base = modelBase(address.value);
              if (base !== "") void session.load({ kind: "url", base });
            }}
          >
            <TextField
              label="Model address"
              value={address}
              placeholder="https://huggingface.co/OWNER/MODEL"
            />
            <button type="submit" class="secondary outline" disabled={busy || address.value.trim() === ""}>
              Open address
            </button>
          </form>
          {progress && <Meter value={progress.done / progress.total} label="Layers loaded" />}
          {policy && !session.isToy.value && (
            <p class="note">
              Open: {policy.info.name}, {policy.info.architecture}, {showBytes(policy.info.frozenBytes)} of
              weights, {policy.info.contextTokens} tokens of context.
            </p>
          )}
        </div>
      </Fold>
    </section>
  );
}

/** Unfolds it and leads there. */
export function showOpenModel(): void {
  const fold = document.querySelector<HTMLDetailsElement>(".ask-open details");
  if (!fold) return;
  fold.open = true;
  fold.scrollIntoView({ block: "nearest" });
  fold.querySelector("summary")?.focus();
}
