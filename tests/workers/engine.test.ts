import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  CorruptFileError,
  DeviceLostError,
  ImageDecodeError,
  InvalidOptionError,
  MissingFileError,
  modelOptions,
  parseRunRecipe,
  StorageError,
} from "../../workers/client.ts";
import type { EngineRunEvent, Message, RemotePolicy, RunRecipe, Thinktab } from "../../workers/client.ts";
import { memoryStore } from "../../src/storage/blob-store.ts";
import { RewardService } from "../../workers/rewards.ts";
import { memoryRuns } from "../../workers/runs.ts";
import { connectHere, rewardHost } from "./support.ts";
import type { Connected } from "./support.ts";

/** A short run of the letters task on the tiny policy. */
function recipe(grpo: object = {}, more: object = {}): RunRecipe {
  const small = {
    steps: 3,
    promptsPerStep: 2,
    numGenerations: 4,
    maxCompletionLength: 8,
    learningRate: 1e-3,
  };
  return parseRunRecipe({
    model: "tiny",
    format: "f32",
    task: { name: "letter-share", size: 16 },
    lora: { rank: 4 },
    grpo: { ...small, ...grpo },
    evaluation: { scenes: 0 },
    ...more,
  });
}

const load = (kit: Thinktab) => kit.loadPolicy({ kind: "tiny", seed: 1 }, modelOptions(recipe()));

const question: Message[] = [
  {
    role: "user",
    content: [
      { type: "image", image: { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(90) } },
      { type: "text", text: "What?" },
    ],
  },
];

vi.setConfig({ testTimeout: 240_000 }); // a software adapter may take half a minute to compile the shaders

let here: Connected;
let policy: RemotePolicy;
beforeAll(async () => {
  here = await connectHere();
  policy = await load(here.kit);
}, 120_000);
afterAll(() => here.kit.dispose());

async function events(run: AsyncIterable<EngineRunEvent>): Promise<EngineRunEvent[]> {
  const list: EngineRunEvent[] = [];
  for await (const event of run) list.push(event);
  return list;
}
const stepsOf = (list: readonly EngineRunEvent[]) =>
  list.flatMap((event) => (event.type === "step" ? [event.step] : []));

describe("asking", () => {
  test("progress, device and policy are described in plain values", async () => {
    const seen: number[][] = [];
    const other = await here.kit.loadPolicy(
      { kind: "tiny" },
      { format: "f32", onProgress: (...at) => seen.push(at) },
    );
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toEqual([seen[0][1], seen[0][1]]);
    expect(here.kit.device.maxStorageBuffers).toBeGreaterThanOrEqual(8);
    expect(other.info).toMatchObject({ architecture: "qwen2_5_vl", vision: true, trainable: "none" });
    expect(policy.info).toMatchObject({ trainable: "lora" });
    await other.dispose();
  });

  test("tokens stream, and the same seed gives the same answer", async () => {
    const options = { maxNewTokens: 24, seed: 7, n: 2 };
    const [first, second] = [
      await policy.generate(question, options),
      await policy.generate(question, options),
    ];
    expect(first).toEqual(second);
    expect(first).toHaveLength(2);
    expect(first[0].tokens.length).toBeGreaterThan(0);
    expect(first[0].logps).toHaveLength(first[0].tokens.length);
    expect(first[0].tokens).not.toEqual(first[1].tokens);
  });

  test("a signal ends the answer with an AbortError, and the policy stays usable", async () => {
    const controller = new AbortController();
    const read = async () => {
      for await (const delta of policy.generate(question, { maxNewTokens: 512, signal: controller.signal })) {
        if (delta.tokens.length > 0) controller.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
    for await (const delta of policy.generate(question, { maxNewTokens: 512 })) if (delta.index === 0) break;
    expect(await policy.generate(question, { maxNewTokens: 2 })).toHaveLength(1);
  });

  test("errors keep their class", async () => {
    const picture: Message[] = [
      { role: "user", content: [{ type: "image", image: new Blob(["no picture"]) }] },
    ];
    await expect(policy.generate(picture)).rejects.toBeInstanceOf(ImageDecodeError);
    await expect(policy.generate(question, { temperature: -1 })).rejects.toBeInstanceOf(InvalidOptionError);
    const empty = here.kit.loadPolicy({
      kind: "files",
      files: new Map([["model/readme.md", new Blob(["hello"])]]),
    });
    await expect(empty).rejects.toBeInstanceOf(MissingFileError);
    const torn = new Map([
      ["model/config.json", new Blob(["{"])],
      ["model/tokenizer.json", new Blob(["{"])],
    ]);
    await expect(here.kit.loadPolicy({ kind: "files", files: torn })).rejects.toBeInstanceOf(
      CorruptFileError,
    );
    await expect(
      here.kit.loadPolicy({ kind: "tiny" }, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("training", () => {
  /** Untrained, as a run from the beginning wants it. */
  async function fresh<T>(work: (policy: RemotePolicy) => Promise<T>): Promise<T> {
    const loaded = await load(here.kit);
    return work(loaded).finally(() => loaded.dispose());
  }
  const hashOf = (list: readonly EngineRunEvent[]) => {
    const last = list.at(-1);
    return last?.type === "finished" ? last.record.weightsSha256 : `no end: ${last?.type}`;
  };

  test("a run of the tiny task, with its plan, rollouts, metrics, record and files", async () => {
    const scenes = { evaluation: { scenes: 2 } };
    const list = await fresh(async (policy) => events(policy.train(recipe({}, scenes), { name: "whole" })));
    expect(stepsOf(list)).toEqual([0, 1, 2]);
    const plan = list.find((event) => event.type === "plan");
    expect(plan?.budget.length).toBeGreaterThan(2);
    const rollouts = list.find((event) => event.type === "rollouts");
    expect(rollouts?.groups.map((group) => group.rollouts.length)).toEqual([4, 4]);
    for (const event of list) {
      if (event.type !== "step") continue;
      expect(event.metrics.reward).toBeGreaterThanOrEqual(0);
      expect(event.metrics.grad_norm).toBeGreaterThan(0);
    }
    expect(list.filter(({ type }) => type === "evaluation")).toHaveLength(2);
    const saved = await here.kit.savedRun("whole");
    expect(saved).toMatchObject({ inUse: false, recipe: { model: "tiny" }, before: { count: 2 } });
    expect(saved?.record?.weightsSha256).toEqual(hashOf(list));
    const json = new TextDecoder().decode((await here.kit.runFile("whole", "run.json")) ?? undefined);
    expect(JSON.parse(json)).toMatchObject({ format: 1, kit: { version: "test" }, steps: 3 });
    expect((await here.kit.runFile("whole", "adapter_model.safetensors"))?.byteLength).toBeGreaterThan(1000);
    await here.kit.discardRun("whole");
    expect(await here.kit.savedRun("whole")).toBeNull();
  });

  test("pause stands still between steps; resume goes on; questions are answered meanwhile; one run at a time", async () => {
    await fresh(async (policy) => {
      const run = policy.train(recipe({ seed: 2 }), { name: "paused" });
      const list: EngineRunEvent[] = [];
      for await (const event of run) {
        list.push(event);
        if (event.type !== "step" || event.step !== 0) continue;
        await run.pause();
        await expect(events(policy.train(recipe()))).rejects.toBeInstanceOf(InvalidOptionError);
        expect(await policy.generate(question, { maxNewTokens: 2 })).toHaveLength(1);
        expect(await here.kit.savedRun("paused")).toMatchObject({ inUse: true });
        await run.resume();
      }
      expect(stepsOf(list)).toEqual([0, 1, 2]);
    });
  });

  test("pause waits for the end of a step that draws several rounds, and its checkpoint is of that step", async () => {
    await fresh(async (policy) => {
      // No group has a mean that high: nothing is kept, and each step has all of its rounds.
      const grpo = { steps: 2, onlineFiltering: true, filterLow: 8, filterHigh: 9, maxTryMakeBatch: 3 };
      const run = policy.train(recipe(grpo), { name: "rounds" });
      const list: EngineRunEvent[] = [];
      let paused: Promise<void> | undefined;
      for await (const event of run) {
        list.push(event);
        if (event.type === "phase" && event.phase === "reward") paused ??= run.pause();
        if (event.type !== "step" || event.step > 0) continue;
        await paused;
        expect(await run.checkpoint()).not.toBeNull();
        await run.resume();
      }
      expect(stepsOf(list)).toEqual([0, 1]);
    });
  });

  test("a run that is stopped goes on where it stopped, to the same weights; also towards more steps", async () => {
    const wanted = hashOf(await fresh(async (policy) => events(policy.train(recipe({ seed: 3 })))));
    await fresh(async (policy) => {
      const run = policy.train(recipe({ seed: 3 }), { name: "stopped" });
      const first: EngineRunEvent[] = [];
      for await (const event of run) {
        first.push(event);
        if (event.type === "step") await run.stop();
      }
      expect(first.at(-1)).toMatchObject({ type: "done", reason: "stopped" });
      const done = stepsOf(first).length;
      expect(done).toBeLessThan(3);
      const options = { name: "stopped", resume: true };
      const rest = await events(policy.train(recipe({ seed: 3 }), options));
      expect(stepsOf(rest)).toEqual([0, 1, 2].slice(done));
      expect(hashOf(rest)).toBe(wanted);
      expect(stepsOf(await events(policy.train(recipe({ seed: 3, steps: 4 }), options)))).toEqual([3]);
    });
  });

  test("a run left by one engine is seen and finished by another, which cannot train it meanwhile", async () => {
    const wanted = hashOf(await fresh(async (policy) => events(policy.train(recipe({ seed: 4 })))));
    const runs = memoryRuns();
    const [one, two] = [await connectHere({ runs }), await connectHere({ runs })];
    const run = (await load(one.kit)).train(recipe({ seed: 4 }));
    const other = await load(two.kit);
    const begun: EngineRunEvent[] = [];
    await expect(
      (async () => {
        for await (const event of run) {
          begun.push(event);
          if (event.type !== "saved") continue;
          await run.pause();
          await expect(events(other.train(recipe(), { resume: true }))).rejects.toThrow(
            /StorageError|another tab/,
          );
          await expect(two.kit.discardRun("run")).rejects.toBeInstanceOf(StorageError);
          await one.kit.dispose(); // as closing the tab does
        }
      })(),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(stepsOf(begun).length).toBeLessThan(3);
    const saved = await two.kit.savedRun("run");
    expect(saved).toMatchObject({ inUse: false, record: null });
    const rest = await events(other.train(saved?.recipe ?? recipe(), { resume: true }));
    // The engine ran a little ahead of its reader.
    expect(rest[0].type).toBe("resumed");
    expect(stepsOf(rest)).toEqual([0, 1, 2].slice(saved?.steps.length));
    expect(saved?.steps.length).toBeGreaterThanOrEqual(stepsOf(begun).length);
    expect(hashOf(rest)).toBe(wanted);
    await two.kit.dispose();
  });

  test("without storage a run is kept in memory, and says so", async () => {
    const refuse = () => Promise.reject(new StorageError("no private file system here"));
    const { kit } = await connectHere({ runs: memoryRuns(() => ({ ...memoryStore(), list: refuse })) });
    const list = await events((await load(kit)).train(recipe({ steps: 1 })));
    expect(list[0]).toEqual({ type: "unkept", reason: "no private file system here" });
    expect((await kit.savedRun("run"))?.record?.weightsSha256).toBe(hashOf(list));
    await kit.dispose();
  });

  test("a storage that is full ends the run with its error; what was saved stays, and the run goes on later", async () => {
    const wanted = hashOf(await fresh(async (policy) => events(policy.train(recipe({ seed: 5 })))));
    const store = memoryStore();
    let full = true;
    let checkpoints = 0;
    const save: typeof store.save = (key, bytes) =>
      full && key.startsWith("checkpoint-") && ++checkpoints > 1
        ? Promise.reject(new StorageError("the storage is full"))
        : store.save(key, bytes);
    const { kit } = await connectHere({ runs: memoryRuns(() => ({ ...store, save })) });
    const tiny = await load(kit);
    await expect(events(tiny.train(recipe({ seed: 5 })))).rejects.toBeInstanceOf(StorageError);
    full = false;
    expect(await kit.savedRun("run")).toMatchObject({ record: null, inUse: false });
    expect(hashOf(await events(tiny.train(recipe({ seed: 5 }), { resume: true })))).toBe(wanted);
    await kit.dispose();
  });

  test("a task that is none, and a policy that was trained before, are refused", async () => {
    await fresh(async (policy) => {
      const chess = { ...recipe(), task: { name: "chess" } };
      await expect(events(policy.train(chess))).rejects.toBeInstanceOf(InvalidOptionError);
      expect(stepsOf(await events(policy.train(recipe({ steps: 1 }))))).toEqual([0]);
      await expect(events(policy.train(recipe({ steps: 1 })))).rejects.toThrow("freshly loaded");
    });
  });
});

test("a lost reward is a warning and an excluded sample, not the end of the run", async () => {
  const { kit } = await connectHere({ startRewardWorker: () => rewardHost(new Forgetful()) });
  const tiny = await load(kit);
  const list = await events(tiny.train(recipe({ steps: 1 })));
  const [step] = list.filter((event) => event.type === "step");
  expect(step.metrics["rewards/excluded"]).toBe(1);
  const warnings = list.filter((event) => event.type === "warning");
  expect(warnings.map(({ code, message }) => `${code}: ${message}`)).toContain(
    "reward-failed: 1 rewards were lost, their samples left out: completion 0: the reward threw no memory",
  );
  await kit.dispose();
});

/** Has no verdict on the first completion of a batch. */
class Forgetful extends RewardService {
  override score: RewardService["score"] = (spec, items, report) =>
    super.score(spec, items, (index, verdict) =>
      report(index, index === 0 ? { result: { value: null, parts: {} }, error: "no memory" } : verdict),
    );
}

test("a lost device rejects everything pending and says so; a new connection works", async () => {
  const { kit, device } = await connectHere();
  const tiny = await load(kit);
  const run = events(tiny.train(recipe({ steps: 1000 })));
  const answer = tiny.generate(question, { maxNewTokens: 800 });
  const both = Promise.allSettled([run, answer]);
  await new Promise((resolve) => setTimeout(resolve, 300));
  device.handle.destroy();
  expect(await kit.lost).toBeInstanceOf(DeviceLostError);
  for (const outcome of await both) {
    expect(outcome.status).toBe("rejected");
    if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(DeviceLostError);
  }
  await expect(tiny.generate(question)).rejects.toBeInstanceOf(DeviceLostError);
  const again = await connectHere();
  const other = await again.kit.loadPolicy({ kind: "tiny" });
  expect(await other.generate(question, { maxNewTokens: 2 })).toHaveLength(1);
  await again.kit.dispose();
});

test("disposing ends what is pending and frees every buffer", async () => {
  const { kit, device } = await connectHere();
  const tiny = await load(kit);
  const run = events(tiny.train(recipe({ steps: 1000 }))).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await kit.dispose();
  expect(await run).toMatchObject({ name: "AbortError" });
  expect(device.liveBuffers).toBe(0);
});
