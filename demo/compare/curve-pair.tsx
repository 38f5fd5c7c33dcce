import { useSignal } from "@preact/signals";
import type { RecordedStep } from "../../workers/client.ts";
import { showNumber } from "../components/format.ts";
import { SelectField } from "../components/field.tsx";

export interface CurveOf {
  label: string;
  steps: readonly RecordedStep[];
}

/** Metrics that most runs have, with what they are called; those that none of the runs has are not offered. */
const metrics: readonly (readonly [name: string, title: string])[] = [
  ["reward", "Reward, mean of a step"],
  ["rewards/accuracy/mean", "Share of right answers"],
  ["rewards/thinking/mean", "Share of answers that think"],
  ["completions/mean_length", "Answer length, tokens"],
  ["kl", "KL to the start, nats a token"],
  ["entropy", "Entropy, nats a token"],
  ["loss", "Loss"],
  ["grad_norm", "Gradient norm"],
];

const size = { width: 640, height: 200 };
const margin = { top: 10, right: 12, bottom: 26, left: 48 };

/** One metric of one run or two in one drawing: lines told apart by colour and dashes. */
export function CurvePair({ curves }: { curves: readonly CurveOf[] }) {
  const offered = metrics.filter(([name]) => curves.some(({ steps }) => steps.some((step) => name in step)));
  if (offered.length === 0) return null;
  // Another choice of metrics begins with its first one.
  return <ChosenCurve key={offered.map(([name]) => name).join()} curves={curves} offered={offered} />;
}

function ChosenCurve(props: { curves: readonly CurveOf[]; offered: typeof metrics }) {
  const { curves, offered } = props;
  const name = useSignal(offered[0][0]);
  const lines = curves.map(({ label, steps }) => ({ label, points: pointsOf(steps, name.value) }));
  return (
    <figure class="compare-curves">
      <div class="compare-curves-head">
        <SelectField label="Curve" value={name} options={offered} />
        <figcaption class="compare-legend note">
          {lines.map(({ label }, index) => (
            <span key={label}>
              <svg width="28" height="8" aria-hidden="true">
                <line class={`compare-line l${index}`} x1="0" x2="28" y1="4" y2="4" />
              </svg>{" "}
              {label}
            </span>
          ))}
        </figcaption>
      </div>
      <Drawing lines={lines} name={name.value} />
    </figure>
  );
}

interface Point {
  /** From 1. */
  step: number;
  value: number;
}

function pointsOf(steps: readonly RecordedStep[], name: string): Point[] {
  return steps.flatMap(({ step, [name]: value }) =>
    typeof value === "number" ? [{ step: step + 1, value }] : [],
  );
}

function Drawing({ lines, name }: { lines: readonly { label: string; points: Point[] }[]; name: string }) {
  const all = lines.flatMap(({ points }) => points);
  const last = Math.max(2, ...all.map(({ step }) => step));
  const ticks = ticksBetween(
    Math.min(0, ...all.map(({ value }) => value)),
    Math.max(0, ...all.map(({ value }) => value)),
  );
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  const x = (step: number) =>
    margin.left + ((step - 1) / (last - 1)) * (size.width - margin.left - margin.right);
  const y = (value: number) =>
    size.height - margin.bottom - ((value - low) / (high - low)) * (size.height - margin.top - margin.bottom);
  return (
    <svg
      class="compare-drawing"
      viewBox={`0 0 ${size.width} ${size.height}`}
      role="img"
      aria-label={describe(lines, name)}
    >
      {ticks.map((tick) => (
        <g key={tick}>
          <line
            class="compare-grid"
            x1={margin.left}
            x2={size.width - margin.right}
            y1={y(tick)}
            y2={y(tick)}
          />
          <text x={margin.left - 6} y={y(tick) + 4} text-anchor="end">
            {showNumber(Number(tick.toPrecision(6)))}
          </text>
        </g>
      ))}
      {[1, last].map((step) => (
        <text
          key={step}
          x={x(step)}
          y={size.height - 6}
          text-anchor={step === 1 ? "start" : "end"}
        >{`step ${step}`}</text>
      ))}
      {lines.map(({ label, points }, index) =>
        points.length === 1 ? (
          <circle
            key={label}
            class={`compare-dot l${index}`}
            cx={x(points[0].step)}
            cy={y(points[0].value)}
            r="3.5"
          />
        ) : (
          <polyline
            key={label}
            class={`compare-line l${index}`}
            points={points.map(({ step, value }) => `${x(step)},${y(value)}`).join(" ")}
          />
        ),
      )}
    </svg>
  );
}

function describe(lines: readonly { label: string; points: Point[] }[], name: string): string {
  const said = lines.map(({ label, points }) => {
    if (points.length === 0) return `${label}: none`;
    const [first, last] = [points[0], points[points.length - 1]];
    return `${label}: ${showNumber(first.value)} at step ${first.step}, ${showNumber(last.value)} at step ${last.step}`;
  });
  return `${metrics.find(([metric]) => metric === name)?.[1] ?? name}. ${said.join("; ")}`;
}

/** About four round steps that hold both ends. */
function ticksBetween(low: number, high: number): number[] {
  const span = high > low ? high - low : 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => span / one <= 4) ?? span;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil((low + span) / step - 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}
