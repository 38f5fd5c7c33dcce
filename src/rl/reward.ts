import { InvalidOptionError } from "../util/errors.ts";

/** What a policy generated for one prompt. */
export interface Completion {
  /** Decoded, special tokens removed. */
  text: string;
  /** The generated token ids, the stop token included. */
  tokens: ArrayLike<number>;
  /** "length": cut at the limit; "stop": a stop token or string ended it. */
  finishReason: "stop" | "length";
}

/** A dataset row; a task may add columns of its own. */
export interface Example {
  /** The gold answer. */
  answer?: string;
  [column: string]: unknown;
}

/** What a reward makes of a completion. */
export interface RewardResult {
  /** The training reward; null: this reward does not apply to the example, leave the sample out. */
  value: number | null;
  /** Named components, for metrics. Parts that do not apply are absent. */
  parts: Record<string, number>;
}

/** A pure function: the same completion and example give the same result. */
export type Reward<E = Example> = (completion: Completion, example: E) => RewardResult;

/** A reward that asks a judge. A failed call resolves to value null, never to 0. */
export type AsyncReward<E = Example> = (completion: Completion, example: E) => Promise<RewardResult>;

/** What {@link parseThinkAnswer} found. */
export interface ThinkAnswer {
  /** Body of the first think block, trimmed; null without one. */
  think: string | null;
  /** Body of the last answer block behind the think block (or of the last one at all), trimmed; null without one. */
  answer: string | null;
  /** Exactly one think block, white space, exactly one answer block, and nothing else but surrounding white space. */
  strict: boolean;
  /** A think block somewhere, and an answer block somewhere behind it. */
  lenient: boolean;
}

/** Finds `<think>…</think>` and `<answer>…</answer>`. Tags are literal and case-sensitive; takes linear time. */
export function parseThinkAnswer(text: string): ThinkAnswer {
  const think = block(text, "think", text.indexOf("<think>"));
  const lastAnswer = lastBlock(text, "answer");
  const lenient = think !== null && lastAnswer !== null && lastAnswer.begin >= think.end;
  let strict = false;
  if (lenient) {
    const around = [
      text.slice(0, think.begin),
      text.slice(think.end, lastAnswer.begin),
      text.slice(lastAnswer.end),
    ];
    const tags = /<\/?(?:think|answer)>/;
    strict =
      around.every((piece) => piece.trim() === "") && !tags.test(think.body) && !tags.test(lastAnswer.body);
  }
  return { think: think?.body.trim() ?? null, answer: lastAnswer?.body.trim() ?? null, strict, lenient };
}

interface Block {
  begin: number;
  end: number;
  body: string;
}

/** The block whose opening tag is at `begin`, up to the next closing tag. */
function block(text: string, tag: string, begin: number): Block | null {
  if (begin < 0) return null;
  const bodyBegin = begin + tag.length + 2;
  const bodyEnd = text.indexOf(`</${tag}>`, bodyBegin);
  if (bodyEnd < 0) return null;
  return { begin, end: bodyEnd + tag.length + 3, body: text.slice(bodyBegin, bodyEnd) };
}

function lastBlock(text: string, tag: string): Block | null {
  const bodyEnd = text.lastIndexOf(`</${tag}>`);
  if (bodyEnd < 0) return null;
  const begin = text.slice(0, bodyEnd).lastIndexOf(`<${tag}>`);
  return begin < 0
    ? null
    : { begin, end: bodyEnd + tag.length + 3, body: text.slice(begin + tag.length + 2, bodyEnd) };
}

/** How a completion is read. */
export interface TextOptions {
  /** What the prompt already put into the assistant's turn (such as "<think>"): read as the completion's beginning. */
  prefill?: string;
}

/** 1 when the completion is a think block and then an answer block, else 0. Part `format`. See {@link ThinkAnswer}. */
export function thinkAnswerFormatReward({
  mode = "strict",
  prefill = "",
}: TextOptions & { mode?: "strict" | "lenient" } = {}): Reward {
  return ({ text }) => {
    const value = parseThinkAnswer(prefill + text)[mode] ? 1 : 0;
    return { value, parts: { format: value } };
  };
}

/**
 * 1 when the answer block's normalised body equals the normalised gold answer, else 0; a completion without an answer
 * block gets 0, an example without a gold answer null. Part `accuracy`.
 */
export function exactAnswerReward({
  prefill = "",
  normalise = normaliseAnswer,
}: TextOptions & { normalise?: (answer: string) => string } = {}): Reward {
  return ({ text }, example): RewardResult => {
    if (typeof example.answer !== "string") return { value: null, parts: {} };
    const { answer } = parseThinkAnswer(prefill + text);
    const value = answer !== null && normalise(answer) === normalise(example.answer) ? 1 : 0;
    return { value, parts: { accuracy: value } };
  };
}

/** Compatibility forms folded (NFKC), lower case, white space collapsed, enclosing quotes and a final full stop dropped. */
export function normaliseAnswer(answer: string): string {
  const folded = answer.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const bare = folded.endsWith(".") ? folded.slice(0, -1).trim() : folded;
  return /^(["'`]).*\1$/.test(bare) && bare.length > 1 ? bare.slice(1, -1).trim() : bare;
}

/**
 * A weighted sum of rewards, as WeThink's 0.7 · accuracy + 0.3 · format. A component that does not apply (null) drops
 * out of the sum, as TRL's nansum has it; when none applies the result is null.
 *
 * @param rewards by name; a component's value becomes part NAME, its own further parts NAME/PART.
 * @param weights by the same names.
 * @throws InvalidOptionError when the names differ or a weight is not finite.
 */
export function combineRewards<E = Example>(
  rewards: Record<string, Reward<E>>,
  weights: Record<string, number>,
): Reward<E> {
  const names = Object.keys(rewards);
  const given = Object.keys(weights);
  if (names.length === 0 || [...names].sort().join() !== [...given].sort().join()) {
    throw new InvalidOptionError("combineRewards: weights", given, names);
  }
  for (const name of names) {
    if (!Number.isFinite(weights[name]))
      throw new InvalidOptionError(`combineRewards: weight of ${name}`, weights[name], "a finite number");
  }
  return (completion, example) => {
    let value: number | null = null;
    const parts: Record<string, number> = {};
    for (const name of names) {
      const result = rewards[name](completion, example);
      for (const [part, amount] of Object.entries(result.parts)) {
        if (part !== name) parts[`${name}/${part}`] = amount;
      }
      if (result.value === null) continue;
      parts[name] = result.value;
      value = (value ?? 0) + weights[name] * result.value;
    }
    return { value, parts };
  };
}
