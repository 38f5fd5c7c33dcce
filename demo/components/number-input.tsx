import { useSignal } from "@preact/signals";

/** What a field shows of a number: the text as it was typed, as long as it says this number; nothing for NaN. */
export function shownNumber(value: number, typed: string): string {
  if (Number.isNaN(value)) return "";
  return typed !== "" && Number(typed) === value ? typed : String(value);
}

/**
 * A number that is typed. On the way to another number a text may say one that is written otherwise, such as 0.000 for 0:
 * it is left alone. What the browser takes for none is NaN.
 */
export function NumberInput(props: {
  id: string;
  value: number;
  onValue: (value: number) => void;
  min?: number;
  max?: number;
  step?: number | "any";
  disabled?: boolean;
  "aria-describedby"?: string;
}) {
  const { value, onValue, ...rest } = props;
  const typed = useSignal("");
  return (
    <input
      {...rest}
      type="number"
      inputMode="decimal"
      value={shownNumber(value, typed.value)}
      onInput={({ currentTarget }) => {
        typed.value = currentTarget.value;
        onValue(currentTarget.valueAsNumber);
      }}
    />
  );
}
