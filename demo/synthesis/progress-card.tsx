import { CorruptFileError } from "../../workers/client.ts";
import type { SynthesisCounters } from "../../src/synthesis/counters.ts";
import { DataTable } from "../components/data-table.tsx";
import { showMs } from "../components/format.ts";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { Stat, Stats } from "../components/stat.tsx";
import { synthesis } from "./synthesis-store.ts";

/** Starting, stopping, and live counts. */
export function ProgressCard() {
  const { state, counters, kept, drops, pending, missing, problem } = synthesis;
  const idle = state.value === "idle";
  return (
    <section class="card" aria-label="Synthesis">
      <h2>Synthesis</h2>
      <div class="row">
        {idle ? (
          <button type="button" disabled={missing.value !== ""} onClick={() => void synthesis.start()}>
            Start synthesis
          </button>
        ) : (
          <button type="button" disabled={state.value === "stopping"} onClick={() => synthesis.stop()}>
            Stop synthesis
          </button>
        )}
        {idle && (!synthesis.isEmpty.value || problem.value instanceof CorruptFileError) && (
          <button type="button" class="secondary outline" onClick={() => void synthesis.forget()}>
            Forget everything
          </button>
        )}
      </div>
      <p class="synthesis-status" role="status" aria-label="Synthesis status">
        {sentence()}
      </p>
      <Meter value={progress(counters.value, idle)} label="Images done" />
      <Problem error={problem.value} onDismiss={() => (problem.value = null)} />
      <Stats>
        <Stat
          label="Images done"
          value={counters.value ? `${counters.value.images.done} of ${counters.value.images.total}` : "–"}
        />
        <Stat label="Records" value={kept.value.length} />
        <Stat label="Dropped" value={drops.value.length} />
        <Stat label="To be asked again" value={pending.value.length} />
      </Stats>
      {counters.value && <Stages counters={counters.value} />}
    </section>
  );
}

function sentence(): string {
  const { state, missing, activity, kept, complete, pending } = synthesis;
  if (state.value === "stopping") return "Stopping: what is being asked is still waited for.";
  if (state.value === "running") {
    const { value: now } = activity;
    if (!now) return "Starting.";
    const question = now.question === null ? "" : `, question ${now.question + 1}`;
    return `${now.path}${question}: ${now.stage.replaceAll("-", " ")}`;
  }
  if (complete.value) return "Complete: nothing is left to ask.";
  if (missing.value !== "") return missing.value;
  if (pending.value.length > 0) return "Some requests failed. Start again to ask them once more.";
  return kept.value.length > 0
    ? "Stopped. Start again to go on: nothing is asked twice."
    : "Ready. It can be stopped at any time, and gone on with later.";
}

function progress(counters: SynthesisCounters | null, idle: boolean): number | null {
  if (!counters) return idle ? 0 : null;
  const { total, done } = counters.images;
  return total === 0 ? 0 : done / total;
}

function Stages({ counters }: { counters: SynthesisCounters }) {
  const rows = Object.entries(counters.stages).filter(([, { entered }]) => entered > 0);
  return (
    <DataTable
      caption="By stage"
      head={["Stage", "entered", "kept", "dropped", "asked", "asked before", "failed", "tokens", "time"]}
      rows={rows.map(([stage, its]) => [
        stage.replaceAll("-", " "),
        its.entered,
        its.kept,
        droppedText(its.dropped),
        its.asked,
        its.reused,
        its.failed,
        (its.promptTokens + its.completionTokens).toLocaleString("en"),
        showMs(its.ms),
      ])}
    />
  );
}

function droppedText(dropped: Record<string, number>): string {
  const entries = Object.entries(dropped);
  if (entries.length === 0) return "0";
  return entries.map(([reason, count]) => `${count} ${reason.replaceAll("-", " ")}`).join(", ");
}
