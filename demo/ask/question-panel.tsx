/** The question, how it is to be answered, and what to know about who answers. */
import { useRef } from "preact/hooks";
import { TextField } from "../components/field.tsx";
import { session } from "../state/session.ts";
import type { Holder } from "../state/session.ts";
import { store } from "./ask-store.ts";
import { showOpenModel } from "./open-model.tsx";
import { ResponseOptions, SamplingOptions } from "./sampling-options.tsx";
import { SuggestedQuestions } from "./suggested-questions.tsx";

export function QuestionPanel() {
  const ask = useRef<HTMLButtonElement>(null);
  const stop = useRef<HTMLButtonElement>(null);
  const submit = async () => {
    const byKey = document.activeElement === ask.current;
    const asking = store.ask();
    // A button that is disabled loses the focus: it goes to the one that can be used now, and back.
    await Promise.resolve();
    if (byKey) stop.current?.focus();
    await asking;
    if (document.activeElement === stop.current || document.activeElement === document.body)
      if (byKey) ask.current?.focus();
  };
  return (
    <section class="card ask-question">
      <h2 class="visually-hidden">Ask</h2>
      {/* Not validated by the browser: it says nothing of a field in a closed fold, where the engine does. */}
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        onKeyDown={submitOnEnter}
      >
        <TextField label="Question" value={store.question} rows={2} />
        <Limits />
        <SuggestedQuestions />
        <div class="row ask-actions">
          <button ref={ask} type="submit" disabled={!store.canAsk.value}>
            Ask
          </button>
          <button
            ref={stop}
            type="button"
            class="secondary outline"
            disabled={!store.answering.value}
            onClick={() => store.stop()}
          >
            Stop
          </button>
          <ResponseOptions />
        </div>
        <SamplingOptions />
      </form>
      <Meanwhile />
    </section>
  );
}

/** Enter asks; with Shift it begins a new line. */
function submitOnEnter(event: KeyboardEvent & { currentTarget: HTMLFormElement }): void {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (!(event.target instanceof HTMLTextAreaElement)) return;
  event.preventDefault();
  if (store.canAsk.value) event.currentTarget.requestSubmit();
}

/** What this policy can be asked. */
function Limits() {
  const policy = session.policy.value;
  const own = store.pictures.picture.value?.kind === "file";
  if (session.isToy.value)
    return own ? (
      <div class="notice">
        <p>
          This is no scene of the toy policy’s small world: it will answer as if it were one. For photographs
          open a real model.
        </p>
        <div>
          <button type="button" class="secondary outline small" onClick={showOpenModel}>
            Open a real model…
          </button>
        </div>
      </div>
    ) : (
      <p class="note">
        The toy policy knows only its own small world: up to five coloured shapes in a 3×3 grid, and questions
        like these.
      </p>
    );
  if (policy && !policy.info.vision)
    return <p class="notice">This model takes no pictures: the question goes to it alone.</p>;
  return null;
}

const meanwhile: Record<Holder, string> = {
  training:
    "A run is training this policy. An answer comes between two of its steps, from the weights of that moment.",
  replay: "A run is being replayed: an answer may have to wait for it.",
  benchmark: "A benchmark is running: an answer may have to wait for it.",
  evaluation: "An evaluation asks this policy: an answer comes between two of its questions.",
  synthesis: "A synthesis asks this policy: an answer comes between two of its questions.",
};

/** What an answer has to wait for. */
function Meanwhile() {
  const by = session.heldBy.value;
  return by === null ? null : <p class="notice">{meanwhile[by]}</p>;
}
