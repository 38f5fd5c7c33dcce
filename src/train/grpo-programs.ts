import { bufferBytes } from "../gpu/plan.ts";
import type { MemoryPlan } from "../gpu/plan.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { OPTIMIZER_REPORT } from "../kernels/adamw.ts";
import { emitGrpoLoss, OBJECTIVE_STATS } from "../kernels/grpo-loss.ts";
import { emitGatherRows, emitScatterRows } from "../kernels/rows.ts";
import { bannedMask } from "../kernels/sampling.ts";
import { view } from "../gpu/tensor.ts";
import type { Model } from "../models/model.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../models/packed-inputs.ts";
import type { PackedCapacity } from "../models/packed-inputs.ts";
import { lossForm, objectiveOptions } from "../rl/loss-types.ts";
import type { ObjectiveOptions } from "../rl/loss-types.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { recordAdvantage } from "./advantage-program.ts";
import type { AdvantageProgram, AdvantageProgramOptions } from "./advantage-program.ts";
import { recordOptimizer, trainedParameters } from "./optimizer-program.ts";
import type { OptimizerOptions } from "./optimizer-program.ts";
import { recordUserUpdate } from "./user-update.ts";
import type { UserPrograms } from "./user-update.ts";

export interface GrpoProgramOptions {
  /** Limits of one micro-batch. */
  capacity: PackedCapacity;
  /** From rewards to advantages. Its `stepTokens` are also room for log-probs that later iterations compare with. */
  advantage: AdvantageProgramOptions;
  features?: Tensor;
  objective: Partial<ObjectiveOptions>;
  /** An objective of the user's takes the place of the kernel. */
  userObjective?: boolean;
  /** The objective's klCoef is a scalar of each run, `klCoef`. */
  klCoefVaries?: boolean;
  /** Whether the adapter-off network scores the completions too. */
  reference: boolean;
  /** Updates on the same rollouts. */
  iterations: number;
  recompute: boolean;
  optimizer: OptimizerOptions;
  bannedTokens: readonly number[];
  /** Keeps logp and dlogp readable after a run. */
  keep?: boolean;
  pool?: SlotPool;
}

/** The recorded parts of a GRPO step, joined by tensors that stay on the GPU. */
export interface GrpoPrograms {
  advantage: AdvantageProgram;
  reference: ReferenceProgram | undefined;
  /** On-policy: the ratio is 1; with several iterations it also stores its log-probs. */
  first: UpdateProgram | undefined;
  /** Compares with the log-probs that `first` stored. */
  later: UpdateProgram | undefined;
  /** In place of `first` and `later`, with an objective of the user's. */
  user: UserPrograms | undefined;
  optimizer: Program;
  advantages: Tensor;
  refLogp: Tensor | undefined;
  oldLogp: Tensor | undefined;
  stats: Tensor;
  report: Tensor;
  plans: MemoryPlan[];
  /** Bytes of the tensors that join the programs. */
  persistentBytes: number;
  destroy(): void;
}

export interface ReferenceProgram {
  program: Program;
  inputs: PackedInputs;
  /** Number of each scored token within the step; only with the KL in the reward. */
  stepRows: Tensor | undefined;
}

export interface UpdateProgram {
  program: Program;
  inputs: PackedInputs;
  weights: Tensor;
  samplerLogp: Tensor;
  logp: Tensor;
  dlogp: Tensor;
  /** Number of each scored token within the step; only with several iterations, or advantages of tokens. */
  stepRows: Tensor | undefined;
}

/** Records everything a step runs. Between rollouts and metrics nothing of it is read back. */
export async function recordGrpo(model: Model, options: GrpoProgramOptions): Promise<GrpoPrograms> {
  const { device } = model;
  trainedParameters(model, "GRPO");
  const { capacity, pool } = options;
  const chosen = objectiveOptions(options.objective);
  const objective = { ...chosen, ...lossForm(chosen) };
  const { stepTokens, klInReward } = options.advantage;
  // With the KL in the reward the loss has none.
  const refLogp =
    options.reference && !klInReward ? device.tensor("refLogp", [capacity.scored], "f32") : undefined;
  const isUsers = options.userObjective ?? false;
  const several = options.iterations > 1 && !isUsers;
  const stored = several ? device.tensor("oldLogp", [stepTokens, 1], "f32") : undefined;
  const stats = device.tensor("stats", [OBJECTIVE_STATS], "f32");
  const report = device.tensor("report", [OPTIMIZER_REPORT], "f32");
  const { vocabSize } = model.config.text;
  const banned = device.tensor(
    "banned",
    [Math.ceil(vocabSize / 32)],
    "u32",
    bannedMask(vocabSize, options.bannedTokens),
  );

  const advantage = await recordAdvantage(device, { ...options.advantage, pool });
  const { advantages, perToken } = advantage;

  const reference = async (): Promise<ReferenceProgram> => {
    const rec = new Recorder(device, "reference");
    const inputs = new PackedInputs(rec, capacity, options.features);
    const forward = emitDecoder(rec, model, inputs, { adapter: false });
    const { logp } = emitScores(rec, model, inputs, forward, {
      temperature: rec.scalar("temperature"),
      banned,
    });
    let stepRows: Tensor | undefined;
    if (refLogp && inputs.S) rec.copy(logp, refLogp);
    if (advantage.refLogp && inputs.S) {
      stepRows = rec.input("stepRows", [inputs.S], "u32");
      emitScatterRows(rec, { src: view(logp, [inputs.S, 1]), index: stepRows, y: advantage.refLogp });
    }
    return { program: await rec.build({ pool }), inputs, stepRows };
  };

  const update = async (name: string, old: "none" | "store" | "compare"): Promise<UpdateProgram> => {
    const rec = new Recorder(device, name);
    const inputs = new PackedInputs(rec, capacity, options.features, model.decoder.embedding);
    const { S, sequence } = inputs;
    if (!S || !sequence)
      throw new InvalidOptionError("GRPO: scored tokens of a micro-batch", capacity.scored, "at least 1");
    const scoring = { temperature: rec.scalar("temperature"), banned };
    const forward = emitDecoder(rec, model, inputs, { adapter: true, recompute: options.recompute });
    const scores = emitScores(rec, model, inputs, forward, scoring);
    const weights = rec.input("weights", [S], "f32");
    const samplerLogp = rec.input("samplerLogp", [S], "f32");
    const dlogp = rec.tensor("dlogp", [S], "f32");
    const isStored = stored !== undefined && old !== "none";
    const stepRows = isStored || perToken ? rec.input("stepRows", [S], "u32") : undefined;
    let oldLogp: Tensor | undefined;
    if (isStored && stepRows) {
      if (old === "store")
        emitScatterRows(rec, { src: view(scores.logp, [S, 1]), index: stepRows, y: stored });
      else {
        const gathered = rec.tensor("oldLogp", [S, 1], "f32");
        emitGatherRows(rec, { src: stored, index: stepRows, y: gathered });
        oldLogp = view(gathered, [S]);
      }
    }
    rec.scope("objective", () => {
      emitGrpoLoss(rec, {
        logp: scores.logp,
        oldLogp,
        refLogp: refLogp && { ...refLogp, shape: [S] },
        samplerLogp,
        entropy: scores.entropy,
        advantages,
        advantageIndex: perToken ? stepRows : undefined,
        sequence,
        sequences: options.advantage.sequences,
        weights,
        dlogp,
        stats,
        options: options.klCoefVaries ? { ...objective, klCoef: rec.scalar("klCoef") } : objective,
        accumulate: rec.scalar("accumulate"),
      });
    });
    emitBackward(rec, model, inputs, forward, scores, dlogp, scoring);
    if (options.keep) for (const tensor of [scores.logp, dlogp]) rec.output(tensor);
    const program = await rec.build({ pool });
    return { program, inputs, weights, samplerLogp, logp: scores.logp, dlogp, stepRows };
  };

  const programs = {
    advantage,
    reference: options.reference ? await reference() : undefined,
    first: isUsers ? undefined : await update("update", several ? "store" : "none"),
    later: several ? await update("update again", "compare") : undefined,
    user: isUsers ? await recordUserUpdate(model, { ...options, banned }) : undefined,
    optimizer: await recordOptimizer(model, report, options.optimizer, pool),
    advantages,
    refLogp,
    oldLogp: stored,
    stats,
    report,
  };
  const all = [
    advantage.program,
    programs.reference?.program,
    programs.first?.program,
    programs.later?.program,
    programs.user?.score.program,
    programs.user?.backward.program,
    programs.optimizer,
  ];
  const persistent = [...advantage.persistent, refLogp, stored, stats, report, banned].filter(
    (tensor) => tensor !== undefined,
  );
  return {
    ...programs,
    persistentBytes: persistent.reduce((sum, { storage }) => sum + bufferBytes(storage.bytes), 0),
    plans: all.flatMap((program) => (program ? [program.plan] : [])),
    destroy() {
      for (const program of all) program?.destroy();
      for (const tensor of persistent) device.freeTensor(tensor);
    },
  };
}
