/** Rewards of records behind the channel: mathematics, the user's modules, and what a judge says meanwhile. */
import { afterEach, expect, test } from "vitest";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import type { TaskExample } from "../../src/tasks/task.ts";
import { HybridRewardService } from "../../workers/hybrid-rewards.ts";
import type { JudgeApi, RewardItem, RewardWorkerKind, ReportVerdict } from "../../workers/protocol.ts";
import { RewardPool } from "../../workers/rewards.ts";
import type { RewardLimits, RewardService } from "../../workers/rewards.ts";
import { rewardHost } from "./support.ts";

const limits = { verdictMs: 4000, startMs: 4000 };
const pools: RewardPool[] = [];
afterEach(() => pools.splice(0).forEach((made) => made.dispose()));

function pool(
  service: () => RewardService = () => new HybridRewardService(loadMathEngine),
  given: RewardLimits = limits,
) {
  const kinds: RewardWorkerKind[] = [];
  const made = new RewardPool((kind) => {
    kinds.push(kind);
    return rewardHost(service());
  }, given);
  pools.push(made);
  return { made, kinds };
}

const example = (columns: Partial<TaskExample>): TaskExample => ({
  id: "records/1",
  messages: [],
  ...columns,
});
const item = (answer: string, columns: Partial<TaskExample>) => ({
  completion: {
    text: `<think> so </think> <answer> ${answer} </answer>`,
    tokens: [],
    finishReason: "stop" as const,
  },
  example: example(columns),
});
const described = { problem: "What?", answer: "a red bicycle with two wheels", reward: "llm" };
const counters = {
  asked: 0,
  judged: 0,
  cached: 0,
  failed: 0,
  aborted: 0,
  repeated: 0,
  unkept: 0,
  tiers: { "0": 0, "0.5": 0, "1": 0 },
  promptTokens: 0,
  completionTokens: 0,
  latencyMs: null,
  cost: null,
};

test("records go to the worker that reads mathematics, and the data set does not", async () => {
  const { made, kinds } = pool();
  const task = { name: "records", data: "https://nowhere.invalid/x.jsonl", reward: { format: "lenient" } };
  const { results, failures } = await made.score(task, [
    item("$\\frac{1}{2}$", { answer: "0.5", reward: "math" }),
    item("$\\frac{1}{3}$", { answer: "0.5", reward: "math" }),
  ]);
  expect(results.map(({ value }) => value)).toEqual([1, 0.3]);
  expect(failures).toEqual([]);
  expect(kinds).toEqual(["records"]);
});

test("what has to be judged is judged here, all at a time, and the worker finishes it", async () => {
  const { made } = pool();
  let atOnce = 0;
  let most = 0;
  const asked: string[] = [];
  const judge: JudgeApi = {
    judge: async ({ response }) => {
      asked.push(response);
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setTimeout(resolve, 20));
      atOnce--;
      if (response === "broken") throw new Error("no answer");
      return { score: response === "half" ? 0.5 : null, why: "cut off" };
    },
    counters: () => ({ ...counters, asked: asked.length, failed: 2 }),
  };
  const failures: string[] = [];
  const scorer = made.scorer({ name: "records" }, (lost) => failures.push(...lost), judge);
  const items = [
    item("half", described),
    item("B", { answer: "B", reward: "MC" }),
    item("none", described),
    item("broken", described),
  ];
  const results = await scorer(
    items.map(({ completion }) => completion),
    items.map((one) => one.example),
  );
  expect(results.map(({ value }) => value)).toEqual([expect.closeTo(0.65), 1, null, null]);
  expect(results[2].parts).toEqual({ format: 1 });
  expect(failures).toEqual([
    "completion 2: not judged: cut off",
    "completion 3: not judged: Error: no answer",
  ]);
  expect([asked, most]).toEqual([["half", "none", "broken"], 3]);
  expect(scorer.metrics?.()).toEqual({ "judge/asked": 3, "judge/failed": 2, "judge/cached": 0 });
});

test("without a judge descriptive answers are left out, and it is said why", async () => {
  const { results, failures } = await pool().made.score({ name: "records" }, [item("half", described)]);
  expect(results[0].value).toBeNull();
  expect(failures).toEqual(["completion 0: not judged: there is no judge"]);
});

test("a judge has a limit of its own, which begins anew with each judgement", async () => {
  const { made } = pool(undefined, { ...limits, judgementMs: 1000 });
  const judge: JudgeApi = {
    judge: async ({ response }) => {
      if (response === "never") return new Promise(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, response === "soon" ? 500 : 1200));
      return { score: 1 };
    },
    counters: () => counters,
  };
  const { results, failures } = await made.score(
    { name: "records" },
    ["soon", "later", "never"].map((answer) => item(answer, described)),
    judge,
  );
  expect(results.map(({ value }) => value)).toEqual([1, 1, null]);
  expect(failures).toEqual(["completion 2: not judged: no judgement came for 1 s"]);
});

test("pictures cross to a judge that sees, and to no worker", async () => {
  const seen: (readonly unknown[] | undefined)[] = [];
  const judge: JudgeApi = {
    judge: ({ images }) => {
      seen.push(images);
      return Promise.resolve({ score: 1 });
    },
    counters: () => counters,
  };
  const received: TaskExample[] = [];
  class Watched extends HybridRewardService {
    override score(spec: { name: string }, items: readonly RewardItem[], report: ReportVerdict) {
      received.push(...items.map((one) => one.example));
      return super.score(spec, items, report);
    }
  }
  const images = [Uint8Array.of(1, 2, 3)];
  const { made } = pool(() => new Watched(loadMathEngine));
  const model = { kind: "built-in", takesImages: true };
  await made.score(
    { name: "records", reward: { judge: { model } } },
    [item("a", { ...described, images })],
    judge,
  );
  await made.score({ name: "records" }, [item("a", { ...described, images })], judge);
  expect(seen).toEqual([images, undefined]);
  expect(received.map((one) => one.images)).toEqual([undefined, undefined, undefined, undefined]);
});

test("a module that hangs loses its own verdict, and one that cannot be read is an error", async () => {
  const body = "({ text }) => text.includes('hang') ? new Promise(() => undefined) : 1";
  const module = `data:text/javascript,${encodeURIComponent(`export default ${body}`)}`;
  const { made, kinds } = pool(undefined, { verdictMs: 1000, startMs: 4000 });
  const task = { name: "records", reward: { module, moduleFor: "all" } };
  const { results, failures } = await made.score(
    task,
    ["a", "hang", "b"].map((answer) => item(answer, {})),
  );
  expect(results.map(({ value }) => value)).toEqual([1, null, 1]);
  expect(failures).toEqual(["completion 1: no verdict within 1000 ms"]);
  expect(kinds).toEqual(["records", "records"]);
  await expect(made.score({ name: "records", reward: { format: "loose" } }, [item("a", {})])).rejects.toThrow(
    "records: reward.format: got loose",
  );
});
