/** Who is waited for when a run is left, and when a policy judges: both sides by themselves. */
import { releaseProxy } from "comlink";
import { expect, test, vi } from "vitest";
import type { Policy } from "../../src/rollout/policy.ts";
import { EnginePolicy } from "../../workers/engine-policy.ts";
import type { Shared } from "../../workers/engine-run.ts";
import { Failure } from "../../workers/failure.ts";
import type { EngineRunEvent, JudgeApi, Pull } from "../../workers/protocol.ts";
import { TrainingRun } from "../../workers/remote-policy.ts";
import type { PoolJudge } from "../../workers/rewards.ts";

test("a run that is left is stopped first, then its judge let go, then its end waited for", async () => {
  const order: string[] = [];
  let letGo = (): void => undefined;
  const judgements = new Promise<void>((resolve) => (letGo = resolve));
  const event: EngineRunEvent = { type: "phase", step: 0, phase: "reward" };
  const api = {
    pull: (): Promise<Pull<EngineRunEvent>> => Promise.resolve({ items: [event], done: false }),
    stop: () => Promise.resolve(order.push("stop")),
    cancel: async () => {
      await judgements;
      order.push("ended");
    },
    [releaseProxy]: () => undefined,
  };
  const release = vi.fn(() => {
    if (order.at(-1) === "stop") order.push("released");
    letGo();
  });
  const begun = Promise.resolve(api) as Promise<object> as ConstructorParameters<typeof TrainingRun>[0];
  for await (const one of new TrainingRun(begun, new Failure(), undefined, release)) {
    expect(one).toEqual(event);
    break;
  }
  expect(order).toEqual(["stop", "released", "ended"]);
});

test("the turn is not given on while the policy still judges, and nothing that came late is asked", async () => {
  let answer = (): void => undefined;
  const generating = new Promise<void>((resolve) => (answer = resolve));
  const generate = vi.fn(async () => {
    await generating;
    return [{ text: "<grade>1</grade>", tokens: [1], finishReason: "stop" as const }];
  });
  let pool: PoolJudge | undefined;
  const scorer = (_task: unknown, _failures: unknown, judge: PoolJudge) => {
    pool = judge;
    throw new Error("the test has what it wants");
  };
  const shared = { rewards: { scorer } } as object as Shared;
  const engine = new EnginePolicy("p", { generate } as object as Policy, shared, () => undefined);
  const never = new Promise<never>(() => undefined);
  const judge = { judge: () => never, counters: () => ({ asked: 2 }) } as object as JudgeApi;
  const evaluation = engine.evaluate({ name: "shapes" }, {}, () => undefined, undefined, judge);
  await expect(evaluation).rejects.toThrow("the test has what it wants");
  const ask = () => engine.answerJudge([{ role: "user", content: "?" }], {}, undefined);
  await expect(ask()).rejects.toThrow("none waits for it");

  void pool!.judge({ problem: "?", answer: "a", response: "b" });
  const [first, second] = [ask(), ask()];
  const refused = expect(second).rejects.toThrow("none waits for it");
  await expect.poll(() => generate.mock.calls.length).toBe(1);
  let counted = false;
  const counters = Promise.resolve(pool!.counters()).then((got) => {
    counted = true;
    return got;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(counted).toBe(false);
  answer();
  expect(await first).toHaveLength(1);
  await refused;
  expect(await counters).toEqual({ asked: 2 });
  await expect(ask()).rejects.toThrow("none waits for it");
  expect(generate).toHaveBeenCalledTimes(1);
});
