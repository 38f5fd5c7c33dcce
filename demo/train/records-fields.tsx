import { data } from "../data/data-store.ts";
import { session } from "../state/session.ts";
import { settings } from "../state/settings.ts";

/** Which records are trained on: those that are open in the tab Data. */
export function RecordsFields() {
  const report = data.report.value;
  return (
    <section class="stack" aria-label="Your records">
      <p role="status" aria-label="State of your records">
        {report
          ? `${data.title.value}: ${report.accepted.toLocaleString("en")} records. A fifth is kept for testing.`
          : data.read.value === null
            ? "No records are open. Open a data set in the tab Data, or make one up there."
            : "The data set is being read…"}
      </p>
      <div class="row">
        <button type="button" class="secondary outline" onClick={() => settings.open("data")}>
          Open the tab Data
        </button>
      </div>
      <p class="note">
        {session.isToy.value
          ? "The toy policy is asked without a system prompt. It knows only coloured shapes and a few dozen words, such as those of made-up records. For other records, open a real model under Ask first."
          : "Chats begin with the kit’s system prompt, which asks for reasoning and an answer in tags. Another one is `system` in the recipe’s task; null is none."}
      </p>
    </section>
  );
}
