import { useId } from "preact/hooks";
import { NumberInput } from "../components/number-input.tsx";
import { draft } from "./recipe-draft.ts";
import type { Path } from "./recipe-draft.ts";

/** A number of the recipe, as a field. What is not valid is refused in words when the run is started. */
export function DraftNumber(props: {
  label: string;
  path: Path;
  min?: number;
  step?: number | "any";
  disabled?: boolean;
}) {
  const { label, path, min, step = 1, disabled = false } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <NumberInput
        id={id}
        min={min}
        step={step}
        disabled={disabled || draft.json.value === null}
        value={draft.number(path)}
        onValue={(value) => draft.set(path, value)}
      />
    </div>
  );
}
