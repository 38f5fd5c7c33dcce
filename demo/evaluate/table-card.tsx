import { useSignal } from "@preact/signals";
import type { ListedBenchmark } from "../../workers/client.ts";
import { DropArea } from "../components/drop-area.tsx";
import { TextField } from "../components/field.tsx";
import { FileButton } from "../components/file-button.tsx";
import { Fold } from "../components/fold.tsx";
import { evaluate } from "./evaluate-store.ts";

const takeFiles = (files: File[]) => evaluate.addFiles(files);
const takeImages = (files: File[]) => evaluate.addFiles(files, "images");

/** Which benchmark, and where its table and images are. */
export function TableCard() {
  const address = useSignal("");
  const images = useSignal("");
  const busy = evaluate.state.value !== "idle";
  return (
    <section class="card" aria-label="Benchmark">
      <h2>Run a benchmark</h2>
      <p class="note">
        A table of questions about images in VLMEvalKit's layout (TSV), with the images in it or beside it.
        Rules find the answer in each response and score it; a judge is asked only where you name one.
      </p>
      <DropArea onFiles={takeFiles} class="drop-box evaluate-drop">
        <p class="note">Drop a table and its images here, or choose them.</p>
        <div class="row">
          <FileButton label="Choose table" accept=".tsv" disabled={busy} onFiles={takeFiles} />
          <FileButton label="Choose images of the table" directory disabled={busy} onFiles={takeImages} />
          <FileButton label="Choose archive of images" multiple disabled={busy} onFiles={takeImages} />
        </div>
        <div class="row">
          <button
            type="button"
            class="secondary outline"
            disabled={busy}
            onClick={() => void evaluate.chooseToy("questions")}
          >
            Use 24 toy questions
          </button>
          <button
            type="button"
            class="secondary outline"
            disabled={busy}
            onClick={() => void evaluate.chooseToy("rotations")}
          >
            Use 8 rotated choices
          </button>
        </div>
        <p class="note">
          The toy questions are in the toy policy's own words. The rotated choices are in English, for other
          models: each is asked three times with its options turned, and counts only if all three are right.
        </p>
      </DropArea>
      <Fold summary="From an address">
        <form
          class="evaluate-form"
          onSubmit={(event) => {
            event.preventDefault();
            evaluate.openAddress(address.value.trim(), images.value.trim());
          }}
        >
          <TextField label="Address of the table" value={address} placeholder="https://…/benchmark.tsv" />
          <TextField
            label="Address of its images"
            value={images}
            placeholder="https://…/images/ or https://…/images.zip"
            hint="Only where they are not in the table. A folder ends with a slash."
          />
          <button type="submit" disabled={busy || address.value.trim() === ""}>
            Use address
          </button>
        </form>
      </Fold>
      <ScoringChoice busy={busy} />
      <p class="evaluate-status" role="status" aria-label="Benchmark chosen">
        {sentence()}
      </p>
    </section>
  );
}

function ScoringChoice({ busy }: { busy: boolean }) {
  const { known, scoring } = evaluate.known.value;
  return (
    <div class="field">
      <label for="evaluate-benchmark">Benchmark</label>
      <select
        id="evaluate-benchmark"
        disabled={busy}
        value={evaluate.choice.value}
        onChange={({ currentTarget }) => evaluate.score(currentTarget.value)}
      >
        <option value="">by the file's name, else by its columns</option>
        <optgroup label="Known benchmarks">
          {known.map((benchmark) => (
            <option key={benchmark.name} value={benchmark.name}>
              {benchmark.title}: {describe(benchmark)}
            </option>
          ))}
        </optgroup>
        <optgroup label="A table of your own, scored as">
          {scoring.map((kind) => (
            <option key={kind} value={kind}>
              {kind.replaceAll("-", " ")}
            </option>
          ))}
        </optgroup>
      </select>
    </div>
  );
}

const judges: Record<ListedBenchmark["judge"], string> = {
  none: "rules alone",
  undecided: "a judge for what rules leave open",
  all: "a judge for every answer",
};

function describe({ judge, published }: ListedBenchmark): string {
  const figures = published.length === 1 ? "one published figure" : `${published.length} published figures`;
  return published.length === 0 ? judges[judge] : `${judges[judge]}, ${figures}`;
}

function sentence(): string {
  const { title, benchmark, problem } = evaluate;
  if (title.value === "") return "No table yet.";
  if (benchmark.value === null) return problem.value === null ? `Looking into ${title.value}.` : title.value;
  const { title: name, scoring, headline } = benchmark.value;
  const called = name === title.value.replace(/\.tsv$/i, "") ? "" : ` is ${name},`;
  return `${title.value}${called} scored as ${scoring.replaceAll("-", " ")} (${headline}), with ${describe(benchmark.value)}.`;
}
