import { expect, test } from "vitest";
import { Limiter } from "../../src/language-models/limiter.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

/** A task that ends when it is told to. */
function task(log: string[], name: string) {
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const run = async () => {
    log.push(name);
    await ended;
    return name;
  };
  return { run, end: () => end() };
}

test("tasks begin in the order they came; one that was aborted while it waited never does", async () => {
  const log: string[] = [];
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => task(log, name));
  const limiter = new Limiter(2);
  const control = new AbortController();
  const runs = [limiter.run(a.run), limiter.run(b.run)];
  const aborted = limiter.run(c.run, control.signal);
  runs.push(limiter.run(d.run, control.signal));
  await Promise.resolve();
  expect(log).toEqual(["a", "b"]);
  b.end();
  a.end();
  control.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  d.end();
  await Promise.allSettled(runs);
  expect(log.slice(0, 2)).toEqual(["a", "b"]);
  expect(log).not.toContain("c");
});

test("a place that an aborted task waited for is not lost", async () => {
  const limiter = new Limiter(1);
  const log: string[] = [];
  const first = task(log, "first");
  const running = limiter.run(first.run);
  const control = new AbortController();
  const aborted = limiter.run(() => Promise.resolve(), control.signal);
  control.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  first.end();
  await running;
  expect(await limiter.run(() => Promise.resolve(7))).toBe(7);
}, 5000);

test("a task that throws gives its place back", async () => {
  const limiter = new Limiter(1);
  await expect(limiter.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await limiter.run(() => Promise.resolve(7))).toBe(7);
});

test.each([0, -1, 1.5, NaN])("%s at a time is refused", (most) => {
  expect(() => new Limiter(most)).toThrow(InvalidOptionError);
});
