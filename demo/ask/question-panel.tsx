/** The question, how it is to be answered, and what to know about who answers. */
import { useRef } from "preact/hooks";
import { TextField } from "../components/field.tsx";
import { session } from "../state/session.ts";
import { store } from "./ask-store.ts";
import { OpenModel } from "./open-model.tsx";
import { SamplingOptions } from "./sampling-options.tsx";
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
  const heldBy = session.heldBy.value;
  return (
    <section class="card stack">
      <h2>Question</h2>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        onKeyDown={(event) => {
          const { target, currentTarget } = event;
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          if (!(target instanceof HTMLTextAreaElement)) return;
          event.preventDefault();
          currentTarget.requestSubmit();
        }}
      >
        <TextField label="Question" value={store.question} rows={2} />
        <SuggestedQuestions />
        <SamplingOptions />
        <div class="row">
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
        </div>
      </form>
      {heldBy !== null && (
        <p class="notice">
          {heldBy === "benchmark"
            ? "A benchmark is running: the answer may wait for it."
            : "A run is training this policy. An answer comes between two of its steps, from the weights of that moment."}
        </p>
      )}
      <Limits />
      <OpenModel />
    </section>
  );
}

/** What this policy can be asked. */
function Limits() {
  const policy = session.policy.value;
  const own = store.pictures.picture.value?.kind === "file";
  if (session.isToy.value)
    return (
      <p class={own ? "notice" : "note"}>
        {own && "This is no scene of its world: the toy policy will answer as if it were one. "}
        The toy policy knows only its own small world: up to five red, green, blue or yellow circles, squares
        and triangles in a 3×3 grid, and the few words of the questions above. For photographs open a real
        model.
      </p>
    );
  if (policy && !policy.info.vision)
    return <p class="notice">This model takes no pictures: the question goes to it alone.</p>;
  return null;
}
