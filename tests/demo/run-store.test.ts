import { beforeEach, expect, test, vi } from "vitest";
import { RunStore } from "../../demo/state/run.ts";
import { Session } from "../../demo/state/session.ts";
import type { GroupRecord } from "../../src/train/events.ts";
import { parseRunRecipe } from "../../src/train/run-recipe.ts";
import { DeviceLostError, NonFiniteError } from "../../workers/client.ts";
import type { EngineRunEvent, Evaluation, RunRecord, SavedRun } from "../../workers/client.ts";
import { FakeEngines } from "./fake-kit.ts";

const recipe = parseRunRecipe({
  model: "toy",
  task: { name: "shapes" },
  grpo: { steps: 4 },
  evaluation: { scenes: 0 },
});
const digest = "0".repeat(64);

let engines: FakeEngines;
let session: Session;
let run: RunStore;
beforeEach(async () => {
  engines = new FakeEngines();
  session = new Session(engines.create);
  await session.start();
  run = new RunStore(session, "page");
});

function step(index: number, reward = index): EngineRunEvent {
  return { type: "step", step: index, metrics: { reward, step_time: 0.01 } };
}

function rollouts(index: number): EngineRunEvent {
  const groups: GroupRecord[] = [
    { exampleId: `example ${index}`, seed: index, prompt: "?", answer: null, rollouts: [] },
  ];
  return { type: "rollouts", step: index, policyVersion: index, groups };
}

function finished(steps: number): EngineRunEvent {
  const metrics = Array.from({ length: steps }, (_, index) => ({
    step: index,
    digest,
    wallMs: 1,
    reward: index,
  }));
  const record = { steps, metrics, recipe, weightsSha256: "f" } as Partial<RunRecord> as RunRecord;
  return { type: "finished", step: steps, record, before: null, after: null };
}

function savedRun(steps: number, rest: Partial<SavedRun> = {}): SavedRun {
  const lines = Array.from({ length: steps }, (_, index) => ({
    step: index,
    digest,
    wallMs: 1,
    reward: index,
  }));
  return { recipe, steps: lines, record: null, before: null, after: null, inUse: false, ...rest };
}

/** Waits until a run that was started has been looked for what is saved, and no longer. */
async function begun(): Promise<void> {
  for (let i = 0; i < 20 && run.state.value === "idle"; i++) await Promise.resolve();
}

/** A promise, and the means to settle it. */
function gate(): { open: () => void; passed: Promise<void> } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

test("a run is followed to its end: steps, groups, words, and the weights that it leaves", async () => {
  const seen: string[] = [];
  engines.script = async function* () {
    await Promise.resolve();
    yield { type: "plan", step: 0, steps: 4, budget: [["weights", 7]], adapter: {} };
    for (let index = 0; index < 4; index++) {
      yield { type: "phase", step: index, phase: "rollout" };
      seen.push(run.phaseText.value);
      yield rollouts(index);
      yield step(index);
      seen.push(run.status.value);
    }
    yield finished(4);
  };
  engines.files.set("adapter_model.safetensors", new Uint8Array([1]));
  engines.files.set("adapter_config.json", new Uint8Array([2]));
  const whole = run.start(recipe);
  await begun();
  expect(run.state.value).toBe("running");
  expect(session.heldBy.value).toBe("training");
  await whole;
  expect(seen[0]).toBe("generating answers…");
  expect(seen[1]).toBe("Step 1 of 4: reward 0.000.");
  expect(seen[5]).toMatch(/^Step 3 of 4: reward 2.000, about 1 s left\.$/);
  expect(run.status.value).toMatch(/^Finished 4 steps/);
  expect([run.state.value, run.done.value, run.share.value]).toEqual(["idle", 4, 1]);
  expect(run.plan.value?.budget).toEqual([["weights", 7]]);
  expect(run.newestGroups.value?.step).toBe(3);
  expect((await run.groupsOf(1))[0].exampleId).toBe("example 1");
  expect(session.heldBy.value).toBeNull();
  expect(session.title.value).toBe("Toy policy, trained for 4 steps");
  expect(engines.told).toEqual(["train page"]);
});

test("only the newest groups stay in memory", async () => {
  const long = { ...recipe, grpo: { ...("grpo" in recipe ? recipe.grpo : {}), steps: 30 } } as typeof recipe;
  engines.script = async function* () {
    for (let index = 0; index < 30; index++) {
      yield await Promise.resolve(rollouts(index));
      yield step(index);
    }
  };
  await run.start(long);
  expect([...run.groups.value.keys()]).toEqual(Array.from({ length: 20 }, (_, index) => 10 + index));
  expect(run.stepsWithGroups.value).toBe(30);
});

test("pause, resume and stop are told; what is clicked before the run has begun, too", async () => {
  const end = gate();
  engines.script = async function* () {
    yield step(0);
    await end.passed;
    yield { type: "done", step: 1, reason: "stopped" };
  };
  const whole = run.start(recipe);
  await begun();
  expect(engines.told).toEqual([]);
  run.pause();
  await vi.waitFor(() => expect(run.state.value).toBe("paused"));
  expect(engines.told).toEqual(["train page", "pause"]);
  await vi.waitFor(() => expect(run.done.value).toBe(1));
  run.resume();
  expect(run.state.value).toBe("running");
  run.stop();
  expect(run.state.value).toBe("stopping");
  run.pause(); // comes too late
  end.open();
  await whole;
  expect(engines.told).toEqual(["train page", "pause", "resume", "stop"]);
  expect(run.status.value).toBe("Stopped after step 1 of 4. What was done is saved.");
});

test("when the GPU is lost the run goes on from its last checkpoint on the next engine", async () => {
  const states: string[] = [];
  engines.script = async function* ({ resume }) {
    await Promise.resolve();
    if (!resume) {
      yield step(0);
      yield step(1);
      engines.lose();
      throw new DeviceLostError("the fake GPU was lost");
    }
    states.push(run.state.value);
    yield { type: "resumed", step: 1, torn: [] };
    expect(run.steps.value.map(({ metrics }) => metrics.reward)).toEqual([0]);
    for (const index of [1, 2, 3]) yield step(index, 10 * index);
    yield finished(4);
  };
  const whole = run.start(recipe);
  await vi.waitFor(() => expect(run.state.value).toBe("recovering"));
  expect(run.status.value).toMatch(/lost after step 2/);
  await whole;
  expect(states).toEqual(["running"]);
  expect(engines.told).toEqual(["train page", "train page resume"]);
  expect(engines.kits).toHaveLength(2);
  expect(run.status.value).toMatch(/^Finished 4 steps/);
  expect(run.problem.value).toBeNull();
});

test("a run that was paused when the GPU was lost stands still afterwards", async () => {
  const end = gate();
  engines.script = async function* ({ resume }) {
    if (!resume) {
      yield step(0);
      await end.passed;
      throw new DeviceLostError("the fake GPU was lost");
    }
    yield { type: "done", step: 1, reason: "stopped" };
  };
  const whole = run.start(recipe);
  await vi.waitFor(() => expect(run.done.value).toBe(1));
  run.pause();
  await vi.waitFor(() => expect(run.state.value).toBe("paused"));
  engines.lose();
  end.open();
  await whole;
  expect(engines.told).toEqual(["train page", "pause", "train page resume", "pause"]);
});

test("any other error ends the run, in words, and what was saved is offered", async () => {
  engines.script = async function* () {
    yield await Promise.resolve(step(0));
    engines.saved = savedRun(1);
    throw new NonFiniteError("loss NaN");
  };
  await run.start(recipe);
  expect(run.problem.value).toBeInstanceOf(NonFiniteError);
  expect(run.status.value).toBe("Ended by an error after step 1.");
  expect(run.saved.value?.steps).toHaveLength(1);
  expect(run.canStart.value).toBe(false);
  await run.start(recipe); // what is saved must be gone on with or discarded first
  expect(engines.told).toEqual(["train page"]);
  await run.discard();
  expect(run.canStart.value).toBe(true);
  expect(run.problem.value).toBeNull();
});

test("a run of an earlier visit is shown, and gone on with", async () => {
  engines.saved = savedRun(2);
  await run.look();
  expect(run.saved.value?.steps).toHaveLength(2);
  expect(run.steps.value).toHaveLength(2);
  engines.script = async function* () {
    yield await Promise.resolve({ type: "resumed", step: 2, torn: ["checkpoint-00000003.safetensors"] });
    engines.saved = null;
    yield finished(4);
  };
  await run.goOn();
  expect(engines.told).toEqual(["train page resume"]);
  expect(run.note.value).toContain("checkpoint-00000003");
  expect(run.record.value?.steps).toBe(4);
});

test("the weights of a finished run of an earlier visit can be taken into use", async () => {
  const event = finished(4);
  if (event.type !== "finished") throw new Error("unreachable");
  engines.saved = savedRun(4, { record: event.record });
  await run.look();
  expect(run.saved.value).toBeNull();
  expect(run.status.value).toMatch(/^The last run finished 4 steps/);
  expect(run.canStart.value).toBe(true);
  engines.files.set("adapter_model.safetensors", new Uint8Array([1]));
  engines.files.set("adapter_config.json", new Uint8Array([2]));
  await run.useTrained();
  expect(run.problem.value).toBeNull();
  expect(engines.policies.at(-1)?.imported?.size).toBe(2);
  expect(session.trainedSteps.value).toBe(4);
  expect(run.status.value).toContain("is the trained one");
  await session.startOver();
  await run.look();
  expect(run.status.value).toContain("is the one before it");
  expect(run.record.value?.steps).toBe(4);
});

test("another tab's run is followed from afar, to its end", async () => {
  vi.useFakeTimers();
  try {
    engines.saved = savedRun(1, { inUse: true });
    await run.look();
    expect([run.canStart.value, run.done.value]).toEqual([false, 1]);
    engines.saved = savedRun(3, { inUse: true });
    await vi.advanceTimersByTimeAsync(3000);
    expect(run.done.value).toBe(3);
    const event = finished(4);
    if (event.type !== "finished") throw new Error("unreachable");
    engines.saved = savedRun(4, { record: event.record });
    await vi.advanceTimersByTimeAsync(3000);
    expect([run.done.value, run.saved.value, run.record.value?.steps]).toEqual([4, null, 4]);
    engines.saved = savedRun(1, { recipe: { ...recipe, model: "other" }, inUse: true });
    await run.look();
    expect([run.done.value, run.record.value]).toEqual([1, null]);
  } finally {
    vi.useRealTimers();
  }
});

test("a plan is made on a policy that nobody else uses", async () => {
  const plan = run.makePlan(recipe, { probe: true });
  expect([run.state.value, session.heldBy.value]).toEqual(["planning", "training"]);
  expect((await plan).stepMs).toBe(2);
  expect([run.state.value, session.heldBy.value]).toEqual(["idle", null]);
  expect(run.plan.value?.budget).toEqual([["all", 5]]);
});

test("a run that another tab has left meanwhile is offered, not written over", async () => {
  await run.look();
  engines.saved = savedRun(3);
  expect(run.canStart.value).toBe(true); // nobody has looked since
  await run.start(recipe);
  expect(engines.told).toEqual([]);
  expect(run.saved.value?.steps).toHaveLength(3);
  await run.goOn();
  expect(engines.told).toEqual(["train page resume"]);
});

test("it is looked again when there was no engine to ask", async () => {
  vi.useFakeTimers();
  try {
    const late = new Session(engines.create);
    const store = new RunStore(late, "page");
    engines.saved = savedRun(2);
    await store.look();
    expect(store.saved.value).toBeNull();
    await late.start();
    await vi.advanceTimersByTimeAsync(3000);
    expect(store.saved.value?.steps).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});

test("a run that is stopped while the GPU comes back ends as stopped, its weights gone", async () => {
  engines.script = async function* () {
    yield await Promise.resolve(step(0));
    engines.lose();
    throw new DeviceLostError("the fake GPU was lost");
  };
  const whole = run.start(recipe);
  await vi.waitFor(() => expect(run.state.value).toBe("recovering"));
  run.stop();
  await whole;
  expect(engines.told).toEqual(["train page"]);
  expect(run.status.value).toMatch(/^Stopped after step 1 of 4, when the GPU was lost/);
  expect(run.problem.value).toBeNull();
  expect([run.state.value, session.trainedSteps.value, session.heldBy.value]).toEqual(["idle", 0, null]);
});

test("weights that are not kept any more are said to be gone, and the policy stays as it is", async () => {
  const event = finished(4);
  if (event.type !== "finished") throw new Error("unreachable");
  engines.saved = savedRun(4, { record: event.record });
  await run.look();
  const policy = session.policy.value;
  session.noteTrained(2, null);
  const used = run.useTrained();
  expect(session.heldBy.value).toBe("training");
  await used;
  expect(run.status.value).toBe("The weights of the last run are not kept any more.");
  expect([session.policy.value, session.trainedSteps.value]).toEqual([policy, 2]);
  expect(session.heldBy.value).toBeNull();
});

test("the share of a run that is done never falls, evaluations included", async () => {
  const evaluated = parseRunRecipe({
    model: "toy",
    task: { name: "shapes" },
    grpo: { steps: 4 },
    evaluation: { scenes: 2 },
  });
  const evaluation = { accuracy: 0.5 } as Partial<Evaluation> as Evaluation;
  const shares: number[] = [];
  engines.script = async function* () {
    for (const when of ["before", "after"] as const) {
      shares.push(run.share.value);
      for (const done of [0, 1, 2]) {
        yield await Promise.resolve({ type: "evaluating", step: 0, when, done, total: 2 });
        shares.push(run.share.value);
      }
      yield { type: "evaluation", step: 0, when, evaluation };
      shares.push(run.share.value);
      for (let index = 0; when === "before" && index < 4; index++) {
        yield step(index);
        shares.push(run.share.value);
      }
    }
  };
  await run.start(evaluated);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect([shares[0], shares.at(-1)]).toEqual([0, 1]);
});
