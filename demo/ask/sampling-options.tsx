/** How the answer is drawn. */
import { Fold } from "../components/fold.tsx";
import { NumberField, SelectField } from "../components/field.tsx";
import { session } from "../state/session.ts";
import { optionLimits } from "./ask-link.ts";
import type { NumberOption, ResponseMode } from "./ask-link.ts";
import { store } from "./ask-store.ts";

const labels: readonly (readonly [name: NumberOption, label: string, hint: string])[] = [
  ["temperature", "Temperature", "0 takes the likeliest token each time; 1 draws as in training"],
  ["topK", "Top-k", "only the k likeliest tokens; 0 is off"],
  ["topP", "Top-p", "only the likeliest, up to this probability together; 1 is off"],
  ["minP", "Min-p", "only tokens above this share of the likeliest; 0 is off"],
  ["maxNewTokens", "Most tokens", "of an answer, its reasoning included"],
  ["seed", "Seed", "the same seed and settings give the same answer"],
];

const modes: readonly (readonly [ResponseMode, string])[] = [
  ["free", "as it likes"],
  ["think", "think first"],
  ["answer", "answer at once"],
];

/** What is changed most often. */
export function ResponseOptions() {
  return (
    <div class="ask-how">
      <SelectField label="Response" value={store.mode} options={modes} />
      <NumberField label="Samples" value={store.numbers.samples} {...optionLimits.samples} />
    </div>
  );
}

export function SamplingOptions() {
  const { numbers, adapter } = store;
  return (
    <>
      {numbers.samples.value > 1 && numbers.temperature.value === 0 && (
        <p class="note">
          At temperature 0 all samples are the same.{" "}
          <button
            type="button"
            class="secondary outline small"
            onClick={() => (numbers.temperature.value = 1)}
          >
            Draw at temperature 1
          </button>
        </p>
      )}
      <Fold summary="Sampling">
        <div class="options">
          {labels.map(([name, label, hint]) => (
            <NumberField key={name} label={label} value={numbers[name]} {...optionLimits[name]} hint={hint} />
          ))}
        </div>
      </Fold>
      {session.isAdapted.value && (
        <label>
          <input
            type="checkbox"
            role="switch"
            checked={adapter.value}
            onChange={({ currentTarget }) => (adapter.value = currentTarget.checked)}
          />
          {session.trainedSteps.value > 0
            ? "With what it learnt in training (off: as it was before)"
            : "With the adapter that was brought in (off: without it)"}
        </label>
      )}
    </>
  );
}
