/** Asks models: from the journal what was answered before, and of what comes back only what is in the stage's form. */
import type { Message } from "../data/chat-template.ts";
import { Limiter } from "../language-models/limiter.ts";
import type { LanguageModel } from "../language-models/language-model.ts";
import { LanguageModelError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import type { SynthesisTally } from "./counters.ts";
import { readReply, replySchema, type Reply } from "./forms.ts";
import { fillPrompt, type SynthesisPrompt } from "./prompts.ts";
import {
  stageRoles,
  type AskingStage,
  type StageSampling,
  type SynthesisModels,
  type SynthesisStage,
} from "./stages.ts";
import type { KeptAnswer, SynthesisStore } from "./store.ts";

/** An image as it is asked about. */
export interface AskedImage {
  bytes: Uint8Array;
  sha256: string;
  /** Rejects with ImageDecodeError for bytes that are none. Called before they are sent anywhere. */
  check(): Promise<void>;
}

/** No reply of a model could be read, however often it was asked. */
export class UnreadableReply extends Error {}

export interface AskingOptions {
  models: SynthesisModels;
  store: SynthesisStore;
  prompts: Readonly<Record<AskingStage, SynthesisPrompt>>;
  sampling: Readonly<Record<AskingStage, StageSampling>>;
  /** Askings until a reply can be read. */
  attempts: number;
  concurrency: number;
  /** Requests that may fail one after the other, for other reasons than what they ask. */
  failuresInARow: number;
  seed?: number;
  /** Nothing more is asked. */
  signal: AbortSignal;
  /** What is under way is given up, too. */
  giveUp: AbortSignal;
  tally: SynthesisTally;
}

/** What one reply is to be. */
export interface Ask<S extends AskingStage> {
  texts?: Readonly<Record<string, string>>;
  image?: AskedImage;
  /** Says what is wrong with a reply that has the form, for the model to mend. */
  check?: (value: Reply<S>) => string | null;
}

/** What an answer depends on for the journal: who gives it. Models whose answers change are known by their name. */
export function identityOf({ name, identity }: LanguageModel): string {
  return identity ?? name;
}

/** The models of a synthesis, asked through its journal. */
export class Asking {
  readonly #limiter: Limiter;
  readonly #underWay = new Map<string, Promise<KeptAnswer>>();
  #failures = 0;

  constructor(private readonly options: AskingOptions) {
    this.#limiter = new Limiter(options.concurrency);
  }

  /**
   * A stage's reply. A reply that cannot be read is sent back with what is wrong with it.
   * @throws UnreadableReply after as many as allowed; LanguageModelError when a request failed; TooManyFailures.
   */
  async ask<S extends AskingStage>(stage: S, { texts = {}, image, check }: Ask<S> = {}): Promise<Reply<S>> {
    const { models, prompts, attempts, tally } = this.options;
    const model = models[stageRoles[stage]];
    const prompt = prompts[stage];
    const schema = replySchema(stage);
    const text = fillPrompt(prompt, texts);
    const seen = image !== undefined && model.takesImages === true ? image : undefined;
    const system = `${prompt.system}\n\nReply with one JSON object and nothing else, of this schema:\n${JSON.stringify(schema)}`;
    const messages: Message[] = [
      { role: "system", content: system },
      {
        role: "user",
        content:
          seen === undefined
            ? text
            : [
                { type: "image", image: seen.bytes },
                { type: "text", text },
              ],
      },
    ];
    for (let attempt = 1; ; attempt++) {
      const { texts: replies, cut = false } = await this.#answer(stage, messages, seen);
      const read = readReply(stage, replies[0]);
      const problem = "problem" in read ? read.problem : (check?.(read.value) ?? null);
      if ("value" in read && problem === null) return read.value;
      const told = `${problem}${cut ? " (it was cut off at the limit of tokens)" : ""}`;
      if (attempt === attempts) throw new UnreadableReply(`${model.name}, asked ${attempts} times: ${told}`);
      tally.add(stage, "repeated");
      messages.push(
        { role: "assistant", content: replies[0] },
        {
          role: "user",
          content: `This reply cannot be used: ${told}. Reply again with the JSON object alone.`,
        },
      );
    }
  }

  /**
   * What was answered before on this basis, or `work`'s answer, which is kept before it is used. Equal questions at the
   * same time are asked once.
   * @param before what has to be in order before anything is asked.
   */
  async journalled(
    stage: SynthesisStage,
    basis: unknown,
    work: () => Promise<Omit<KeptAnswer, "stage">>,
    before?: () => Promise<void>,
  ): Promise<KeptAnswer> {
    const key = await sha256Hex(new TextEncoder().encode(JSON.stringify(basis)));
    const { tally } = this.options;
    const other = this.#underWay.get(key);
    if (other) {
      const answer = await other;
      tally.used(stage, answer, true);
      return answer;
    }
    let reused = true;
    const answered = (async () => {
      const kept = await this.options.store.answer(key);
      if (kept) {
        this.#failures = 0; // else what fails for good would end every run at the same place
        return kept;
      }
      reused = false;
      await before?.();
      // Without the signal: what waits for its turn finds it aborted then, and a listener less waits with it.
      return this.#limiter.run(() => this.#made(stage, key, work));
    })();
    this.#underWay.set(key, answered);
    try {
      const answer = await answered;
      tally.used(stage, answer, reused);
      return answer;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #made(
    stage: SynthesisStage,
    key: string,
    work: () => Promise<Omit<KeptAnswer, "stage">>,
  ): Promise<KeptAnswer> {
    const { store, tally, signal, failuresInARow } = this.options;
    signal.throwIfAborted();
    tally.add(stage, "asked");
    try {
      const answer: KeptAnswer = { stage, ...(await work()) };
      this.#failures = 0;
      await store.keepAnswer(key, answer);
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof LanguageModelError)) throw error;
      tally.add(stage, "failed");
      if (error.ofQuestion) throw error;
      if (++this.#failures >= failuresInARow) throw new TooManyFailures(this.#failures, error);
      throw error;
    }
  }

  #answer(
    stage: AskingStage,
    messages: readonly Message[],
    image: AskedImage | undefined,
  ): Promise<KeptAnswer> {
    const { models, prompts, sampling, seed, giveUp } = this.options;
    const model = models[stageRoles[stage]];
    const asked = { ...sampling[stage], ...(seed !== undefined && { seed }) };
    const words = messages.map(({ role, content }) => [
      role,
      typeof content === "string"
        ? content
        : content.map((part) => (part.type === "text" ? part.text : { image: image?.sha256 })),
    ]);
    const { version, system, user } = prompts[stage];
    const basis = [1, stage, stageRoles[stage], identityOf(model), [version, system, user], asked, words];
    const work = async () => {
      const begin = performance.now();
      const { text, promptTokens, completionTokens, cost, finishReason } = await model.ask(messages, {
        ...asked,
        schema: replySchema(stage),
        signal: giveUp,
      });
      return {
        model: model.name,
        texts: [text],
        ms: Math.round(performance.now() - begin),
        ...(promptTokens !== undefined && { promptTokens }),
        ...(completionTokens !== undefined && { completionTokens }),
        ...(cost !== undefined && { cost }),
        ...(finishReason === "length" && { cut: true }),
      };
    };
    return this.journalled(stage, basis, work, image && (() => image.check()));
  }
}

/** So many requests failed, with none answered in between, that going on makes no sense. */
export class TooManyFailures extends Error {
  constructor(
    readonly count: number,
    readonly last: LanguageModelError,
  ) {
    super(`${count} requests in a row failed`);
  }
}
