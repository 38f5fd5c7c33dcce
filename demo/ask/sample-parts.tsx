/** What is shown of a sample: its reasoning, its tokens, its figures. */
import { isRightAnswer } from "../../workers/client.ts";
import { Fold } from "../components/fold.tsx";
import { showNumber } from "../components/format.ts";
import { Stat, Stats } from "../components/stat.tsx";
import { TokenText } from "../components/token-text.tsx";
import { store } from "./ask-store.ts";
import { sumLogProbs } from "./figures.ts";
import type { Sample } from "./sample.ts";

/** The reasoning, foldable; its place is there before it is, so that nothing moves when it comes. */
export function Reasoning(props: { sample: Sample | undefined; id?: string }) {
  const { sample, id } = props;
  const response = sample?.response.value;
  const thoughts = response?.thinking ?? "";
  const without = response?.thinking === null && (response.answer !== "" || sample?.ending.value !== null);
  return (
    <Fold summary="Reasoning" open>
      <div
        id={id}
        class="answer ask-thoughts"
        role="group"
        aria-label="Reasoning"
        tabIndex={0}
        ref={(box) => {
          // The newest words stay in view while they come.
          if (box && sample?.ending.value === null) box.scrollTop = box.scrollHeight;
        }}
        data-empty={without ? "None: it answered at once." : "What it thinks before it answers comes here."}
      >
        {thoughts}
      </div>
    </Fold>
  );
}

/** Whether it gave the right answer; nothing where nobody knows, or where it has not ended. */
export function Verdict({ sample }: { sample: Sample }) {
  const gold = store.asked.value?.gold;
  if (!gold || sample.ending.value === null) return null;
  const right = isRightAnswer(gold, sample.response.value.answer);
  return <span class={right ? "ask-right" : "ask-wrong"}>{right ? "✓ right" : "✗ wrong"}</span>;
}

/** The tokens, shaded where the policy was not sure, and the sum of them; a token that is pointed at looks at the picture. */
export function SampleTokens({ sample, index }: { sample: Sample; index: number }) {
  const texts = sample.tokenTexts.value;
  const { total, mean } = sumLogProbs(sample.logps);
  const looking = store.looking.value;
  const ended = sample.ending.value !== null && sample.logps.length > 0;
  return (
    <div class="ask-tokens">
      <div class="ask-token-box">
        <TokenText
          tokens={texts}
          values={texts.map((_, at) => 1 - Math.exp(sample.logps[at]))}
          titles={texts.map((_, at) => describeToken(sample.logps[at]))}
          scale="sequential"
          range={1}
          label={`Tokens of sample ${index + 1}`}
          active={looking?.sample === index ? looking.token : null}
          onActive={(token) => {
            if (token !== null) store.look(index, token); // the last one stays when the pointer leaves
          }}
        />
      </div>
      <Stats>
        <Stat label="Tokens" value={ended ? sample.logps.length : "–"} />
        <Stat
          label="Mean log-prob"
          value={ended ? showNumber(mean) : "–"}
          title="Natural logarithm of the tokens’ probability, per token"
        />
        <Stat
          label="Total log-prob"
          value={ended ? showNumber(total) : "–"}
          title="Natural logarithm of the probability of the whole response"
        />
      </Stats>
    </div>
  );
}

function describeToken(logp: number): string {
  return `probability ${showNumber(Math.exp(logp))}, log-prob ${showNumber(logp)}`;
}
