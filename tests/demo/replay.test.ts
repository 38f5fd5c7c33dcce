import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Replay } from "../../demo/compare/replay.ts";
import { Session } from "../../demo/state/session.ts";
import { DeviceLostError, MissingFileError } from "../../workers/client.ts";
import type { RunRecord } from "../../workers/client.ts";
import { FakeEngines } from "./fake-kit.ts";
import type { Script } from "./fake-kit.ts";
import { recordOf } from "./run-record.ts";

let engines: FakeEngines;
let session: Session;
let replay: Replay;
beforeEach(async () => {
  vi.useFakeTimers();
  engines = new FakeEngines();
  session = new Session(engines.create);
  await session.start();
  replay = new Replay(session);
});
afterEach(() => {
  vi.useRealTimers();
});

/** A run that does the steps of a record, each in the metrics before it is told. */
function steps({ metrics }: RunRecord, from = 0, to = metrics.length): ReturnType<Script> {
  return (async function* () {
    for (let step = from; step < to; step++) {
      const lines = metrics.slice(0, step + 1).map((line) => `${JSON.stringify(line)}\n`);
      engines.files.set("metrics.jsonl", new TextEncoder().encode(lines.join("")));
      await Promise.resolve();
      yield { type: "step" as const, step, metrics: {} };
    }
  })();
}

/** All steps of a record, and its end. */
function whole(record: RunRecord, from = 0): Script {
  return async function* () {
    yield* steps(record, from);
    yield { type: "finished", step: record.steps, record, before: null, after: null };
    yield { type: "done", step: record.steps, reason: "finished" };
  };
}

test("the same bits are told as such, by a policy of its own that is freed afterwards", async () => {
  engines.script = whole(recordOf("abc"));
  const recorded = recordOf("abc");
  const discarded = vi.spyOn(engines.kits[0], "discardRun");
  await replay.run(recorded);
  expect(replay.verdict.value).toMatchObject({ same: true });
  expect(replay.target.value).toBe(recorded);
  expect(replay.steps.value).toHaveLength(3);
  expect([replay.state.value, replay.stopped.value, replay.problem.value]).toEqual([
    "idle",
    false,
    undefined,
  ]);
  const [page, own] = engines.policies;
  expect([page.disposed, own.disposed]).toEqual([false, true]);
  expect(session.policy.value).toBe(page);
  expect(own.options.lora).toEqual(recorded.recipe.lora);
  expect(engines.told).toEqual(["train replay"]);
  expect(discarded).toHaveBeenCalledWith("replay");
  expect(session.heldBy.value).toBeNull();
});

test("it is told from which step on the bits differ, while it goes on", async () => {
  const seen: (number | null)[] = [];
  const other = recordOf("axc");
  engines.script = async function* () {
    for await (const event of steps(other)) {
      yield event;
      seen.push(replay.firstDifferent.value);
    }
    yield { type: "finished", step: 3, record: other, before: null, after: null };
  };
  await replay.run(recordOf("abc"));
  expect(seen).toEqual([null, 1, 1]);
  expect(replay.verdict.value).toMatchObject({
    same: false,
    title: "The bits match for 1 of 3 steps, and differ from step 2 on.",
  });
});

test("what was compared stays when it is stopped", async () => {
  engines.script = async function* () {
    yield* steps(recordOf("abc"), 0, 2);
    replay.stop();
    yield { type: "done", step: 2, reason: "stopped" };
  };
  await replay.run(recordOf("abc"));
  expect(engines.told).toEqual(["train replay", "stop"]);
  expect(replay.steps.value).toHaveLength(2);
  expect([replay.stopped.value, replay.verdict.value, replay.firstDifferent.value]).toEqual([
    true,
    null,
    null,
  ]);
  expect(session.heldBy.value).toBeNull();
});

test("after the loss of the GPU it goes on from its checkpoint, on a new engine", async () => {
  const discarded: string[] = [];
  engines.script = async function* ({ resume }) {
    if (resume) {
      yield* whole(recordOf("abc"), 1)({ resume, name: "replay" });
      return;
    }
    yield* steps(recordOf("abc"), 0, 1);
    for (const kit of engines.kits) kit.discardRun = (name) => Promise.resolve(void discarded.push(name));
    const lost = engines.policies[1];
    lost.dispose = () => Promise.reject(new DeviceLostError("gone"));
    engines.lose();
    throw new DeviceLostError("the fake GPU was lost");
  };
  const running = replay.run(recordOf("abc"));
  await vi.advanceTimersByTimeAsync(20_000);
  await running;
  expect(engines.told).toEqual(["train replay", "train replay resume"]);
  expect(engines.kits).toHaveLength(2);
  expect(discarded).toEqual([]); // of the first engine: it is what the second went on from
  expect(replay.verdict.value).toMatchObject({ same: true });
  expect(replay.problem.value).toBeUndefined();
});

test("a run of another policy is refused, and says which one", async () => {
  const { recipe } = recordOf("a");
  await replay.run(recordOf("a", { recipe: { ...recipe, model: "someone/qwen" } }));
  expect(String(replay.problem.value)).toContain(
    "someone/qwen, which the run was of: load it under Ask first",
  );
  expect(engines.policies).toHaveLength(1);
  expect([replay.state.value, replay.stopped.value, session.heldBy.value]).toEqual(["idle", false, null]);
});

test("nothing begins while somebody else has the GPU", async () => {
  const release = session.hold("training");
  await replay.run(recordOf("a"));
  expect(String(replay.problem.value)).toContain("held by the training");
  expect(session.heldBy.value).toBe("training");
  release();
});

test("a policy that cannot be loaded is told, and gives the GPU back", async () => {
  engines.failLoad = new MissingFileError("config.json: no such file");
  await replay.run(recordOf("a"));
  expect(replay.problem.value).toBeInstanceOf(MissingFileError);
  expect(session.heldBy.value).toBeNull();
});

test("the evaluations are left out", async () => {
  let scenes: number | undefined;
  engines.script = whole(recordOf("a"));
  const load = engines.kits[0].loadPolicy.bind(engines.kits[0]);
  engines.kits[0].loadPolicy = async (...given) => {
    const policy = await load(...given);
    const train = policy.train.bind(policy);
    policy.train = (recipe, options) => {
      scenes = (recipe as RunRecord["recipe"]).evaluation.scenes;
      return train(recipe, options);
    };
    return policy;
  };
  await replay.run(recordOf("a"));
  expect(scenes).toBe(0);
});
