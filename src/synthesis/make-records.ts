/** One image's way through the stages: described, asked about, answered twice, recorded. */
import { parseRecord, type WeThinkRecord } from "../data/wethink/record.ts";
import { LanguageModelError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import { UnreadableReply, type Ask, type AskedImage, type Asking } from "./asking.ts";
import type { SynthesisTally } from "./counters.ts";
import type { SynthesisEvent } from "./events.ts";
import { openImage, UnusableImage, type SynthesisImage } from "./image-source.ts";
import type { PassRate } from "./pass-rate.ts";
import {
  answerForms,
  poseQuestion,
  readAnswerOf,
  rewardOf,
  sameQuestionKey,
  type AnswerComparison,
  type PosedQuestion,
} from "./question.ts";
import type { AskingStage, DropReason, SynthesisStage } from "./stages.ts";
import type { ImageOutcome, KeptQuestion, RecordProvenance } from "./store.ts";
import type { Reply } from "./forms.ts";

/** What the stages of all images share. */
export interface MakeContext {
  asking: Asking;
  comparison: AnswerComparison;
  passRate: PassRate | null;
  /** Questions of an image. */
  questions: number;
  /** Turns of the refinement, at most. */
  turns: number;
  /** Fingerprint. */
  run: string;
  tally: SynthesisTally;
  emit: (event: SynthesisEvent) => void;
  signal: AbortSignal;
}

/** Questions of the asker in a turn of the refinement. */
const missingInATurn = 6;

class Dropped extends Error {
  constructor(
    readonly stage: SynthesisStage,
    readonly reason: DropReason,
    detail: string,
  ) {
    super(detail);
  }
}

class Pending extends Error {
  constructor(
    readonly stage: SynthesisStage,
    error: LanguageModelError,
  ) {
    super(error.message);
  }
}

/**
 * Takes an image through all stages. What goes wrong with the image or a question ends up in the outcome.
 * @throws the signal's reason, StorageError, TooManyFailures: what ends the run.
 */
export async function makeRecords(
  image: SynthesisImage,
  index: number,
  context: MakeContext,
): Promise<ImageOutcome> {
  return new ImageMaker(image, index, context).make();
}

class ImageMaker {
  readonly #outcome: ImageOutcome;

  constructor(
    private readonly image: SynthesisImage,
    private readonly index: number,
    private readonly context: MakeContext,
  ) {
    this.#outcome = {
      run: context.run,
      path: image.path,
      sha256: null,
      description: null,
      kept: [],
      drops: [],
      pending: [],
    };
  }

  async make(): Promise<ImageOutcome> {
    const outcome = this.#outcome;
    await this.#settle(null, undefined, async () => {
      const image = await this.#open();
      outcome.sha256 = image.sha256;
      outcome.description = await this.#describe(image);
      const { description } = outcome;
      const written = await this.#ask("questions", null, {
        texts: { description, count: String(this.context.questions) },
        image,
      });
      await this.#answerAll(written.questions.slice(0, this.context.questions), image, description);
    });
    outcome.kept.sort((a, b) => a.provenance.question - b.provenance.question);
    const byQuestion = <T extends { question: number | null }>(a: T, b: T) =>
      (a.question ?? -1) - (b.question ?? -1);
    outcome.drops.sort(byQuestion);
    outcome.pending.sort(byQuestion);
    return outcome;
  }

  async #open(): Promise<AskedImage> {
    try {
      return await openImage(this.image, this.context.signal);
    } catch (error) {
      throw error instanceof UnusableImage ? new Dropped("describe", error.reason, error.message) : error;
    }
  }

  /** A description that was refined in turns. */
  async #describe(image: AskedImage): Promise<string> {
    const { turns } = this.context;
    const { description } = await this.#ask("describe", null, { image });
    const dialogue: string[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const texts = { description, dialogue: dialogue.join("\n"), most: String(missingInATurn) };
      const missing = await this.#ask("ask-missing", null, { texts });
      const questions = missing.questions.slice(0, missingInATurn);
      if (questions.length === 0) break;
      const listed = questions.map((question, at) => `${at + 1}. ${question}`).join("\n");
      const { answers } = await this.#ask("answer-missing", null, {
        texts: { ...texts, questions: listed },
        image,
        check: (reply) =>
          reply.answers.length === questions.length
            ? null
            : `got ${reply.answers.length} answers, expected ${questions.length}, one for each question`,
      });
      dialogue.push(...questions.flatMap((question, at) => [`Q: ${question}`, `A: ${answers[at]}`]));
    }
    if (dialogue.length === 0) return description;
    const texts = { description, dialogue: dialogue.join("\n") };
    return (await this.#ask("merge", null, { texts, image })).description;
  }

  async #answerAll(
    written: Reply<"questions">["questions"],
    image: AskedImage,
    description: string,
  ): Promise<void> {
    const seen = new Set<string>();
    const settled = written.map((question, at) => {
      const posed = poseQuestion(question, at);
      const key = sameQuestionKey(posed);
      const repeated = seen.has(key);
      seen.add(key);
      return this.#settle(at, posed.problem, async () => {
        if ("wrong" in posed) throw new Dropped("questions", "malformed-question", posed.wrong);
        if (repeated) throw new Dropped("questions", "duplicate-question", "the same was asked before");
        const kept = await this.#record(posed, image, description);
        this.#outcome.kept.push(kept);
        this.context.emit({ type: "kept", image: this.index, question: at, kept });
      });
    });
    throwFirst(await Promise.allSettled(settled));
  }

  /** A question that is valid, answered, and not too easy or hard becomes a record. */
  async #record(question: PosedQuestion, image: AskedImage, description: string): Promise<KeptQuestion> {
    const { index, problem, type } = question;
    await this.#stage("filter", index, async () => {
      const texts = { description, question: problem };
      const { verdict, why } = await this.context.asking.ask("filter", { texts, image });
      if (verdict !== "valid") throw new Dropped("filter", verdict, why);
    });
    const { answers, agreement, reasoning } = await this.#answer(question, image, description);
    const answer = answers[agreement.taken];
    const draft: WeThinkRecord = {
      problem,
      answer,
      category: question.category,
      abilities: question.abilities,
      refined_cot: reasoning,
      image_path: this.image.path,
      reward: rewardOf(question, answer),
    };
    const passRate = await this.#passRate(index, draft, image);
    const record = await this.#stage("rewrite", index, async () => {
      const texts = { question: problem, reasoning, answer };
      const rewritten = await this.context.asking.ask("rewrite", { texts, image });
      const parsed = parseRecord({ ...draft, refined_cot: rewritten.reasoning });
      if ("record" in parsed) return parsed.record;
      throw new Dropped("rewrite", "unusable-record", `${parsed.reason}: ${parsed.detail}`);
    });
    const provenance: RecordProvenance = {
      run: this.context.run,
      image: { path: this.image.path, sha256: image.sha256 },
      question: index,
      type,
      answers,
      agreement,
      reasoning,
      ...(passRate && { passRate }),
    };
    return { record, provenance };
  }

  /** Two answers, one from the words and one from the image; where they differ a third model decides. */
  async #answer(question: PosedQuestion, image: AskedImage, description: string) {
    const { index, problem, type } = question;
    const form = answerForms[type];
    const check = (reply: { answer: string }) => {
      const read = readAnswerOf(question, reply.answer);
      return "wrong" in read ? read.wrong : null;
    };
    const settled = await Promise.allSettled([
      this.#ask("answer-text", index, { texts: { description, question: problem, form }, check }),
      this.#ask("answer-image", index, { texts: { question: problem, form }, image, check }),
    ]);
    throwFirst(settled);
    const [fromText, fromImage] = settled.map(
      (each) => (each as PromiseFulfilledResult<Reply<"answer-text">>).value,
    );
    const plain = (given: string) => {
      const read = readAnswerOf(question, given);
      return "answer" in read ? read.answer : given;
    };
    const answers = { text: plain(fromText.answer), image: plain(fromImage.answer) };
    const compared = await this.context.comparison.compare(question, answers.text, answers.image);
    const { verifier } = compared;
    if (compared.agree) {
      const agreement = { by: "rule" as const, verifier, taken: "text" as const, why: compared.why };
      return { answers, agreement, reasoning: fromText.reasoning };
    }
    const { taken, why } = await this.#adjudicate(question, image, description, answers);
    const agreement = { by: "adjudicator" as const, verifier, taken, why };
    return { answers, agreement, reasoning: (taken === "text" ? fromText : fromImage).reasoning };
  }

  #adjudicate(
    { index, problem }: PosedQuestion,
    image: AskedImage,
    description: string,
    answers: { text: string; image: string },
  ): Promise<{ taken: "text" | "image"; why: string }> {
    return this.#stage("adjudicate", index, async () => {
      // Judges lean to a place: which answer stands first depends on the question alone.
      const swapped = /[89a-f]$/.test(await sha256Hex(new TextEncoder().encode(problem)));
      const order = swapped ? (["image", "text"] as const) : (["text", "image"] as const);
      const [first, second] = order.map((from) => answers[from]);
      const texts = { description, question: problem, first, second };
      const { right, why } = await this.context.asking.ask("adjudicate", { texts, image });
      if (right === "neither") throw new Dropped("adjudicate", "both-wrong", why);
      const taken = right === "both" ? "text" : order[right === "first" ? 0 : 1];
      return { taken, why };
    });
  }

  async #passRate(
    index: number,
    draft: WeThinkRecord,
    image: AskedImage,
  ): Promise<RecordProvenance["passRate"]> {
    const { passRate, asking, signal } = this.context;
    if (!passRate) return undefined;
    return this.#stage("pass-rate", index, async () => {
      const { above, below } = passRate.options;
      const result = await passRate.rate(asking, draft, image, index, signal);
      const { rate, samples } = result;
      const share = `right in ${((rate ?? 0) * 100).toFixed(0)}% of ${samples} samples`;
      if (rate !== null && rate <= above) throw new Dropped("pass-rate", "too-hard", share);
      if (rate !== null && rate >= below) throw new Dropped("pass-rate", "too-easy", share);
      return result;
    });
  }

  #ask<S extends AskingStage>(stage: S, question: number | null, ask: Ask<S>): Promise<Reply<S>> {
    return this.#stage(stage, question, () => this.context.asking.ask(stage, ask));
  }

  /** @throws Dropped, Pending, and what ends the run. */
  async #stage<T>(stage: SynthesisStage, question: number | null, work: () => Promise<T>): Promise<T> {
    const { tally, emit, signal } = this.context;
    signal.throwIfAborted();
    emit({ type: "stage", image: this.index, path: this.image.path, question, stage });
    tally.add(stage, "entered");
    try {
      const result = await work();
      tally.add(stage, "kept");
      return result;
    } catch (error) {
      if (error instanceof UnreadableReply) throw new Dropped(stage, "unreadable-reply", error.message);
      if (error instanceof UnusableImage) throw new Dropped(stage, error.reason, error.message);
      if (!(error instanceof LanguageModelError)) throw error;
      if (error.ofQuestion) throw new Dropped(stage, "refused", error.message);
      throw new Pending(stage, error);
    }
  }

  /** Work on the image or on a question; what is dropped or pending goes into the outcome. */
  async #settle(
    question: number | null,
    problem: string | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    const { tally, emit } = this.context;
    const { path } = this.image;
    try {
      await work();
    } catch (error) {
      if (error instanceof Dropped) {
        const { stage, reason, message: detail } = error;
        const drop = { path, question, stage, reason, detail, ...(problem !== undefined && { problem }) };
        tally.drop(stage, reason);
        this.#outcome.drops.push(drop);
        emit({ type: "dropped", image: this.index, drop });
      } else if (error instanceof Pending) {
        const pending = { path, question, stage: error.stage, error: error.message };
        tally.add(error.stage, "pending");
        this.#outcome.pending.push(pending);
        emit({ type: "pending", image: this.index, pending });
      } else throw error;
    }
  }
}

/** Of several failures the one that matters most: what ends the run, then a drop, then what is pending. */
function throwFirst(settled: readonly PromiseSettledResult<unknown>[]): void {
  const errors = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as Error] : []));
  const weight = (error: Error) => (error instanceof Pending ? 2 : error instanceof Dropped ? 1 : 0);
  const [worst] = errors.sort((a, b) => weight(a) - weight(b));
  if (worst) throw worst;
}
