import type { SavedRun } from "../../workers/client.ts";
import { recipeFacts } from "./recipe-facts.ts";

/** A run that an earlier visit began, or that another tab is training. */
export function SavedRunNotice(props: { saved: SavedRun; onGoOn: () => void; onDiscard: () => void }) {
  const { saved, onGoOn, onDiscard } = props;
  const { steps, recipe, inUse } = saved;
  const { steps: planned } = recipeFacts(recipe);
  const where =
    steps.length > 0 ? `after step ${steps.length} of ${planned}` : `before its first step of ${planned}`;
  return (
    <div class="notice" role="region" aria-label="Saved run">
      <p>
        {inUse
          ? `A run of ${recipe.model} on ${recipe.task.name} is going on in another tab, ${where}. One tab trains at a time: go on there, or close that tab first.`
          : `A run of ${recipe.model} on ${recipe.task.name} was left ${where}. Going on from there gives the same weights as if it had not been interrupted.`}
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
