import { MessageChannel, MessagePort, Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import type { TaskSpec } from "../../src/tasks/registry.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import type { ReportVerdict, RewardApi, RewardItem, Verdict } from "../../workers/protocol.ts";
import { RewardPool, RewardService } from "../../workers/rewards.ts";
import type { RewardHost } from "../../workers/rewards.ts";
import { rewardHost } from "./support.ts";

const task: TaskSpec = { name: "letter-share", letters: "a" };
const limits = { verdictMs: 60, startMs: 1000 };
const items = ["aaaa", "ab", "hang", "", "throw", "ba"].map((text): RewardItem => {
  return { completion: { text, tokens: [], finishReason: "stop" }, example: { id: text, messages: [] } };
});

const pools: RewardPool[] = [];
const pool = (start: () => RewardHost) => {
  const made = new RewardPool(start, limits);
  pools.push(made);
  return made;
};
afterEach(() => pools.splice(0).forEach((made) => made.dispose()));

/** Scores by text: one that never ends, one that throws, and the share of "a" for the others. */
class Difficult extends RewardService {
  override async score(_: TaskSpec, given: readonly RewardItem[], report: ReportVerdict) {
    for (const [index, { completion }] of given.entries()) {
      const { text } = completion;
      if (text === "hang") await new Promise(() => undefined);
      if (text === "throw")
        await report(index, { result: { value: null, parts: {} }, error: "Error: no idea" });
      else await report(index, { result: { value: [...text].filter((c) => c === "a").length, parts: {} } });
    }
  }
}

test("a reward of the task, computed behind the channel", async () => {
  const { results, failures } = await pool(() => rewardHost(new RewardService())).score(
    task,
    items.slice(0, 2),
  );
  expect(results).toEqual([
    { value: 1, parts: { letters: 1 } },
    { value: 0.5, parts: { letters: 0.5 } },
  ]);
  expect(failures).toEqual([]);
});

test("a reward that hangs or throws loses its verdict, and no other", async () => {
  let started = 0;
  const { results, failures } = await pool(() => {
    started++;
    return rewardHost(new Difficult());
  }).score(task, items);
  expect(results.map(({ value }) => value)).toEqual([4, 1, null, 0, null, 1]);
  expect(failures).toEqual([
    "completion 2: no verdict within 60 ms",
    "completion 4: the reward threw Error: no idea",
  ]);
  expect(started).toBe(2);
});

/** A thread whose reward never gives the processor back: only ending the thread ends it. */
const spinning = `
  const { expose } = require("comlink");
  const score = () => { for (;;); };
  require("node:worker_threads").parentPort.once("message", (port) => expose({ ready: () => true, score }, port));`;

test("a reward that spins in a thread of its own is ended with the thread", async () => {
  let ended: Promise<number> | undefined;
  const { results, failures } = await pool(() => {
    if (ended) return rewardHost(new RewardService());
    const thread = new Worker(spinning, { eval: true });
    ended = new Promise((resolve) => thread.on("exit", resolve));
    const { port1, port2 } = new MessageChannel();
    thread.postMessage(port1, [port1]);
    return {
      endpoint: {
        start: () => port2.start(),
        addEventListener: (type, listener) => port2.addEventListener(type, listener),
        removeEventListener: (type, listener) => port2.removeEventListener(type, listener),
        // Only ports are transferred here, and Node types its own.
        postMessage: (message: unknown, transfer) =>
          port2.postMessage(
            message,
            transfer?.filter((item) => item instanceof MessagePort),
          ),
      },
      terminate: () => void thread.terminate(),
      died: new Promise((resolve) => thread.on("error", ({ message }) => resolve(message))),
    };
  }).score(task, items.slice(0, 2));
  expect(results.map(({ value }) => value)).toEqual([null, 0.5]);
  expect(failures).toEqual(["completion 0: no verdict within 60 ms"]);
  expect(await ended).toBe(1);
});

test("a reward function that throws is caught by the service", async () => {
  const verdicts: Verdict[] = [];
  const broken: RewardItem = { ...items[0], completion: { ...items[0].completion, text: null as never } };
  await new RewardService().score(task, [broken, items[0]], (_, verdict) => void verdicts.push(verdict));
  expect(verdicts[0].result).toEqual({ value: null, parts: {} });
  expect(verdicts[0].error).toMatch(/TypeError/);
  expect(verdicts[1].result.value).toBe(1);
});

test("a worker that dies under a reward is replaced", async () => {
  let die: (reason: string) => void = () => undefined;
  let started = 0;
  const { results, failures } = await pool(() => {
    if (started++ > 0) return rewardHost(new RewardService());
    const service: RewardApi = {
      ready: () => true,
      score: () => {
        die("out of memory");
        return new Promise(() => undefined);
      },
    };
    return rewardHost(service, new Promise((resolve) => (die = resolve)));
  }).score(task, items.slice(0, 2));
  expect(results.map(({ value }) => value)).toEqual([null, 0.5]);
  expect(failures).toEqual(["completion 0: the worker died: out of memory"]);
});

test("a worker that does not start is an error of the run", async () => {
  const dead = pool(() => rewardHost(new RewardService(), Promise.resolve("404")));
  const mute = pool(() =>
    rewardHost({ ready: () => new Promise(() => undefined), score: () => Promise.resolve() } as never),
  );
  await expect(dead.score(task, items)).rejects.toThrow("the reward worker does not start: 404");
  await expect(mute.score(task, items)).rejects.toThrow("did not answer within 1000 ms");
});

test("an unknown task is an error that keeps its class across the channel", async () => {
  const score = pool(() => rewardHost(new RewardService())).score({ name: "chess" }, items);
  const error: unknown = await score.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InvalidOptionError);
  expect(String(error)).toMatch(/task: got chess, expected .*letter-share/);
});
