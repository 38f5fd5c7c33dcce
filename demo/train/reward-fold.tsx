import { useId } from "preact/hooks";
import { Fold } from "../components/fold.tsx";
import { NumberInput } from "../components/number-input.tsx";
import { draft } from "./recipe-draft.ts";

const formats = [
  ["strict", "Strict: the two blocks and nothing else"],
  ["lenient", "Lenient: text around the blocks is allowed"],
  ["easyr1-r1v", "As EasyR1 r1v.py has it"],
  ["easyr1-math", "As EasyR1 math.py has it"],
] as const;

/** How records are rewarded. Everything here is part of the recipe's text. */
export function RewardFold() {
  const disabled = draft.json.value === null;
  const ids = { format: useId(), module: useId(), all: useId() };
  const address = draft.reward(["module"]);
  const format = draft.reward(["format"]);
  return (
    <Fold summary="Reward">
      <div class="options">
        <Weight label="Answer weight" part="accuracy" disabled={disabled} />
        <Weight label="Form weight" part="format" disabled={disabled} />
      </div>
      <div class="field">
        <label for={ids.format}>Form</label>
        <select
          id={ids.format}
          disabled={disabled}
          value={typeof format === "string" ? format : "strict"}
          onChange={({ currentTarget }) => draft.setReward(["format"], currentTarget.value)}
        >
          {formats.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for={ids.module}>Your own reward, a module’s address</label>
        <input
          id={ids.module}
          type="text"
          spellcheck={false}
          placeholder="none"
          disabled={disabled}
          value={typeof address === "string" ? address : ""}
          aria-describedby={`${ids.module}-hint`}
          onInput={({ currentTarget: { value } }) => draft.setReward(["module"], value || undefined)}
        />
        <small id={`${ids.module}-hint`} class="note">
          Its default export is (completion, example) → number, and rewards the records whose reward is its
          file name.
        </small>
      </div>
      <label class="train-check">
        <input
          type="checkbox"
          disabled={disabled || typeof address !== "string"}
          checked={draft.reward(["moduleFor"]) === "all"}
          onChange={({ currentTarget }) =>
            draft.setReward(["moduleFor"], currentTarget.checked ? "all" : undefined)
          }
        />
        It rewards all records
      </label>
      <p class="note">
        Descriptions are compared by a model only: on this page they have no reward, and their samples are
        left out.
      </p>
    </Fold>
  );
}

function Weight(props: { label: string; part: "accuracy" | "format"; disabled: boolean }) {
  const { label, part, disabled } = props;
  const id = useId();
  const value = draft.reward(["weights", part]);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <NumberInput
        id={id}
        min={0}
        step="any"
        disabled={disabled}
        value={typeof value === "number" ? value : NaN}
        onValue={(typed) => draft.setReward(["weights", part], typed)}
      />
    </div>
  );
}
