import { useComputed } from "@preact/signals";
import { SelectField } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { TokenLegend } from "../components/token-text.tsx";
import { run } from "../state/run.ts";
import { settings } from "../state/settings.ts";
import { GroupCard } from "./group-card.tsx";
import { countsOf, filters, meanReward, passes } from "./groups.ts";
import type { Filter } from "./groups.ts";
import { rollouts } from "./rollouts-state.ts";
import "./rollouts.css";
import { shadeNames, shades } from "./shades.ts";
import { StepChoice } from "./step-choice.tsx";

const filterWords: Readonly<Record<Filter, string>> = {
  all: "All",
  right: "All right",
  mixed: "Mixed",
  wrong: "All wrong",
  flat: "No difference",
};

const shadeOptions = shadeNames.map((shade) => [shade, shades[shade].name] as const);

/** The tab “Rollouts”: what the policy wrote in a step, group by group. */
export function RolloutsTab() {
  const none = useComputed(() => run.stepsWithGroups.value === 0);
  return (
    <div class="stack rollouts-tab">
      <section class="card stack" aria-labelledby="rollouts-heading">
        <h2 id="rollouts-heading">Rollouts</h2>
        {none.value ? <Nothing /> : <Choices />}
      </section>
      {!none.value && <Cards />}
    </div>
  );
}

function Nothing() {
  const recipe = run.recipe.value;
  if (recipe && "sft" in recipe) {
    return (
      <p>
        This run is supervised: it is shown answers and draws none, so there are no rollouts. Its curves are
        under Train.
      </p>
    );
  }
  return (
    <>
      <p>
        What the policy writes in training appears here, step by step: each question with its picture, the
        samples side by side, what each earned, and which of them a step makes likelier.
      </p>
      <div class="row">
        <button type="button" class="secondary outline" onClick={() => settings.open("train")}>
          {run.state.value === "idle" ? "Go to Train" : "The run has not rewarded its first step yet"}
        </button>
      </div>
    </>
  );
}

function Choices() {
  const shown = rollouts.shown.value;
  const counts = countsOf(shown?.groups ?? []);
  const { legend, range, scale, more } = shades[rollouts.shade.value];
  const mean = meanReward(shown?.groups ?? []);
  return (
    <>
      <StepChoice />
      <div class="rollouts-choices">
        <div role="group" aria-label="Groups by outcome" class="row rollouts-filters">
          {filters.map((filter) => (
            <button
              key={filter}
              type="button"
              class="secondary outline"
              aria-pressed={rollouts.filter.value === filter}
              onClick={() => (rollouts.filter.value = filter)}
            >
              {filterWords[filter]}
              <span class="rollouts-count">{counts[filter]}</span>
            </button>
          ))}
        </div>
        <SelectField label="Shade tokens by" value={rollouts.shade} options={shadeOptions} />
      </div>
      <TokenLegend scale={scale} range={range} text={legend} />
      <p class="note rollouts-more">
        {more}
        {mean !== null && ` Mean reward of this step: ${mean.toFixed(2)}.`}
      </p>
      <Problem error={rollouts.problem.value} />
    </>
  );
}

/** Drawn while the tab is shown: a run that goes on behind it costs nothing. */
function Cards() {
  const shown = rollouts.shown.value;
  if (settings.tab.value !== "rollouts") return null;
  if (!shown) return <p class="note">Reading the run's file…</p>;
  const wanted = shown.groups
    .map((group, index) => ({ group, index }))
    .filter(({ group }) => passes(group, rollouts.filter.value));
  return (
    <div class="rollouts-cards">
      {wanted.map(({ group, index }) => (
        <GroupCard key={`${shown.step}/${index}`} group={group} number={index + 1} />
      ))}
      {wanted.length === 0 && <p class="note">No group of this step came out so.</p>}
    </div>
  );
}
