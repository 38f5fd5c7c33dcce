import type { RolloutRecord } from "../../workers/client.ts";
import { showNumber, showSigned } from "../components/format.ts";
import { TokenText } from "../components/token-text.tsx";
import { isRight } from "./groups.ts";
import type { Shade } from "./rollouts-state.ts";

/** One completion: what it earned, and its tokens, shaded. */
export function Completion(props: {
  rollout: RolloutRecord;
  /** Its tokens as texts; null until they are known. */
  texts: readonly string[] | null;
  shade: Shade;
  /** Changes of its tokens' log-probs, once they were computed. */
  change: readonly (number | null)[] | null;
  range: number;
}) {
  const { rollout, texts, shade, change, range } = props;
  const { reward, advantage, rewardParts, tokens, finishReason, text, logps } = rollout;
  const whole = texts === null; // shaded as one piece: an advantage is that of the whole completion
  const pieces = whole ? [text] : texts;
  const values = pieces.map((_, i) => {
    if (shade === "advantage") return advantage;
    if (whole) return null;
    return shade === "sampled" ? -(logps[i] ?? 0) : (change?.[i] ?? null);
  });
  const titles = pieces.map((_, i) => {
    const sampled = logps[i] === undefined ? "" : `log-prob ${showNumber(logps[i])} when drawn`;
    const since = change?.[i];
    const moved = since === undefined || since === null ? "" : `, ${showSigned(since, 3)} since`;
    return whole ? `advantage ${showSigned(advantage, 2)}` : sampled + moved;
  });
  return (
    <li class="rollouts-completion">
      <p class="rollouts-figures">
        <strong class={isRight(rollout) ? "right" : undefined}>
          {reward === null ? "no reward" : `reward ${reward.toFixed(2)}`}
        </strong>
        <span>advantage {showSigned(advantage, 2)}</span>
        <span class="note">
          {partWords(rewardParts)}
          {tokens.length} tokens{finishReason === "length" && ", cut"}
        </span>
      </p>
      <TokenText
        tokens={pieces}
        values={values}
        titles={titles}
        scale={shade === "sampled" ? "sequential" : "diverging"}
        range={range}
      />
    </li>
  );
}

/** Parts of 0 and 1 by name alone: `accuracy, no thinking, `. */
function partWords(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .map(
      ([name, value]) =>
        `${value === 1 ? name : value === 0 ? `no ${name}` : `${name} ${showNumber(value)}`}, `,
    )
    .join("");
}
