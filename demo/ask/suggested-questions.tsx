/** Questions to take with one click. */
import { useSignal } from "@preact/signals";
import { session } from "../state/session.ts";
import { store } from "./ask-store.ts";
import { photographQuestions, pickQuestions, toyQuestions } from "./suggestions.ts";

export function SuggestedQuestions() {
  const round = useSignal(0);
  const questions = store.pictures.questions.value;
  const ofScene = questions.length > 0;
  const texts = ofScene
    ? pickQuestions(questions, round.value).map(({ problem }) => problem)
    : session.isToy.value
      ? toyQuestions
      : photographQuestions;
  return (
    <div class="ask-suggestions" role="group" aria-label="Suggested questions">
      {texts.map((text) => (
        <button
          key={text}
          type="button"
          class="ask-chip"
          aria-pressed={text === store.question.value.trim()}
          onClick={() => (store.question.value = text)}
        >
          {text}
        </button>
      ))}
      {ofScene && (
        <button type="button" class="ask-chip ask-more" onClick={() => round.value++}>
          others
        </button>
      )}
    </div>
  );
}
