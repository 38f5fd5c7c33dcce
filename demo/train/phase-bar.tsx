import { showMs } from "../components/format.ts";
import type { StepFigures } from "./curves.ts";

const phases = [
  { key: "timing_s/rollout", name: "Generating answers" },
  { key: "timing_s/reward", name: "Rewarding" },
  { key: "timing_s/train", name: "Updating the weights" },
] as const;

/** Steps of which the mean is shown: single ones vary with the answers' lengths. */
const meanOf = 5;

/** Where the time of a step goes. The first step compiles the shaders: it is left out as soon as there are others. */
export function PhaseBar({ steps }: { steps: readonly StepFigures[] }) {
  const recent = (steps.length > 1 ? steps.slice(1) : steps).slice(-meanOf);
  const mean = (key: string) =>
    recent.reduce((sum, { metrics }) => sum + (metrics[key] ?? 0), 0) / Math.max(1, recent.length);
  const known = phases.map(({ key, name }) => ({ key, name, seconds: mean(key) }));
  const whole = mean("step_time");
  const rest = Math.max(0, whole - known.reduce((sum, { seconds }) => sum + seconds, 0));
  const parts = [...known, { key: "rest", name: "Saving and the rest", seconds: rest }].filter(
    ({ seconds }) => seconds > 0,
  );
  const said = parts.map(({ name, seconds }) => `${name} ${showMs(seconds * 1000)}`).join(", ");
  return (
    <figure class="train-phases">
      <figcaption>
        <span>
          <strong>Time of a step</strong>
          <span class="note">
            {recent.length === 0
              ? "known after the first step"
              : `${showMs(whole * 1000)}, mean of the newest ${recent.length === 1 ? "step" : `${recent.length} steps`}`}
          </span>
        </span>
      </figcaption>
      <div class="train-phase-bar" role="img" aria-label={said || "No step yet"}>
        {parts.map(({ key, seconds }) => (
          <span key={key} data-phase={key} style={{ flexGrow: seconds }} />
        ))}
      </div>
      <ul class="train-phase-names note" aria-hidden="true">
        {parts.map(({ key, name, seconds }) => (
          <li key={key} data-phase={key}>
            {name} {showMs(seconds * 1000)}
          </li>
        ))}
      </ul>
    </figure>
  );
}
