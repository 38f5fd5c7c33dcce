import type { RunRecord } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { Fold } from "../components/fold.tsx";
import { CurvePair } from "./curve-pair.tsx";
import { judge, recipeDifferences, runFacts, sameRecipe, shortened } from "./run-facts.ts";

const names = ["this browser’s run", "the run file"] as const;

/** A run file's record, beside that of this browser's run where there is one. */
export function SideBySide({ own, other }: { own: RunRecord | null; other: RunRecord }) {
  const facts = runFacts(other);
  const ownFacts = own ? runFacts(own) : null;
  const same = own !== null && own.weightsSha256 === other.weightsSha256;
  return (
    <div class="stack">
      {own && <Comparison own={own} other={other} />}
      <div class="columns wide-left">
        <DataTable
          caption={own ? "Two runs side by side" : "What the run file says"}
          head={own ? ["", "This browser’s run", "Run file"] : ["", "Run file"]}
          numeric={[]}
          rows={facts.map(({ name, value, mono }, index) => [
            name,
            ...(ownFacts ? [shown(ownFacts[index].value, mono)] : []),
            shown(value, mono),
          ])}
        />
        <div class="stack">
          <CurvePair curves={same ? [{ label: "both runs", steps: other.metrics }] : curvesOf(own, other)} />
          <Fold summary="The whole recipe of the run file">
            <pre class="compare-recipe" tabIndex={0} aria-label="Recipe of the run file">
              {JSON.stringify(other.recipe, shortTexts, 2)}
            </pre>
          </Fold>
        </div>
      </div>
    </div>
  );
}

/** For JSON.stringify. */
function shortTexts(_: string, value: unknown): unknown {
  return typeof value === "string" ? shortened(value) : value;
}

function curvesOf(own: RunRecord | null, other: RunRecord) {
  return [
    ...(own ? [{ label: names[0], steps: own.metrics }] : []),
    { label: names[1], steps: other.metrics },
  ];
}

/** Whether the two are the same run, of one recipe, or of two. */
function Comparison({ own, other }: { own: RunRecord; other: RunRecord }) {
  const differences = recipeDifferences(own.recipe, other.recipe);
  if (sameRecipe(own.recipe, other.recipe)) {
    const { same, title, reasons } = judge(other, own, ["the run file’s", "this browser’s"]);
    return (
      <div class={same ? "compare-verdict same" : "compare-verdict different"}>
        <p>
          <strong>
            {same ? "✓" : "≠"} Both are runs of the same recipe. {title}
          </strong>
        </p>
        {reasons.length > 0 && (
          <ul>
            {reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        )}
      </div>
    );
  }
  return (
    <DataTable
      caption={`The recipes differ in ${differences.length} ${differences.length === 1 ? "option" : "options"}`}
      head={["Option", "This browser’s run", "Run file"]}
      numeric={[]}
      rows={differences.map(([path, was, is]) => [
        <span class="mono">{path}</span>,
        shown(shortened(was), true),
        shown(shortened(is), true),
      ])}
    />
  );
}

function shown(value: string, mono = false) {
  return mono ? <span class="mono compare-hash">{value}</span> : value;
}
