import type { JudgeAnswer } from "../rl/hybrid-reward.ts";
import type { MathEngine } from "../rl/math/math-json.ts";
import { InvalidOptionError, LanguageModelError } from "../util/errors.ts";
import { sha256Hex } from "../util/sha256.ts";
import { Asking, identityOf, TooManyFailures } from "./asking.ts";
import { SynthesisTally } from "./counters.ts";
import type { SynthesisEvent } from "./events.ts";
import type { SynthesisImage } from "./image-source.ts";
import { makeRecords } from "./make-records.ts";
import { PassRate, type PassRateFilter } from "./pass-rate.ts";
import { identifyPrompt, synthesisPrompts, type SynthesisPrompt } from "./prompts.ts";
import { AnswerComparison } from "./question.ts";
import {
  askingStages,
  defaultSampling,
  seeingRoles,
  synthesisRoles,
  type AskingStage,
  type StageSampling,
  type SynthesisModels,
} from "./stages.ts";
import type { ImageOutcome, SynthesisRun, SynthesisStore } from "./store.ts";

/** Settings of a synthesis that may stand in a file. */
export interface SynthesisSettings {
  /** Questions of an image, at most. Default 4. */
  questions?: number;
  /** Turns of the refinement, at most. Default 2; 0 leaves it out. */
  turns?: number;
  /** Askings until a model's reply can be read. Default 3. */
  attempts?: number;
  /** Requests at a time, over all models. Default 4. */
  concurrency?: number;
  /** Requests that may fail in a row before the run stops. Default 5. */
  failuresInARow?: number;
  /** Handed to models that take one. */
  seed?: number;
  /**
   * Milliseconds that requests under way have, once it is stopped, to be answered and kept; they would have to be made
   * again. Default 30 000.
   */
  graceMs?: number;
  sampling?: Partial<Record<AskingStage, StageSampling>>;
}

export interface SynthesisOptions extends SynthesisSettings {
  models: SynthesisModels;
  store: SynthesisStore;
  /** In place of the kit's: see {@link parsePrompt}. */
  prompts?: Partial<Record<AskingStage, SynthesisPrompt>>;
  /** For comparing answers of mathematics; without one they are adjudicated. */
  math?: MathEngine | (() => Promise<MathEngine>);
  /** Filters by difficulty. */
  passRate?: PassRateFilter;
  /** Of the policy's descriptive answers; without one the filter leaves descriptive questions alone. */
  judge?: JudgeAnswer;
  /** Stops it: nothing more is asked, and what is under way has `graceMs` to end. Everything that was answered stays. */
  signal?: AbortSignal;
}

/** Milliseconds between events of type "counters", at least. */
const betweenCounters = 250;

/**
 * Makes records with questions, reasoning and answers of images, after WeThink (2025, arXiv:2506.07905): each image is
 * described, the description refined in turns, questions are written, invalid ones filtered out, each is answered from
 * the description and from the image, a third model decides where the answers differ, and the reasoning is rewritten.
 *
 * Every answer of a model is kept in the store before it is used. A run that was stopped, or died, is gone on with by
 * starting it again with the same images, models and store: nothing is asked twice. The records are the same whatever the
 * timing.
 *
 * @param images records come in their order.
 * @throws InvalidOptionError for options that are none, or a model that cannot see where it has to; the signal's reason;
 *   LanguageModelError when too many requests fail in a row; StorageError. Nothing that was answered is lost.
 */
export async function* synthesize(
  images: readonly SynthesisImage[],
  options: SynthesisOptions,
): AsyncGenerator<SynthesisEvent, void, void> {
  const settings = resolve(options);
  checkModels(options.models);
  checkPaths(images);
  const run = await describeRun(options, settings);
  const controller = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, controller.signal]) : controller.signal;
  const giveUp = new AbortController();
  let grace: ReturnType<typeof setTimeout> | undefined;
  const stopped = () => {
    grace = setTimeout(() => giveUp.abort(signal.reason), settings.graceMs);
  };
  const tally = new SynthesisTally(images.length);
  const events: SynthesisEvent[] = [{ type: "started", images: images.length, run }];
  let wake = () => {};
  const emit = (event: SynthesisEvent) => {
    events.push(event);
    wake();
  };
  const { math, judge, passRate, store } = options;
  const context = {
    asking: new Asking({ ...settings, models: options.models, store, signal, giveUp: giveUp.signal, tally }),
    comparison: new AnswerComparison(math),
    passRate: passRate ? new PassRate(passRate, math, judge) : null,
    questions: settings.questions,
    turns: settings.turns,
    run: run.fingerprint,
    tally,
    emit,
    signal,
  };
  signal.throwIfAborted();
  await store.keepRun(run);
  signal.addEventListener("abort", stopped, { once: true });

  const underWay = new Set<Promise<void>>();
  const done = new Map<number, ImageOutcome>();
  let next = 0;
  let shown = 0;
  let counted = performance.now();
  let failure: { error: unknown } | undefined;
  const make = async (index: number) => {
    try {
      const outcome = await makeRecords(images[index], index, context);
      await store.keepOutcome(outcome);
      done.set(index, outcome);
    } catch (error) {
      failure ??= { error };
      controller.abort(error);
    }
  };
  const start = (index: number) => {
    const work = make(index).finally(() => {
      underWay.delete(work);
      wake();
    });
    underWay.add(work);
  };
  try {
    while (shown < images.length || events.length > 0) {
      const asleep = new Promise<void>((resolve) => (wake = resolve));
      for (let outcome; (outcome = done.get(shown)) !== undefined; shown++) {
        done.delete(shown);
        tally.image(outcome.kept.length, outcome.pending.length > 0);
        events.push({ type: "image", image: shown, outcome, counters: tally.read() });
      }
      // One slow image must not let finished ones behind it pile up.
      const ahead = shown + 4 * settings.concurrency;
      while (!failure && next < Math.min(images.length, ahead) && underWay.size < settings.concurrency)
        start(next++);
      if (events.length > 0) {
        yield* events.splice(0);
        if (performance.now() - counted < betweenCounters) continue;
        counted = performance.now();
        yield { type: "counters", counters: tally.read() };
      } else if (failure && underWay.size === 0) throw told(failure.error);
      else if (shown < images.length) await asleep;
    }
    const counters = tally.read();
    yield { type: "finished", counters, complete: counters.images.pending === 0 };
  } finally {
    // Whoever stops listening stops the work.
    controller.abort(new DOMException("the synthesis was left", "AbortError"));
    await Promise.allSettled(underWay);
    clearTimeout(grace);
  }
}

/** A failure as it is told. */
function told(error: unknown): unknown {
  if (!(error instanceof TooManyFailures)) return error;
  return new LanguageModelError(
    `${error.count} requests in a row failed, the last with: ${error.last.message}. Everything that was answered is ` +
      "kept: start again to go on.",
    { cause: error.last },
  );
}

type Settings = Required<Omit<SynthesisSettings, "seed" | "sampling">> & {
  seed?: number;
  sampling: Record<AskingStage, StageSampling>;
  prompts: Record<AskingStage, SynthesisPrompt>;
};

/** @throws InvalidOptionError */
function resolve({ seed, sampling = {}, prompts = {}, ...options }: SynthesisOptions): Settings {
  const {
    questions = 4,
    turns = 2,
    attempts = 3,
    concurrency = 4,
    failuresInARow = 5,
    graceMs = 30_000,
  } = options;
  const counts = { questions, attempts, concurrency, failuresInARow };
  for (const [name, value] of Object.entries(counts))
    if (!Number.isInteger(value) || value < 1)
      throw new InvalidOptionError(`synthesize: ${name}`, value, "an integer from 1");
  if (!Number.isInteger(turns) || turns < 0)
    throw new InvalidOptionError("synthesize: turns", turns, "an integer from 0");
  if (!Number.isFinite(graceMs) || graceMs < 0)
    throw new InvalidOptionError("synthesize: graceMs", graceMs, "milliseconds from 0");
  const each = <T>(of: (stage: AskingStage) => T) =>
    Object.fromEntries(askingStages.map((stage) => [stage, of(stage)])) as Record<AskingStage, T>;
  return {
    ...counts,
    turns,
    graceMs,
    ...(seed !== undefined && { seed }),
    sampling: each((stage) => ({ ...defaultSampling[stage], ...sampling[stage] })),
    prompts: each((stage) => prompts[stage] ?? synthesisPrompts[stage]),
  };
}

/** @throws InvalidOptionError */
function checkModels(models: SynthesisModels): void {
  for (const role of synthesisRoles) {
    // Models may come from a file, whatever the types say.
    const model = models[role] as SynthesisModels[typeof role] | undefined;
    if (model === undefined) throw new InvalidOptionError(`models: ${role}`, "none", "a model for each role");
    if (seeingRoles.includes(role) && model.takesImages !== true)
      throw new InvalidOptionError(
        `models: ${role}`,
        model.name,
        "a model that takes images (takesImages: true)",
      );
  }
}

/** @throws InvalidOptionError for two images of one path: their records could not be told apart. */
function checkPaths(images: readonly SynthesisImage[]): void {
  const paths = new Set<string>();
  for (const { path } of images) {
    if (paths.has(path)) throw new InvalidOptionError("images", `${path} twice`, "each path once");
    paths.add(path);
  }
}

async function describeRun(
  { models, passRate }: SynthesisOptions,
  { questions, turns, attempts, seed, sampling, prompts }: Settings,
): Promise<SynthesisRun> {
  const identified = await Promise.all(
    askingStages.map(async (stage) => [stage, await identifyPrompt(prompts[stage])] as const),
  );
  const named = synthesisRoles.map(
    (role) => [role, { name: models[role].name, identity: identityOf(models[role]) }] as const,
  );
  const filter = passRate && new PassRate(passRate).options;
  const facts: Omit<SynthesisRun, "fingerprint"> = {
    roles: Object.fromEntries(named) as SynthesisRun["roles"],
    prompts: Object.fromEntries(identified) as SynthesisRun["prompts"],
    sampling,
    questions,
    turns,
    attempts,
    seed: seed ?? null,
    passRate: filter
      ? { policy: filter.sampler.identity, samples: filter.samples, above: filter.above, below: filter.below }
      : null,
  };
  const fingerprint = await sha256Hex(new TextEncoder().encode(JSON.stringify(facts)));
  return { fingerprint, ...facts };
}
