import { useId } from "preact/hooks";
import { run } from "../state/run.ts";
import { rollouts } from "./rollouts-state.ts";

/** Which step is shown: the newest by default, any older one by the slider. */
export function StepChoice() {
  const id = useId();
  const count = run.stepsWithGroups.value;
  const following = rollouts.chosen.value === null;
  const value = (rollouts.chosen.value ?? count - 1) + 1;
  return (
    <div class="rollouts-steps">
      <label for={id}>
        Step <span class="rollouts-count">{`${value} of ${count}`}</span>
      </label>
      <input
        id={id}
        type="range"
        min={1}
        max={count}
        step={1}
        value={value}
        aria-valuetext={`Step ${value} of ${count}`}
        onInput={({ currentTarget }) => (rollouts.chosen.value = currentTarget.valueAsNumber - 1)}
      />
      <button
        type="button"
        class="secondary outline"
        aria-pressed={following}
        onClick={() => (rollouts.chosen.value = following ? count - 1 : null)}
      >
        Follow the newest
      </button>
    </div>
  );
}
