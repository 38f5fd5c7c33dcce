import { describe, expect, it } from "vitest";
import { tinyPolicySource } from "../../src/models/tiny-policy.ts";
import { adaptKlCoef } from "../../src/rl/kl-control.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { letterShareTask } from "../../src/tasks/letter-share.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { GrpoTrainer } from "../../src/train/grpo-trainer.ts";
import type { Scorer, TrainerState } from "../../src/train/grpo-trainer.ts";
import type { RecipeOptions } from "../../src/train/recipe.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { expectClose } from "../support/close.ts";
import { sharedDevice } from "../support/device.ts";

const small: RecipeOptions = {
  steps: 2,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 1e-2,
  seed: 3,
};

/** Half of all bytes are wanted: every group has some spread, whatever the seed. */
const easy = letterShareTask({
  letters: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?-+*/()[]{}<>",
});

async function train(
  options: RecipeOptions,
  { scorer, from }: { scorer?: Scorer; from?: TrainerState } = {},
) {
  const policy = await Policy.load(await sharedDevice(), await tinyPolicySource(1), {
    format: "q8",
    lora: { rank: 8, seed: 1 },
  });
  const trainer = new GrpoTrainer(policy, easy, { ...small, ...options }, scorer);
  if (from) trainer.restore(from);
  const events: TrainEvent[] = [];
  try {
    for await (const event of trainer.run()) events.push(event);
    const state = await trainer.state();
    const steps = events.flatMap((event) => (event.type === "step" ? [event.metrics] : []));
    const groups = events.flatMap((event) => (event.type === "rollouts" ? [event.groups] : []));
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event] : []));
    return { events, steps, groups, warnings, state };
  } finally {
    trainer.destroy();
    policy.destroy();
  }
}

type Trained = Awaited<ReturnType<typeof train>>;

const weights = ({ state }: Trained, kind: "param" | "m" = "param") =>
  [...state.tensors[kind].values()].flatMap((values) => [...values]);

/** Advantages of a step's completions. */
const advantages = ({ groups }: Trained, step: number) =>
  groups[step].flatMap((group) => group.rollouts.map((rollout) => rollout.advantage));

describe("advantages", () => {
  it.each([
    ["grpo", { scaleRewards: "batch" }],
    ["grpo_passk", {}],
    ["rloo", {}],
    ["reinforce_plus_plus", {}],
    ["reinforce_plus_plus", { gamma: 0.5 }],
  ] as const)("of %s %j weigh the tokens as they are recorded", async (advEstimator, options) => {
    const recipe: RecipeOptions = { steps: 1, lossType: "grpo", advEstimator, ...options };
    const trained = await train(recipe);
    const [{ loss, grad_norm }] = trained.steps;
    // On the first update every ratio is 1, so this loss is less the mean over completions of their mean advantage.
    const recorded = advantages(trained, 0);
    const mean = recorded.reduce((sum, value) => sum + value, 0) / recorded.length;
    expect(loss).toBeCloseTo(-mean, 5);
    expect(grad_norm).toBeGreaterThan(0);
    if (advEstimator === "grpo_passk") expect(recorded.filter((value) => value > 0)).toHaveLength(2);
    // In micro-batches a token finds the same advantage.
    const accumulated = await train({ ...recipe, tokensPerBatch: 300 });
    expectClose(weights(accumulated, "m"), weights(trained, "m"), { abs: 1e-6, rel: 1e-3 }, "first moments");
  });
});

describe("the KL in the reward", () => {
  it("changes no bit where it costs nothing, and is measured", async () => {
    const plain = await train({ logKl: true });
    const placed = await train({ logKl: true, klPlacement: "reward" });
    expect(weights(placed)).toEqual(weights(plain));
    expect(placed.steps[0].kl).toBeLessThan(1e-6); // the adapter is 0, but sampler and trainer round differently
    // Means over completions and over tokens differ by the completions' lengths alone.
    expect(placed.steps[1].kl / plain.steps[1].kl).toBeGreaterThan(0.5);
    expect(placed.steps[1].kl / plain.steps[1].kl).toBeLessThan(2);
  });

  it.each(["grpo", "reinforce_plus_plus"] as const)(
    "is a cost before the advantages of %s, whatever the micro-batches",
    async (advEstimator) => {
      const recipe: RecipeOptions = { advEstimator, klCoef: 3, klPlacement: "reward" };
      const free = await train({ ...recipe, klCoef: 0, logKl: true });
      const whole = await train(recipe);
      const parts = await train({ ...recipe, tokensPerBatch: 300 });
      expect(whole.steps[1].loss).toBe(whole.steps[1].policy_loss);
      expectClose(advantages(whole, 0), advantages(free, 0), { abs: 1e-3, rel: 1e-3 }, "no KL yet");
      const difference = advantages(whole, 1).map((value, i) => Math.abs(value - advantages(free, 1)[i]));
      expect(Math.max(...difference)).toBeGreaterThan(1e-2);
      expectClose(advantages(parts, 1), advantages(whole, 1), { abs: 2e-3, rel: 1e-2 }, "advantages");
    },
  );

  it.each(["loss", "reward"] as const)(
    "and in the %s has a weight that follows it, also after a resume",
    async (klPlacement) => {
      const recipe: RecipeOptions = {
        klPlacement,
        klController: "adaptive",
        klCoef: 0.5,
        klTarget: 1e-9,
        klHorizon: 40,
        steps: 3,
      };
      const whole = await train(recipe);
      const coefficients = whole.steps.map(({ kl_coef }) => kl_coef);
      expect(coefficients[0]).toBe(0.5);
      for (const step of [0, 1]) {
        const { kl } = whole.steps[step];
        expect(coefficients[step + 1]).toBe(
          adaptKlCoef(coefficients[step], { kl, samples: 8, target: 1e-9, horizon: 40 }),
        );
      }
      const fixed = await train({ ...recipe, klController: "fixed" });
      expect(fixed.steps[2]).not.toHaveProperty("kl_coef");
      expect(weights(fixed)).not.toEqual(weights(whole));
      const half = await train({ ...recipe, steps: 2 });
      const rest = await train(recipe, { from: half.state });
      expect(rest.steps[0].kl_coef).toBe(coefficients[2]);
      expect(weights(rest)).toEqual(weights(whole));
    },
  );
});

describe("online filtering", () => {
  /** All completions of an example of an even seed are right, of an odd one every other. */
  const half: Scorer = (completions, examples) =>
    Promise.resolve(
      completions.map((_, i) => {
        const right = Number(examples[i].id.split("/").at(-1)) % 2 === 0 || i % 2 === 0;
        return { value: right ? 1 : 0.3, parts: { accuracy: Number(right), format: 1 } };
      }),
    );
  const filtered: RecipeOptions = { onlineFiltering: true, filterKey: "accuracy" };

  it("draws other prompts until there are enough groups, and says how many it dropped", async () => {
    const trained = await train({ ...filtered, promptsPerStep: 4 }, { scorer: half });
    for (const [step, metrics] of trained.steps.entries()) {
      const drawn = 4 * metrics["filter/rounds"];
      expect(trained.groups[step]).toHaveLength(4);
      expect(metrics["filter/kept"]).toBe(4);
      expect(metrics["filter/dropped_high"]).toBeGreaterThan(0);
      expect(metrics["filter/dropped_high"] + metrics["filter/excess"] + 4).toBe(drawn);
      expect(metrics["rewards/accuracy/mean"]).toBeGreaterThan(0.5); // of all that were drawn
      for (const { seed, rollouts } of trained.groups[step]) {
        expect(seed % 2).toBe(1);
        expect(rollouts.map(({ reward }) => reward)).toEqual([1, 0.3, 1, 0.3]);
      }
      expect(metrics.grad_norm).toBeGreaterThan(0);
    }
    const seeds = trained.groups.flat().map(({ seed }) => seed);
    expect(new Set(seeds).size).toBe(8);
    expect(trained.state.rounds).toBe(trained.steps[0]["filter/rounds"] + trained.steps[1]["filter/rounds"]);
    expect(trained.state.rounds).toBeGreaterThan(2);
    expect(trained.warnings).toEqual([]);
  });

  it("goes on after a resume with the prompts and bits of a run that never stopped", async () => {
    const whole = await train({ ...filtered, steps: 4 }, { scorer: half });
    const first = await train({ ...filtered, steps: 2 }, { scorer: half });
    expect(first.state.rounds).toBeGreaterThan(2);
    const rest = await train({ ...filtered, steps: 4 }, { scorer: half, from: first.state });
    const ids = (groups: Trained["groups"]) => groups.map((step) => step.map(({ exampleId }) => exampleId));
    expect(ids(rest.groups)).toEqual(ids(whole.groups).slice(2));
    expect(weights(rest)).toEqual(weights(whole));
  });

  it("goes on with fewer groups when its rounds are used up", async () => {
    const recipe = {
      ...filtered,
      promptsPerStep: 4,
      maxTryMakeBatch: 1,
      advEstimator: "reinforce_plus_plus",
    } as const;
    const { steps, groups, warnings } = await train(recipe, { scorer: half });
    const few = groups.findIndex((step) => step.length > 0 && step.length < 4);
    expect(few).toBeGreaterThanOrEqual(0);
    expect(steps[few]["filter/rounds"]).toBe(1);
    expect(steps[few].step_skipped).toBe(0);
    expect(steps[few].grad_norm).toBeGreaterThan(0);
    const kept = groups[few].length;
    expect(warnings.find(({ step }) => step === few)).toMatchObject({
      code: "online-filtering",
      message:
        `of 4 groups in 1 round only ${kept} of the 4 wanted were kept, and trained on ` +
        `(mean accuracy: ${4 - kept} at least 0.99)`,
    });
  });

  it("leaves a step out for which nothing was kept, and goes on with the next", async () => {
    let calls = 0;
    const scorer: Scorer = (completions, examples) =>
      calls++ < 3
        ? Promise.resolve(completions.map(() => ({ value: 0, parts: { accuracy: 0 } })))
        : half(completions, examples);
    const recipe = { ...filtered, maxTryMakeBatch: 3, klCoef: 0.1, klPlacement: "reward" } as const;
    const { steps, groups, warnings, state } = await train(recipe, { scorer });
    expect(groups[0]).toEqual([]);
    expect(steps[0]).toMatchObject({ step_skipped: 1, "filter/kept": 0, "filter/rounds": 3, reward: 0 });
    expect(steps[0]).not.toHaveProperty("loss");
    expect(warnings[0]).toMatchObject({
      step: 0,
      code: "online-filtering",
      message: "of 6 groups in 3 rounds none was kept: the step was left out (mean accuracy: 6 at most 0.01)",
    });
    expect(steps[1].step_skipped).toBe(0);
    expect(state).toMatchObject({ step: 2, updates: 1 });
    expect(steps[0].num_tokens).toBeGreaterThan(0);
  });

  it("names the parts there are for a key that is none", async () => {
    const wrong = train({ ...filtered, filterKey: "acuracy" }, { scorer: half });
    await expect(wrong).rejects.toThrow(
      new InvalidOptionError(
        "recipe: filterKey",
        "acuracy",
        "overall or a part of the reward: accuracy, format",
      ),
    );
  });
});
