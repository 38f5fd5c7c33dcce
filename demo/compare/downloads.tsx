import { useSignal } from "@preact/signals";
import { download } from "../components/download.ts";
import { Problem } from "../components/problem.tsx";
import { run } from "../state/run.ts";

interface FileOffer {
  label: string;
  /** In the run's folder, and as it is saved. */
  file: string;
  type: string;
  about: string;
}

/** The first is what other people open and replay. */
const files: readonly FileOffer[] = [
  {
    label: "Download run",
    file: "run.json",
    type: "application/json",
    about: "the run file: recipe, seed, GPU, versions, curve, hashes",
  },
  {
    label: "Download adapter",
    file: "adapter_model.safetensors",
    type: "application/octet-stream",
    about: "the trained weights, as PEFT has them",
  },
  {
    label: "Download adapter config",
    file: "adapter_config.json",
    type: "application/json",
    about: "goes beside the adapter",
  },
  { label: "Download curves", file: "curves.svg", type: "image/svg+xml", about: "as a drawing" },
  {
    label: "Download metrics",
    file: "metrics.jsonl",
    type: "application/x-ndjson",
    about: "every step, a line each",
  },
  {
    label: "Download rollouts",
    file: "rollouts.jsonl",
    type: "application/x-ndjson",
    about: "every sampled answer with its reward, a line each",
  },
];

/** The files of the page's own run. */
export function Downloads({ supervised }: { supervised: boolean }) {
  const problem = useSignal<unknown>(undefined);
  const save = async ({ file, type }: FileOffer) => {
    problem.value = undefined;
    try {
      const bytes = await run.file(file);
      if (bytes) download(bytes, file, type);
      else problem.value = new Error(`${file}: this run has none any more; was it deleted in another tab?`);
    } catch (error) {
      problem.value = error;
    }
  };
  // Supervised runs sample nothing.
  const offered = files.filter(({ file }) => !(supervised && file === "rollouts.jsonl"));
  return (
    <div class="stack">
      <ul class="compare-files">
        {offered.map((offer, index) => (
          <li key={offer.file}>
            <button
              type="button"
              class={index === 0 ? undefined : "secondary outline"}
              onClick={() => void save(offer)}
            >
              {offer.label}
            </button>
            <span class="note">
              <span class="mono">{offer.file}</span>: {offer.about}
            </span>
          </li>
        ))}
      </ul>
      <Problem error={problem.value} onDismiss={() => (problem.value = undefined)} />
    </div>
  );
}
