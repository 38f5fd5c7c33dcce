import type { EvaluationSummary } from "../../src/evaluation/accuracy.ts";
import { DataTable } from "../components/data-table.tsx";
import { showPercent, showSigned } from "../components/format.ts";
import { run } from "../state/run.ts";
import { session } from "../state/session.ts";
import { settings } from "../state/settings.ts";

/** The end of a run: before and after in one table, and where the rest is. */
export function Outcome(props: { before: EvaluationSummary | null; after: EvaluationSummary | null }) {
  const { before, after } = props;
  return (
    <section class="stack" aria-label="Before and after">
      {before && after && (
        <DataTable
          caption={`${after.count} held-out questions, answered without chance`}
          head={["", "Before", "After", "Change"]}
          rows={[
            [
              "Right answers",
              withInterval(before),
              withInterval(after),
              `${showSigned(100 * (after.accuracy - before.accuracy))} points`,
            ],
            [
              "Thinks first",
              showPercent(before.thinking),
              showPercent(after.thinking),
              `${showSigned(100 * (after.thinking - before.thinking))} points`,
            ],
            [
              "Tokens an answer",
              before.meanLength.toFixed(1),
              after.meanLength.toFixed(1),
              showSigned(after.meanLength - before.meanLength),
            ],
          ]}
        />
      )}
      <div class="row">
        <button type="button" onClick={() => settings.open("compare")}>
          Compare before and after
        </button>
        <button type="button" class="secondary outline" onClick={() => void askTrained()}>
          Ask the trained policy
        </button>
      </div>
      <p class="note">Under Compare: each kind of question, examples that changed, and the run as a file.</p>
    </section>
  );
}

/** After a reload or a plan the policy in use is the untrained one: the run's adapter is put into it first. */
async function askTrained(): Promise<void> {
  if (session.trainedSteps.peek() === 0) {
    await run.useTrained();
    if (session.trainedSteps.peek() === 0) return; // why is said beside the run
  }
  settings.open("ask");
}

function withInterval({ accuracy, interval: [low, high] }: EvaluationSummary): string {
  return `${showPercent(accuracy)} (${Math.round(100 * low)}–${Math.round(100 * high)})`;
}
