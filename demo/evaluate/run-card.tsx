import { Fold } from "../components/fold.tsx";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { Stat, Stats } from "../components/stat.tsx";
import { evaluateForm } from "./evaluate-form.ts";
import { evaluate } from "./evaluate-store.ts";

/** Starting, stopping, going on, and live counts. */
export function RunCard() {
  const { state, missing, problem, answers, total, tally, unanswered, kept, unkept, broken } = evaluate;
  const idle = state.value === "idle";
  const { rule, judge, waiting, undecided, leftOut, right } = tally.value;
  const begun = kept.value !== null && answers.value.length > 0;
  const complete = begun && answers.value.length === total.value;
  return (
    <section class="card" aria-label="Evaluation">
      <h2>Evaluation</h2>
      <div class="row">
        {idle ? (
          <button
            type="button"
            disabled={missing.value !== "" || complete}
            onClick={() => void evaluate.start()}
          >
            {begun && !complete ? "Go on" : "Start evaluation"}
          </button>
        ) : (
          <button type="button" disabled={state.value === "stopping"} onClick={() => evaluate.stop()}>
            Stop evaluation
          </button>
        )}
        {idle && kept.value && (
          <button
            type="button"
            class="secondary outline"
            disabled={answers.value.length === 0 || evaluateForm.missingOfJudge.value !== ""}
            onClick={() => void evaluate.rescore()}
          >
            Score again
          </button>
        )}
        {idle && (kept.value || broken.value) && (
          <button type="button" class="secondary outline" onClick={() => void evaluate.forget()}>
            Forget this run
          </button>
        )}
      </div>
      <p class="evaluate-status" role="status" aria-label="Evaluation status">
        {sentence()}
      </p>
      <Meter value={progress()} label="Questions answered" />
      <Problem error={problem.value} onDismiss={() => (problem.value = null)} />
      {unkept.value !== null && (
        <p class="note">This browser keeps nothing: the run lasts as long as this tab. {unkept.value}</p>
      )}
      <Stats>
        <Stat
          label="Answered"
          value={total.value === null ? "–" : `${answers.value.length} of ${total.value}`}
        />
        <Stat label="Right so far" value={right} />
        <Stat label="By rule" value={rule} />
        <Stat label="By judge" value={waiting > 0 ? `${judge}, ${waiting} wait` : judge} />
        <Stat label="Undecided" value={undecided} />
        <Stat label="Left out" value={leftOut} />
      </Stats>
      {unanswered.value.length > 0 && (
        <Fold summary={`${unanswered.value.length} without an answer: going on asks them again`}>
          <ul>
            {unanswered.value.slice(-20).map(({ index, error }) => (
              <li key={index} class="evaluate-text">
                {index}: {error}
              </li>
            ))}
          </ul>
        </Fold>
      )}
    </section>
  );
}

function sentence(): string {
  const { state, scanned, scored, answers, total, missing, report, kept, table, problem } = evaluate;
  const asked = total.value ?? 0;
  switch (state.value) {
    case "stopping":
      return "Stopping.";
    case "scoring":
    case "running":
      if (scanned.value !== null) return `Reading the table: ${scanned.value.toLocaleString("en")} rows.`;
      if (scored.value) return `Scoring: ${scored.value.done} of ${scored.value.total}.`;
      if (state.value === "scoring") return "Scoring again: no question is asked anew.";
      if (total.value === null) return "Starting.";
      return `Asking: ${answers.value.length} of ${asked} are answered.`;
    case "idle":
  }
  if (report.value && answers.value.length === asked)
    return `Complete: ${report.value.answered}. Forget this run to start another.`;
  if (kept.value && answers.value.length > 0) {
    const { benchmark } = kept.value;
    const begun = `${benchmark.title}: ${answers.value.length} of ${asked} are answered.`;
    return table.value === null
      ? `${begun} Choose its table again to go on: what was answered is not asked twice.`
      : `${begun} Going on asks the others.`;
  }
  if (problem.value !== null) return "Nothing was asked.";
  return missing.value !== ""
    ? missing.value
    : "Ready. It can be stopped at any time, and gone on with later.";
}

function progress(): number | null {
  const { state, total, answers, scored } = evaluate;
  if (scored.value) return scored.value.total === 0 ? 1 : scored.value.done / scored.value.total;
  if (total.value === null) return state.value === "idle" ? 0 : null;
  return total.value === 0 ? 0 : answers.value.length / total.value;
}
