import type { PlainReport } from "../../workers/client.ts";
import { settings } from "../state/settings.ts";
import { draft } from "../train/recipe-draft.ts";

/** From the records that are open to a run that is trained on them. */
export function TrainCard({ report: { accepted } }: { report: PlainReport }) {
  const train = (choice: "records" | "records-sft") => {
    draft.choiceId.value = choice;
    settings.open("train");
  };
  return (
    <section class="card" aria-label="Train on these records">
      <h2>Train on these</h2>
      <p class="note">
        GRPO samples answers to the questions, and rewards each as its record asks for. SFT shows the policy
        the reasoning and the answers, to be imitated. A part of the records is kept for testing.
      </p>
      <div class="row">
        <button type="button" disabled={accepted === 0} onClick={() => train("records")}>
          Train on these
        </button>
        <button
          type="button"
          class="secondary outline"
          disabled={accepted === 0}
          onClick={() => train("records-sft")}
        >
          Imitate these (SFT)
        </button>
      </div>
    </section>
  );
}
