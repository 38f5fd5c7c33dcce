/** What the tab Ask knows and does. */
import { computed, effect, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import {
  DeviceLostError,
  InvalidOptionError,
  isRightAnswer,
  REASONING_SYSTEM_PROMPT,
} from "../../workers/client.ts";
import type {
  Inspection,
  Message,
  PolicySource,
  RemoteGenerateOptions,
  RemotePolicy,
  SceneQuestion,
} from "../../workers/client.ts";
import { isAbort } from "../components/problem.tsx";
import { session, toySource } from "../state/session.ts";
import { defaultOptions, optionLimits } from "./ask-link.ts";
import type { AskLink, AskOptions, NumberOption, ResponseMode } from "./ask-link.ts";
import { PictureStore } from "./picture-store.ts";
import type { AskedPicture } from "./picture-store.ts";
import { Sample } from "./sample.ts";

const prefills: Readonly<Record<ResponseMode, string>> = { free: "", think: "<think>", answer: "<answer>" };

/** A question as it was asked: what its answer is shown with, whatever the fields say by now. */
export interface Asked {
  question: string;
  picture: AskedPicture | null;
  /** Whether the picture was part of it: some models take none. */
  seen: boolean;
  options: AskOptions;
  adapter: boolean;
  /** The question of the scene, where it is one, with its right answer. */
  gold: SceneQuestion | null;
  source: PolicySource;
  /** Which weights answered, to be told from those that are in use later. */
  weights: string;
  /** Who was asked. */
  title: string;
}

/** An answer of this visit. */
export interface PastAnswer {
  number: number;
  asked: Asked;
  /** Of each sample. */
  answers: readonly string[];
  /** How many of them are right; null where nobody knows. */
  right: number | null;
}

/** Answers that are kept. */
const historyLength = 12;

/** What is said of an answer besides the answer. */
export interface Progress {
  tokens: number;
  /** Milliseconds from the question to the first token, and from there to the last; null before the first. */
  firstMs: number | null;
  streamMs: number;
}

const noProgress: Progress = { tokens: 0, firstMs: null, streamMs: 0 };

export class AskStore {
  readonly pictures = new PictureStore();
  readonly question = signal("describe the picture .");
  readonly mode = signal<ResponseMode>(defaultOptions.mode);
  readonly adapter = signal(true);
  readonly numbers = {
    temperature: signal(defaultOptions.temperature),
    topK: signal(defaultOptions.topK),
    topP: signal(defaultOptions.topP),
    minP: signal(defaultOptions.minP),
    maxNewTokens: signal(defaultOptions.maxNewTokens),
    seed: signal(defaultOptions.seed),
    samples: signal(defaultOptions.samples),
  } satisfies Record<NumberOption, unknown>;

  /** The last question, or the one that is being answered. */
  readonly asked = signal<Asked | null>(null);
  readonly samples = signal<readonly Sample[]>([]);
  readonly progress = signal<Progress>(noProgress);
  readonly note = signal("");
  readonly problem = signal<unknown>(null);
  /** The newest first. */
  readonly history = signal<readonly PastAnswer[]>([]);
  readonly #answering = signal<AbortController | null>(null);
  readonly answering: ReadonlySignal<boolean> = computed(() => this.#answering.value !== null);
  readonly canAsk = computed(() => !this.answering.value && session.policy.value !== null);

  /** The sample and token that are looked at; a token of null is all of them. */
  readonly looking = signal<{ sample: number; token: number | null } | null>(null);
  readonly lookProblem = signal<unknown>(null);
  /** Whether the policy that answered is still there to be looked into. */
  readonly canLook = computed(() => {
    const asked = this.asked.value;
    return (
      asked !== null &&
      asked.seen &&
      asked.picture === this.pictures.picture.value &&
      asked.source === session.source.value &&
      asked.weights === weightsInUse() &&
      !weightsChange() &&
      session.policy.value !== null &&
      !this.answering.value
    );
  });
  readonly #inspecting = new WeakMap<Sample, Promise<void>>();

  constructor() {
    // An answer is shown with the picture it is about, and no other.
    effect(() => {
      const picture = this.pictures.picture.value;
      const asked = this.asked.peek();
      if (!asked || asked.picture === picture) return;
      this.stop();
      this.clear();
    });
  }

  get options(): AskOptions {
    const { temperature, topK, topP, minP, maxNewTokens, seed, samples } = this.numbers;
    return {
      temperature: temperature.value,
      topK: topK.value,
      topP: topP.value,
      minP: minP.value,
      maxNewTokens: maxNewTokens.value,
      seed: seed.value,
      samples: samples.value,
      mode: this.mode.value,
    };
  }

  set options({ mode, ...numbers }: AskOptions) {
    for (const name of Object.keys(numbers) as NumberOption[]) this.numbers[name].value = numbers[name];
    this.mode.value = mode;
  }

  /** What a link to this question says. */
  get link(): AskLink {
    return { scene: this.pictures.linked, question: this.question.value, options: this.options };
  }

  /** Fills the fields as a link has them. A held-out scene waits for the engine. */
  async open({ scene, question, options }: AskLink): Promise<void> {
    this.stop();
    this.options = options;
    this.clear();
    if (scene?.kind === "drawn") this.pictures.showDrawn(scene.things, scene.seed);
    if (question !== null) this.question.value = question;
    if (scene?.kind === "test") await this.takeScene(scene.seed, question);
  }

  /** Shows a held-out scene and its question, or another one about it. */
  async takeScene(seed?: number, question: string | null = null): Promise<void> {
    this.stop();
    const { wanted } = this.pictures;
    // Why there is no engine is told at the top of the page.
    const engine = await session.ready().catch(() => null);
    if (!engine || this.pictures.wanted !== wanted) return; // while it loaded, another picture was chosen or drawn
    const own = await this.pictures.showTestScene(engine.kit, seed);
    if (own !== null) this.question.value = question ?? own;
  }

  /** The first of the user's files; its answer is nobody's but the policy's. */
  readonly takeFiles = async ([file]: readonly File[]): Promise<void> => {
    this.stop();
    await this.pictures.showFile(file);
  };

  /** Takes the last answer away, whose picture is not shown any more. */
  clear(): void {
    this.asked.value = null;
    this.samples.value = [];
    this.progress.value = noProgress;
    this.looking.value = null;
    this.note.value = "";
    this.problem.value = this.lookProblem.value = null;
  }

  stop(): void {
    this.#answering.peek()?.abort();
  }

  async ask(): Promise<void> {
    const policy = session.policy.value;
    if (!policy || this.#answering.peek()) return;
    const controller = new AbortController();
    const question = this.question.value;
    const picture = this.pictures.picture.value;
    const title = session.title.value + (weightsChange() ? ", in training" : "");
    const adapter = this.adapter.value || !session.isAdapted.value; // the switch is hidden then
    const asked: Asked = {
      question,
      picture,
      seen: picture !== null && policy.info.vision,
      options: this.options,
      adapter,
      gold: this.pictures.questions.value.find(({ problem }) => problem === question.trim()) ?? null,
      source: session.source.value,
      weights: weightsChange() ? title : weightsInUse(),
      title: adapter ? title : `${title}, without it`,
    };
    this.clear();
    this.#answering.value = controller;
    this.asked.value = asked;
    try {
      await this.#answer(policy, asked, controller.signal);
    } catch (error) {
      if (this.asked.value === asked) this.#endEarly(error);
    } finally {
      await this.#nameTokens();
      this.#answering.value = null;
    }
  }

  #endEarly(error: unknown): void {
    for (const sample of this.samples.value) sample.ending.value ??= "stopped";
    const stopped = isAbort(error);
    this.note.value = stopped ? "stopped" : "";
    this.problem.value = stopped ? null : error;
  }

  /** Once more, on the engine that comes back, when the GPU is lost on the way. */
  async #answer(policy: RemotePolicy, asked: Asked, signal: AbortSignal): Promise<void> {
    this.note.value = "Reading… (the first answer takes longer: shaders are compiled)";
    try {
      await this.#stream(policy, asked, signal);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      this.note.value = "The GPU was lost; the engine starts again, and the question is asked once more…";
      const { policy: again } = await session.ready({ after: policy, signal });
      await this.#stream(again, asked, signal);
    }
  }

  async #stream(policy: RemotePolicy, asked: Asked, signal: AbortSignal): Promise<void> {
    const prefill = prefills[asked.options.mode];
    const { min, max } = optionLimits.samples;
    const n = asked.options.samples;
    if (!(Number.isInteger(n) && n >= min && n <= max))
      throw new InvalidOptionError("samples", n, `an integer of ${min} to ${max}`);
    const samples = Array.from({ length: n }, () => new Sample(prefill));
    this.samples.value = samples;
    this.progress.value = noProgress;
    const started = performance.now();
    let first: number | null = null;
    for await (const delta of policy.generate(messagesOf(asked), optionsOf(asked, signal))) {
      signal.throwIfAborted(); // what the engine has drawn ahead is not wanted any more
      const now = performance.now();
      first ??= now;
      samples[delta.index].add(delta);
      this.progress.value = {
        tokens: this.progress.value.tokens + delta.tokens.length,
        firstMs: first - started,
        streamMs: now - first,
      };
      this.note.value = "";
    }
    if (samples.some(({ ending }) => ending.value === null))
      throw new DOMException("the policy was replaced", "AbortError"); // a disposed one just ends
    const cut = samples.filter(({ ending }) => ending.value === "length").length;
    this.note.value = cut === 0 ? "ended by itself" : "cut at the limit";
    if (cut > 0 && samples.length > 1) this.note.value = `${cut} of ${samples.length} cut at the limit`;
    this.#remember(asked, samples);
  }

  #remember(asked: Asked, samples: readonly Sample[]): void {
    const { gold } = asked;
    const answers = samples.map(({ response }) => response.value.answer);
    const right = gold && answers.filter((answer) => isRightAnswer(gold, answer)).length;
    const number = (this.history.value.at(0)?.number ?? 0) + 1;
    this.history.value = [{ number, asked, answers, right }, ...this.history.value].slice(0, historyLength);
  }

  /** Fills the fields with a question of before, and shows its picture. */
  takeBack({ picture, question, options, adapter }: Asked): void {
    this.stop();
    this.clear();
    if (picture) this.pictures.show(picture);
    this.question.value = question;
    this.options = options;
    this.adapter.value = adapter;
  }

  /** The samples' tokens as texts, for their shades. */
  async #nameTokens(): Promise<void> {
    const samples = this.samples.value.filter(({ tokens }) => tokens.length > 0);
    const policy = session.policy.value;
    if (!policy || samples.length === 0) return;
    try {
      const texts = await policy.tokenTexts(samples.map(({ tokens }) => tokens));
      samples.forEach((sample, index) => (sample.tokenTexts.value = texts[index]));
    } catch (error) {
      if (!(error instanceof DeviceLostError)) this.problem.value ??= error; // a lost device is told of elsewhere
    }
  }

  /** Looks at where a token, or with null all of them on average, looked. Computed when it is first asked for. */
  look(sample: number, token: number | null): void {
    if (!this.canLook.value || sample >= this.samples.value.length) return;
    const before = this.looking.value;
    if (before?.sample === sample && before.token === token) return;
    this.looking.value = { sample, token };
    void this.#inspect(this.samples.value[sample]);
  }

  #inspect(sample: Sample): Promise<void> {
    const known = this.#inspecting.get(sample);
    if (known) return known;
    const work = (async () => {
      const { value: policy } = session.policy;
      const { value: asked } = this.asked;
      if (!policy || !asked) return;
      this.lookProblem.value = null;
      try {
        const { options, adapter } = asked;
        sample.inspection.value = await policy.inspect(messagesOf(asked), sample.tokens, {
          prefill: prefills[options.mode] || undefined,
          adapter,
        });
      } catch (error) {
        this.#inspecting.delete(sample); // it can be asked for again
        if (this.asked.value !== asked) return;
        this.lookProblem.value = error;
        this.looking.value = null;
      }
    })();
    this.#inspecting.set(sample, work);
    return work;
  }

  /** Of the sample that is looked at. */
  readonly inspection = computed((): Inspection | null => {
    const looking = this.looking.value;
    return looking ? (this.samples.value[looking.sample]?.inspection.value ?? null) : null;
  });
}

/** The toy policy was made without a system prompt. */
function messagesOf({ question, picture, seen, source }: Asked): Message[] {
  const text = { type: "text", text: question } as const;
  return [
    ...(source === toySource ? [] : [{ role: "system", content: REASONING_SYSTEM_PROMPT } as const]),
    { role: "user", content: picture && seen ? [{ type: "image", image: picture.image }, text] : [text] },
  ];
}

function optionsOf({ options, adapter }: Asked, signal: AbortSignal): RemoteGenerateOptions {
  const { samples: n, mode, ...sampling } = options;
  const prefill = prefills[mode];
  return { ...sampling, n, adapter, signal, ...(prefill !== "" && { prefill }) };
}

/** Tells the weights in use from others. */
function weightsInUse(): string {
  return `${session.title.value} ${session.weights.value}`;
}

/** Whether a run goes on: the weights change from one moment to the next. */
export function weightsChange(): boolean {
  return session.heldBy.value === "training";
}

export const store = new AskStore();
