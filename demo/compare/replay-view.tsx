import type { RunRecord } from "../../workers/client.ts";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { session } from "../state/session.ts";
import { CurvePair } from "./curve-pair.tsx";
import { replay } from "./replay.ts";
import { gpuName } from "./run-facts.ts";

/** Runs a record's recipe again in this tab, and says whether the bits match. */
export function ReplayView({ record, label }: { record: RunRecord; label: string }) {
  const mine = replay.target.value === record;
  const active = replay.state.value !== "idle";
  const busy = session.heldBy.value !== null || session.state.value !== "ready";
  const { task } = record.recipe;
  const steps = mine ? replay.steps.value : [];
  return (
    <div class="stack compare-replay">
      <h3>Replay</h3>
      <p class="note">
        Runs the recipe again in this tab, without its evaluations, and compares every step with the record:
        the same GPU, browser and version give the same bits. It leaves the page’s policy and run as they are.
      </p>
      {task.name === "module" && (
        <p class="notice">
          This recipe’s task is code from <span class="mono">{String(task.url)}</span>. Replaying runs that
          code: do it only if you trust it.
        </p>
      )}
      <div class="row">
        <button
          type="button"
          disabled={active || busy}
          onClick={() => void replay.run(record)}
          aria-label={`Replay ${label}`}
        >
          Replay
        </button>
        <button
          type="button"
          class="secondary outline"
          disabled={!mine || !active || replay.state.value === "stopping"}
          onClick={() => replay.stop()}
        >
          Stop replay
        </button>
      </div>
      {mine && <Meter value={steps.length / Math.max(1, record.steps)} label="Progress of the replay" />}
      {/* The verdict is shown below; here it is told to screen readers. */}
      <p
        role="status"
        aria-label="Replay status"
        class={mine && replay.verdict.value ? "visually-hidden" : "compare-status"}
      >
        {mine ? progress(record) : whyNot()}
      </p>
      {mine && (
        <>
          <Verdict />
          <Problem
            error={replay.problem.value}
            recipe={record.recipe}
            onDismiss={active ? undefined : () => replay.clear()}
          />
          {steps.length > 0 && (
            <CurvePair
              curves={[
                { label: "recorded", steps: record.metrics },
                { label: "replayed here", steps },
              ]}
            />
          )}
        </>
      )}
    </div>
  );
}

/** Why it cannot be begun now; empty when it can. */
function whyNot(): string {
  if (session.state.value === "unavailable") return "It takes a GPU: see the tab Device.";
  return session.heldBy.value === null ? "" : `The GPU is busy: the ${session.heldBy.value} goes on.`;
}

function progress({ steps }: RunRecord): string {
  const done = replay.steps.value.length;
  const first = replay.firstDifferent.value;
  const so =
    done === 0
      ? ""
      : first === null
        ? " So far the bits match."
        : ` The bits differ from step ${first + 1} on.`;
  switch (replay.state.value) {
    case "loading":
      return "Loading a policy of its own…";
    case "running":
      return done === 0 ? "Step 1… (the first one compiles the shaders)" : `Step ${done} of ${steps}.${so}`;
    case "recovering":
      return `The GPU was lost after step ${done}. Starting again from the last checkpoint…`;
    case "stopping":
      return "Stopping…";
    case "idle":
      if (replay.verdict.value) return replay.verdict.value.title;
      return replay.stopped.value
        ? `Stopped after step ${done} of ${steps}.${so}`
        : `Step ${done} of ${steps}.`;
  }
}

function Verdict() {
  const verdict = replay.verdict.value;
  const first = replay.firstDifferent.value;
  const record = replay.target.value;
  if (!verdict) {
    const here = session.device.value;
    if (first === null || !record || !here) return null;
    const [was, is] = [gpuName(record.adapter), gpuName({ ...here })];
    if (was === is) return null;
    return (
      <p class="notice">
        It was recorded on {was}, this is {is}: GPUs round differently. The curves should still be alike.
      </p>
    );
  }
  return (
    <div class={verdict.same ? "compare-verdict same" : "compare-verdict different"}>
      <p>
        <strong>
          {verdict.same ? "✓" : "≠"} {verdict.title}
        </strong>
      </p>
      {verdict.reasons.length > 0 && (
        <ul>
          {verdict.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
