import type { RewardExplanation } from "../../src/rl/explain-reward.ts";
import { DataTable } from "../components/data-table.tsx";
import { TextField } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { rewardTrial } from "./reward-trial.ts";

/** How the hybrid reward sees a response. */
export function RewardCard() {
  const { problem, answer, method, response, error, explanation } = rewardTrial;
  return (
    <section class="card" aria-label="Why this reward" id="reward-trial">
      <h2 tabIndex={-1}>Why this reward</h2>
      <p class="note">
        The hybrid reward is 0.7 for a right answer and 0.3 for the form: reasoning in a think block, then the
        answer in an answer block. The record chooses how answers are compared. Descriptions need a model as a
        judge, and get no reward without one.
      </p>
      <form
        class="data-trial"
        onSubmit={(event) => {
          event.preventDefault();
          void rewardTrial.explain();
        }}
      >
        <TextField label="Question" value={problem} rows={2} />
        <TextField label="Right answer" value={answer} />
        <TextField
          label="Reward method"
          value={method}
          placeholder="by the answer's form"
          hint="As a record's field `reward` has it, such as number, math, multiple-choice, iou."
        />
        <TextField label="Response" value={response} rows={4} mono />
        <button type="submit">Explain reward</button>
      </form>
      <Problem error={error.value} />
      <div role="status" aria-label="Reward">
        {explanation.value && <Explanation explanation={explanation.value} />}
      </div>
    </section>
  );
}

function Explanation({ explanation }: { explanation: RewardExplanation }) {
  const { verifier, extraction, extracted, parts, overall } = explanation;
  return (
    <div class="stack">
      <p class="data-overall">
        Reward <strong>{overall === null ? "none: the sample is left out" : show(overall)}</strong>
      </p>
      <dl class="data-why">
        <dt>Compared as</dt>
        <dd>
          <strong>{verifier.name}</strong>: {verifier.why}
          {verifier.unknown.length > 0 && ` (not understood: ${verifier.unknown.join(", ")})`}
        </dd>
        <dt>Read</dt>
        <dd>
          {extraction.text === null ? "nothing" : <code>{extraction.text}</code>}: {extraction.why}
        </dd>
        <dt>Taken for the answer</dt>
        <dd>{extracted === null ? "nothing" : <code>{extracted}</code>}</dd>
      </dl>
      <DataTable
        caption="Parts of the reward"
        head={["Part", "value", "weight", "gives", "why"]}
        numeric={[1, 2, 3]}
        rows={parts.map(({ name, value, weight, contribution, why }) => [
          name,
          value === null ? "undecided" : show(value),
          show(weight),
          contribution === null ? "" : show(contribution),
          why,
        ])}
      />
    </div>
  );
}

function show(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
