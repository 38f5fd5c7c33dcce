import { expose, wrap } from "comlink";
import type { ProxyMarked, Remote } from "comlink";
import { expect, test, vi } from "vitest";
import { ContextLengthError } from "../../src/util/errors.ts";
import { Failure } from "../../workers/failure.ts";
import type { StreamApi } from "../../workers/protocol.ts";
import { Pump, readStream, remotely } from "../../workers/stream.ts";
import { installTransferHandlers, withOwnSignal } from "../../workers/transfer.ts";
import { Gate, Turn } from "../../workers/turn.ts";

installTransferHandlers();
const never = new Promise<never>(() => undefined);
const noFailure = new Failure();
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A pump at the far end of a channel. */
function across<T>(pump: Pump<T>): Remote<StreamApi<T> & ProxyMarked> {
  const { port1, port2 } = new MessageChannel();
  expose(remotely(pump), port1);
  return wrap<StreamApi<T> & ProxyMarked>(port2);
}

function count(to: number) {
  const state = { made: 0, ended: false, interrupted: 0 };
  async function* source() {
    try {
      for (; state.made < to;) yield await Promise.resolve(state.made++);
    } finally {
      state.ended = true;
    }
  }
  return { state, pump: new Pump(source(), () => state.interrupted++, { ahead: 4 }) };
}

test("every item arrives, in order", async () => {
  const { state, pump } = count(50);
  const got: number[] = [];
  for await (const item of readStream(across(pump), noFailure)) got.push(item);
  expect(got).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(state).toEqual({ made: 50, ended: true, interrupted: 0 });
});

test("the source waits for a reader that does not read", async () => {
  const { state, pump } = count(50);
  await settle();
  expect(state.made).toBe(4);
  await pump.pull();
  await settle();
  expect(state.made).toBe(8);
});

test("the source is not kept waiting where it must not, nor while somebody waits for it", async () => {
  const made: number[] = [];
  async function* source() {
    for (let i = 0; i < 100; i++) {
      made.push(i);
      yield await Promise.resolve(i);
    }
  }
  const pump = new Pump(source(), () => undefined, { ahead: 2, mayWait: (item) => item % 10 === 9 });
  await settle();
  expect(made).toHaveLength(10);
  await pump.unheld(settle);
  expect(made).toHaveLength(100);
});

test("a reader of what was cancelled is not told that it was the whole", async () => {
  const { pump } = count(50);
  const reading = (async () => {
    for await (const item of readStream(across(pump), noFailure)) if (item === 2) await pump.cancel();
  })();
  await expect(reading).rejects.toMatchObject({ name: "AbortError" });
});

test("leaving the loop ends the source", async () => {
  const { state, pump } = count(1e9);
  for await (const item of readStream(across(pump), noFailure)) if (item === 2) break;
  expect(state).toMatchObject({ ended: true, interrupted: 1 });
});

test("an error arrives behind the items before it, with its class", async () => {
  async function* source() {
    yield await Promise.resolve(1);
    throw new ContextLengthError("too long");
  }
  const got: number[] = [];
  const read = async () => {
    for await (const item of readStream(across(new Pump(source(), () => undefined)), noFailure))
      got.push(item);
  };
  await expect(read()).rejects.toSatisfy(
    (error) => error instanceof ContextLengthError && error.message === "too long",
  );
  expect(got).toEqual([1]);
});

test("a reader that waits hears of a failure", async () => {
  async function* source() {
    await never;
    yield 1;
  }
  const failure = new Failure();
  const first = readStream(across(new Pump(source(), () => undefined)), failure).next();
  void settle().then(() => failure.fail(new ContextLengthError("gone")));
  await expect(first).rejects.toThrow("gone");
  failure.fail(new Error("later"));
  await expect(failure.orElse(Promise.resolve(1))).rejects.toThrow("gone");
});

test("an AbortSignal crosses, its reason too", async () => {
  const { port1, port2 } = new MessageChannel();
  const reasonOf = async (signal: AbortSignal): Promise<string> => {
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return `${(signal.reason as Error).name}: ${(signal.reason as Error).message}`;
  };
  expose({ reasonOf }, port1);
  const remote = wrap<{ reasonOf: typeof reasonOf }>(port2);
  const controller = new AbortController();
  const later = remote.reasonOf(controller.signal);
  controller.abort();
  expect(await later).toBe("AbortError: This operation was aborted");
  expect(await remote.reasonOf(AbortSignal.abort(new ContextLengthError("enough")))).toBe(
    "ContextLengthError: enough",
  );
});

test("a call with a signal of its own leaves no listener and no channel behind", async () => {
  const { port1, port2 } = new MessageChannel();
  const far: AbortSignal[] = [];
  expose({ keep: (signal: AbortSignal) => far.push(signal) }, port1);
  const remote = wrap<{ keep: (signal: AbortSignal) => number }>(port2);
  const run = new AbortController();
  const begun = vi.spyOn(run.signal, "addEventListener");
  const ended = vi.spyOn(run.signal, "removeEventListener");
  for (let call = 1; call <= 3; call++)
    expect(await withOwnSignal(run.signal, (own) => remote.keep(own!))).toBe(call);
  expect(begun.mock.calls.map(([, listener]) => listener)).toEqual(
    ended.mock.calls.map(([, listener]) => listener),
  );
  await expect.poll(() => far.map(({ aborted }) => aborted)).toEqual([true, true, true]); // whose ports are closed
  const reason = new Error("enough");
  const pending = withOwnSignal(run.signal, (own) => new Promise((_, reject) => own?.addEventListener("abort", () => reject(own.reason as Error)))); // prettier-ignore
  run.abort(reason);
  await expect(pending).rejects.toBe(reason);
});

test("turns are taken in the order of asking, and one that is given up does not hold up the next", async () => {
  const turn = new Turn();
  const order: string[] = [];
  const first = await turn.take();
  const controller = new AbortController();
  const second = turn.take(controller.signal);
  const third = turn.take().then((end) => {
    order.push("third");
    end();
  });
  controller.abort();
  await expect(second).rejects.toThrow("aborted");
  await settle();
  expect(order).toEqual([]);
  order.push("first");
  first();
  await third;
  expect(order).toEqual(["first", "third"]);
});

test("a closed gate holds whoever comes, and says when somebody stands there", async () => {
  const gate = new Gate();
  await gate.pass();
  let standing = false;
  const closed = gate.close().then(() => (standing = true));
  await settle();
  expect(standing).toBe(false);
  let through = false;
  const passing = gate.pass().then(() => (through = true));
  await closed;
  await settle();
  expect({ standing, through }).toEqual({ standing: true, through: false });
  gate.open();
  await passing;
  void gate.close();
  gate.end();
  await gate.pass();
  await gate.close(); // nobody will come: resolves at once
});
