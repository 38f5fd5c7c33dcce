import { afterEach, describe, expect, test } from "vitest";
import { openJudge, parseJudgeConfig, type JudgeHost } from "../../src/language-models/judge-config.ts";
import { judgeMetrics } from "../../src/language-models/judge-metrics.ts";
import type { PairScorer } from "../../src/language-models/language-model.ts";
import { recordReward } from "../../src/tasks/record-reward.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { says, startChatServer, type ChatReply, type ChatServer } from "../support/chat-server.ts";

const key = "sk-loopback-9876543210";
const servers: ChatServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const record = { problem: "What is it?", answer: "a red bicycle", reward: "llm judge" };
const completion = {
  text: "<think> wheels </think> <answer> a bicycle </answer>",
  tokens: [],
  finishReason: "stop",
} as const;
const grade = (tier: string) => says(`So. <grade>${tier}</grade>`);

/** The reward of one record, judged by a server that does what `answer` says. */
async function rewarded(answer: Parameters<typeof startChatServer>[0], host: JudgeHost = {}) {
  const server = await startChatServer(answer);
  servers.push(server);
  const config = {
    model: {
      kind: "openai",
      baseUrl: server.url,
      model: "m",
      attempts: 2,
      timeoutMs: 300,
      prices: { input: 1, output: 1 },
    },
    attempts: 2,
  };
  const judge = await openJudge(config, { key, backoff: { firstMs: 1, mostMs: 2 }, ...host });
  const reward = await recordReward({ judge: config }, { judge: judge.judge });
  const result = await reward(completion, record);
  return { server, result, counters: judge.counters(), config };
}

describe("a judge that", () => {
  test.each([
    ["0", 0.3],
    ["0.5", 0.65],
    ["1", 1],
  ])("gives %s makes the reward %d", async (tier, value) => {
    const { result, counters } = await rewarded([grade(tier)]);
    expect(result.value).toBeCloseTo(value);
    expect(counters).toMatchObject({ asked: 1, judged: 1, failed: 0 });
    expect(counters.cost).toBeGreaterThan(0);
  });

  test.each<[string, ChatReply[], number]>([
    ["answers late", [{ ...grade("1"), afterMs: 2000 }], 2],
    ["answers wrongly", [says("ten of ten")], 2],
    ["has too many requests for good", [{ status: 429, body: {} }], 2],
    ["fails inside", [{ status: 500, body: {} }], 2],
    ["does not answer", ["silence"], 2],
    ["hangs up", ["hang-up"], 2],
    ["refuses the key", [{ status: 401, body: { error: { message: `bad key ${key}` } } }], 1],
  ])("%s leaves the sample out, and is counted", async (_, replies, requests) => {
    const { server, result, counters } = await rewarded(replies);
    expect(result.value).toBeNull();
    expect(result.parts).toEqual({ format: 1 });
    expect(counters).toMatchObject({ asked: 1, judged: 0, failed: 1 });
    expect(server.requests).toHaveLength(requests);
    expect(JSON.stringify(result)).not.toContain(key);
  });

  test.each<[string, ChatReply]>([
    ["429", { status: 429, headers: { "retry-after": "0" }, body: {} }],
    ["500", { status: 500, body: {} }],
  ])("answers after a %s is heard", async (_, first) => {
    const { result } = await rewarded([first, grade("1")]);
    expect(result.value).toBe(1);
  });
});

test("the policy judges without its adapter, and is shown no images", async () => {
  const asked: { adapter?: boolean; content: unknown }[] = [];
  const judge = await openJudge(
    { model: { kind: "policy", adapter: true } },
    {
      policy: {
        generate: (messages, { adapter } = {}) => {
          asked.push({ adapter, content: messages[1].content });
          return Promise.resolve([{ text: "<grade>1</grade>", tokens: [1], finishReason: "stop" as const }]);
        },
      },
    },
  );
  const images = [{ width: 1, height: 1, data: new Uint8Array(3) }];
  const { score } = await judge.judge({ problem: "?", answer: "a", response: "b", images });
  expect(score).toBe(1);
  expect(asked).toEqual([{ adapter: false, content: expect.any(String) as string }]);
});

test("a scorer of pairs is opened where the host says, and given back", async () => {
  let disposed = 0;
  const scorer: PairScorer = { name: "s", score: () => Promise.resolve(0.7), dispose: () => disposed++ };
  const judge = await openJudge(
    { model: { kind: "onnx", url: "m/" }, thresholds: { half: 0.5, full: 0.9 } },
    { openScorer: () => Promise.resolve(scorer) },
  );
  expect((await judge.judge({ problem: "?", answer: "a", response: "b" })).score).toBe(0.5);
  judge.dispose();
  expect(disposed).toBe(1);
  const unordered = openJudge(
    { model: { kind: "onnx", url: "m/" }, thresholds: { half: 0.9, full: 0.5 } },
    { openScorer: () => Promise.resolve(scorer) },
  );
  await expect(unordered).rejects.toThrow("thresholds");
  expect(disposed).toBe(2);
});

test.each<[unknown, string]>([
  [undefined, "judge"],
  [{}, "judge: model"],
  [{ model: { kind: "policy" }, key }, "judge: key: got a field that is unknown"],
  [{ model: { kind: "openai", baseUrl: "u", model: "m", apiKey: key } }, "model: apiKey"],
  [{ model: { kind: "policy" }, attempts: 0 }, "judge: attempts"],
  [{ model: { kind: "onnx", url: "m/" } }, "judge: thresholds: got none"],
])("%j is refused, no value of it shown", (config, message) => {
  let caught: unknown;
  try {
    parseJudgeConfig(config);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(InvalidOptionError);
  expect(String(caught)).toContain(message);
  expect(String(caught)).not.toContain(key);
});

test("metrics are of the time since the last reading", async () => {
  const first = (await rewarded([grade("1")])).counters;
  expect(judgeMetrics(first)).toEqual({
    "judge/asked": 1,
    "judge/failed": 0,
    "judge/cached": 0,
    "judge/cost": first.cost,
    "judge/latency": (first.latencyMs?.mean ?? NaN) / 1000,
  });
  expect(
    judgeMetrics({ ...first, asked: 5, failed: 1, cached: 2, cost: 1 }, { ...first, cost: 0.25 }),
  ).toMatchObject({
    "judge/asked": 4,
    "judge/failed": 1,
    "judge/cached": 2,
    "judge/cost": 0.75,
  });
});
