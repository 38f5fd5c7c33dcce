import { Problem } from "../components/problem.tsx";
import { run } from "../state/run.ts";
import { FiguresCard } from "./figures-card.tsx";
import { PlanView } from "./plan-view.tsx";
import { draft } from "./recipe-draft.ts";
import { RecipeForm } from "./recipe-form.tsx";
import { RunCard } from "./run-card.tsx";
import { refused, seePlan, startTraining } from "./run-state.ts";
import "./train.css";

/** The tab “Train”: what is wanted, the run, its curves. */
export function TrainTab() {
  return (
    <div class="stack train-tab">
      <div class="columns wide-right">
        <section class="card stack" aria-labelledby="train-recipe-heading">
          <h2 id="train-recipe-heading">What to train</h2>
          {/* What is out of range is refused in words, by the engine's own check: the browser's bubbles say less. */}
          <form
            class="stack"
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              startTraining();
              document.getElementById("train-run")?.scrollIntoView({ block: "nearest" });
            }}
          >
            <RecipeForm />
            <div class="row">
              <button type="submit" disabled={!run.canStart.value}>
                Start training
              </button>
              <button
                type="button"
                class="secondary outline"
                disabled={!run.canStart.value}
                onClick={() => void seePlan()}
              >
                See the plan
              </button>
            </div>
          </form>
          <Problem error={refused.value} recipe={draft.valid.value} />
          <PlanView />
        </section>
        <RunCard />
      </div>
      <FiguresCard />
    </div>
  );
}
