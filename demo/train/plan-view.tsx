import type { RunPlan } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { Fold } from "../components/fold.tsx";
import { showBytes, showDuration, showMs, showNumber } from "../components/format.ts";
import { Stat, Stats } from "../components/stat.tsx";
import type { RecipeFacts } from "./recipe-facts.ts";

/** What a run will take: steps, time, memory. */
export function PlanView(props: { facts: RecipeFacts; plan: RunPlan | null; msPerStep: number | null }) {
  const { facts, plan, msPerStep } = props;
  const stepMs = msPerStep ?? plan?.stepMs ?? null;
  const expected = plan?.expectedMs ?? (stepMs === null ? null : stepMs * facts.steps);
  const budget = plan?.budget ?? [];
  const bytes = budget.reduce((sum, [, size]) => sum + size, 0);
  const batch = facts.kind === "sft" ? `${facts.questions}` : `${facts.questions} × ${facts.samples}`;
  return (
    <section aria-label="Plan" class="stack">
      <Stats>
        <Stat label="Steps" value={facts.steps} />
        <Stat label={facts.kind === "sft" ? "Examples a step" : "Answers a step"} value={batch} />
        <Stat label="Learning rate" value={showNumber(facts.learningRate)} />
        {facts.klCoef !== undefined && <Stat label="KL penalty" value={facts.klCoef || "none"} />}
        <Stat label="Held-out scenes" value={facts.scenes > 0 ? `${facts.scenes}, twice` : "none"} />
        <Stat
          label="Expected time"
          value={
            expected === null
              ? "after a probe, or two steps"
              : `${showDuration(expected)}${stepMs === null ? "" : `, ${showMs(stepMs)} a step`}`
          }
        />
        <Stat label="GPU memory" value={budget.length > 0 ? showBytes(bytes) : "see the plan"} />
      </Stats>
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
