import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Evaluation, RunRecipe } from "../../workers/client.ts";
import { changesOf } from "./changes.ts";
import type { Direction } from "./changes.ts";
import { ExampleCard } from "./example-card.tsx";

const perPage = 6;
const filters: readonly (readonly [value: Direction | "all", label: string])[] = [
  ["all", "All changes"],
  ["gained", "Gained"],
  ["lost", "Lost"],
];

/** Examples that are answered otherwise than before, a page at a time. */
export function ChangedExamples(props: { before: Evaluation; after: Evaluation; recipe: RunRecipe }) {
  const { before, after, recipe } = props;
  const filter = useSignal<Direction | "all">("all");
  const page = useSignal(0);
  const changes = useMemo(() => changesOf(before.results, after.results), [before, after]);
  const of = (wanted: Direction | "all") =>
    wanted === "all" ? changes : changes.filter(({ direction }) => direction === wanted);
  const shown = of(filter.value);
  const pages = Math.max(1, Math.ceil(shown.length / perPage));
  const at = Math.min(page.value, pages - 1);
  return (
    <section class="card stack" aria-labelledby="compare-changed">
      <h2 id="compare-changed">Answers that changed</h2>
      <p class="note">
        Gained: wrong before and right after. Lost: the other way round. Of the {after.count} held-out
        examples, {after.count - changes.length} came out as before.
      </p>
      <div class="segmented compare-filter" role="radiogroup" aria-label="Show">
        {filters.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="compare-filter"
              value={value}
              checked={filter.value === value}
              onChange={() => {
                filter.value = value;
                page.value = 0;
              }}
            />
            {label} ({of(value).length})
          </label>
        ))}
      </div>
      {shown.length === 0 && <p>None.</p>}
      <div class="compare-cards">
        {shown.slice(at * perPage, (at + 1) * perPage).map((change) => (
          <ExampleCard
            key={change.after.id}
            change={change}
            task={recipe.task}
            split={recipe.evaluation.split}
          />
        ))}
      </div>
      {pages > 1 && (
        <nav class="row" aria-label="Pages of changed answers">
          <button
            type="button"
            class="secondary outline"
            disabled={at === 0}
            onClick={() => (page.value = at - 1)}
          >
            Previous
          </button>
          <span role="status">
            Page {at + 1} of {pages}
          </span>
          <button
            type="button"
            class="secondary outline"
            disabled={at === pages - 1}
            onClick={() => (page.value = at + 1)}
          >
            Next
          </button>
        </nav>
      )}
    </section>
  );
}
