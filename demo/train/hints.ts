/** What to make of a figure, where people stumble. */
import { showPercent } from "../components/format.ts";
import type { StepFigures } from "./curves.ts";

/** What hints need to know of a recipe. */
export interface HintFacts {
  /** Of a GRPO run; absent in supervised ones. */
  klCoef?: number;
  numIterations?: number;
  maxGradNorm: number;
  maxCompletionLength: number;
}

export interface Hint {
  text: string;
  /** Something that may need a change of the recipe. */
  watch: boolean;
}

const normal = (text: string): Hint => ({ text, watch: false });
const watch = (text: string): Hint => ({ text, watch: true });

/** `newest`: what the newest step has measured; nothing before the first one. */
type Rule = (
  newest: Readonly<Partial<Record<string, number>>>,
  steps: readonly StepFigures[],
  facts: HintFacts,
) => Hint;

const rules: Readonly<Record<string, Rule>> = {
  reward: (newest, steps) => {
    const means = windows(steps, "reward", 3);
    if (means.length > 3 && Math.max(...means) - means[means.length - 1] > 0.25) {
      return watch(
        "It fell far below its best. The learning rate is too high, or nothing holds the policy: try klCoef.",
      );
    }
    return (newest.reward_std ?? 1) === 0
      ? watch("Every sample got the same reward: nothing to learn from in this step.")
      : normal("Drawn at random, so it jumps from step to step. Look at the trend, over ten steps or so.");
  },
  "rewards/accuracy/mean": () =>
    normal("Of sampled answers. Before and after are measured without chance, on pictures never trained on."),
  "rewards/thinking/mean": (_, steps) => {
    const values = all(steps, "rewards/thinking/mean");
    return values[values.length - 1] - values[0] > 0.2
      ? normal("Nobody asks it to think. Samples that did were right more often, so it does it more.")
      : normal("Samples that think are right more often. The policy has to find that out from the reward.");
  },
  "completions/mean_length": (newest, _, { maxCompletionLength }) => {
    const cut = newest["completions/clipped_ratio"] ?? 0;
    return cut > 0.1
      ? watch(
          `${showPercent(cut)} were cut at ${maxCompletionLength} tokens, and a cut answer is seldom right: raise maxCompletionLength.`,
        )
      : normal("Grows when the policy begins to think before it answers.");
  },
  kl: (newest, _, facts) => {
    const klCoef = facts.klCoef ?? 0;
    const far = (newest.kl ?? 0) > 1;
    if (klCoef > 0) return normal(`Punished, with klCoef ${klCoef}: it keeps the policy near its start.`);
    return far
      ? watch("Far from its start. Often the answers fall apart next: lower learningRate, or set klCoef.")
      : normal("Measured, not punished (klCoef is 0). It grows as the policy changes.");
  },
  entropy: (newest, _, { klCoef }) => {
    if (klCoef === undefined) return normal("How undecided the policy is about each token it is shown.");
    return (newest.entropy ?? 1) < 0.05
      ? watch("Near 0, all samples of a group are alike: there is little left to compare, and to learn.")
      : normal("How undecided the policy is. It falls as it gets sure; without any, samples do not differ.");
  },
  frac_reward_zero_std: (newest) => {
    const share = newest.frac_reward_zero_std ?? 0;
    if (share === 1) return watch("All groups have the same reward inside: nothing to learn from.");
    return share > 0.5
      ? normal("Most groups are all right or all wrong. Those teach nothing; the others still do.")
      : normal("A group that is all right or all wrong teaches nothing: there is nothing to compare.");
  },
  grad_norm: (newest, _, { maxGradNorm }) => {
    const norm = newest.grad_norm;
    if (newest.step_skipped === 1) return watch("It was not finite: this step changed no weight.");
    if (norm === 0) return normal("0: this step had nothing to learn from, and no weight was moved.");
    return maxGradNorm > 0 && norm !== undefined && norm > maxGradNorm
      ? normal(`Above ${maxGradNorm} it is scaled down to that.`)
      : normal("How hard the step pulls at the weights. Single peaks are no worry.");
  },
  "clip_ratio/region_mean": (_, __, { numIterations = 1 }) =>
    numIterations === 1
      ? normal("0 is right here: with one update a step, the policy is still the one that answered.")
      : normal("Tokens whose probability moved so far that they no longer pull."),
  loss: (_, __, { klCoef }) =>
    klCoef === undefined
      ? normal("Here the loss is what counts: how surprised the policy is by the answers it is shown.")
      : normal(
          "A loss near 0, or below, is normal here: a group's advantages mostly cancel out. Watch the reward.",
        ),
  learning_rate: () => normal("The recipe's schedule: large steps first, small ones at the end."),
};

/** The hint next to a figure. Before the first step it says what the figure is. */
export function hintFor(key: string, steps: readonly StepFigures[], facts: HintFacts): Hint | undefined {
  const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
  return rule?.(steps.at(-1)?.metrics ?? {}, steps, facts);
}

function all(steps: readonly StepFigures[], key: string): number[] {
  return steps.flatMap(({ metrics }) => (metrics[key] === undefined ? [] : [metrics[key]]));
}

/** Means of every `width` steps in a row. */
function windows(steps: readonly StepFigures[], key: string, width: number): number[] {
  const values = all(steps, key);
  return values
    .slice(0, Math.max(0, values.length - width + 1))
    .map((_, i) => mean(values.slice(i, i + width)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
