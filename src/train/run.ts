import { evaluatedCount, evaluateSteps, reserveEvaluation, summaryOf } from "../evaluation/accuracy.ts";
import type { Evaluation } from "../evaluation/accuracy.ts";
import { identifySystemPrompt } from "../data/system-prompt.ts";
import { exportWeights } from "../models/export-weights.ts";
import type { UserObjective } from "../rl/user-objective.ts";
import type { Policy } from "../rollout/policy.ts";
import { writeAdapter } from "../storage/peft.ts";
import { writeSafetensors } from "../storage/safetensors.ts";
import { createTask } from "../tasks/registry.ts";
import type { Task } from "../tasks/task.ts";
import { CheckpointError, InvalidOptionError, StorageError } from "../util/errors.ts";
import { curvesSvg } from "./curves.ts";
import type { CurveRun } from "./curves.ts";
import type { GroupRecord, TrainEvent } from "./events.ts";
import type { Scorer } from "./grpo-trainer.ts";
import { modelFile } from "./run-folder.ts";
import type { KeptEvaluation, RunFolder, When } from "./run-folder.ts";
import { denseOf, trainingOf } from "./run-recipe.ts";
import type { RunRecipe } from "./run-recipe.ts";
import { noDigest, recordedStep, stepDigest, variantsOf, weightsSha256 } from "./run-record.ts";
import type { RecordedStep, RunRecord } from "./run-record.ts";
import { createRunTrainer, evaluationOptions } from "./run-trainer.ts";
import type { RunTrainer } from "./run-trainer.ts";

/** What a run yields besides the trainer's own events. */
export type RunEvent =
  | TrainEvent
  /** The run goes on after `step` steps. Checkpoints that were torn, and passed over, are named. */
  | { type: "resumed"; step: number; torn: string[] }
  | { type: "evaluating"; step: number; when: When; done: number; total: number }
  | { type: "evaluation"; step: number; when: When; evaluation: Evaluation }
  | { type: "saved"; step: number; key: string }
  | {
      type: "finished";
      step: number;
      record: RunRecord;
      before: Evaluation | null;
      after: Evaluation | null;
    };

/** All that a run needs. */
export interface RunOptions {
  /** Freshly loaded with the recipe's model, format and adapter. */
  policy: Policy;
  recipe: RunRecipe;
  /** Where everything goes as it comes about. */
  folder: RunFolder;
  /** Versions for the record: of the kit, and of what it runs on. */
  kit: { version: string; [runtime: string]: string };
  /** Default: the recipe's. */
  task?: Task;
  /** Goes on from what is in the folder; an empty one begins a new run. */
  resume?: boolean;
  /** Rewards computed elsewhere, such as in a worker. */
  scorer?: Scorer;
  /** In place of the loss kernel, with `grpo`. The run's record does not say so: a recipe's `objective` names one. */
  objective?: UserObjective;
  signal?: AbortSignal;
  /** Steps between two checkpoints. Default: as often as saving takes at most a tenth of the time. */
  checkpointEvery?: number;
  /** Asked after each step: true brings about a checkpoint of it. */
  saveRequested?: () => boolean;
}

/**
 * A whole run: accuracy before, training with every step recorded, accuracy after, and the record of it all. Each step is
 * in the folder before its event is yielded. A run that was killed at any point and is resumed ends in the same bits as
 * one that was not, as does one that was aborted, which saves a checkpoint first and ends with `done`, `stopped`.
 * @throws CheckpointError when the folder holds a run and `resume` is not set, or another recipe's run; StorageError
 *   when there is no room: what was saved before is whole, and resuming goes on from there.
 */
export function trainRun(options: RunOptions): AsyncGenerator<RunEvent, void, void> {
  return new Run(options).events();
}

class Run {
  readonly #policy: Policy;
  readonly #recipe: RunRecipe;
  readonly #folder: RunFolder;
  readonly #task: Task;
  readonly #trainer: RunTrainer;
  readonly #options: RunOptions;
  /** Steps recorded, those of earlier parts of the run included. */
  #steps: RecordedStep[] = [];
  /** Of the earlier parts of the run. */
  #earlierMs = 0;
  readonly #begun = performance.now();
  /** Step of the newest checkpoint. */
  #saved = 0;
  #pace = { at: performance.now(), took: 0 };

  constructor(options: RunOptions) {
    const { policy, recipe, folder, scorer, objective } = options;
    const task = options.task ?? createTask(recipe.task);
    if (task.name !== recipe.task.name)
      throw new InvalidOptionError("run: task", task.name, recipe.task.name);
    const { lora } = policy.model;
    const dense = denseOf(recipe);
    if (dense && (lora || !policy.model.parameters))
      throw new InvalidOptionError(
        "run: the policy's weights",
        "frozen ones",
        `those of \`dense\`: ${dense}`,
      );
    if (!dense && (lora?.rank !== recipe.lora.rank || lora.alpha !== recipe.lora.alpha)) {
      throw new InvalidOptionError("run: the policy's adapter", lora ?? "none", recipe.lora);
    }
    this.#options = options;
    this.#policy = policy;
    this.#recipe = recipe;
    this.#folder = folder;
    this.#task = task;
    this.#trainer = createRunTrainer({ policy, task, recipe, scorer, objective });
  }

  async *events(): AsyncGenerator<RunEvent, void, void> {
    const { signal } = this.#options;
    try {
      if (yield* this.#begin()) return;
      yield* this.#whole();
    } catch (error) {
      if (signal?.aborted) {
        yield* this.#stop();
        return;
      }
      // What was trained is worth keeping. A storage that failed is not asked again, and the first error counts.
      if (!(error instanceof StorageError)) await this.#checkpoint().catch(() => undefined);
      throw error;
    } finally {
      this.#trainer.destroy();
    }
  }

  /** Begins or goes on; true when there is nothing left to do. */
  async *#begin(): AsyncGenerator<RunEvent, boolean, void> {
    const { resume = false } = this.#options;
    const folder = this.#folder;
    const status = await folder.status();
    if (status && !resume) {
      throw new CheckpointError(
        `${folder.name}: it holds a run of ${status.steps} steps already; resume it, or take another folder`,
      );
    }
    const earlier = await folder.recipe();
    if (earlier !== null) {
      this.#compare(earlier);
      yield* this.#restore();
    }
    if (this.#trainer.step === 0 && this.#policy.version > 0) {
      throw new InvalidOptionError(
        "run: the policy",
        `one that has been trained for ${this.#policy.version} updates`,
        "one freshly loaded",
      );
    }
    const record = await folder.record();
    const done = record !== null && record.steps === this.#trainer.step && this.#isLast();
    if (!done) {
      await folder.saveRecipe(this.#recipe);
      return false;
    }
    const [before, after] = await Promise.all([folder.evaluation("before"), folder.evaluation("after")]);
    yield {
      type: "finished",
      step: record.steps,
      record,
      before: before?.evaluation ?? null,
      after: after?.evaluation ?? null,
    };
    return true;
  }

  /** A run may be made longer, and evaluated on more; everything else has to be as it was. */
  #compare(earlier: RunRecipe): void {
    const different = firstDifference(this.#recipe, earlier);
    if (different !== undefined)
      throw new CheckpointError(`${this.#folder.name}: its run is of another recipe: ${different}`);
  }

  async *#restore(): AsyncGenerator<RunEvent, void, void> {
    const found = await this.#folder.latestCheckpoint();
    const { step = 0 } = found?.state ?? {};
    const { steps } = trainingOf(this.#recipe);
    if (step > steps) {
      throw new CheckpointError(
        `${this.#folder.name}: its run has taken ${step} steps already, the recipe has ${steps}`,
      );
    }
    if (found) await this.#trainer.restore(found);
    this.#steps = await this.#folder.cutBack(step);
    const before = await this.#folder.evaluation("before");
    this.#earlierMs = this.#steps.at(-1)?.wallMs ?? before?.wallMs ?? 0;
    this.#saved = step;
    yield { type: "resumed", step, torn: found?.torn ?? [] };
  }

  /**
   * All the memory of the run is taken and told before anything takes long. It is also the same for a run that goes on,
   * whose evaluation is done, so that kernels chosen by the size of the engine are those of a run that never stopped.
   */
  async *#plan(): AsyncGenerator<RunEvent, void, void> {
    if (this.#recipe.evaluation.scenes > 0)
      await reserveEvaluation(
        this.#policy,
        this.#task,
        evaluationOptions(this.#recipe, this.#options.signal),
      );
    if (this.#isLast()) return;
    const { budget } = await this.#trainer.prepare();
    const { step } = this.#trainer;
    const adapter = { ...this.#policy.device.info };
    yield { type: "plan", step, steps: trainingOf(this.#recipe).steps, budget, adapter };
  }

  async *#whole(): AsyncGenerator<RunEvent, void, void> {
    yield* this.#plan();
    const before = yield* this.#evaluate("before");
    const stopped = yield* this.#train();
    if (stopped) {
      yield* this.#stop();
      return;
    }
    yield* this.#save();
    const after = yield* this.#evaluate("after");
    const record = await this.#record(before, after);
    await this.#folder.saveCurves(this.#curves(record));
    await this.#folder.saveRecord(record);
    yield { type: "finished", step: record.steps, record, before, after };
  }

  /** Steps up to the recipe's last, each kept before it is told; true when the signal ended them. */
  async *#train(): AsyncGenerator<RunEvent, boolean, void> {
    let rollouts: { policyVersion: number; groups: GroupRecord[] } = { policyVersion: 0, groups: [] };
    for await (const event of this.#trainer.run({ signal: this.#options.signal })) {
      if (event.type === "done") {
        if (event.reason === "stopped") return true;
        continue;
      }
      if (event.type === "rollouts") rollouts = event;
      if (event.type === "step") {
        const { step, metrics } = event;
        const previous = this.#steps.at(-1)?.digest ?? noDigest;
        const digest = await stepDigest(previous, rollouts.groups, metrics);
        const line = recordedStep(step, metrics, { digest, wallMs: this.#wallMs() });
        await this.#folder.addStep(line, rollouts.policyVersion, rollouts.groups);
        this.#steps.push(line);
      }
      yield event;
      if (event.type === "step" && this.#isDue()) yield* this.#save();
    }
    return false;
  }

  #isLast(): boolean {
    return this.#trainer.step >= trainingOf(this.#recipe).steps;
  }

  #isDue(): boolean {
    const { checkpointEvery, saveRequested } = this.#options;
    if (saveRequested?.() === true) return true;
    if (checkpointEvery !== undefined) return this.#trainer.step % checkpointEvery === 0;
    return performance.now() - this.#pace.at >= 9 * this.#pace.took;
  }

  /** A checkpoint of the steps done, unless there is one. */
  async #checkpoint(): Promise<string | undefined> {
    const { step } = this.#trainer;
    if (step === this.#saved) return undefined;
    const begun = performance.now();
    const key = await this.#folder.saveCheckpoint(await this.#trainer.checkpoint(this.#options.kit));
    this.#saved = step;
    this.#pace = { at: performance.now(), took: performance.now() - begun };
    return key;
  }

  async *#save(): AsyncGenerator<RunEvent, void, void> {
    const key = await this.#checkpoint();
    if (key !== undefined) yield { type: "saved", step: this.#trainer.step, key };
  }

  /** After an abort: all that there is so far is left usable. */
  async *#stop(): AsyncGenerator<RunEvent, void, void> {
    yield* this.#save();
    const { step } = this.#trainer;
    if (step > 0) {
      await this.#folder.saveWeights(await this.#weights());
      const before = await this.#folder.evaluation("before");
      const run = { metrics: this.#steps, before: before?.evaluation ?? null };
      await this.#folder.saveCurves(this.#curves(run));
    }
    yield { type: "done", step, reason: "stopped" };
  }

  /** Greedy accuracy, or what an earlier part of the run found it to be; null when the recipe has no evaluation. */
  async *#evaluate(when: When): AsyncGenerator<RunEvent, Evaluation | null, void> {
    const step = when === "before" ? 0 : this.#trainer.step;
    if (this.#recipe.evaluation.scenes === 0) return null;
    const options = evaluationOptions(this.#recipe, this.#options.signal);
    const kept = await this.#folder.evaluation(when);
    if (kept && isOf(kept, step, evaluatedCount(this.#task, options))) return kept.evaluation;
    // Of weights that were trained themselves, those before are gone.
    if (step !== this.#trainer.step && denseOf(this.#recipe)) return kept?.evaluation ?? null;
    const steps = evaluateSteps(this.#policy, this.#task, {
      ...options,
      scorer: this.#options.scorer,
      // A fresh adapter changes nothing, so a policy that has been trained since still knows how it began.
      adapter: step === this.#trainer.step,
    });
    for (;;) {
      const next = await steps.next();
      if (!next.done) {
        yield { type: "evaluating", step, when, ...next.value };
        continue;
      }
      const evaluation = next.value;
      await this.#folder.saveEvaluation(when, { step, wallMs: this.#wallMs(), evaluation });
      yield { type: "evaluation", step, when, evaluation };
      return evaluation;
    }
  }

  #curves(run: CurveRun): string {
    const { model, task } = this.#recipe;
    const { seed } = trainingOf(this.#recipe);
    return curvesSvg([run], { title: `${model} on ${task.name}, seed ${seed}` });
  }

  #wallMs(): number {
    return Math.round(this.#earlierMs + performance.now() - this.#begun);
  }

  /** What was trained, as files: an adapter as PEFT has it, or the weights themselves. */
  async #weights(): Promise<Map<string, Uint8Array>> {
    const { model } = this.#policy;
    if (denseOf(this.#recipe))
      return new Map([[modelFile, writeSafetensors(await exportWeights(model), { format: "pt" })]]);
    const adapter = { ...(await model.readAdapter()), baseModel: this.#recipe.model };
    return writeAdapter(adapter, { architecture: model.config.architecture });
  }

  /** Saves the weights and describes the run. */
  async #record(before: Evaluation | null, after: Evaluation | null): Promise<RunRecord> {
    const weights = await this.#weights();
    await this.#folder.saveWeights(weights);
    const { device } = this.#policy;
    return {
      format: 1,
      kit: this.#options.kit,
      recipe: this.#recipe,
      seed: trainingOf(this.#recipe).seed,
      model: this.#recipe.model,
      systemPrompt: await identifySystemPrompt(trainingOf(this.#recipe).system ?? this.#task.system),
      adapter: { ...device.info },
      ...variantsOf(device),
      steps: this.#trainer.step,
      metrics: this.#steps,
      before: before && summaryOf(before),
      after: after && summaryOf(after),
      wallMs: this.#wallMs(),
      weightsSha256: await weightsSha256(
        weights.get(modelFile) ?? weights.get("adapter_model.safetensors") ?? new Uint8Array(0),
      ),
    };
  }
}

function isOf({ step, evaluation }: KeptEvaluation, wantedStep: number, count: number): boolean {
  return step === wantedStep && evaluation.count === count;
}

/** What two recipes differ in besides their steps and how much is evaluated, in words; undefined where in nothing. */
function firstDifference(recipe: RunRecipe, earlier: RunRecipe): string | undefined {
  const [got, expected] = [flatten(recipe), flatten(earlier)];
  const free = /^((grpo|sft)\.steps|evaluation\.scenes)$/;
  const key = [...new Set([...got.keys(), ...expected.keys()])].find(
    (k) => !(free.test(k) && got.has(k) && expected.has(k)) && got.get(k) !== expected.get(k),
  );
  if (key === undefined) return undefined;
  // A value may be a picture.
  const show = (value = "none") => (value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return `${key}: got ${show(got.get(key))}, expected ${show(expected.get(key))}`;
}

/** Every value of nested objects by its path, as text. */
function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  const entries = Object.entries(value).flatMap(([key, inner]) => [
    ...flatten(inner, path ? `${path}.${key}` : key),
  ]);
  return new Map(entries);
}
