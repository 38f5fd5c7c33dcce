import { describe, expect, it } from "vitest";
import type { GroupRecord } from "../../src/train/events.ts";
import { shippedRecipes } from "../../src/train/recipes.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import {
  compareRuns,
  metricsOf,
  noDigest,
  parseRunRecord,
  recordedStep,
  stepDigest,
} from "../../src/train/run-record.ts";
import type { RunRecord } from "../../src/train/run-record.ts";
import { CorruptFileError, InvalidOptionError } from "../../src/util/errors.ts";

const hash = (digit: string) => digit.repeat(64);

function record(change: Partial<RunRecord> = {}): RunRecord {
  return {
    format: 1,
    kit: { version: "0.1.0" },
    recipe: parseRunRecipe(shippedRecipes.toy),
    seed: 1,
    model: "toy",
    adapter: { vendor: "mesa", description: "llvmpipe", maxBufferBytes: 1 },
    variants: { "matmul.forward": [0, 2] },
    tuned: {},
    steps: 2,
    metrics: ["a", "b"].map((digit, step) =>
      recordedStep(step, { reward: 0.5 }, { digest: hash(digit), wallMs: 7 }),
    ),
    before: {
      accuracy: 0.5,
      count: 2,
      interval: [0.1, 0.9],
      byKind: {},
      thinking: 0,
      meanLength: 3,
      parts: {},
    },
    after: null,
    wallMs: 10,
    weightsSha256: hash("c"),
    ...change,
  };
}

function groups(change: Partial<GroupRecord["rollouts"][number]> = {}): GroupRecord[] {
  const rollout = { text: "a", tokens: [1, 2], logps: [-1, -2], reward: 1, rewardParts: {}, advantage: 0.5 };
  const rollouts = [rollout, { ...rollout, ...change }].map((one) => ({
    ...one,
    finishReason: "stop" as const,
  }));
  return [{ exampleId: "x", seed: 7, prompt: "p", answer: null, rollouts }];
}

describe("run record", () => {
  it("survives JSON", () => {
    expect(parseRunRecord(JSON.parse(JSON.stringify(record())))).toEqual(record());
  });

  it("says whose system prompt it was; those before that was recorded still parse", () => {
    const systemPrompt = { kind: "wethink" as const, sha256: hash("e") };
    expect(parseRunRecord(record({ systemPrompt })).systemPrompt).toEqual(systemPrompt);
    expect(parseRunRecord(record())).not.toHaveProperty("systemPrompt");
    const other = { ...record(), systemPrompt: { kind: "mine", sha256: hash("e") } };
    expect(() => parseRunRecord(other)).toThrow(/systemPrompt\.kind: got "mine"/);
  });

  it.each<[object, RegExp]>([
    [{ format: 2 }, /run\.json: format: got 2, expected 1/],
    [{ weightsSha256: "abc" }, /run\.json: weightsSha256: got "abc", expected .*/],
    [{ metrics: [{ step: 0, wallMs: 1 }] }, /run\.json: metrics\.0\.digest: got undefined/],
    [{ before: { accuracy: 1 } }, /run\.json: before\.count: got undefined/],
    [{ steps: -1 }, /run\.json: steps: got -1, expected >=0/],
  ])("refuses %j", (change, message) => {
    const parse = () => parseRunRecord({ ...record(), ...change }, "run.json");
    expect(parse).toThrow(CorruptFileError);
    expect(parse).toThrow(message);
  });

  it("refuses what is no record, and a recipe of another version", () => {
    expect(() => parseRunRecord(null)).toThrow(CorruptFileError);
    expect(() => parseRunRecord({ ...record(), recipe: { model: "toy" } })).toThrow(InvalidOptionError);
  });

  it("leaves out metrics that are no numbers for JSON", () => {
    const step = recordedStep(3, { reward: 1, kl: NaN, loss: Infinity }, { digest: noDigest, wallMs: 1.6 });
    expect(step).toEqual({ step: 3, digest: noDigest, wallMs: 2, reward: 1 });
    expect(metricsOf(step)).toEqual({ reward: 1 });
  });
});

describe("stepDigest", () => {
  const metrics = { loss: 0.1, grad_norm: 2, entropy: 3, step_time: 5 };
  const digest = (rollouts = groups(), values: Record<string, number> = metrics, previous = noDigest) =>
    stepDigest(previous, rollouts, values);

  it("is the same for the same, whatever the time", async () => {
    expect(await digest()).toMatch(/^[0-9a-f]{64}$/);
    expect(await digest(groups(), { ...metrics, step_time: 6 })).toBe(await digest());
    expect(await digest(groups({ text: "b" }))).toBe(await digest());
  });

  it("differs with a token, where completions end, a reward, a bit of a metric, and all that was before", async () => {
    const others = [
      digest(groups({ tokens: [1, 3] })),
      digest(groups({ tokens: [1] })),
      digest(groups({ tokens: [1, 2, 0] })),
      digest(groups({ reward: 0 })),
      digest(groups({ reward: null })),
      digest(groups(), { ...metrics, loss: 0.1 + 2 ** -50 }),
      digest(groups(), { ...metrics, grad_norm: NaN }),
      digest(groups(), { ...metrics, entropy: -3 }),
      digest(groups(), metrics, hash("a")),
      digest(),
    ];
    expect(new Set(await Promise.all(others)).size).toBe(others.length);
  });
});

describe("compareRuns", () => {
  const same = {
    same: true,
    firstDifferentStep: null,
    weightsMatch: true,
    adapterMatches: true,
    variantsMatch: true,
    kitMatches: true,
  };
  it.each<[string, Partial<RunRecord>, object]>([
    ["the same run", { wallMs: 99, variants: {}, before: null }, {}],
    ["other weights", { weightsSha256: hash("d") }, { same: false, weightsMatch: false }],
    [
      "another step",
      { metrics: [record().metrics[0], recordedStep(1, {}, { digest: hash("x"), wallMs: 1 })] },
      { same: false, firstDifferentStep: 1 },
    ],
    ["a step less", { metrics: [record().metrics[0]] }, { same: false, firstDifferentStep: 1 }],
    [
      "another GPU",
      { adapter: { vendor: "mesa", description: "other", maxBufferBytes: 1 } },
      { adapterMatches: false },
    ],
    ["other limits", { adapter: { ...record().adapter, maxBufferBytes: 2 } }, {}],
    ["tuned kernels", { tuned: { "matmul.forward T64": 1 } }, { variantsMatch: false }],
    ["another version", { kit: { version: "0.2.0" } }, { kitMatches: false }],
  ])("%s", (_, change, expected) => {
    expect(compareRuns(record(), record(change))).toEqual({ ...same, ...expected });
    expect(compareRuns(record(change), record())).toEqual({ ...same, ...expected });
  });
});
