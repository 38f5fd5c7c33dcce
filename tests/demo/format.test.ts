import { expect, test } from "vitest";
import {
  showBytes,
  showDuration,
  showMs,
  showNumber,
  showPercent,
  showSigned,
  visible,
} from "../../demo/components/format.ts";

test("bytes", () => {
  expect([999, 1000, 825_120, 2.5e9].map(showBytes)).toEqual(["999 B", "1.0 kB", "825.1 kB", "2.50 GB"]);
});

test("times: exact ones, and ones to wait", () => {
  expect([0.4, 240, 1300].map(showMs)).toEqual(["0 ms", "240 ms", "1.3 s"]);
  const waits = [10, 89_000, 90_000, 45 * 60_000, 120 * 60_000, 140 * 60_000];
  expect(waits.map(showDuration)).toEqual(["1 s", "89 s", "2 min", "45 min", "2 h", "2 h 20 min"]);
});

test("shares and differences", () => {
  expect(showPercent(0.456)).toBe("46%");
  expect([1.24, -1.26, 0, -0.04].map((value) => showSigned(value))).toEqual(["+1.2", "−1.3", "0.0", "0.0"]);
  expect(showSigned(2.5, 0)).toBe("+3");
});

test("numbers keep three digits, and an exponent only where there is no other way", () => {
  const values = [0, 1, 0.01234, -0.5, 1234.5, 123_456, 0.000_001_5, -2e-7, Infinity];
  expect(values.map(showNumber)).toEqual([
    "0",
    "1",
    "0.0123",
    "−0.5",
    "1230",
    "1.2e+5",
    "1.5e-6",
    "−2.0e-7",
    "Infinity",
  ]);
});

test("control characters are dots, line ends stay", () => {
  expect(visible("a\u0000b\tc\nd\u0085")).toBe("a·b·c\nd·");
});
