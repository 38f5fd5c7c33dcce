import { useSignal } from "@preact/signals";
import { CopyButton } from "../components/copy-button.tsx";
import { DropArea } from "../components/drop-area.tsx";
import { TextField } from "../components/field.tsx";
import { FileButton } from "../components/file-button.tsx";
import { Problem } from "../components/problem.tsx";
import { settings } from "../state/settings.ts";
import { opened } from "./opened.ts";
import { RunFileError } from "./run-file.ts";

/** The toy recipe's whole run on a software adapter: what a run comes to, for those who have none yet. */
const example = "./toy/example-run.json";

/** Where a run file is chosen, dropped, or opened from an address. */
export function OpenRun() {
  const address = useSignal("");
  const run = opened.run.value;
  const take = ([file]: File[]) => void opened.openFile(file);
  const open = (asked: string) => {
    // The same address once more: nothing would follow from setting it.
    if (settings.params.value.get("run") === asked) void opened.openAddress(asked);
    else settings.open("compare", { run: asked });
  };
  return (
    <div class="stack">
      <div class="columns wide-right">
        <DropArea onFiles={take} class="drop-box compare-drop">
          <div class="row">
            <FileButton label="Open run file" accept=".json,application/json" onFiles={take} />
            <button type="button" class="secondary outline" onClick={() => open(example)}>
              Open the example
            </button>
            <span class="note compare-drop-note">or drop a run.json here</span>
          </div>
        </DropArea>
        <div class="stack">
          <form
            class="compare-address"
            onSubmit={(event) => {
              event.preventDefault();
              open(address.value.trim());
            }}
          >
            <TextField
              label="Address of a run file"
              value={address}
              placeholder="https://example.org/run.json"
              mono
            />
            <button type="submit" class="secondary outline" disabled={address.value.trim() === ""}>
              Open address
            </button>
          </form>
          <p class="note">
            To share a run, put its run.json on any host that other sites may read: a gist, GitHub Pages,
            Hugging Face. Open it here by its address; the link to this page then opens it for others.
          </p>
        </div>
      </div>
      <div class="row compare-open">
        <p role="status" aria-label="Run file status">
          {opened.loading.value && `Reading ${opened.loading.value}…`}
          {!opened.loading.value && run && `Open: ${run.name}`}
        </p>
        {run && run.url !== null && (
          <CopyButton
            text={() => settings.link("compare", { run: run.url ?? "" })}
            label="Copy link to this comparison"
          />
        )}
        {run && (
          <button type="button" class="secondary outline" onClick={close}>
            Close run file
          </button>
        )}
      </div>
      <Refusal />
    </div>
  );
}

function close(): void {
  opened.close();
  if (settings.params.value.has("run")) settings.open("compare");
}

function Refusal() {
  const { value: error } = opened.problem;
  if (!(error instanceof RunFileError)) return <Problem error={error} onDismiss={() => opened.dismiss()} />;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.title}</strong>
        <button type="button" class="dismiss" aria-label="Dismiss" onClick={() => opened.dismiss()}>
          ×
        </button>
      </p>
      <p>{error.advice}</p>
      <p class="cause">{error.message}</p>
      {opened.run.value && <p>{opened.run.value.name} is still open.</p>}
    </div>
  );
}
