import { useSignal, useSignalEffect } from "@preact/signals";
import type { ShownAnswer } from "../../workers/client.ts";
import { Fold } from "../components/fold.tsx";
import { visible } from "../components/format.ts";
import { Picture } from "../components/picture.tsx";
import { Segmented } from "../components/segmented.tsx";
import { evaluate } from "./evaluate-store.ts";
import { filters, passes, verdict } from "./tally.ts";
import type { AnswerFilter } from "./tally.ts";

/** Cards that are shown at a time. */
const step = 12;

type Pictures = ReadonlyMap<string, Blob[]>;

/** Answers one by one, with what was taken for the answer, and why it is right or wrong. */
export function SamplesCard() {
  const filter = useSignal<AnswerFilter>("all");
  const shown = useSignal(step);
  const pictures = useSignal<{ of: object | null; byIndex: Pictures }>({ of: null, byIndex: new Map() });
  const found = evaluate.answers.value.filter((answer) => passes(answer, filter.value));
  useSignalEffect(() => {
    // While a run goes on its table is being read: pictures come when it has ended.
    const of = evaluate.pictured.value;
    if (of !== pictures.peek().of) pictures.value = { of, byIndex: new Map() };
    if (evaluate.state.value !== "idle" || of === null) return;
    const { byIndex } = pictures.peek();
    const wanted = evaluate.answers.value
      .filter((answer) => passes(answer, filter.value))
      .slice(0, shown.value)
      .filter(({ sample }) => sample.images > 0 && !byIndex.has(sample.index))
      .map(({ sample }) => sample.index);
    if (wanted.length === 0) return;
    void evaluate.imagesOf(wanted).then(
      (images) => {
        const now = pictures.peek();
        if (now.of !== of) return; // another table's by now
        // What was not found is not looked for again.
        const found = wanted.map((index): [string, Blob[]] => [index, images.get(index) ?? []]);
        pictures.value = { of, byIndex: new Map([...now.byIndex, ...found]) };
      },
      () => undefined, // a table that cannot be read any more: its answers are shown without pictures
    );
  });
  return (
    <section class="card" aria-label="Answers">
      <h2>Answers</h2>
      <Segmented
        label="Answers shown"
        value={filter}
        options={filters}
        onChange={() => (shown.value = step)}
      />
      <p class="note" role="status" aria-label="Answers found">
        {found.length === 1 ? "One answer." : `${found.length.toLocaleString("en")} answers.`}
      </p>
      <ol class="card-list">
        {found.slice(0, shown.value).map((answer) => (
          <li key={answer.sample.index}>
            <AnswerCard answer={answer} images={pictures.value.byIndex.get(answer.sample.index) ?? []} />
          </li>
        ))}
      </ol>
      {found.length > shown.value && (
        <button type="button" class="secondary outline" onClick={() => (shown.value += step)}>
          More answers
        </button>
      )}
    </section>
  );
}

function AnswerCard({ answer, images }: { answer: ShownAnswer; images: readonly Blob[] }) {
  const { sample, score } = answer;
  const { index, columns, prompt, response } = sample;
  const options = Object.entries(columns).filter(([column]) => /^[A-Z]$/.test(column));
  return (
    <article class="picture-card">
      {sample.images > 0 && (
        <div class="evaluate-picture">
          {images.map((image, number) => (
            <Picture
              key={number}
              image={image}
              label={`Image ${number + 1} of question ${index}`}
              size={96}
            />
          ))}
        </div>
      )}
      <div class="stack">
        <p class="evaluate-text">{columns.question}</p>
        {options.length > 0 && (
          <p class="evaluate-text note">{options.map(([letter, text]) => `${letter}. ${text}`).join("\n")}</p>
        )}
        <p class={score.score === 1 ? "evaluate-verdict right" : "evaluate-verdict"}>
          <strong>{verdict(answer)}</strong>
        </p>
        <dl class="evaluate-why">
          <dt>Expected</dt>
          <dd>{columns.answer ?? "hidden"}</dd>
          <dt>Found</dt>
          <dd>{score.extracted ?? "nothing"}</dd>
          <dt>Why</dt>
          <dd>{score.why}</dd>
        </dl>
        <p class="evaluate-text evaluate-response">{visible(response) || "(empty)"}</p>
        <Fold summary="What was asked">
          <p class="evaluate-text">{prompt}</p>
          <p class="note">
            Question {index}
            {sample.tokens === undefined ? "" : `, ${sample.tokens} tokens`}
            {sample.finishReason === "length" ? ", cut at the limit" : ""}
          </p>
        </Fold>
      </div>
    </article>
  );
}
