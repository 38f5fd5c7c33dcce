import { afterEach, describe, expect, test } from "vitest";
import { createJudge, type JudgeOptions } from "../../src/language-models/judge.ts";
import { memoryCache, storedCache } from "../../src/language-models/judge-cache.ts";
import { JUDGE_PROMPT } from "../../src/language-models/judge-prompt.ts";
import type { PairScorer } from "../../src/language-models/language-model.ts";
import { openAiModel, type OpenAiConfig } from "../../src/language-models/openai-compatible.ts";
import { hybridReward } from "../../src/rl/hybrid-reward.ts";
import { memoryStore, type BlobStore } from "../../src/storage/blob-store.ts";
import { InvalidOptionError, StorageError } from "../../src/util/errors.ts";
import { says, startChatServer, type ChatReply, type ChatServer } from "../support/chat-server.ts";

const key = "sk-loopback-0123456789";
const request = { problem: "What is it?", answer: "a red bicycle", response: "a bicycle" };
const half = says("It lacks the colour. <grade>0.5</grade>");
const servers: ChatServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function open(
  answer: Parameters<typeof startChatServer>[0],
  options: JudgeOptions = {},
  config: Partial<OpenAiConfig> = {},
) {
  const server = await startChatServer(answer);
  servers.push(server);
  const model = openAiModel(
    { kind: "openai", baseUrl: server.url, model: "judge-model", attempts: 2, timeoutMs: 5000, ...config },
    { key, backoff: { firstMs: 2, mostMs: 5 } },
  );
  return { server, model, judge: createJudge(model, options) };
}

test("a judgement is one question that holds the three texts, at temperature 0", async () => {
  const { server, judge } = await open([half], {}, { prices: { input: 1, output: 5 } });
  expect(await judge.judge(request)).toEqual({ score: 0.5, why: "It lacks the colour.", cached: false });
  const [{ body }] = server.requests;
  expect(body.temperature).toBe(0);
  expect(body.messages).toEqual([
    { role: "system", content: JUDGE_PROMPT.system },
    {
      role: "user",
      content:
        "<question>\nWhat is it?\n</question>\n\n<reference>\na red bicycle\n</reference>\n\n<candidate>\na bicycle\n</candidate>",
    },
  ]);
  expect(judge.counters()).toMatchObject({
    asked: 1,
    judged: 1,
    cached: 0,
    failed: 0,
    tiers: { "0": 0, "0.5": 1, "1": 0 },
    promptTokens: 100,
    completionTokens: 20,
    cost: expect.closeTo(0.0002, 12) as number,
  });
  expect(judge.counters().latencyMs?.mean).toBeGreaterThan(0);
});

describe("a reply without exactly one grade", () => {
  test("is asked for again, with what was wrong", async () => {
    const { server, judge } = await open([says("<grade>0</grade> <grade>1</grade>"), half]);
    expect((await judge.judge(request)).score).toBe(0.5);
    expect(server.requests[1].body.messages?.slice(0, 2)).toEqual(server.requests[0].body.messages);
    expect(server.requests[1].body.messages?.slice(2)).toEqual([
      { role: "assistant", content: "<grade>0</grade> <grade>1</grade>" },
      { role: "user", content: expect.stringMatching(/exactly one grade/) as string },
    ]);
    expect(judge.counters()).toMatchObject({ repeated: 1, judged: 1, promptTokens: 200 });
  });

  test("again and again gives null, and is not kept", async () => {
    const { server, judge } = await open([says("I would say 1.")], { attempts: 3 });
    expect(await judge.judge(request)).toEqual({
      score: null,
      why: "the reply holds 0 grades, expected one, in 3 replies",
      cached: false,
    });
    expect(server.requests).toHaveLength(3);
    await judge.judge(request);
    expect(server.requests).toHaveLength(6);
    expect(judge.counters()).toMatchObject({ asked: 2, failed: 2, judged: 0, cached: 0 });
    expect(judge.counters().tiers).toEqual({ "0": 0, "0.5": 0, "1": 0 });
  });
});

describe("a judge that fails gives null, never 0", () => {
  test.each<[string, ChatReply]>([
    ["500", { status: 500, body: `oops ${key}` }],
    ["429 that asks for too long", { status: 429, headers: { "Retry-After": "999" }, body: "" }],
    ["no answer", "silence"],
    ["a connection that ends", "hang-up"],
    ["no JSON", { body: "<html>" }],
    ["no choices", { body: { choices: [] } }],
  ])("%s", async (_, reply) => {
    const { judge } = await open([reply], {}, { timeoutMs: 1000 });
    const judgement = await judge.judge(request);
    expect(judgement.score).toBeNull();
    expect(judgement.why).not.toBe("");
    expect(JSON.stringify([judgement, judge.counters()])).not.toContain(key);
    expect(judge.counters()).toMatchObject({ asked: 1, failed: 1 });
  });
});

describe("the cache", () => {
  test("answers for an equal request; any other text, model or prompt is asked", async () => {
    const store = memoryStore();
    const first = await open([half], { cache: storedCache(store) });
    await first.judge.judge(request);
    expect(await first.judge.judge({ ...request })).toMatchObject({ score: 0.5, cached: true });
    expect(first.server.requests).toHaveLength(1);

    const again = createJudge(first.model, { cache: storedCache(store) });
    expect(await again.judge(request)).toEqual({ score: 0.5, why: "It lacks the colour.", cached: true });
    expect(again.counters()).toMatchObject({ asked: 1, cached: 1, judged: 0, promptTokens: 0 });
    expect(again.counters().tiers["0.5"]).toBe(1);
    expect(first.server.requests).toHaveLength(1);

    for (const [name, text] of Object.entries(request)) await again.judge({ ...request, [name]: `${text}!` });
    expect(first.server.requests).toHaveLength(4);
    const prompt = { ...JUDGE_PROMPT, version: "other" };
    await createJudge(first.model, { cache: storedCache(store), prompt }).judge(request);
    expect(first.server.requests).toHaveLength(5);
    const other = {
      ...first.model,
      identity: "other",
      ask: first.model.ask.bind(first.model),
      name: "other",
    };
    await createJudge(other, { cache: storedCache(store) }).judge(request);
    expect(first.server.requests).toHaveLength(6);
  });

  test("in memory holds so many, and drops the oldest", async () => {
    const cache = memoryCache(2);
    const judgement = { score: 1, why: "" } as const;
    for (const key of ["a", "b", "a", "c"]) await cache.set(key, judgement);
    expect(await Promise.all(["a", "b", "c"].map((key) => cache.get(key)))).toEqual([
      judgement,
      null,
      judgement,
    ]);
  });

  test("holds neither key nor question nor answer", async () => {
    const store = memoryStore();
    const { judge } = await open([half], { cache: storedCache(store) });
    await judge.judge(request);
    const text = new TextDecoder().decode((await store.load("judgements.jsonl")) ?? undefined);
    expect(text).toContain("It lacks the colour.");
    for (const secret of [key, ...Object.values(request)]) expect(text).not.toContain(secret);
  });

  test("passes over a line that a crash cut off, and goes on behind it", async () => {
    const store = memoryStore();
    const { server, model, judge } = await open([half], { cache: storedCache(store) });
    await judge.judge(request);
    await store.append("judgements.jsonl", new TextEncoder().encode('{"key":"torn'));
    await createJudge(model, { cache: storedCache(store) }).judge({ ...request, problem: "Another?" });
    expect(server.requests).toHaveLength(2);
    const third = createJudge(model, { cache: storedCache(store) });
    expect((await third.judge(request)).cached).toBe(true);
    expect((await third.judge({ ...request, problem: "Another?" })).cached).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  test("is apart for each temperature and limit of tokens", async () => {
    const cache = storedCache(memoryStore());
    const { server, model, judge } = await open([half], { cache });
    await judge.judge(request);
    await createJudge(model, { cache, temperature: 1 }).judge(request);
    await createJudge(model, { cache, maxTokens: 16 }).judge(request);
    expect(server.requests).toHaveLength(3);
    await createJudge(model, { cache, temperature: 0, maxTokens: 1024 }).judge(request);
    expect(server.requests).toHaveLength(3);
  });

  test("goes on behind half a line of an append that failed, and after a read that did", async () => {
    const store = memoryStore();
    await store.append("judgements.jsonl", new TextEncoder().encode('{"key":"a","score":1,"why":"w"}\n'));
    let reads = 0;
    let appends = 0;
    const faulty: BlobStore = {
      ...store,
      load: (file) => (reads++ === 0 ? Promise.reject(new StorageError("busy")) : store.load(file)),
      async append(file, bytes) {
        if (appends++ > 0) return store.append(file, bytes);
        await store.append(file, bytes.slice(0, 9));
        throw new StorageError("full");
      },
    };
    const cache = storedCache(faulty);
    await expect(cache.get("a")).rejects.toThrow("busy");
    expect(await cache.get("a")).toEqual({ score: 1, why: "w" });
    await expect(cache.set("b", { score: 1, why: "lost" })).rejects.toThrow("full");
    await cache.set("c", { score: 0.5, why: "kept" });
    expect(await storedCache(store).get("c")).toEqual({ score: 0.5, why: "kept" });
  });

  test("that is full costs no judgement", async () => {
    const store: BlobStore = { ...memoryStore(), append: () => Promise.reject(new StorageError("full")) };
    const { judge } = await open([half], { cache: storedCache(store) });
    expect((await judge.judge(request)).score).toBe(0.5);
    expect(judge.counters()).toMatchObject({ judged: 1, unkept: 1 });
  });

  test("is not used for a model whose answers change", async () => {
    const { server, model } = await open([half]);
    const judge = createJudge({ name: "policy", identity: null, ask: model.ask.bind(model) });
    await judge.judge(request);
    await judge.judge(request);
    expect(server.requests).toHaveLength(2);
  });
});

test("equal requests at the same time are asked once; no more are asked at a time than allowed", async () => {
  const { server, judge } = await open(() => ({ ...half, afterMs: 15 }), { concurrency: 2 });
  const judged = await Promise.all(
    Array.from({ length: 12 }, (_, i) => judge.judge({ ...request, response: `answer ${i % 6}` })),
  );
  expect(judged.map(({ score }) => score)).toEqual(Array(12).fill(0.5));
  expect(server.requests).toHaveLength(6);
  expect(server.mostAtOnce).toBe(2);
  expect(judge.counters()).toMatchObject({ asked: 12, judged: 6, cached: 6 });
});

test("the judge's signal ends everything at once", async () => {
  const control = new AbortController();
  const { server, judge } = await open(["silence"], { signal: control.signal, concurrency: 1 });
  const judged = [request, { ...request, response: "another" }].map((each) =>
    judge.judge(each).catch((error: unknown) => (error as Error).message),
  );
  await expect.poll(() => server.requests.length).toBe(1);
  const begin = performance.now();
  control.abort(new Error("enough"));
  expect(await Promise.all(judged)).toEqual(["enough", "enough"]);
  expect(performance.now() - begin).toBeLessThan(3000);
  await expect(judge.judge(request)).rejects.toThrow("enough");
  expect(judge.counters()).toMatchObject({ asked: 3, aborted: 3, failed: 0 });
});

describe("images", () => {
  const images = [{ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) }];

  test("are shown to a judge that sees, and count for the cache", async () => {
    const { server, judge } = await open([half], {}, { takesImages: true });
    await judge.judge({ ...request, images });
    expect(server.requests[0].body.messages?.[1].content).toMatchObject([
      { type: "image_url" },
      { type: "text" },
    ]);
    await judge.judge({ ...request, images: [{ ...images[0], data: Uint8Array.of(1, 2, 4) }] });
    expect(server.requests).toHaveLength(2);
  });

  test("are left out for one that does not", async () => {
    const { server, judge } = await open([half]);
    expect((await judge.judge({ ...request, images })).score).toBe(0.5);
    expect(typeof server.requests[0].body.messages?.[1].content).toBe("string");
  });
});

describe("a scorer of pairs", () => {
  const scorer = (score: number): PairScorer => ({
    name: "cross-encoder",
    score: () => Promise.resolve(score),
  });
  const thresholds = { half: 0.3, full: 0.8 };

  test.each([
    [0.29, 0],
    [0.3, 0.5],
    [0.79, 0.5],
    [0.8, 1],
    [NaN, null],
  ])("that gives %s makes %s", async (score, tier) => {
    expect((await createJudge(scorer(score), { thresholds }).judge(request)).score).toBe(tier);
  });

  test("gets question, gold answer and answer", async () => {
    const asked: unknown[] = [];
    const listening: PairScorer = {
      name: "x",
      score: (pair) => {
        asked.push(pair);
        return Promise.resolve(1);
      },
    };
    await createJudge(listening, { thresholds }).judge(request);
    expect(asked).toEqual([{ question: "What is it?", gold: "a red bicycle", answer: "a bicycle" }]);
  });

  test("needs thresholds in order", () => {
    expect(() => createJudge(scorer(1))).toThrow(InvalidOptionError);
    expect(() => createJudge(scorer(1), { thresholds: { half: 0.9, full: 0.8 } })).toThrow(
      InvalidOptionError,
    );
  });
});

describe("as the hybrid reward's judge", () => {
  const completion = {
    text: "<think>wheels</think>\n<answer>a bicycle</answer>",
    tokens: [],
    finishReason: "stop" as const,
  };
  const example = { problem: "What is it?", answer: "a red bicycle", reward: "model-judge" };

  test("a tier is the accuracy", async () => {
    const { server, judge } = await open([half]);
    const result = await hybridReward({ judge: judge.judge })(completion, example);
    expect(result).toMatchObject({
      accuracy: 0.5,
      format: 1,
      verifier: "model-judge",
      extracted: "a bicycle",
    });
    expect(result.value).toBeCloseTo(0.7 * 0.5 + 0.3, 12);
    expect(server.requests[0].body.messages?.[1].content).toContain("<candidate>\na bicycle\n</candidate>");
  });

  test("a failure leaves the sample out", async () => {
    const { judge } = await open([{ status: 500, body: "" }]);
    const result = await hybridReward({ judge: judge.judge })(completion, example);
    expect(result).toMatchObject({ value: null, accuracy: null });
    expect(judge.counters().failed).toBe(1);
  });
});
