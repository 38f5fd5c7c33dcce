import { useSignal } from "@preact/signals";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { run } from "../state/run.ts";
import { CurveChart } from "./curve-chart.tsx";
import { hintFor } from "./hints.ts";
import { Outcome } from "./outcome.tsx";
import { curves, facts, story } from "./run-state.ts";
import { SavedRunNotice } from "./saved-run.tsx";

/** The run: what it does and why, its controls, and the curve that counts. */
export function RunCard() {
  const known = facts.value;
  const main = curves.value[0];
  const saved = run.state.value === "idle" ? run.saved.value : null;
  return (
    <section class="card stack" aria-labelledby="train-run-heading" id="train-run">
      <h2 id="train-run-heading">Run</h2>
      {saved ? (
        <SavedRunNotice
          saved={saved}
          lacking={run.lacking.value}
          onGoOn={() => void run.goOn()}
          onDiscard={() => void run.discard()}
        />
      ) : (
        <p class="train-story">{story.value}</p>
      )}
      <Controls />
      <p class="train-status">
        <span role="status" aria-live="polite" aria-label="Training status">
          {run.status.value}
        </span>
        <span class="note">{run.phaseText.value}</span>
      </p>
      <Meter value={run.recipe.value ? run.share.value : 0} label="Progress of the run" />
      <p class={run.warning.value ? "train-hint watch" : "train-hint"}>{run.warning.value || beside()}</p>
      {run.note.value && <p class="note">{run.note.value}</p>}
      <Problem error={run.problem.value} recipe={run.recipe.value} />
      {known && main && (
        <CurveChart
          key={main.key}
          curve={main}
          steps={run.steps.value}
          planned={known.steps}
          hint={hintFor(main.key, run.steps.value, known)}
          height={220}
        />
      )}
      {/* Below the curve, which stays where it is when the run ends. */}
      {run.record.value && <Outcome before={run.before.value} after={run.after.value} />}
    </section>
  );
}

/** What is good to know beside the status. */
function beside(): string {
  if (run.state.value !== "idle" && run.state.value !== "planning")
    return "The tab may be hidden meanwhile. When it is closed, the run goes on later from its last checkpoint.";
  return run.recipe.value
    ? "The run stays to be looked at until another one is started."
    : "Pictures, answers and weights stay in this tab.";
}

function Controls() {
  const state = run.state.value;
  const said = useSignal("");
  const active = state !== "idle" && state !== "planning";
  const checkpoint = async () => {
    said.value = "Saving…";
    try {
      said.value = (await run.checkpoint()) === null ? "Nothing to save" : "Saved";
    } catch {
      said.value = "Not saved"; // what ended the run is told beside it
    }
    setTimeout(() => (said.value = ""), 3000);
  };
  return (
    <div class="row">
      <button
        type="button"
        class="secondary outline"
        disabled={state !== "running"}
        onClick={() => run.pause()}
      >
        Pause
      </button>
      <button
        type="button"
        class="secondary outline"
        disabled={state !== "paused"}
        onClick={() => run.resume()}
      >
        Resume
      </button>
      <button
        type="button"
        class="secondary outline"
        disabled={!active || state === "stopping"}
        onClick={() => run.stop()}
      >
        Stop training
      </button>
      <button
        type="button"
        class="secondary outline"
        disabled={(state !== "running" && state !== "paused") || said.value !== ""}
        onClick={() => void checkpoint()}
      >
        {said.value || "Save a checkpoint"}
      </button>
    </div>
  );
}
