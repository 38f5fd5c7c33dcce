import type { SavedRun } from "../../workers/client.ts";
import { savedWords } from "../state/run-words.ts";
import { settings } from "../state/settings.ts";

/** A run that an earlier visit began, or that another tab is training. */
export function SavedRunNotice(props: {
  saved: SavedRun;
  /** Names of files that it needs to go on, and that have to be chosen again. */
  lacking: readonly string[];
  onGoOn: () => void;
  onDiscard: () => void;
}) {
  const { saved, lacking, onGoOn, onDiscard } = props;
  const { length: steps } = saved.steps;
  return (
    <div class="notice" role="region" aria-label="Saved run">
      <p>{savedWords(saved)}</p>
      {lacking.length > 0 && (
        <p>
          Its records are not kept with it. To go on, open the same files in the tab Data:{" "}
          {lacking.join(" and ")}.
        </p>
      )}
      <div class="row">
        {lacking.length > 0 && (
          <button type="button" class="secondary outline" onClick={() => settings.open("data")}>
            Open the tab Data
          </button>
        )}
        <button type="button" disabled={lacking.length > 0} onClick={onGoOn}>
          {steps > 0 ? `Go on from step ${steps}` : "Go on"}
        </button>
        <button type="button" class="secondary outline" onClick={onDiscard}>
          Discard
        </button>
      </div>
    </div>
  );
}
