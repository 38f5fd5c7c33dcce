import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { GroupRecord, TaskExample } from "../../workers/client.ts";
import { ExamplePicture } from "../components/example-picture.tsx";
import { Problem, isAbort } from "../components/problem.tsx";
import { run } from "../state/run.ts";
import { openFiles } from "../state/open-records.ts";
import { session } from "../state/session.ts";
import { Completion } from "./completion.tsx";
import { byReward, isFlat, isRight, outcomeOf, outcomeWords, questionOf } from "./groups.ts";
import { changesOf } from "./log-probs.ts";
import type { Changes } from "./log-probs.ts";
import { rollouts as state } from "./rollouts-state.ts";
import { shades } from "./shades.ts";

/** A group: its picture and question, and its completions, the best first. All cards are equally high. */
export function GroupCard({ group, number }: { group: GroupRecord; number: number }) {
  const example = useSignal<TaskExample | null>(null);
  const texts = useSignal<readonly (readonly string[])[] | null>(null);
  const problem = useSignal<unknown>(null);
  const readable = state.ofThisPolicy.value;
  const kit = session.kit.value;
  const files = openFiles.value; // a record's example is in them
  useEffect(() => {
    let left = false;
    void load();
    return () => {
      left = true;
    };

    async function load(): Promise<void> {
      try {
        problem.value = null;
        const found = await state.example(group.seed);
        if (left) return;
        example.value = found;
        if (!readable) return;
        const { policy } = await session.ready();
        if (!state.ofThisPolicy.peek()) return;
        const pieces = await policy.tokenTexts(group.rollouts.map(({ tokens }) => tokens));
        if (!left) texts.value = pieces;
      } catch (error) {
        if (!left) problem.value = error;
      }
    }
  }, [group, readable, kit, files]);

  const { changes, done, compute } = useChanges(group, (error) => (problem.value = error));
  const shade = state.shade.value;
  const right = group.rollouts.filter(isRight).length;
  const outcome = outcomeOf(group);
  const isOfRecord = run.recipe.value?.task.name === "records";
  return (
    <article class="card rollouts-card" aria-label={`Group ${number}, ${outcomeWords[outcome]}`}>
      <div class="rollouts-head">
        <div class="rollouts-picture">
          {example.value && <ExamplePicture example={example.value} size={96} />}
        </div>
        <div>
          <h3>{questionOf(group.prompt)}</h3>
          <p>
            Right answer: <strong>{group.answer ?? "not stated"}</strong>
          </p>
          {example.value && isOfRecord && <p class="note">{ruleOf(example.value)}</p>}
          <p class="note">
            <span class="rollouts-outcome" data-outcome={outcome}>
              {outcomeWords[outcome]}
            </span>{" "}
            {right} of {group.rollouts.length} right{isFlat(group) && ": no difference, nothing to learn"}
          </p>
        </div>
      </div>
      {shade === "change" && !changes && (
        <button
          type="button"
          class="secondary outline"
          disabled={done !== null || !readable}
          onClick={compute}
        >
          {!readable
            ? `Load ${run.recipe.value?.model ?? "its policy"} under Ask first`
            : done === null
              ? "Compute the change"
              : `${done} of ${group.rollouts.length}…`}
        </button>
      )}
      <Problem error={problem.value} onDismiss={() => (problem.value = null)} />
      {/* It scrolls by itself, so keys must reach it. */}
      <ol class="rollouts-list" tabIndex={0} aria-label={`Completions of group ${number}, best first`}>
        {byReward(group.rollouts).map((rollout, index) => (
          <Completion
            key={index}
            rollout={rollout}
            texts={readable ? (texts.value?.[group.rollouts.indexOf(rollout)] ?? null) : null}
            shade={shade}
            change={changes?.get(rollout) ?? null}
            range={shades[shade].range}
          />
        ))}
      </ol>
    </article>
  );
}

/** Of a record: what is asked for, and by which rule its reward compares answers. */
function ruleOf({ kind, reward }: TaskExample): string {
  const rule = typeof reward === "string" && reward !== "" ? reward : "the answer's form";
  return kind === undefined ? `compared by ${rule}` : `${kind} · compared by ${rule}`;
}

/** Log-prob changes, computed on demand; given up when the card goes. */
function useChanges(group: GroupRecord, onError: (error: unknown) => void) {
  const changes = useSignal<Changes | null>(null);
  const done = useSignal<number | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(
    () => () => {
      controller.current?.abort();
      changes.value = done.value = null;
    },
    [group],
  );
  const compute = async () => {
    const recipe = run.recipe.peek();
    if (!recipe || done.peek() !== null) return;
    const own = new AbortController();
    controller.current = own;
    done.value = 0;
    try {
      const found = await changesOf(group, recipe, (count) => (done.value = count), own.signal);
      if (!own.signal.aborted) changes.value = found;
    } catch (error) {
      if (!isAbort(error) && !own.signal.aborted) onError(error);
    } finally {
      if (!own.signal.aborted) done.value = null;
    }
  };
  return { changes: changes.value, done: done.value, compute: () => void compute() };
}
