import type { RolloutRecord } from "../../workers/client.ts";
import { showNumber, showSigned } from "../components/format.ts";
import { TokenText } from "../components/token-text.tsx";
import { isRight } from "./groups.ts";
import { shades } from "./shades.ts";
import type { Shade } from "./shades.ts";

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
          {[...partWords(rewardParts), `${tokens.length} tokens`].join(", ")}
          {finishReason === "length" && ", cut at the limit"}
        </span>
      </p>
      <TokenText tokens={pieces} values={values} titles={titles} scale={shades[shade].scale} range={range} />
    </li>
  );
}

/** What parts of a reward say when they are 1, and when they are 0; an empty text says nothing. */
const knownParts: Readonly<Record<string, readonly [one: string, zero: string]>> = {
  accuracy: ["right", "wrong"],
  thinking: ["thinks first", "answers at once"],
  format: ["well formed", "not in due form"],
  misread: ["misreads the picture", ""],
};

/** Parts that are known in words, others as they are. Only who thinks can be out of form or misread. */
function partWords(parts: Readonly<Record<string, number>>): string[] {
  return Object.entries(parts).flatMap(([name, value]) => {
    if (name === "format" && value === 0 && parts.thinking === 0) return [];
    const words = Object.hasOwn(knownParts, name) ? knownParts[name] : undefined;
    if (!words || (value !== 0 && value !== 1)) return [`${name} ${showNumber(value)}`];
    const said = value === 1 ? words[0] : words[1];
    return said ? [said] : [];
  });
}
