/** Draws a scene: nine cells that lie on the picture, and what is put into them. */
import { signal, useSignal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { colourNames, shapeNames } from "../../workers/client.ts";
import type { Colour, Shape } from "../../workers/client.ts";
import { store } from "./ask-store.ts";
import { cellCount } from "./layout-code.ts";

const columns = 3;
/** What a click puts into a cell. */
const brush = { colour: signal<Colour>("red"), shape: signal<Shape | "nothing">("circle") };

/** The cells, as buttons as large as the picture. Arrow keys move between them. */
export function SceneCells() {
  const current = useSignal(0);
  const picture = store.pictures.picture.value;
  if (picture?.kind !== "drawn") return null;
  const move = (event: KeyboardEvent) => {
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const row = Math.floor(current.value / columns);
    const next = current.value + step;
    const sameRow = Math.floor(next / columns) === row;
    if (next < 0 || next >= cellCount || (Math.abs(step) === 1 && !sameRow)) return;
    current.value = next;
    if (event.currentTarget instanceof HTMLElement)
      event.currentTarget.querySelectorAll("button")[next].focus();
  };
  return (
    <div class="ask-cells" role="group" aria-label="Cells of the scene" onKeyDown={move}>
      {Array.from({ length: cellCount }, (_, cell) => {
        const thing = picture.things.find((candidate) => candidate.cell === cell);
        const what = thing ? `${thing.colour} ${thing.shape}` : "empty";
        return (
          <button
            key={cell}
            type="button"
            tabIndex={cell === current.value ? 0 : -1}
            aria-label={`Row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}: ${what}`}
            onFocus={() => (current.value = cell)}
            onClick={() => {
              const shape = brush.shape.value;
              store.pictures.place(cell, shape === "nothing" ? null : { colour: brush.colour.value, shape });
            }}
          />
        );
      })}
    </div>
  );
}

const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -columns,
  ArrowDown: columns,
};

/** Colours and shapes to choose from. */
export function ScenePalette() {
  const picture = store.pictures.picture.value;
  const count = picture?.kind === "drawn" ? picture.things.length : 0;
  return (
    <div class="ask-palette">
      <Choices name="Shape" value={brush.shape} options={[...shapeNames, "nothing"]} />
      <Choices name="Colour" value={brush.colour} options={colourNames} />
      <p class="note">
        {count > 5
          ? "The toy policy was taught with one to five things: with more it may fail."
          : "Click a cell to put it there; the same again takes it away."}
      </p>
    </div>
  );
}

function Choices<T extends string>(props: { name: string; value: Signal<T>; options: readonly T[] }) {
  const { name, value, options } = props;
  return (
    <div class="segmented" role="radiogroup" aria-label={name}>
      {options.map((option) => (
        <label key={option}>
          <input
            type="radio"
            name={`ask-${name}`}
            checked={value.value === option}
            onChange={() => (value.value = option)}
          />
          {option}
        </label>
      ))}
    </div>
  );
}
