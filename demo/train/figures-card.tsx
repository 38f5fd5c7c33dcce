import { useSignal } from "@preact/signals";
import { DataTable } from "../components/data-table.tsx";
import { showMs, showNumber, showPercent } from "../components/format.ts";
import { Stat, Stats } from "../components/stat.tsx";
import { run } from "../state/run.ts";
import { CurveChart } from "./curve-chart.tsx";
import type { Curve, StepFigures } from "./curves.ts";
import { hintFor } from "./hints.ts";
import { PhaseBar } from "./phase-bar.tsx";
import { curves, facts } from "./run-state.ts";

/** Figures of the newest step that have no curve of their own. */
const others: readonly (readonly [label: string, key: string, show: (value: number) => string])[] = [
  ["Tokens / second", "tokens_per_second", (value) => value.toFixed(0)],
  ["Whole step", "step_time", (value) => showMs(value * 1000)],
  ["Tokens so far", "num_tokens", (value) => value.toLocaleString("en")],
  ["Learning rate", "learning_rate", showNumber],
  ["Misread pictures", "rewards/misread/mean", showPercent],
  ["Well formed", "rewards/format/mean", showPercent],
  ["Cut at the limit", "completions/clipped_ratio", showPercent],
  ["Weights changed", "weights_changed", (value) => value.toLocaleString("en")],
];

/** Every curve but the first, which stands with the run, and the other figures. */
export function FiguresCard() {
  const known = facts.value;
  const steps = run.steps.value;
  if (!known) return null;
  const newest = steps.at(-1)?.metrics ?? {};
  return (
    <section class="card stack" aria-labelledby="train-figures-heading">
      <h2 id="train-figures-heading">Curves</h2>
      <div class="train-charts">
        {curves.value.slice(1).map((curve) => (
          <CurveChart
            key={curve.key}
            curve={curve}
            steps={steps}
            planned={known.steps}
            hint={hintFor(curve.key, steps, known)}
          />
        ))}
      </div>
      <PhaseBar steps={steps} />
      <Stats>
        {others.map(([label, key, show]) =>
          newest[key] === undefined ? null : (
            <Stat key={key} label={label} value={show(newest[key])} title={key} />
          ),
        )}
      </Stats>
      <StepTable curves={curves.value} steps={steps} />
    </section>
  );
}

/** The curves' numbers, for those who read rather than look. Made when it is opened: a long run has many. */
function StepTable({ curves: columns, steps }: { curves: readonly Curve[]; steps: readonly StepFigures[] }) {
  const open = useSignal(false);
  return (
    <details onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>All steps as a table</summary>
      {open.value && (
        <DataTable
          caption="Figures of every step"
          head={["Step", ...columns.map(({ title }) => title)]}
          rows={steps.map(({ step, metrics }) => [
            step + 1,
            ...columns.map(({ key, show }) => (metrics[key] === undefined ? "" : show(metrics[key]))),
          ])}
        />
      )}
    </details>
  );
}
