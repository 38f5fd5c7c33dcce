import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { EvaluatedExample, Split, TaskSpec } from "../../workers/client.ts";
import { visible } from "../components/format.ts";
import { Picture } from "../components/picture.tsx";
import { sceneOf } from "../components/pictures.ts";
import type { Pixels } from "../components/pictures.ts";
import { splitResponse } from "../response.ts";
import { session } from "../state/session.ts";
import type { Change } from "./changes.ts";

/** One example: picture, question, gold answer, and what was said before and after. */
export function ExampleCard(props: { change: Change; task: TaskSpec; split: Split }) {
  const { change, task, split } = props;
  const { direction, before, after, seed } = change;
  const { question, picture } = useExample(task, seed, split);
  return (
    <article class={`compare-card ${direction}`}>
      <header>
        <span class={`compare-direction ${direction}`}>{direction === "gained" ? "✓ gained" : "✗ lost"}</span>
        <span class="note">
          {after.kind ?? ""} {after.id}
        </span>
      </header>
      <div class="compare-picture">
        {picture !== undefined && <Picture image={picture} label={`Picture: ${after.id}`} size={112} />}
      </div>
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

/** An example's picture (undefined: it has none, null: not drawn yet) and question; drawn again by the engine. */
function useExample(
  task: TaskSpec,
  seed: number,
  split: Split,
): { picture: Pixels | null | undefined; question: string } {
  const found = useSignal<{ picture: Pixels | null | undefined; question: string }>({
    picture: null,
    question: "…",
  });
  const kit = session.kit.value;
  useEffect(() => {
    let left = false;
    kit?.example(task, seed, split).then(
      (example) => {
        if (!left) found.value = sceneOf(example);
      },
      (error: unknown) => {
        // Pictures of the user's own are not kept by the run: what was said can still be shown.
        const reason = error instanceof Error ? error.message : String(error);
        if (!left) found.value = { picture: undefined, question: `cannot be shown (${reason})` };
      },
    );
    return () => void (left = true);
  }, [kit, task, seed, split]);
  return found.value;
}
