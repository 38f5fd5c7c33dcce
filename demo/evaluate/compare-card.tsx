import { FileButton } from "../components/file-button.tsx";
import { Fold } from "../components/fold.tsx";
import { Problem } from "../components/problem.tsx";
import { comparisonWords } from "./comparison-words.ts";
import { evaluate } from "./evaluate-store.ts";

/** This run beside another one's samples. */
export function CompareCard() {
  const { comparison, compareProblem, state } = evaluate;
  const words = comparison.value && comparisonWords(comparison.value);
  return (
    <section class="card" aria-label="Comparison">
      <h2>Compare with another run</h2>
      <p class="note">
        The samples of a run of the same benchmark, as saved here or by the command line (samples.jsonl). Both
        are measured on the questions that both answered.
      </p>
      <div class="row">
        <FileButton
          label="Choose samples of another run"
          accept=".jsonl"
          disabled={state.value !== "idle"}
          onFiles={([file]) => void evaluate.compare(file)}
        />
      </div>
      <Problem error={compareProblem.value} onDismiss={() => (compareProblem.value = null)} />
      <div role="status" aria-label="Comparison of runs">
        {words && comparison.value && (
          <>
            <p>
              <strong>{words.verdict}</strong>
            </p>
            <p class="note">
              This run: {comparison.value.a.model}. The other: {comparison.value.b.model}.
            </p>
            <ul>
              {words.sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
            {comparison.value.differences.length > 0 && (
              <Fold summary="In what the runs differ">
                <ul>
                  {comparison.value.differences.map((line) => (
                    <li key={line} class="evaluate-text">
                      {line}
                    </li>
                  ))}
                </ul>
              </Fold>
            )}
          </>
        )}
      </div>
    </section>
  );
}
