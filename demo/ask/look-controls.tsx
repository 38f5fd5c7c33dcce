/** Steps through an answer's tokens, and says where on the picture each looks. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visible } from "../components/format.ts";
import { Problem } from "../components/problem.tsx";
import { store, weightsChange } from "./ask-store.ts";
import { attentionOf } from "./figures.ts";

/** How long each token stays when they are played. */
const playMs = 350;

export function LookControls() {
  const playing = useSignal(false);
  const looking = store.looking.value;
  const samples = store.samples.value;
  const sample = looking?.sample ?? 0;
  const count = samples.at(sample)?.tokenTexts.value.length ?? 0;
  const enabled = store.canLook.value && count > 0;
  const token = looking?.token ?? null;

  useEffect(() => {
    if (!enabled) playing.value = false;
    if (!playing.value) return;
    const timer = setInterval(() => {
      const now = store.looking.peek();
      if (!now) {
        playing.value = false; // the pass failed, or the answer is gone
        return;
      }
      const at = now.token;
      // Waits for the pass that shows the first of them.
      if (at !== null && store.inspection.peek() === null) return;
      const next = at === null ? 0 : at + 1;
      if (next >= count) playing.value = false;
      else store.look(sample, next);
    }, playMs);
    return () => clearInterval(timer);
  }, [playing.value, enabled, sample, count]);

  const play = () => {
    playing.value = !playing.value;
    if (playing.value && (token === null || token === count - 1)) store.look(sample, 0);
  };
  const text = whatIsSeen(sample, token);
  return (
    <div class="ask-look">
      <h3>Where the policy looks</h3>
      <div class="row ask-look-row">
        <button type="button" class="secondary outline" disabled={!enabled} onClick={play}>
          {playing.value && enabled ? "Hold" : "Play"}
        </button>
        <input
          type="range"
          aria-label="Token that looks"
          aria-valuetext={text}
          min={0}
          max={Math.max(0, count - 1)}
          step={1}
          value={token ?? 0}
          disabled={!enabled}
          onInput={({ currentTarget }) => {
            playing.value = false;
            store.look(sample, currentTarget.valueAsNumber);
          }}
        />
        <button
          type="button"
          class="secondary outline"
          disabled={!enabled}
          aria-pressed={looking !== null && token === null}
          onClick={() => {
            playing.value = false;
            store.look(sample, null);
          }}
        >
          All
        </button>
      </div>
      <p class="note ask-look-text">{text}</p>
      <Problem error={store.lookProblem.value} />
    </div>
  );
}

/** What the heat on the picture stands for, in words. */
export function whatIsSeen(sample: number, token: number | null): string {
  const { asked, answering, canLook, looking, inspection } = store;
  if (!asked.value || answering.value)
    return "After an answer: point at one of its tokens, move the slider, or play them.";
  if (!asked.value.seen) return "The question went without a picture.";
  if (weightsChange())
    return "The weights change while a run goes on: ask again after it to see where they look.";
  if (!canLook.value) return "Another policy is in use now: ask it to see where it looks.";
  if (!looking.value) return "Point at a token of the answer, move the slider, or play them.";
  if (!inspection.value) return "Looking… (one pass over question and answer)";
  const image = inspection.value.images.at(0);
  if (!image) return "The question went without a picture.";
  const weights = attentionOf(image.weights, image.rows * image.columns, token);
  const share = `${Math.round(100 * weights.reduce((sum, weight) => sum + weight, 0))}%`;
  const { tokenTexts, logps } = store.samples.value[sample];
  if (token === null)
    return `On average over all ${logps.length} tokens, ${share} of the attention is on the picture.`;
  const word = visible(tokenTexts.value[token]).trim() || "␣";
  return `Token ${token + 1} of ${logps.length}, “${word}”: ${share} of the attention is on the picture.`;
}
