/** Labelled fields that write into a signal. */
import type { Signal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { NumberInput } from "./number-input.tsx";

interface Common {
  label: string;
  disabled?: boolean;
  /** One line under the field. */
  hint?: ComponentChildren;
}

function Labelled(props: Common & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={props.id}>{props.label}</label>
      {props.children}
      {props.hint !== undefined && (
        <small id={`${props.id}-hint`} class="note">
          {props.hint}
        </small>
      )}
    </div>
  );
}

/** A number. What the browser takes for none is NaN, which the engine then refuses in words. */
export function NumberField(
  props: Common & { value: Signal<number>; min?: number; max?: number; step?: number | "any" },
) {
  const { value, min, max, step, disabled, hint } = props;
  const id = useId();
  return (
    <Labelled {...props} id={id}>
      <NumberInput
        id={id}
        min={min}
        max={max}
        step={step}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        value={value.value}
        onValue={(typed) => (value.value = typed)}
      />
    </Labelled>
  );
}

/** One of a few. */
export function SelectField<T extends string>(
  props: Common & { value: Signal<T>; options: readonly (readonly [value: T, text: string])[] },
) {
  const { value, options, disabled, hint } = props;
  const id = useId();
  return (
    <Labelled {...props} id={id}>
      <select
        id={id}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        value={value.value}
        onChange={({ currentTarget }) => {
          const chosen = options.find(([option]) => option === currentTarget.value);
          if (chosen) value.value = chosen[0];
        }}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** Text of one line, or of `rows`. */
export function TextField(
  props: Common & { value: Signal<string>; rows?: number; placeholder?: string; mono?: boolean },
) {
  const { value, rows, placeholder, disabled, hint, mono = false } = props;
  const id = useId();
  const shared = {
    id,
    disabled,
    placeholder,
    class: mono ? "mono" : undefined,
    spellcheck: false,
    "aria-describedby": hint === undefined ? undefined : `${id}-hint`,
    value: value.value,
  };
  return (
    <Labelled {...props} id={id}>
      {rows === undefined ? (
        <input type="text" {...shared} onInput={({ currentTarget }) => (value.value = currentTarget.value)} />
      ) : (
        <textarea
          rows={rows}
          {...shared}
          onInput={({ currentTarget }) => (value.value = currentTarget.value)}
        />
      )}
    </Labelled>
  );
}
