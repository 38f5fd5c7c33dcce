import { useEffect } from "preact/hooks";
import type { RunRecord } from "../../workers/client.ts";
import { Fold } from "../components/fold.tsx";
import { showDuration, showPercent } from "../components/format.ts";
import { run } from "../state/run.ts";
import { settings } from "../state/settings.ts";
import { BroughtBack } from "./brought-back.tsx";
import { ChangedExamples } from "./changed-examples.tsx";
import { Downloads } from "./downloads.tsx";
import { EvaluationView } from "./evaluation-view.tsx";
import { OpenRun } from "./open-run.tsx";
import { opened } from "./opened.ts";
import { ReplayView } from "./replay-view.tsx";
import { SideBySide } from "./side-by-side.tsx";
import "./compare.css";

/** The tab “Compare”: before and after training, and this browser's run beside that of a run file. */
export function CompareTab() {
  useEffect(() => opened.followAddress(), []);
  const other = opened.run.value;
  const record = run.record.value;
  return (
    <div class="stack">
      <OwnRun record={record} />
      <section class="card stack" aria-labelledby="compare-other">
        <h2 id="compare-other">{other ? `Run file: ${other.name}` : "Open a run file"}</h2>
        <OpenRun />
        {other && (
          <>
            <SideBySide own={record} other={other.record} />
            <ReplayView record={other.record} label="the run file" />
            {other.record.before && other.record.after && (
              <Fold summary="Before and after in the run file" open={record === null}>
                <EvaluationView before={other.record.before} after={other.record.after} />
              </Fold>
            )}
          </>
        )}
      </section>
      <section class="card stack" aria-labelledby="compare-cluster">
        <h2 id="compare-cluster">A run from a cluster</h2>
        <BroughtBack own={record} />
      </section>
    </div>
  );
}

/** The run that was trained in this browser. */
function OwnRun({ record }: { record: RunRecord | null }) {
  const before = run.before.value;
  const after = run.after.value;
  const recipe = run.recipe.value;
  return (
    <>
      <section class="card stack" aria-labelledby="compare-own">
        <h2 id="compare-own">Before and after</h2>
        <p>{record ? story(record) : unfinished()}</p>
        {!record && (
          <div class="row">
            <button type="button" onClick={() => settings.open("train")}>
              Go to Train
            </button>
          </div>
        )}
        {record && before && after && <EvaluationView before={before} after={after} />}
      </section>
      {record && recipe && before && after && (
        <ChangedExamples before={before} after={after} recipe={recipe} />
      )}
      {record && (
        <section class="card stack" aria-labelledby="compare-files">
          <h2 id="compare-files">This run as files</h2>
          <div class="columns">
            <Downloads supervised={"sft" in record.recipe} />
            <div class="stack">
              <h3>Hash</h3>
              <p class="note">
                SHA-256 of the adapter’s weights. The same recipe gives the same on the same GPU and browser.
              </p>
              <p class="mono compare-hash">{record.weightsSha256}</p>
              <ReplayView record={record} label="this browser’s run" />
            </div>
          </div>
        </section>
      )}
    </>
  );
}

function story({ steps, wallMs, before, after }: RunRecord): string {
  const took = `${steps} ${steps === 1 ? "step" : "steps"} in ${showDuration(wallMs)}`;
  if (!before || !after) return `${took}. The recipe asked for no evaluation: there is nothing to compare.`;
  return (
    `${took}: of ${after.count} held-out examples ${showPercent(before.accuracy)} were right before and ` +
    `${showPercent(after.accuracy)} are after; ${showPercent(before.thinking)} of the answers thought first before, ` +
    `and ${showPercent(after.thinking)} do after.`
  );
}

function unfinished(): string {
  const { value: done } = run.done;
  const { value: planned } = run.planned;
  if (run.state.value !== "idle")
    return `The run goes on: ${done} of ${planned} steps are done. What it changed is shown here when it has ended.`;
  if (run.saved.value?.inUse)
    return `A run goes on in another tab: ${done} of ${planned} steps are done. What it changed is shown here when it has ended.`;
  if (run.saved.value)
    return `A run stands at step ${done} of ${planned}. Go on with it under Train; what it changed is shown here at its end.`;
  return "No run has come to its end in this browser yet. Train for a few steps first, or open the example below.";
}
