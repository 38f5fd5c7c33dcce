/** The client as a user of the package has it, here with a device of theirs: no worker, no endpoint. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { dawnGpu } from "../../src/gpu/dawn.ts";
import {
  createThinktab,
  DeviceLostError,
  InvalidOptionError,
  modelOptions,
  parseRunRecipe,
} from "../../workers/client.ts";
import type { EngineRunEvent, LoadProgress, Message, RemotePolicy, Thinktab } from "../../workers/client.ts";

vi.setConfig({ testTimeout: 240_000 }); // a software adapter may take half a minute to compile the shaders

/** A short run of the letters task on the tiny policy. */
function recipeOf(steps: number) {
  return parseRunRecipe({
    model: "tiny",
    format: "f32",
    task: { name: "letter-share", size: 16 },
    lora: { rank: 4 },
    grpo: { steps, promptsPerStep: 2, numGenerations: 4, maxCompletionLength: 8, learningRate: 1e-2 },
    evaluation: { scenes: 0 },
  });
}
const recipe = recipeOf(3);

const question: Message[] = [
  {
    role: "user",
    content: [
      { type: "image", image: { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(90) } },
      { type: "text", text: "What?" },
    ],
  },
];

/** A device that counts the buffers which were made and not destroyed. */
async function countingDevice() {
  const adapter = await (await dawnGpu()).requestAdapter();
  if (!adapter) throw new Error("no adapter");
  const device = await adapter.requestDevice({
    requiredLimits: {
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
      maxBufferSize: adapter.limits.maxBufferSize,
    },
  });
  let [live, made, destroyed] = [0, 0, false];
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    [live, made] = [live + 1, made + 1];
    const destroy = buffer.destroy.bind(buffer);
    let gone = false;
    buffer.destroy = () => {
      if (!gone) live--;
      gone = true;
      destroy();
    };
    return buffer;
  };
  const destroyDevice = device.destroy.bind(device);
  device.destroy = () => {
    destroyed = true;
    destroyDevice();
  };
  return {
    device,
    count: () => ({ live, made, destroyed }),
    end: destroyDevice,
  };
}

let counting: Awaited<ReturnType<typeof countingDevice>>;
let kit: Thinktab;
let policy: RemotePolicy;
const progress: LoadProgress[] = [];
const load = () => kit.loadPolicy({ kind: "tiny", seed: 1 }, modelOptions(recipe));

beforeAll(async () => {
  counting = await countingDevice();
  kit = await createThinktab({
    device: counting.device,
    storage: "memory",
    onProgress: (at) => progress.push(at),
  });
  policy = await load();
}, 120_000);
afterAll(async () => {
  await kit.dispose();
  counting.end();
});

async function events(run: AsyncIterable<EngineRunEvent>): Promise<EngineRunEvent[]> {
  const list: EngineRunEvent[] = [];
  for await (const event of run) list.push(event);
  return list;
}
const hashOf = (list: readonly EngineRunEvent[]) => {
  const last = list.at(-1);
  return last?.type === "finished" ? last.record.weightsSha256 : `no end: ${last?.type}`;
};

describe("on an injected device", () => {
  test("loading is told to the kit", () => {
    expect(progress.at(-1)).toEqual({ source: "tiny", done: progress[0].total, total: progress[0].total });
  });

  test("an answer can be streamed and awaited, to the same tokens", async () => {
    const options = { maxNewTokens: 12, seed: 3, n: 2 };
    const texts = ["", ""];
    for await (const { index, text } of policy.generate(question, options)) texts[index] += text;
    const whole = await policy.generate(question, options);
    expect(whole.map(({ text }) => text)).toEqual(texts);
  });

  test("a signal that is aborted between two pieces ends the answer, however far the engine has run ahead", async () => {
    const controller = new AbortController();
    const read = async () => {
      for await (const { tokens } of policy.generate(question, {
        maxNewTokens: 4,
        signal: controller.signal,
      }))
        if (tokens.length > 0) controller.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: "AbortError" });
    expect(await policy.generate(question, { maxNewTokens: 2 })).toHaveLength(1);
  });

  test("tokens are given as texts, and a completion's log-probs and looks", async () => {
    const [{ tokens, logps }] = await policy.generate(question, { maxNewTokens: 6, seed: 4 });
    const [texts] = await policy.tokenTexts([tokens]);
    expect(texts).toHaveLength(tokens.length);
    const inspection = await policy.inspect(question, tokens);
    expect(inspection.logps).toHaveLength(tokens.length);
    for (const [i, logp] of inspection.logps.entries()) expect(logp).toBeCloseTo(logps[i], 3);
    const [{ rows, columns, weights }] = inspection.images;
    expect(weights).toHaveLength(tokens.length * rows * columns);
  });

  test("a plan is given before a run; its probe leaves no trace in the run's weights", async () => {
    const [one, other] = [await load(), await load()];
    const wanted = hashOf(await events(one.train(recipe)));
    expect(await other.plan(recipe)).toMatchObject({ steps: 3, stepMs: null, expectedMs: null });
    const plan = await other.plan(recipe, { probe: true });
    expect(plan.stepMs).toBeGreaterThan(0);
    expect(plan.expectedMs).toBeCloseTo(3 * (plan.stepMs ?? NaN), 3);
    expect(plan.budget.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeGreaterThan(1e5);
    expect(hashOf(await events(other.train(recipe)))).toBe(wanted);
    await Promise.all([one.dispose(), other.dispose()]);
  });

  test("a checkpoint is saved when it is asked for", async () => {
    const trained = await load();
    const run = trained.train(recipeOf(4), { name: "asked" });
    const keys: (string | null)[] = [];
    for await (const event of run) {
      if (event.type !== "step" || event.step !== 0) continue;
      await run.pause();
      keys.push(await run.checkpoint());
      await run.resume();
    }
    keys.push(await run.checkpoint()); // a run that has ended has its last one
    expect(keys.map((key) => key?.replace(/\d+/, (n) => String(Number(n))))).toEqual([
      expect.stringMatching(/^checkpoint-[12]\./),
      "checkpoint-4.safetensors",
    ]);
    expect((await kit.runFile("asked", keys[1] ?? ""))?.byteLength).toBeGreaterThan(1000);
    await trained.dispose();
  });

  test("an adapter is exported and imported again: the answers are the trained ones", async () => {
    const [trained, other] = [await load(), await load()];
    await events(trained.train(recipe, { name: "export" }));
    const files = await trained.exportAdapter();
    expect([...files.keys()].sort()).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
    await other.importAdapter(files);
    const options = { maxNewTokens: 8, temperature: 0 };
    const [a, b, base] = [
      await trained.inspect(question, [5, 6, 7]),
      await other.inspect(question, [5, 6, 7]),
      await other.inspect(question, [5, 6, 7], { adapter: false }),
    ];
    expect(b.logps).toEqual(a.logps);
    expect(base.logps).not.toEqual(a.logps);
    // Tokens alone: the two engines have grown to different sizes, which moves the last bits of a log-probability.
    const [[mine], [theirs]] = [
      await other.generate(question, options),
      await trained.generate(question, options),
    ];
    expect(mine.tokens).toEqual(theirs.tokens);
    await expect(other.importAdapter(new Map())).rejects.toThrow(/adapter_config\.json/);
    await Promise.all([trained.dispose(), other.dispose()]);
  });

  test("an evaluation tells how far it is, and can be aborted", async () => {
    const seen: number[] = [];
    const options = { count: 4, batch: 2, maxNewTokens: 4, onProgress: (done: number) => seen.push(done) };
    const evaluation = await policy.evaluate(recipe.task, options);
    expect(evaluation.results).toHaveLength(4);
    expect(seen).toEqual([0, 2, 4]);
    const controller = new AbortController();
    const aborted = policy.evaluate(recipe.task, {
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    await expect(policy.evaluate({ name: "chess" })).rejects.toBeInstanceOf(InvalidOptionError);
  });

  test("a signal stops a run, which keeps what was done", async () => {
    const trained = await load();
    const controller = new AbortController();
    const list: EngineRunEvent[] = [];
    for await (const event of trained.train(recipe, { name: "aborted", signal: controller.signal })) {
      list.push(event);
      if (event.type === "step") controller.abort();
    }
    expect(list.at(-1)).toMatchObject({ type: "done", reason: "stopped" });
    expect((await kit.savedRun("aborted"))?.steps.length).toBeGreaterThan(0);
    await trained.dispose();
  });

  test("a recipe that is none is refused when the run is read, and by its controls", async () => {
    const run = policy.train({ ...recipe, grpo: { steps: 0 } });
    await expect(events(run)).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(run.pause()).rejects.toThrow(/grpo\.steps/);
  });

  test("kernels are tested one by one until the reader leaves", async () => {
    for await (const { done, total, passed, name } of kit.selfTest()) {
      expect(passed, name).toBe(true);
      expect(done).toBeLessThanOrEqual(total);
      if (done === 3) break;
    }
  });

  test("a start that is aborted leaves nothing, and the device can be used for another", async () => {
    const own = await countingDevice();
    const options = { device: own.device, storage: "memory" as const };
    await expect(createThinktab({ ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    const controller = new AbortController();
    const starting = createThinktab({ ...options, signal: controller.signal });
    queueMicrotask(() => controller.abort());
    await expect(starting).rejects.toMatchObject({ name: "AbortError" });
    const other = await createThinktab(options);
    await other.dispose();
    expect(own.count()).toMatchObject({ live: 0, destroyed: false });
    own.end();
  });

  test("disposing frees every buffer and leaves the device to its owner", async () => {
    const own = await countingDevice();
    const other = await createThinktab({ device: own.device, storage: "memory" });
    const trained = await other.loadPolicy({ kind: "tiny" }, modelOptions(recipe));
    const interrupted = events(trained.train(recipeOf(1000)));
    const ended = expect(interrupted).rejects.toMatchObject({ name: "AbortError" });
    await trained.generate(question, { maxNewTokens: 2 });
    await trained.inspect(question, [5]);
    for await (const { done } of other.selfTest()) if (done === 2) break;
    expect(own.count().live).toBeGreaterThan(50);
    await other.dispose();
    await ended;
    expect(own.count()).toMatchObject({ live: 0, destroyed: false });
    const buffer = own.device.createBuffer({ size: 4, usage: 8 }); // it still works
    own.device.queue.writeBuffer(buffer, 0, new Uint8Array(4));
    buffer.destroy();
    own.end();
  });

  test("a device that its owner loses ends what is pending", async () => {
    const own = await countingDevice();
    const other = await createThinktab({ device: own.device, storage: "memory" });
    const answer = (await other.loadPolicy({ kind: "tiny" })).generate(question, { maxNewTokens: 800 });
    const ended = expect(answer).rejects.toBeInstanceOf(DeviceLostError);
    await new Promise((resolve) => setTimeout(resolve, 200));
    own.end();
    expect(await other.lost).toBeInstanceOf(DeviceLostError);
    await ended;
    await other.dispose().catch(() => undefined);
  });
});
