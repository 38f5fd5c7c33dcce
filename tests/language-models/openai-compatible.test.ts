import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../../src/data/chat-template.ts";
import { decodeImage } from "../../src/data/decode-image.ts";
import { openLanguageModel, type ModelHost } from "../../src/language-models/open.ts";
import { openAiModel, type OpenAiConfig } from "../../src/language-models/openai-compatible.ts";
import { InvalidOptionError, LanguageModelError } from "../../src/util/errors.ts";
import {
  says,
  startChatServer,
  type ChatPart,
  type ChatReply,
  type ChatServer,
} from "../support/chat-server.ts";

const key = "sk-loopback-0123456789";
const question: Message[] = [{ role: "user", content: "How many?" }];
const servers: ChatServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A server that does this, and a model before it whose pauses take milliseconds. */
async function open(
  answer: Parameters<typeof startChatServer>[0],
  config: Partial<OpenAiConfig> = {},
  host: ModelHost = { key },
) {
  const server = await startChatServer(answer);
  servers.push(server);
  const model = await openLanguageModel(
    { kind: "openai", baseUrl: server.url, model: "judge-model", timeoutMs: 5000, ...config },
    { backoff: { firstMs: 4, mostMs: 20 }, ...host },
  );
  return { server, model };
}

async function failure(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => "no error",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

describe("a question that is answered", () => {
  test("is one request in OpenAI's form; the answer comes with its tokens and cost", async () => {
    const { server, model } = await open([says("Three.")], { prices: { input: 2, output: 10 } });
    const answer = await model.ask(question, { maxTokens: 50, temperature: 0, seed: 7 });
    expect(answer).toEqual({
      text: "Three.",
      promptTokens: 100,
      completionTokens: 20,
      finishReason: "stop",
      cost: expect.closeTo((100 * 2 + 20 * 10) / 1e6, 12) as number,
    });
    expect(server.requests).toHaveLength(1);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: "POST", url: "/v1/chat/completions" });
    expect(request.headers).toMatchObject({
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
    });
    expect(request.body).toEqual({
      model: "judge-model",
      messages: question,
      stream: false,
      max_tokens: 50,
      temperature: 0,
      seed: 7,
    });
  });

  test("without a key none is sent; options that the endpoint refuses are left out", async () => {
    const { server, model } = await open(
      [says("3")],
      { maxTokensField: "max_completion_tokens", omit: ["temperature", "seed"] },
      {},
    );
    await model.ask(question, { maxTokens: 50, temperature: 0, seed: 7 });
    expect(server.requests[0].headers.authorization).toBeUndefined();
    expect(server.requests[0].body).toEqual({
      model: "judge-model",
      messages: question,
      stream: false,
      max_completion_tokens: 50,
    });
  });

  test("text in parts, reasoning apart, and a cut at the limit are read", async () => {
    const message = {
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      reasoning_content: "hm",
    };
    const { model } = await open([{ body: { choices: [{ finish_reason: "length", message }] } }]);
    expect(await model.ask(question)).toEqual({ text: "ab", reasoning: "hm", finishReason: "length" });
    expect(model.counters?.()).toMatchObject({ withoutUsage: 1, cost: null });
  });
});

describe("images", () => {
  const pixels = { width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 0, 255) };

  test("go as data URLs that hold the same pixels", async () => {
    const { server, model } = await open([says("red")], { takesImages: true });
    await model.ask([
      { role: "user", content: [{ type: "image", image: pixels }, { type: "text", text: "?" }] }, // prettier-ignore
    ]);
    const content = server.requests[0].body.messages?.[0].content as ChatPart[];
    expect(content[1]).toEqual({ type: "text", text: "?" });
    expect(content[0]).toMatchObject({ type: "image_url" });
    const url = content[0].image_url?.url ?? "";
    expect(url).toMatch(/^data:image\/png;base64,/);
    expect(await decodeImage(url)).toEqual(pixels);
  });

  test("of known formats go as the bytes they are; a web address stays one", async () => {
    const { server, model } = await open([says("red")], { takesImages: true });
    const gif = Buffer.from("GIF89a-and-more");
    const url = "https://images.example/cat.jpg";
    await model.ask([
      {
        role: "user",
        content: [
          { type: "image", image: new Uint8Array(gif) },
          { type: "image_url", image_url: { url } },
        ],
      },
    ]);
    expect(server.requests[0].body.messages?.[0].content).toEqual([
      { type: "image_url", image_url: { url: `data:image/gif;base64,${gif.toString("base64")}` } },
      { type: "image_url", image_url: { url } },
    ]);
  });

  test("are refused for a model that does not see, and nothing is sent", async () => {
    const { server, model } = await open([says("red")]);
    const asked = model.ask([{ role: "user", content: [{ type: "image", image: pixels }] }]);
    expect(await failure(asked)).toBeInstanceOf(InvalidOptionError);
    expect(server.requests).toHaveLength(0);
    expect(model.counters?.()).toMatchObject({ asked: 1, failed: 1 });
  });
});

describe("a schema", () => {
  const schema = { title: "one number", type: "object", properties: { n: { type: "number" } } };

  test("is sent as response_format", async () => {
    const { server, model } = await open([says('{"n":3}')]);
    await model.ask(question, { schema });
    expect(server.requests[0].body.response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "one_number", schema },
    });
  });

  test("is left out for good once the endpoint has refused it, and the question is answered", async () => {
    const refusal: ChatReply = { status: 400, body: { error: { message: "response_format: unsupported" } } };
    const { server, model } = await open(
      ({ body }) => ("response_format" in body ? refusal : says('{"n":3}')),
      { attempts: 1 },
    );
    expect((await model.ask(question, { schema })).text).toBe('{"n":3}');
    expect((await model.ask(question, { schema })).text).toBe('{"n":3}');
    expect(server.requests.map(({ body }) => "response_format" in body)).toEqual([true, false, false]);
  });

  test("is not sent where the configuration says so", async () => {
    const { server, model } = await open([says("{}")], { structured: false });
    await model.ask(question, { schema });
    expect(server.requests[0].body).not.toHaveProperty("response_format");
  });
});

const status = (code: number, headers?: Record<string, string>): ChatReply => {
  return { status: code, headers, body: { error: { message: `status ${code}` } } };
};

describe("a request that fails is made again", () => {
  test.each<[string, ChatReply]>([
    ["429", status(429)],
    ["500", status(500)],
    ["503", status(503)],
    ["408", status(408)],
    ["a connection that is ended at once", "hang-up"],
    ["a connection that is ended in the middle of the body", "break-off"],
    ["a body that is not JSON", { body: "<html>busy</html>" }],
    ["an error with status 200", { body: { error: { message: "overloaded" } } }],
    ["no choices", { body: { choices: [] } }],
    ["an empty answer", says("  ")],
  ])("%s", async (_, bad) => {
    const { server, model } = await open([bad, bad, says("yes")]);
    expect((await model.ask(question)).text).toBe("yes");
    expect(server.requests).toHaveLength(3);
    expect(model.counters?.()).toMatchObject({ asked: 1, answered: 1, retried: 2, failed: 0 });
  });

  test("an answer that is late", async () => {
    const { server, model } = await open(["silence", says("yes")], { timeoutMs: 1500 });
    expect((await model.ask(question)).text).toBe("yes");
    expect(server.requests).toHaveLength(2);
  });

  test("not before the time that Retry-After names", async () => {
    const { model } = await open([status(429, { "Retry-After": "1" }), says("yes")]);
    const begin = performance.now();
    await model.ask(question);
    expect(performance.now() - begin).toBeGreaterThan(990);
  });
});

describe("a question fails", () => {
  test.each<[string, ChatReply, RegExp, number]>([
    ["after so many tries of 500", status(500), /got status 500.*after 3 tries/, 3],
    ["when nobody answers", "silence", /no answer within 1000 ms, after 3 tries/, 3],
    ["when what comes is no JSON", { body: "<html>busy</html>" }, /not JSON: <html>busy.*3 tries/, 3],
    ["at once for 401", status(401), /got status 401: .*status 401/, 1],
    ["at once for 404", status(404), /got status 404/, 1],
    ["at once where a redirect would take the key", status(307, { Location: "/x" }), /redirects/, 1],
    ["at once when the credit is spent", { status: 429, body: { error: { code: "insufficient_quota" } } }, /429/, 1], // prettier-ignore
    ["at once when it would have to wait too long", status(429, { "Retry-After": "3600" }), /3600 s/, 1],
    ["at once when the model refuses", { body: { choices: [{ message: { content: null, refusal: "I will not" } }] } }, /refused: I will not/, 1], // prettier-ignore
  ])("%s", async (_, reply, message, requests) => {
    const { server, model } = await open([reply], { attempts: 3, timeoutMs: 1000 });
    const error = await failure(model.ask(question));
    expect(error).toBeInstanceOf(LanguageModelError);
    expect(error.message).toMatch(message);
    expect(server.requests).toHaveLength(requests);
    expect(model.counters?.()).toMatchObject({
      asked: 1,
      answered: 0,
      failed: 1,
      retried: requests - 1,
      latencyMs: null,
    });
  });

  test("when nothing listens there", async () => {
    const { server, model } = await open([says("x")], { attempts: 2 });
    await server.close();
    expect((await failure(model.ask(question))).message).toMatch(/the request failed \(.*after 2 tries/);
  });
});

test("no more requests are under way than the configuration allows; all are answered", async () => {
  const { server, model } = await open(() => ({ ...says("yes"), afterMs: 20 }), { concurrency: 3 });
  const answers = await Promise.all(Array.from({ length: 10 }, () => model.ask(question)));
  expect(answers).toHaveLength(10);
  expect(server.mostAtOnce).toBe(3);
  const counters = model.counters?.();
  expect(counters).toMatchObject({ asked: 10, answered: 10, promptTokens: 1000, completionTokens: 200 });
  expect(counters?.latencyMs?.mean).toBeGreaterThan(15);
  expect(counters?.latencyMs?.p95).toBeGreaterThanOrEqual(counters?.latencyMs?.mean ?? Infinity);
});

describe("an abort ends a question at once", () => {
  test.each<[string, ChatReply]>([
    ["while the endpoint is silent", "silence"],
    ["in the pause that Retry-After asked for", status(429, { "Retry-After": "30" })],
  ])("%s", async (_, reply) => {
    const { server, model } = await open([reply], { concurrency: 1 });
    const control = new AbortController();
    const asked = failure(model.ask(question, { signal: control.signal }));
    const queued = failure(model.ask(question, { signal: control.signal }));
    await expect.poll(() => server.requests.length).toBeGreaterThan(0);
    const begin = performance.now();
    control.abort(new Error("enough"));
    expect((await asked).message).toBe("enough");
    expect((await queued).message).toBe("enough");
    expect(performance.now() - begin).toBeLessThan(3000);
    expect(model.counters?.()).toMatchObject({ asked: 2, aborted: 2, failed: 0 });
    if (reply === "silence") await expect.poll(() => server.left).toBe(1);
  });

  test("in the last try: with the signal's reason, not as a failure", async () => {
    const { server, model } = await open(["silence"], { attempts: 1 });
    const control = new AbortController();
    const asked = failure(model.ask(question, { signal: control.signal }));
    await expect.poll(() => server.requests.length).toBe(1);
    control.abort(new Error("enough"));
    expect((await asked).message).toBe("enough");
  });

  test("before it is asked: nothing is sent; later questions are answered", async () => {
    const { server, model } = await open([says("yes")], { concurrency: 1 });
    await failure(model.ask(question, { signal: AbortSignal.abort() }));
    expect(server.requests).toHaveLength(0);
    expect((await model.ask(question)).text).toBe("yes");
  });
});

describe("the key", () => {
  test.each<[string, ChatReply]>([
    ["a status", { status: 401, body: { error: { message: `bad key ${key}` } } }],
    ["an error of status 200", { body: { error: { message: `bad key ${key}` } } }],
    ["a body that is not JSON", { body: `you sent Bearer ${key}` }],
    ["a refusal", { body: { choices: [{ message: { refusal: `not for ${key}` } }] } }],
    ["a key that is cut by the quotation's end", { status: 400, body: `${"x".repeat(290)}${key}` }],
  ])("is in no message when the endpoint sends it back in %s", async (_, reply) => {
    const { model } = await open([reply], { attempts: 1 });
    const error = await failure(model.ask(question));
    expect(error.message).toMatch(/\[key\]|x…$/);
    for (const text of [error.message, error.stack, String(error.cause), JSON.stringify(error)])
      expect(text).not.toContain(key.slice(0, 8));
  });

  test("is in nothing that a model shows of itself", async () => {
    const { model } = await open([says("yes")]);
    await model.ask(question);
    const shown = JSON.stringify([model, model.counters?.(), Object.entries(model), model.identity]);
    expect(shown).not.toContain(key);
  });

  test("that no header can hold is refused without being quoted", async () => {
    const opened = open([says("yes")], {}, { key: `${key}\n${key}` });
    const error = await failure(opened);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).not.toContain(key);
  });

  test("of one endpoint goes to that endpoint alone", async () => {
    const hosts: ModelHost = { key: ({ model }) => (model === "mine" ? key : undefined) };
    const mine = await open([says("a")], { model: "mine" }, hosts);
    const other = await open([says("a")], { model: "other" }, hosts);
    await Promise.all([mine.model.ask(question), other.model.ask(question)]);
    expect(mine.server.requests[0].headers.authorization).toBe(`Bearer ${key}`);
    expect(other.server.requests[0].headers.authorization).toBeUndefined();
  });
});

test("space around the address is none of it", async () => {
  const seen: string[] = [];
  const model = openAiModel(
    { kind: "openai", baseUrl: " https://x.test/v1/ \n", model: "m", attempts: 1 },
    { fetch: (url) => (seen.push(url as string), Promise.reject(new Error("no network"))) },
  );
  await expect(model.ask([{ role: "user", content: "q" }])).rejects.toThrow("no network");
  expect(seen).toEqual(["https://x.test/v1/chat/completions"]);
});
