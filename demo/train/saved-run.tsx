import { trainingOf } from "../../workers/client.ts";
import type { SavedRun } from "../../workers/client.ts";

/** A run that an earlier visit began, or that another tab is training. */
export function SavedRunNotice(props: { saved: SavedRun; onGoOn: () => void; onDiscard: () => void }) {
  const { saved, onGoOn, onDiscard } = props;
  const { recipe, steps, inUse } = saved;
  const { steps: planned, seed } = trainingOf(recipe);
  const run = `A run of ${recipe.model} on ${recipe.task.name} with seed ${seed}`;
  const where =
    steps.length > 0 ? `after step ${steps.length} of ${planned}` : `before its first step of ${planned}`;
  return (
    <div class="notice" role="region" aria-label="Saved run">
      <p>
        {inUse
          ? `${run} is going on in another tab, ${where}. One tab trains at a time: watch it here, or close that tab and go on.`
          : `${run} was left ${where}. Going on from there gives the same weights as if it had not been interrupted.`}
      </p>
      <div class="row">
        <button type="button" onClick={onGoOn}>
          {steps.length > 0 ? `Go on from step ${steps.length}` : "Go on"}
        </button>
        <button type="button" class="secondary outline" onClick={onDiscard}>
          Discard
        </button>
      </div>
    </div>
  );
}
