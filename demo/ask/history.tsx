/** What was asked in this visit: to compare answers, before and after training above all. */
import { Fold } from "../components/fold.tsx";
import { Picture } from "../components/picture.tsx";
import { store } from "./ask-store.ts";
import type { PastAnswer } from "./ask-store.ts";
import { tally } from "./figures.ts";
import { pixelsOf } from "./picture-store.ts";

export function History() {
  const past = store.history.value;
  if (past.length === 0) return null;
  return (
    <section class="card">
      <Fold summary={`Asked in this visit: ${past.length}`}>
        <ul class="ask-history">
          {past.map((entry) => (
            <Entry key={entry.number} {...entry} />
          ))}
        </ul>
      </Fold>
    </section>
  );
}

function Entry({ asked, answers, right }: PastAnswer) {
  const { picture, question, title } = asked;
  const said = tally(answers).map(({ answer, count }) => (count > 1 ? `${answer} × ${count}` : answer));
  return (
    <li>
      {picture && (
        <div aria-hidden="true">
          <Picture image={pixelsOf(picture)} label="" size={48} />
        </div>
      )}
      <div>
        <p>
          {question} <strong>{said.join(", ") || "(nothing)"}</strong>{" "}
          {right !== null && (
            <span class={right === answers.length ? "ask-right" : "ask-wrong"}>
              {answers.length > 1
                ? `${right} of ${answers.length} right`
                : right === 1
                  ? "✓ right"
                  : "✗ wrong"}
            </span>
          )}
        </p>
        <p class="note">{title}</p>
      </div>
      <button type="button" class="secondary outline small" onClick={() => store.takeBack(asked)}>
        Take back
      </button>
    </li>
  );
}
