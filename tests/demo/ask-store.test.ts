import { beforeEach, expect, test, vi } from "vitest";
import { AskStore } from "../../demo/ask/ask-store.ts";
import { session } from "../../demo/state/session.ts";
import type { TextDelta } from "../../workers/client.ts";
import { FakeEngines } from "./fake-kit.ts";

const engines = vi.hoisted(() => ({ now: null as FakeEngines | null }));
vi.mock(import("../../demo/state/session.ts"), async (original) => {
  const actual = await original();
  const create = () => {
    if (!engines.now) throw new Error("no engines yet");
    return engines.now.create();
  };
  return { ...actual, session: new actual.Session(create) };
});

const delta = (text: string, finishReason?: TextDelta["finishReason"]): TextDelta => ({
  index: 0,
  text,
  tokens: [1],
  logps: [-1],
  ...(finishReason && { finishReason }),
});

let fake: FakeEngines;
let store: AskStore;
beforeEach(async () => {
  fake = engines.now ??= new FakeEngines(); // the session keeps its engine
  fake.deltas = [delta("two", "stop")];
  await session.start();
  store = new AskStore();
});

test("an answer that ended is kept", async () => {
  await store.ask();
  expect(store.problem.value).toBeNull();
  expect(store.note.value).toBe("ended by itself");
  expect(store.history.value.map(({ answers }) => answers)).toEqual([["two"]]);
  expect(store.progress.value.tokens).toBe(1);
  store.clear();
  expect(store.progress.value).toEqual({ tokens: 0, firstMs: null, streamMs: 0 });
});

test("an answer that the policy's end cut short is none", async () => {
  fake.deltas = [delta("tw")];
  await store.ask();
  expect(store.note.value).toBe("stopped");
  expect(store.problem.value).toBeNull();
  expect(store.history.value).toEqual([]);
});

test("an answer says which weights gave it", async () => {
  const release = session.hold("training");
  await store.ask();
  release();
  expect(store.asked.value).toMatchObject({ title: "Toy policy, in training", adapter: true });
  session.noteTrained(3, null);
  store.adapter.value = false;
  await store.ask();
  const asked = store.asked.value;
  expect(asked).toMatchObject({ title: "Toy policy, trained for 3 steps, without it", adapter: false });
  store.adapter.value = true;
  if (asked) store.takeBack(asked);
  expect(store.adapter.value).toBe(false);
  session.noteTrained(0, null); // there is no switch any more, and what it said is not heeded
  await store.ask();
  expect(store.asked.value).toMatchObject({ title: "Toy policy", adapter: true });
});
