/** The answer as it comes: one, or several side by side. */
import { showMs } from "../components/format.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { Problem } from "../components/problem.tsx";
import { TokenLegend } from "../components/token-text.tsx";
import { store } from "./ask-store.ts";
import { LookThumb } from "./look-thumb.tsx";
import { tally } from "./figures.ts";
import { Reasoning, SampleTokens, Verdict } from "./sample-parts.tsx";
import { ShareButton } from "./share-button.tsx";
import { transcript } from "./transcript.ts";

/** Tokens that come together in less than this say nothing of their rate. */
const minRateMs = 100;

export function AnswerPanel() {
  const samples = store.samples.value;
  const several = samples.length > 1;
  const [first] = samples;
  const asked = store.asked.value;
  return (
    <section class="card ask-answer">
      <h2>Answer</h2>
      {!several && <Reasoning sample={first} id="thoughts" />}
      <div
        class="answer ask-final"
        role="status"
        aria-live="polite"
        aria-label="Answer"
        tabIndex={0}
        aria-busy={store.answering.value}
      >
        {several ? <Tally /> : first?.response.value.answer}
      </div>
      <p id="expected" class="note ask-line">
        {asked?.gold && first?.ending.value && (
          <>
            Right answer: {asked.gold.answer}. {!several && <Verdict sample={first} />}
          </>
        )}
      </p>
      <p id="answer-note" class="note ask-line">
        {progressText()}
      </p>
      <Problem error={store.problem.value} />
      {several ? (
        <div class="ask-samples">
          {samples.map((sample, index) => (
            <article key={index} class="ask-sample" aria-label={`Sample ${index + 1}`}>
              <h3>
                Sample {index + 1} <Verdict sample={sample} />
              </h3>
              <p class="ask-sample-answer">{sample.response.value.answer}</p>
              <Reasoning sample={sample} />
              <SampleTokens sample={sample} index={index} />
            </article>
          ))}
        </div>
      ) : (
        first && <SampleTokens sample={first} index={0} />
      )}
      {first && (
        <>
          <TokenLegend scale="sequential" range={1} text="Shade: one minus the token’s probability" />
          <div class="row">
            <CopyButton
              label="Copy"
              text={() => transcript(asked, samples)}
              disabled={store.answering.value}
            />
            <ShareButton />
          </div>
          <LookThumb />
        </>
      )}
    </section>
  );
}

/** How often each answer came, of the samples that have ended. */
function Tally() {
  const ended = store.samples.value.filter(({ ending }) => ending.value !== null);
  const counts = tally(ended.map(({ response }) => response.value.answer));
  return (
    <>
      {counts.map(({ answer, count }) => (
        <span key={answer} class="ask-count">
          {answer || "(nothing)"} <small>× {count}</small>
        </span>
      ))}
    </>
  );
}

function progressText(): string {
  const { tokens, firstMs, streamMs } = store.progress.value;
  const parts: string[] = [];
  if (tokens > 0) {
    const rate = streamMs > minRateMs ? `, ${((1000 * (tokens - 1)) / streamMs).toFixed(1)} per second` : "";
    parts.push(`${tokens} tokens${rate}`);
    if (firstMs !== null) parts.push(`first after ${showMs(firstMs)}`);
  }
  if (store.note.value !== "") parts.push(store.note.value);
  return parts.join("; ");
}
