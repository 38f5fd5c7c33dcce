import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** One of a few, all of them in sight: radio buttons in the form of a switch. */
export function Segmented<T extends string>(props: {
  /** For screen readers. */
  label: string;
  value: Signal<T>;
  options: readonly (readonly [value: T, text: ComponentChildren])[];
  onChange?: () => void;
}) {
  const { label, value, options, onChange } = props;
  const name = useId();
  return (
    <div class="segmented" role="radiogroup" aria-label={label}>
      {options.map(([option, text]) => (
        <label key={option}>
          <input
            type="radio"
            name={name}
            value={option}
            checked={value.value === option}
            onChange={() => {
              value.value = option;
              onChange?.();
            }}
          />
          {text}
        </label>
      ))}
    </div>
  );
}
