import { readOptimizerReport } from "../kernels/adamw.ts";
import { adamwBias } from "../kernels/adamw.ts";
import { readObjectiveStats } from "../kernels/grpo-loss.ts";
import { runPrograms } from "../gpu/program.ts";
import type { Model } from "../models/model.ts";
import { packGroups } from "../models/packing.ts";
import { objectiveOptions } from "../rl/loss-types.ts";
import type { LossType } from "../rl/loss-types.ts";
import { sequenceWeights } from "../rl/loss-weights.ts";
import { policyObjective } from "../rl/objective.ts";
import { recordGrpo } from "../train/grpo-programs.ts";
import { checkGradients } from "./parity-model.ts";
import type { ParityReport } from "./parity-report.ts";

/** Parameters of the reference run, from info.json. */
export interface GrpoFixture {
  eps_low: number;
  eps_high: number;
  beta: number;
  prompt_len: number;
}

const lossTypes: [name: string, type: LossType][] = [
  ["grpo", "grpo"],
  ["bnpo_dapo", "dapo"],
  ["dr_grpo", "dr_grpo"],
];

/** GRPO's advantages, losses, gradients and one AdamW step, with the trainer's own programs and a shared prompt. */
export async function checkGrpo(model: Model, report: ParityReport, fixture: GrpoFixture): Promise<void> {
  const [G, width] = report.shape("input_ids");
  const ids = await report.input("input_ids");
  const completionMask = await report.input("completion_mask");
  await report.input("attention_mask");
  const rewards = await report.input("rewards");
  const P = fixture.prompt_len;
  const C = width - P;
  const kept = Array.from(completionMask.keys()).filter((index) => completionMask[index] !== 0);
  const completions = Array.from({ length: G }, (_, g) =>
    kept.filter((index) => Math.floor(index / C) === g).map((index) => ids[g * width + P + (index % C)]),
  );
  const lengths = completions.map((tokens) => tokens.length);
  const tokens = Array.from(ids.subarray(0, P));
  const prompt = {
    tokens,
    positions: Int32Array.from({ length: 3 * P }, (_, i) => i % P),
    nextPosition: P,
    featureRows: [],
  };
  const batch = packGroups([{ prompt, completions }]);
  const scored = batch.targets.length;
  const objective = {
    clipRatioLow: fixture.eps_low,
    clipRatioHigh: fixture.eps_high,
    klCoef: fixture.beta,
    klType: "k3" as const,
  };
  const programs = await recordGrpo(model, {
    capacity: { tokens: batch.ids.length, scored, segments: G + 1 },
    advantage: {
      sequences: G,
      stepTokens: scored,
      groupSize: G,
      estimator: "grpo",
      scaleRewards: "group",
      advantageEps: 1e-4,
      gamma: 1,
    },
    objective,
    reference: true,
    iterations: 2,
    recompute: true,
    optimizer: { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, maxGradNorm: 0.5 },
    bannedTokens: [],
    keep: true,
  });
  const { device } = model;
  const { advantage, reference, later } = programs;
  if (!reference || !later?.stepRows || !programs.oldLogp || !programs.refLogp)
    throw new Error("recorded with a reference and two iterations");
  // [G, C] of the reference ↔ packed rows: padding is left out.
  const pack = (padded: Float32Array) => Float32Array.from(kept, (index) => padded[index]);
  const unpack = (packed: ArrayLike<number>) => {
    const padded = new Float32Array(G * C);
    kept.forEach((index, row) => (padded[index] = packed[row]));
    return padded;
  };
  const onCompletions = (index: number) => completionMask[index] !== 0;
  const oldLogp = pack(await report.input("old_logp"));
  advantage.program.write(advantage.rewards, rewards);
  device.write(programs.oldLogp, oldLogp);
  const run = (weights: Float32Array) => {
    const referenceValues = reference.inputs.write(reference.program, batch);
    const values = later.inputs.write(later.program, batch);
    later.program.write(later.weights, weights);
    later.program.write(later.samplerLogp, oldLogp);
    if (later.stepRows)
      later.program.write(
        later.stepRows,
        Uint32Array.from({ length: scored }, (_, row) => row),
      );
    runPrograms(device, [
      [advantage.program, {}],
      [reference.program, { ...referenceValues, temperature: 1 }],
      [later.program, { ...values, temperature: 1, accumulate: 0 }],
    ]);
  };

  for (const [name, lossType] of lossTypes) {
    for (const { grad } of model.parameters?.blocks ?? [])
      if (grad) device.write(grad, new Float32Array(Number(grad.shape[0])));
    const perSequence = sequenceWeights(lossType, lengths, { maxCompletionLength: C });
    const weights = Float32Array.from(
      lengths.flatMap((length, s) => new Array<number>(length).fill(perSequence[s])),
    );
    run(weights);
    const [stats, dlogp, logp, refLogp, advantages] = await device.readAll([
      programs.stats,
      later.dlogp,
      later.logp,
      programs.refLogp,
      programs.advantages,
    ]);
    const objectiveStats = readObjectiveStats(stats);
    await report.check(`loss.${name}`, [objectiveStats.loss]);
    await checkGradients(model, report, `grad.${name}.`);
    await report.check(`dloss_dlogp.${name}`, unpack(dlogp), "gradient", onCompletions);
    if (name !== "dr_grpo") continue;
    await report.check("advantages", advantages);
    await report.check("logp", unpack(logp));
    await report.check("ref_logp", unpack(refLogp));
    await report.check("clip_frac", [objectiveStats.clipRegion]);
    // The per-token view of the same step, by the pure twin on the GPU's log-probs.
    const perToken = policyObjective({
      logp,
      oldLogp,
      refLogp,
      advantages: Float32Array.from(
        lengths.flatMap((length, s) => new Array<number>(length).fill(advantages[s])),
      ),
      weights,
      options: objectiveOptions(objective),
    });
    await report.check("ratio", unpack(perToken.ratio));
    await report.check("per_token_loss", unpack(perToken.perToken));

    const { bias1, bias2 } = adamwBias(1, 0.9, 0.999);
    programs.optimizer.run({ lr: 1e-2, bias1, bias2 });
    const optimizer = readOptimizerReport(await device.read(programs.report));
    await report.check("adamw.grad_norm", [optimizer.gradNorm], "gradient");
    await checkGradients(model, report, "adamw.after.", "param");
  }
  programs.destroy();
}
