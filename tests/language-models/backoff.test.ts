import { expect, test } from "vitest";
import { backoffMs, retryAfterMs } from "../../src/language-models/backoff.ts";

test("pauses double up to a limit; the upper half of each is random", () => {
  const pauses = (random: number) =>
    [1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, { firstMs: 100, mostMs: 700, random: () => random }));
  expect(pauses(0)).toEqual([50, 100, 200, 350, 350]);
  expect(pauses(0.5)).toEqual([75, 150, 300, 525, 525]);
});

test.each<[string | null, number | null]>([
  [null, null],
  ["", null],
  ["soon", null],
  ["-5", null],
  ["0", 0],
  ["7", 7000],
  [" 1.5 ", 1500],
  ["Wed, 21 Oct 2015 07:28:00 GMT", 30_000],
  ["Wed, 21 Oct 2015 07:27:00 GMT", 0],
])("Retry-After: %s", (header, expected) => {
  expect(retryAfterMs(header, Date.UTC(2015, 9, 21, 7, 27, 30))).toBe(expected);
});
