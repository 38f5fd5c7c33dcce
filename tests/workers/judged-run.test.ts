/** Runs whose rewards a model judges, from the page's side to the steps' metrics. */
import { afterEach, expect, test } from "vitest";
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import type { EngineRunEvent, RemotePolicy, RemoteTrainOptions, Thinktab } from "../../workers/client.ts";
import { HybridRewardService } from "../../workers/hybrid-rewards.ts";
import { memoryRuns } from "../../workers/runs.ts";
import { says, startChatServer, type ChatServer } from "../support/chat-server.ts";
import { connectHere, rewardHost } from "./support.ts";

const key = "sk-of-the-judge-0123456789";
const rows = ["a red bicycle with two wheels", "a blue boat on a very calm sea"].map((answer) =>
  JSON.stringify({ problem: "What is there?", answer, images: [] }),
);
const file = new Blob([`${rows.join("\n")}\n`]);

let kit: Thinktab | undefined;
const servers: ChatServer[] = [];
afterEach(async () => {
  await kit?.dispose();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A policy behind the channel, and the store that its runs are kept in. */
async function connect(): Promise<{ policy: RemotePolicy; store: ReturnType<typeof memoryStore> }> {
  const store = memoryStore();
  const connected = await connectHere({
    startRewardWorker: () => rewardHost(new HybridRewardService(loadMathEngine)),
    runs: memoryRuns(() => store),
  });
  kit = connected.kit;
  const policy = await kit.loadPolicy({ kind: "tiny" }, { format: "f32", lora: { rank: 4, alpha: 16 } });
  return { policy, store };
}

function recipeWith(judge: unknown, scenes = 0) {
  return {
    model: "tiny",
    format: "f32",
    task: {
      name: "records",
      data: { name: "rows.jsonl", file },
      from: "easyr1",
      system: null,
      validation: 0,
      test: 0,
      reward: { judge, format: "lenient" },
    },
    lora: { rank: 4, alpha: 16 },
    grpo: { steps: 1, promptsPerStep: 1, numGenerations: 4, maxCompletionLength: 4 },
    evaluation: { scenes },
  };
}

async function train(policy: RemotePolicy, recipe: object, options: RemoteTrainOptions = {}) {
  const events: EngineRunEvent[] = [];
  for await (const event of policy.train(recipe as Record<string, unknown>, options)) events.push(event);
  const step = events.find((event) => event.type === "step");
  if (step?.type !== "step") throw new Error("the run took no step");
  return { events, metrics: step.metrics };
}

test("an endpoint judges, and its key is in no request's body, file, event or message", async () => {
  const server = await startChatServer(({ index }) =>
    index === 0
      ? { status: 400, body: { error: { message: `no: ${key}` } } }
      : says(`<grade>${index % 2}</grade>`),
  );
  servers.push(server);
  const { policy, store } = await connect();
  const model = { kind: "openai", baseUrl: server.url, model: "m", attempts: 1, concurrency: 1 };
  const { events, metrics } = await train(policy, recipeWith({ model, concurrency: 1 }), { judge: { key } });
  expect(server.requests.length).toBeGreaterThan(1);
  expect(server.requests.every(({ headers }) => headers.authorization === `Bearer ${key}`)).toBe(true);
  expect(metrics).toMatchObject({ "judge/asked": 4 });
  expect(metrics["judge/failed"]).toBeGreaterThan(0);
  expect(metrics["rewards/excluded"]).toBe(metrics["judge/failed"]);
  expect(metrics.reward).toBeGreaterThanOrEqual(0);
  expect(events.find((event) => event.type === "warning")).toMatchObject({ code: "reward-failed" });
  const kept = await Promise.all((await store.list()).map((name) => store.load(name)));
  expect(kept.length).toBeGreaterThan(2);
  const everything = [
    JSON.stringify(events),
    ...server.requests.map(({ body }) => JSON.stringify(body)),
    ...kept.map((bytes) => Buffer.from(bytes ?? []).toString("latin1")),
  ];
  expect(everything.filter((text) => text.includes(key))).toEqual([]);
  expect(everything.some((text) => text.includes(server.url))).toBe(true);
});

test("the policy judges without its adapter while the run waits for it, and answers others again afterwards", async () => {
  const { policy } = await connect();
  const recipe = recipeWith({ model: { kind: "policy" }, attempts: 1, maxTokens: 4 });
  const { metrics } = await train(policy, recipe);
  // Random weights give no grade: every judgement fails, and none of them is a 0.
  expect(metrics).toMatchObject({ "judge/asked": 4, "judge/failed": 4, "rewards/excluded": 4 });
  const question = [{ role: "user" as const, content: "hi" }];
  const [answer] = await policy.generate(question, { maxNewTokens: 2 });
  expect(answer.tokens.length).toBeGreaterThan(0);
});

test("a judge that is none is refused before the run begins; a wrong key says nothing of itself", async () => {
  const { policy } = await connect();
  const recipe = recipeWith({
    model: { kind: "openai", baseUrl: "http://localhost:1/v1", model: "m", apiKey: key },
  });
  const error: unknown = await train(policy, recipe).catch((caught: unknown) => caught);
  expect(String(error)).toContain("model: apiKey: got a field that is unknown");
  expect(String(error)).not.toContain(key);
});
