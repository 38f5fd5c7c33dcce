import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { EvaluatedExample, Split, TaskExample, TaskSpec } from "../../workers/client.ts";
import { ExamplePicture } from "../components/example-picture.tsx";
import { visible } from "../components/format.ts";
import { sceneOf } from "../components/pictures.ts";
import { splitResponse } from "../response.ts";
import { openFiles, withOpenFiles } from "../state/open-records.ts";
import { session } from "../state/session.ts";
import type { Change } from "./changes.ts";

/** One example: picture, question, gold answer, and what was said before and after. */
export function ExampleCard(props: { change: Change; task: TaskSpec; split: Split }) {
  const { change, task, split } = props;
  const { direction, before, after, seed } = change;
  const { question, example } = useExample(task, seed, split);
  return (
    <article class={`compare-card ${direction}`}>
      <header>
        <span class={`compare-direction ${direction}`}>{direction === "gained" ? "✓ gained" : "✗ lost"}</span>
        <span class="note">
          {after.kind ?? ""} {after.id}
        </span>
      </header>
      <div class="compare-picture">{example && <ExamplePicture example={example} size={112} />}</div>
      <dl>
        <dt>Question</dt>
        <dd class="compare-question">{question}</dd>
        <dt>Right answer</dt>
        <dd>{after.answer ?? "none stated"}</dd>
        <dt>Before</dt>
        <dd>
          <Response example={before} />
        </dd>
        <dt>After</dt>
        <dd>
          <Response example={after} />
        </dd>
      </dl>
    </article>
  );
}

function Response({ example: { text, correct } }: { example: EvaluatedExample }) {
  const { thinking, answer } = splitResponse(visible(text), true);
  return (
    <>
      {thinking !== null && <span class="note mono compare-thinking">{thinking} → </span>}
      <span class="mono">{answer === "" ? "(nothing)" : answer}</span>{" "}
      <span class={correct ? "compare-right" : "compare-wrong"}>{correct ? "✓ right" : "✗ wrong"}</span>
    </>
  );
}

/** An example and its question, drawn again by the engine; null until it is, or when it cannot be. */
function useExample(
  task: TaskSpec,
  seed: number,
  split: Split,
): { example: TaskExample | null; question: string } {
  const found = useSignal<{ example: TaskExample | null; question: string }>({
    example: null,
    question: "…",
  });
  const kit = session.kit.value;
  const open = openFiles.value;
  useEffect(() => {
    let left = false;
    kit?.example(withOpenFiles(task), seed, split).then(
      (example) => {
        if (!left) found.value = { example, question: sceneOf(example).question };
      },
      (error: unknown) => {
        // What was said can still be shown.
        const reason = error instanceof Error ? error.message : String(error);
        if (!left) found.value = { example: null, question: `cannot be shown (${reason})` };
      },
    );
    return () => void (left = true);
  }, [kit, task, seed, split, open]);
  return found.value;
}
