import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Session, toySource } from "../../demo/state/session.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import { DeviceLostError, GpuUnavailableError, MissingFileError } from "../../workers/client.ts";
import type { PolicySource } from "../../workers/client.ts";
import { FakeEngines } from "./fake-kit.ts";

const mine: PolicySource = { kind: "files", files: new Map(), name: "mine" };
const recipe = parseRunRecipe({ model: "toy", task: { name: "shapes" }, lora: { rank: 8, alpha: 16 } });

let engines: FakeEngines;
let session: Session;
beforeEach(() => {
  vi.useFakeTimers();
  engines = new FakeEngines();
  session = new Session(engines.create);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes the GPU away, and waits until a restart is over. */
async function lose(): Promise<void> {
  engines.lose();
  await vi.advanceTimersByTimeAsync(0);
  expect(session.state.value).not.toBe("ready");
  expect(session.policy.value).toBeNull();
  await vi.advanceTimersByTimeAsync(20_000);
}

test("the toy policy is loaded first, and named", async () => {
  expect(session.state.value).toBe("starting");
  await session.start();
  expect(session.state.value).toBe("ready");
  expect([session.model.value, session.title.value]).toEqual(["toy", "Toy policy"]);
  expect(session.progress.value).toBeNull();
  session.noteTrained(1, null);
  expect(session.title.value).toBe("Toy policy, trained for 1 step");
});

test("another policy takes its place; one that does not load leaves it in use, and says why", async () => {
  await session.start();
  await session.load(mine);
  expect([session.model.value, session.isToy.value]).toEqual(["mine", false]);
  expect(engines.policies.map(({ disposed }) => disposed)).toEqual([true, false]);

  engines.failLoad = new MissingFileError("config.json");
  await session.load(toySource);
  expect(session.problem.value).toBeInstanceOf(MissingFileError);
  expect([session.state.value, session.model.value]).toEqual(["ready", "mine"]);
  await session.startOver();
  expect(session.problem.value).toBeNull();
});

test("a large policy is given up before it is loaded anew: two may not fit", async () => {
  engines.frozenBytes = 3e9;
  await session.load(mine);
  engines.failLoad = new MissingFileError("model.safetensors");
  await session.startOver();
  expect(engines.policies[0].disposed).toBe(true);
  expect(session.state.value).toBe("unavailable");
});

test("without WebGPU it says so, and can be tried again", async () => {
  engines.failStart = new GpuUnavailableError("none");
  await session.start();
  expect(session.state.value).toBe("unavailable");
  await expect(session.ready()).rejects.toThrow(GpuUnavailableError);
  await session.startOver();
  expect(session.state.value).toBe("ready");
});

test("a recipe gets the policy in use where that is untouched and fits, else a fresh one", async () => {
  await session.start();
  const first = session.policy.value;
  expect(await session.fresh(recipe)).toBe(first);
  session.noteTrained(3, null);
  const second = await session.fresh(recipe);
  expect(second).not.toBe(first);
  expect(session.trainedSteps.value).toBe(0);
  const wider = await session.fresh({ ...recipe, lora: { ...recipe.lora, rank: 16 } });
  expect(wider).not.toBe(second);
  expect(engines.policies.at(-1)?.options.lora).toMatchObject({ rank: 16 });
  await expect(session.fresh({ ...recipe, model: "elsewhere" })).rejects.toThrow(/recipe: model/);
});

test("who holds the policy keeps others from loading", async () => {
  await session.start();
  const release = session.hold("training");
  expect(() => session.hold("replay")).toThrow(/held by the training/);
  await session.load(mine);
  expect(session.problem.value).toMatchObject({ code: "InvalidOptionError" });
  expect(session.model.value).toBe("toy");
  release();
  await session.load(mine);
  expect(session.model.value).toBe("mine");
});

test("an evaluation keeps the policy as it is until it has ended", async () => {
  await session.start();
  const release = session.hold("evaluation");
  await session.startOver();
  expect(session.problem.value).toMatchObject({ code: "InvalidOptionError" });
  expect(engines.policies).toHaveLength(1);
  release();
  await session.startOver();
  expect(engines.policies).toHaveLength(2);
});

test("weights of equally many steps are told apart, and those that the policy came with are named by nothing", async () => {
  await session.start();
  expect(session.weights.value).toBe("");
  session.noteTrained(3, null);
  const first = session.weights.value;
  session.noteTrained(3, null);
  expect([first, session.weights.value]).not.toContain("");
  expect(session.weights.value).not.toBe(first);
  session.noteTrained(3, null, "abc");
  expect(session.weights.value).toBe("abc");
  await session.startOver();
  expect(session.weights.value).toBe("");
});

test("an adapter that was brought along is told, named by its hash, and comes back after a loss", async () => {
  await session.start();
  const files = new Map([["adapter_model.safetensors", new TextEncoder().encode("abc")]]);
  await session.noteImported(files);
  expect([session.title.value, session.isAdapted.value]).toEqual([
    "Toy policy with an adapter of yours",
    true,
  ]);
  expect(session.weights.value).toMatch(/^ba7816bf.{48}f20015ad$/); // FIPS 180-2, appendix B.1
  await lose();
  expect(engines.policies.at(-1)?.imported).toBe(files);
  expect(session.isAdapted.value).toBe(true);
  expect(await session.fresh(recipe)).not.toBe(engines.policies[1]);
  expect([session.title.value, session.isAdapted.value]).toEqual(["Toy policy", false]);
});

test("after a loss the engine is started again with the same policy, and whoever waits gets it", async () => {
  await session.load(mine);
  const lost = session.policy.value;
  const waiting = session.ready({ after: lost });
  await lose();
  expect(engines.kits).toHaveLength(2);
  const { policy } = await waiting;
  expect(policy).toBe(session.policy.value);
  expect(policy).not.toBe(lost);
  expect(session.model.value).toBe("mine");
  expect(session.note.value).toContain("as it was");
});

test("trained weights come back after a loss; those that were not saved are said to be gone", async () => {
  await session.start();
  const files = new Map([["adapter_model.safetensors", new Uint8Array([1])]]);
  session.noteTrained(5, () => Promise.resolve(files));
  await lose();
  expect(engines.policies.at(-1)?.imported).toBe(files);
  expect(session.trainedSteps.value).toBe(5);
  // They are no fresh policy: a recipe gets another one.
  expect(await session.fresh(recipe)).not.toBe(engines.policies[1]);

  session.noteTrained(2, null);
  await lose();
  expect(session.trainedSteps.value).toBe(0);
  expect(session.note.value).toContain("gone");
});

test("while a run goes on its weights are left to it", async () => {
  await session.start();
  const release = session.hold("training");
  session.noteTrained(5, () => Promise.reject(new Error("must not be asked")));
  await lose();
  expect(session.state.value).toBe("ready");
  expect(engines.policies.at(-1)?.imported).toBeNull();
  release();
});

test("an engine that does not start at once is tried again", async () => {
  await session.start();
  engines.failStart = new GpuUnavailableError("not yet");
  await lose();
  expect(session.state.value).toBe("ready");
});

test("a GPU that is lost again and again is given up, in words, and can be tried by hand", async () => {
  await session.start();
  for (let i = 0; i < 3; i++) await lose();
  expect(session.state.value).toBe("ready");
  await lose();
  expect(session.state.value).toBe("unavailable");
  expect(session.problem.value).toBeInstanceOf(DeviceLostError);
  await expect(session.ready()).rejects.toThrow(/3 restarts within 2 minutes/);
  await session.startOver();
  expect(session.state.value).toBe("ready");
});

test("losses that are far apart are no reason to give up", async () => {
  await session.start();
  for (let i = 0; i < 6; i++) {
    await lose();
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(session.state.value).toBe("ready");
});

test("who does not wait any more is let go", async () => {
  const controller = new AbortController();
  const waiting = session.ready({ signal: controller.signal });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  const late = session.ready({ signal: controller.signal });
  await expect(late).rejects.toMatchObject({ name: "AbortError" });
});

test("a GPU that is lost again while the policy is loaded is restarted once more, not twice", async () => {
  await session.start();
  engines.loseLoading = true;
  await lose();
  expect(engines.kits).toHaveLength(3);
  expect(session.state.value).toBe("ready");
});

test("a GPU that is lost while the first policy is loaded leaves no problem behind", async () => {
  engines.loseLoading = true;
  const started = session.start();
  const waiting = session.ready();
  await started;
  expect(session.state.value).toBe("restarting");
  await vi.advanceTimersByTimeAsync(20_000);
  expect((await waiting).policy).toBe(session.policy.value);
  expect([session.state.value, session.problem.value]).toEqual(["ready", null]);
});
