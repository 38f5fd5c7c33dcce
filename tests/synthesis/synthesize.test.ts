import { afterEach, describe, expect, test } from "vitest";
import type { JsonSchema, LanguageModel } from "../../src/language-models/language-model.ts";
import { openLanguageModel } from "../../src/language-models/open.ts";
import type { GeneratingPolicy } from "../../src/language-models/policy-model.ts";
import { everyRole, type AskingStage } from "../../src/synthesis/stages.ts";
import { memorySynthesisStore } from "../../src/synthesis/store.ts";
import { synthesize } from "../../src/synthesis/synthesize.ts";
import { toySynthesisModel } from "../../src/synthesis/toy-model.ts";
import { toyScenes } from "../../src/synthesis/toy-scenes.ts";
import { LanguageModelError } from "../../src/util/errors.ts";
import {
  startChatServer,
  type ChatReply,
  type ChatRequest,
  type ChatServer,
} from "../support/chat-server.ts";
import { askedOf, imagesOf, replyOf, run, stageOf } from "./support.ts";

const scenes = await toyScenes(20);
const images = imagesOf(scenes);
const toy = toySynthesisModel(scenes);
const servers: ChatServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** An endpoint that answers as the toy model does, unless told otherwise; and it in every role. */
async function endpoint(
  otherwise: (
    request: ChatRequest,
    stage: AskingStage,
  ) => ChatReply | null | Promise<ChatReply | null> = () => null,
) {
  const server = await startChatServer(async (request) => {
    return (await otherwise(request, stageOf(request))) ?? (await replyOf(toy, request));
  });
  servers.push(server);
  const model = await openLanguageModel(
    { kind: "openai", baseUrl: server.url, model: "m", takesImages: true, timeoutMs: 5000 },
    { backoff: { firstMs: 2, mostMs: 10 } },
  );
  return { server, models: everyRole(model) };
}

describe("over 20 images against a server", () => {
  test("it is stopped, gone on with and complete, and nothing is asked twice", async () => {
    const { models: whole, server: reference } = await endpoint();
    const expected = await run(images, whole);
    expect(expected.finished?.complete).toBe(true);
    expect(expected.kept.length).toBeGreaterThan(50);
    const total = askedOf(reference);
    expect(new Set(total).size).toBe(total.length);

    const { models, server } = await endpoint();
    const store = memorySynthesisStore();
    for (const stopAfter of [30, 100, 190, 260]) {
      const controller = new AbortController();
      const work = (async () => {
        for await (const { type } of synthesize(images, { models, store, signal: controller.signal }))
          if (type !== "finished" && server.requests.length >= stopAfter)
            controller.abort(new DOMException("enough", "AbortError"));
      })();
      await expect(work).rejects.toThrow("enough");
    }
    const interrupted = server.requests.length;
    expect(interrupted).toBeLessThan(total.length);
    const ran = await run(images, models, { store });
    expect(ran.finished?.complete).toBe(true);
    expect(ran.kept.map(({ record }) => record)).toEqual(expected.kept.map(({ record }) => record));

    // The server's log: everything once, as in a run that nobody stopped.
    expect(askedOf(server).sort()).toEqual([...total].sort());
    expect(server.left).toBe(0);

    const before = server.requests.length;
    await run(images, models, { store });
    expect(server.requests.length).toBe(before);
  });

  test("the same comes out whatever the timing", async () => {
    const few = images.slice(0, 5);
    const { models } = await endpoint(async (request) => ({
      ...(await replyOf(toy, request)),
      afterMs: (request.index * 7919) % 13,
    }));
    const slow = await run(few, models, { concurrency: 8 });
    const one = await run(few, models, { concurrency: 1 });
    expect(slow.kept.map(({ record }) => record)).toEqual(one.kept.map(({ record }) => record));
    const order = slow.events.flatMap((event) => (event.type === "image" ? [event.image] : []));
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test("an answer that comes late, with 429 or 500 at first, or a broken line, is asked for again by the request itself", async () => {
    let failures = 0;
    const { models } = await endpoint((request) => {
      if (request.index % 5 !== 2 || failures >= 6) return null;
      failures++;
      return ([{ status: 429, body: "slow down" }, { status: 500, body: "oops" }, "hang-up"] as const)[
        failures % 3
      ];
    });
    const ran = await run(images.slice(0, 2), models);
    expect(failures).toBe(6);
    expect(ran.finished).toMatchObject({ complete: true });
    expect(ran.kept.length).toBeGreaterThan(4);
  });

  test("an endpoint that fails leaves items pending, and the next run asks for these alone", async () => {
    let broken = true;
    const { models, server } = await endpoint((_, stage) =>
      broken && stage === "rewrite" ? { status: 400, body: "no" } : null,
    );
    const store = memorySynthesisStore();
    const first = await run(images.slice(0, 3), models, { store, failuresInARow: 100 });
    expect(first.finished).toMatchObject({
      complete: false,
      counters: { images: { done: 0, pending: 3 }, records: 0 },
    });
    expect(first.pending.length).toBeGreaterThan(5);
    expect(first.pending[0]).toMatchObject({
      stage: "rewrite",
      error: expect.stringContaining("status 400") as string,
    });
    expect(first.finished?.counters.stages.rewrite).toMatchObject({
      failed: first.pending.length,
      pending: first.pending.length,
      kept: 0,
    });
    broken = false;
    const before = server.requests.length;
    const second = await run(images.slice(0, 3), models, { store });
    expect(second.finished?.complete).toBe(true);
    expect(server.requests.slice(before).map(stageOf)).toEqual(first.pending.map(() => "rewrite"));
    expect(second.kept).toHaveLength(first.pending.length);
  });

  test("failures in a row end the run, and lose nothing", async () => {
    let broken = false;
    const { models, server } = await endpoint((request) => {
      broken ||= request.index >= 12;
      return broken ? { status: 400, body: "the model is gone" } : null;
    });
    const store = memorySynthesisStore();
    const failing = run(images, models, { store, failuresInARow: 3 });
    await expect(failing).rejects.toThrow(LanguageModelError);
    await expect(failing).rejects.toThrow(
      /3 requests in a row failed, the last with: .*the model is gone.*start again to go on/s,
    );
    const answered = askedOf(server).slice(0, 12);
    expect(server.requests.length).toBeLessThan(12 + 3 + 2 * 4); // those under way may end in any order
    const { models: mended, server: again } = await endpoint();
    // The same model, at another address of this machine.
    const same: LanguageModel = {
      ...mended.asker,
      identity: models.asker.identity,
      name: models.asker.name,
      takesImages: true,
      ask: (...args) => mended.asker.ask(...args),
    };
    const ran = await run(images.slice(0, 4), everyRole(same), { store });
    expect(ran.finished?.complete).toBe(true);
    expect(askedOf(again).filter((request) => answered.includes(request))).toEqual([]);
  });
});

describe("what a model can never answer", () => {
  const refused: ChatReply = { status: 400, body: '{"error":{"code":"content_filter"}}' };

  test("is dropped with the reason, and ends no run, however often it comes", async () => {
    const { models } = await endpoint((_, stage) => (stage === "rewrite" ? refused : null));
    const { drops, finished } = await run(images.slice(0, 3), models, { failuresInARow: 2 });
    expect(finished).toMatchObject({ complete: true, counters: { records: 0 } });
    const ofRewrite = drops.filter(({ stage }) => stage === "rewrite");
    expect(ofRewrite.length).toBeGreaterThan(5);
    expect(ofRewrite[0]).toMatchObject({
      reason: "refused",
      detail: expect.stringContaining("status 400") as string,
    });
  });

  test("is no reason to stop beside answers that are in the journal", async () => {
    // No word of why: it stays pending.
    const { models } = await endpoint((_, stage) =>
      stage === "rewrite" ? { status: 400, body: "no" } : null,
    );
    const store = memorySynthesisStore();
    const few = images.slice(0, 3);
    await run(few, models, { store, failuresInARow: 100 });
    const resumed = await run(few, models, { store, failuresInARow: 5, concurrency: 1 });
    expect(resumed.finished?.complete).toBe(false);
    expect(resumed.pending.length).toBeGreaterThan(5);
  });
});

test("answers of one policy are not taken for another's", async () => {
  const store = memorySynthesisStore();
  const asked: string[] = [];
  const runOf = async (weights: string) => {
    const policy: GeneratingPolicy = {
      generate(messages) {
        asked.push(weights);
        const [{ content }] = messages;
        const schema = typeof content === "string" ? content.slice(content.lastIndexOf("\n") + 1) : "";
        return toy
          .ask(messages, { schema: JSON.parse(schema) as JsonSchema })
          .then(({ text }) => [{ text, tokens: [1], finishReason: "stop" as const }]);
      },
    };
    const model = await openLanguageModel({ kind: "policy" }, { policy, policyIdentity: weights });
    return run(images.slice(0, 1), everyRole(model), { store });
  };
  expect((await runOf("first")).kept).not.toEqual([]);
  const before = asked.length;
  await runOf("first");
  expect(asked).toHaveLength(before);
  await runOf("second");
  expect(asked.slice(before)).toEqual(Array(before).fill("second"));
});
