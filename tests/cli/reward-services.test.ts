import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { UsageError } from "../../src/cli/arguments.ts";
import { nodeRewards } from "../../src/cli/reward-services.ts";
import { ruleLimit } from "../../src/cli/rule-limit.ts";
import { hybridReward } from "../../src/rl/hybrid-reward.ts";
import type { Completion } from "../../src/rl/reward.ts";
import { recordReward } from "../../src/tasks/record-reward.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { says, startChatServer, type ChatServer } from "../support/chat-server.ts";

const key = "sk-environment-0123456789";
const completion: Completion & { tokens: number[] } = {
  text: "<think> a </think> <answer> 7 </answer>",
  tokens: [],
  finishReason: "stop",
};

describe("a rule's limit", () => {
  test("gives what the rule gives, and passes on what it throws", () => {
    const limit = ruleLimit();
    expect(limit(() => ({ a: 1 }))).toEqual({ a: 1 });
    expect(limit((): number | undefined => undefined)).toBeUndefined();
    expect(() => limit(() => { throw new RangeError("no"); })).toThrow(RangeError); // prettier-ignore
    expect(limit(() => limit(() => 2) + 1)).toBe(3);
  });

  test.each([
    ["a loop", () => { for (;;); }], // prettier-ignore
    ["a pattern that goes back and forth", () => /^(a+)+$/.test(`${"a".repeat(60)}b`)],
  ])("ends %s, and the next rule is not held up", (_, rule) => {
    const limit = ruleLimit(100);
    expect(() => limit(rule)).toThrow("it took longer than 0.1 s");
    expect(limit(() => 1)).toBe(1);
  });

  test("costs a hanging expression its verdict alone", async () => {
    const hanging = { parse: () => { for (;;); } }; // prettier-ignore
    const reward = hybridReward({ math: hanging, limit: ruleLimit(100) });
    const { value, verdict, format } = await reward(completion, { answer: "x^2", reward: "math" });
    expect([value, format]).toEqual([null, 1]);
    expect(verdict).toBe("the rule gave no verdict: it took longer than 0.1 s");
    expect((await reward(completion, { answer: "7", reward: "number" })).value).toBe(1);
  });
});

describe("a judge on the command line", () => {
  const servers: ChatServer[] = [];
  afterEach(async () => {
    vi.unstubAllEnvs();
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const record = { problem: "?", answer: "seven of the wheels", reward: "llm" };

  test("has its key from the variable that is named, and is asked when it is needed", async () => {
    const server = await startChatServer([says("<grade>0.5</grade>")]);
    servers.push(server);
    vi.stubEnv("JUDGE_KEY", key);
    const judge = { model: { kind: "openai", baseUrl: server.url, model: "m" } };
    const spec = { name: "records", reward: { judge } };
    const { services, scorer, judgeCounters, dispose } = nodeRewards(spec, { keyEnv: "JUDGE_KEY" });
    expect(judgeCounters()).toBeNull();
    const reward = await recordReward(spec.reward, services);
    const task = { name: "records", description: "", example: () => ({ id: "1", messages: [] }), reward };
    const score = scorer(task);
    const [result] = await score([completion], [{ id: "1", messages: [], ...record }]);
    expect(result.value).toBeCloseTo(0.65);
    expect(score.metrics?.()).toMatchObject({ "judge/asked": 1, "judge/failed": 0 });
    expect(server.requests[0].headers.authorization).toBe(`Bearer ${key}`);
    expect(JSON.stringify([spec, judgeCounters(), result])).not.toContain(key);
    dispose();
  });

  test("is opened before it is asked where that is wanted, and why judgements failed is told once", async () => {
    const onnx = { kind: "onnx", url: join(tmpdir(), "no-such-model") };
    const missing = nodeRewards({
      name: "records",
      reward: { judge: { model: onnx, thresholds: { half: 0.1, full: 0.5 } } },
    });
    await expect(missing.ready()).rejects.toThrow();
    missing.dispose();
    const server = await startChatServer([{ status: 400, body: { error: { message: "no such model" } } }]);
    servers.push(server);
    const judge = { model: { kind: "openai", baseUrl: server.url, model: "m" }, attempts: 1 };
    const { services, ready, takeFailures, dispose } = nodeRewards({ name: "records", reward: { judge } });
    await ready();
    expect(server.requests).toEqual([]);
    expect(takeFailures()).toBeNull();
    const reward = await recordReward({ judge }, services);
    expect((await reward(completion, { id: "1", messages: [], ...record })).value).toBeNull();
    expect(takeFailures()).toMatch(/^1 not judged, which leaves it out: .*no such model/);
    expect(takeFailures()).toBeNull();
    dispose();
  });

  test("a variable that is not set is named as such, and not by what was given", () => {
    const wrong = () => nodeRewards({ name: "records" }, { keyEnv: key });
    expect(wrong).toThrow(UsageError);
    expect(wrong).toThrow(/^(?!.*sk-).*--judge-key-env/);
  });

  test("a configuration that is none is refused at once; other tasks need none", () => {
    expect(() => nodeRewards({ name: "records", reward: { judge: { model: { kind: "oracle" } } } })).toThrow(
      InvalidOptionError,
    );
    expect(nodeRewards({ name: "shapes", reward: "hybrid" }).services.judge).toBeUndefined();
  });
});
