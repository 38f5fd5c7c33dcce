import type { EvaluationSummary, Proportion } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { showPercent, showSigned } from "../components/format.ts";

/** Accuracy before and after by the kind of question, as bars and as figures, and what else changed. */
export function EvaluationView(props: { before: EvaluationSummary; after: EvaluationSummary }) {
  const { before, after } = props;
  const kinds = Object.keys(after.byKind).filter((kind) => kind in before.byKind);
  const rows: [name: string, before: Proportion, after: Proportion][] = [
    ...kinds.map((kind): [string, Proportion, Proportion] => [kind, before.byKind[kind], after.byKind[kind]]),
    ["all", before, after],
  ];
  return (
    <div class="columns">
      <div class="stack">
        <h3>Right answers</h3>
        <Bars rows={rows} />
        <div class="compare-shares">
          <DataTable
            caption="Right answers with their 95% intervals"
            head={["Question", "Asked", "Before", "After", "Change"]}
            total
            rows={rows.map(([name, was, is]) => [
              name,
              String(is.count),
              <Share share={was} />,
              <Share share={is} />,
              points(is.accuracy - was.accuracy),
            ])}
          />
        </div>
      </div>
      <div class="stack">
        <h3>How it answers</h3>
        <DataTable
          caption="Means over the held-out examples"
          head={["", "Before", "After", "Change"]}
          rows={[
            [
              "thinks first",
              showPercent(before.thinking),
              showPercent(after.thinking),
              points(after.thinking - before.thinking),
            ],
            [
              "tokens an answer",
              before.meanLength.toFixed(1),
              after.meanLength.toFixed(1),
              showSigned(after.meanLength - before.meanLength),
            ],
            ...partRows(before.parts, after.parts),
          ]}
        />
        <p class="note">
          Each example is asked once before and once after, always taking the likeliest token. The interval
          says how far the share may lie from that of all such examples: where two intervals are far apart,
          the change is no luck.
        </p>
      </div>
    </div>
  );
}

/** The parts of the reward: which of them training has raised. */
function partRows(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string[][] {
  return Object.keys(after)
    .filter((name) => name in before)
    .map((name) => [
      `reward: ${name}`,
      before[name].toFixed(2),
      after[name].toFixed(2),
      showSigned(after[name] - before[name], 2),
    ]);
}

/** The table's picture; what it says is in the table. */
function Bars({
  rows,
}: {
  rows: readonly (readonly [name: string, before: Proportion, after: Proportion])[];
}) {
  return (
    <figure class="compare-bars" aria-hidden="true">
      <figcaption class="compare-legend note">
        <span>
          <i class="compare-swatch before" /> before
        </span>
        <span>
          <i class="compare-swatch after" /> after
        </span>
        <span>
          <i class="compare-swatch interval" /> 95% interval
        </span>
      </figcaption>
      {rows.map(([name, was, is]) => (
        <div key={name} class="compare-bar-row">
          <span class="compare-bar-name">{name}</span>
          <span class="compare-track">
            <Bar share={was} side="before" />
            <Bar share={is} side="after" />
          </span>
        </div>
      ))}
      <div class="compare-bar-row compare-axis note">
        <span />
        <span class="compare-ticks">
          {[0, 25, 50, 75, 100].map((tick) => (
            <span key={tick}>{tick}%</span>
          ))}
        </span>
      </div>
    </figure>
  );
}

function Bar({ share: { accuracy, interval }, side }: { share: Proportion; side: "before" | "after" }) {
  const [low, high] = interval;
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  return (
    <span class={`compare-bar ${side}`}>
      <span class="compare-fill" style={{ width: percent(accuracy) }} />
      <span class="compare-interval" style={{ left: percent(low), width: percent(high - low) }} />
    </span>
  );
}

function Share({ share: { accuracy, interval } }: { share: Proportion }) {
  const [low, high] = interval.map((end) => Math.round(100 * end));
  return (
    <>
      {showPercent(accuracy)}{" "}
      <span class="compare-interval-text">
        ({low}–{high})
      </span>
    </>
  );
}

/** A change of a share, in percentage points. */
function points(change: number): string {
  return `${showSigned(100 * change)} pp`;
}
