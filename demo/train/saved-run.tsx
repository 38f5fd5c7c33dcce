import type { SavedRun } from "../../workers/client.ts";
import { savedWords } from "../state/run-words.ts";

/** A run that an earlier visit began, or that another tab is training. */
export function SavedRunNotice(props: { saved: SavedRun; onGoOn: () => void; onDiscard: () => void }) {
  const { saved, onGoOn, onDiscard } = props;
  const { length: steps } = saved.steps;
  return (
    <div class="notice" role="region" aria-label="Saved run">
      <p>{savedWords(saved)}</p>
      <div class="row">
        <button type="button" onClick={onGoOn}>
          {steps > 0 ? `Go on from step ${steps}` : "Go on"}
        </button>
        <button type="button" class="secondary outline" onClick={onDiscard}>
          Discard
        </button>
      </div>
    </div>
  );
}
