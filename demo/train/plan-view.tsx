import { DataTable } from "../components/data-table.tsx";
import { Fold } from "../components/fold.tsx";
import { showBytes, showDuration, showMs, showNumber } from "../components/format.ts";
import { Stat, Stats } from "../components/stat.tsx";
import { run } from "../state/run.ts";
import { planned } from "./run-state.ts";

/** What the run that is shown takes, or the one of the form will: steps, time, memory. */
export function PlanView() {
  const shown = planned.value;
  if (!shown) return null;
  const { facts: known, stepMs, expectedMs: expected, budget } = shown;
  const bytes = budget.reduce((sum, [, size]) => sum + size, 0);
  const sft = known.kind === "sft";
  return (
    <section aria-label="Plan" class="stack">
      <Stats>
        <Stat label="Steps" value={known.steps} />
        <Stat
          label={sft ? "Examples a step" : "Answers a step"}
          value={sft ? known.questions : `${known.questions} × ${known.samples}`}
        />
        <Stat label="Learning rate" value={showNumber(known.learningRate)} />
        {known.klCoef !== undefined && <Stat label="KL penalty" value={known.klCoef || "none"} />}
        <Stat label="Test scenes" value={known.scenes > 0 ? `${known.scenes}, twice` : "none"} />
        <Stat label="A step" value={stepMs === null ? "not known yet" : showMs(stepMs)} />
        <Stat label="Expected time" value={expected === null ? "not known yet" : showDuration(expected)} />
        <Stat label="GPU memory" value={budget.length > 0 ? showBytes(bytes) : "not known yet"} />
      </Stats>
      <p class="note train-plan-note">
        {run.state.value === "planning"
          ? "Trying two steps on this device, and taking them back…"
          : expected === null &&
            "“See the plan” tries two steps on this device and takes them back. Or just start."}
      </p>
      {budget.length > 0 && (
        <Fold summary="What the GPU memory is for">
          <DataTable
            caption="GPU memory of this run"
            rows={[...budget.map(([name, size]) => [name, showBytes(size)]), ["Together", showBytes(bytes)]]}
            total
          />
        </Fold>
      )}
    </section>
  );
}
