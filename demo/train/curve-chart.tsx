import { signal, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { settings } from "../state/settings.ts";
import { describeCurve, pointsOf } from "./curves.ts";
import type { Curve, StepFigures } from "./curves.ts";
import type { Hint } from "./hints.ts";
import type { Plot } from "./plot.ts";

/** The step under the cursor, from 1, of whichever chart it is over: all captions tell their values there. */
const pointed = signal<number | null>(null);

/** A metric over the steps, its newest value, and what to make of it. */
export function CurveChart(props: {
  curve: Curve;
  steps: readonly StepFigures[];
  /** Steps that the run will have. */
  planned: number;
  hint?: Hint;
  /** CSS pixels. */
  height?: number;
}) {
  const { curve, steps, planned, hint, height = 150 } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const newest = useRef({ steps, planned });
  newest.current = { steps, planned };
  const failed = useSignal(false);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let left = false;
    let loading = false;
    const fit = () => {
      const width = element.clientWidth;
      if (width === 0) return; // its tab is hidden
      if (plot.current) plot.current.resize(width, height);
      else if (!loading) void begin();
    };
    const observer = new ResizeObserver(fit);
    observer.observe(element);
    return () => {
      left = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };

    async function begin(): Promise<void> {
      loading = true;
      const loaded = await import("./plot.ts").catch(() => null); // offline, before it was ever fetched
      failed.value = loaded === null;
      if (left || !element || !loaded) return;
      const { createPlot } = loaded;
      const size = { width: element.clientWidth, height };
      plot.current = createPlot(element, curve, size, (step) => (pointed.value = step));
      plot.current.show(pointsOf(curve, newest.current.steps), newest.current.planned);
    }
  }, [curve, height]);

  useEffect(() => plot.current?.show(pointsOf(curve, steps), planned), [curve, steps, planned]);
  useSignalEffect(() => {
    const theme = settings.dark.value;
    // The document has its new colours when the effects of this change have run.
    requestAnimationFrame(() => theme === settings.dark.peek() && plot.current?.repaint());
  });

  const at = pointed.value;
  const shown = steps.find(({ step }) => step + 1 === at) ?? steps.at(-1);
  const value = shown?.metrics[curve.key];
  return (
    <figure class="train-chart">
      <figcaption>
        <span>
          <strong>{curve.title}</strong>
          <span class="note">
            {curve.axis}
            {curve.bandName && `, ${curve.bandName}`}
          </span>
        </span>
        <span class="train-value">
          <span class="note">{at !== null && shown && value !== undefined && `step ${shown.step + 1} `}</span>
          {value === undefined ? "–" : curve.show(value)}
        </span>
      </figcaption>
      <div
        ref={place}
        role="img"
        aria-label={describeCurve(curve, steps)}
        class="train-plot"
        style={{ height: `${height}px` }}
      />
      <p class={hint?.watch ? "train-hint watch" : "train-hint"}>
        {failed.value
          ? "The drawing could not be loaded; the figures are in the table of all steps."
          : hint?.text}
      </p>
    </figure>
  );
}
