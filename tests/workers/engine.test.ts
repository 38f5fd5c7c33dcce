import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  CorruptFileError,
  DeviceLostError,
  ImageDecodeError,
  InvalidOptionError,
  MissingFileError,
} from "../../workers/client.ts";
import type { Message, RecipeOptions, RemotePolicy, TrainEvent } from "../../workers/client.ts";
import { RewardService } from "../../workers/rewards.ts";
import { connectHere, rewardHost } from "./support.ts";
import type { Connected } from "./support.ts";

const task = { name: "letter-share", size: 16 } as const;
const recipe: RecipeOptions = {
  steps: 3,
  promptsPerStep: 2,
  numGenerations: 4,
  maxCompletionLength: 8,
  learningRate: 1e-3,
};
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
  policy = await here.kit.loadPolicy({ kind: "tiny", seed: 1 }, { lora: { rank: 4 } });
}, 120_000);
afterAll(() => here.kit.dispose());

async function events(run: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const list: TrainEvent[] = [];
  for await (const event of run) list.push(event);
  return list;
}
const stepsOf = (list: readonly TrainEvent[]) =>
  list.filter(({ type }) => type === "step").map(({ step }) => step);

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
      for await (const delta of policy.stream(question, { maxNewTokens: 512, signal: controller.signal })) {
        if (delta.tokens.length > 0) controller.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
    for await (const delta of policy.stream(question, { maxNewTokens: 512 })) if (delta.index === 0) break;
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
  test("a run of the tiny task, with its plan, rollouts and metrics", async () => {
    const list = await events(await policy.train(task, recipe));
    expect(stepsOf(list)).toEqual([0, 1, 2]);
    expect(list.at(-1)).toEqual({ type: "done", step: 3, reason: "finished" });
    const plan = list.find((event) => event.type === "plan");
    expect(plan?.budget.length).toBeGreaterThan(2);
    const rollouts = list.find((event) => event.type === "rollouts");
    expect(rollouts?.groups.map((group) => group.rollouts.length)).toEqual([4, 4]);
    for (const event of list) {
      if (event.type !== "step") continue;
      expect(event.metrics.reward).toBeGreaterThanOrEqual(0);
      expect(event.metrics.grad_norm).toBeGreaterThan(0);
    }
  });

  test("pause stands still between steps; resume goes on; questions are answered meanwhile; one run at a time", async () => {
    const run = await policy.train(task, { ...recipe, seed: 2 });
    const list: TrainEvent[] = [];
    for await (const event of run) {
      list.push(event);
      if (event.type !== "step" || event.step !== 0) continue;
      await run.pause();
      await expect(policy.train(task, recipe)).rejects.toBeInstanceOf(InvalidOptionError);
      expect(await policy.generate(question, { maxNewTokens: 2 })).toHaveLength(1);
      await run.resume();
    }
    expect(stepsOf(list)).toEqual([0, 1, 2]);
  });

  test("a run that is stopped goes on where it stopped, also towards more steps", async () => {
    const options = { ...recipe, seed: 3 };
    const run = await policy.train(task, options);
    const first: TrainEvent[] = [];
    for await (const event of run) {
      first.push(event);
      if (event.type === "step") await run.stop();
    }
    expect(first.at(-1)).toMatchObject({ type: "done", reason: "stopped" });
    const done = stepsOf(first).length;
    expect(done).toBeLessThan(3);
    expect(stepsOf(await events(await policy.train(task, options)))).toEqual([0, 1, 2].slice(done));
    expect(stepsOf(await events(await policy.train(task, { ...options, steps: 4 })))).toEqual([3]);
    expect(stepsOf(await events(await policy.train(task, options)))).toEqual([0, 1, 2]); // no steps left: a run of its own
  });

  test("an option that is none is refused by name", async () => {
    await expect(policy.train(task, { stepz: 3 } as RecipeOptions)).rejects.toThrow("recipe: stepz");
    await expect(policy.train({ name: "chess" } as never, recipe)).rejects.toBeInstanceOf(InvalidOptionError);
    expect(stepsOf(await events(await policy.train(task, { ...recipe, steps: 1 })))).toEqual([0]);
  });
});

test("a lost reward is a warning and an excluded sample, not the end of the run", async () => {
  const { kit } = await connectHere({ startRewardWorker: () => rewardHost(new Forgetful()) });
  const tiny = await kit.loadPolicy({ kind: "tiny" }, { lora: { rank: 4 } });
  const list = await events(await tiny.train(task, { ...recipe, steps: 1 }));
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
  const tiny = await kit.loadPolicy({ kind: "tiny" }, { lora: { rank: 4 } });
  const run = events(await tiny.train(task, { ...recipe, steps: 1000 }));
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
  const tiny = await kit.loadPolicy({ kind: "tiny" }, { lora: { rank: 4 } });
  const run = events(await tiny.train(task, { ...recipe, steps: 1000 })).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await kit.dispose();
  expect(await run).toMatchObject({ name: "AbortError" });
  expect(device.liveBuffers).toBe(0);
});
