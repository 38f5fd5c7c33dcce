import { useSignal } from "@preact/signals";
import type { ReadLog, RunRecord } from "../../workers/client.ts";
import { FileButton } from "../components/file-button.tsx";
import { Problem } from "../components/problem.tsx";
import { dataWorker } from "../state/data-worker.ts";
import { session } from "../state/session.ts";
import { CurvePair } from "./curve-pair.tsx";

/** A run that was handed to a cluster: its log beside this browser's run, and its adapter. */
export function BroughtBack({ own }: { own: RunRecord | null }) {
  const log = useSignal<ReadLog | null>(null);
  const said = useSignal("");
  const problem = useSignal<unknown>(undefined);
  const doing = async (work: () => Promise<void>) => {
    problem.value = undefined;
    try {
      await work();
    } catch (error) {
      problem.value = error;
    }
  };
  const openLog = ([file]: File[]) =>
    void doing(async () => {
      said.value = "";
      log.value = await (await dataWorker()).readExperimentLog(file);
    });
  const openAdapter = (files: File[]) =>
    void doing(async () => {
      said.value = "";
      const contents = await Promise.all(
        files.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const),
      );
      const { policy } = await session.ready();
      const adapter = new Map(contents);
      const release = session.hold("replay");
      try {
        await policy.importAdapter(adapter);
        await session.noteImported(adapter);
      } finally {
        release();
      }
      said.value = "The policy in use has this adapter now: ask it something.";
    });
  return (
    <div class="stack">
      <p class="note">
        A run that was handed to EasyR1 leaves an experiment_log.jsonl. A LoRA adapter comes as two files,
        adapter_config.json and adapter_model.safetensors, and must fit the policy in use.
      </p>
      <div class="row">
        <FileButton label="Open experiment log" accept=".jsonl" onFiles={openLog} />
        <FileButton label="Open adapter" multiple accept=".json,.safetensors" onFiles={openAdapter} />
      </div>
      <p role="status" aria-label="Brought back">
        {said.value || (log.value && describe(log.value))}
      </p>
      <Problem error={problem.value} onDismiss={() => (problem.value = undefined)} />
      {log.value && (
        <CurvePair
          curves={[
            ...(own ? [{ label: "this browser’s run", steps: own.metrics }] : []),
            { label: "the cluster’s run", steps: log.value.steps },
          ]}
        />
      )}
    </div>
  );
}

function describe({ steps, restarts, broken }: ReadLog): string {
  const parts = [steps.length === 1 ? "One step" : `${steps.length} steps`];
  if (restarts > 0) parts.push(restarts === 1 ? "resumed once" : `resumed ${restarts} times`);
  if (broken.length > 0) parts.push(`lines that could not be read: ${broken.slice(0, 5).join(", ")}`);
  return `${parts.join("; ")}.`;
}
