import { expect, test } from "vitest";
import {
  describeTerm,
  formatBar,
  formatBytes,
  formatClock,
  formatDuration,
  formatMs,
  formatNumber,
  formatPercent,
  formatTable,
  Progress,
  wrapText,
} from "../../src/cli/format.ts";

test("bytes, numbers and times", () => {
  expect([0, 1, 1023, 1024, 1536, 128 * 2 ** 20, 4 * 2 ** 30].map(formatBytes)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "128 MiB",
    "4.0 GiB",
  ]);
  expect([0, 0.118, 1.5, 99.96, 1643, 0.00012, -12.34, NaN].map(formatNumber)).toEqual([
    "0",
    "0.118",
    "1.50",
    "100",
    "1643",
    "1.20e-4",
    "-12.3",
    "NaN",
  ]);
  expect([3.4, 999, 61_000].map(formatMs)).toEqual(["3 ms", "999 ms", "61.0 s"]);
});

test("durations, clocks and shares", () => {
  expect([4123, 9499, 48_300, 59_600, 220_000, 7_500_000].map(formatDuration)).toEqual([
    "4.1 s",
    "9.5 s",
    "48 s",
    "1 min 0 s",
    "3 min 40 s",
    "2 h 5 min",
  ]);
  expect([-5, 41_400, 725_000, 3_750_000].map(formatClock)).toEqual(["0:00", "0:41", "12:05", "1:02:30"]);
  expect([formatPercent(0.284), formatPercent(1, 0)]).toEqual(["28.4%", "100%"]);
});

test("text is wrapped at the width, a word that is longer is cut", () => {
  expect(wrapText("one two  three\nfour", { width: 9 })).toEqual(["one two", "three", "four"]);
  expect(wrapText("abcdefgh ij", { width: 6, indent: "  " })).toEqual(["  abcd", "  efgh", "  ij"]);
  expect(wrapText(" ")).toEqual([]);
  expect(describeTerm("task", "x ".repeat(50), 10).split("\n")).toEqual([
    `task      ${"x ".repeat(35).trim()}`,
    `          ${"x ".repeat(15).trim()}`,
  ]);
});

test("a bar is as long as what stands behind it allows", () => {
  expect(formatBar(0.5, "1/2", 20)).toBe("[#######......] 1/2");
  expect(formatBar(0, "x".repeat(100), 80)).toBe(`[....] ${"x".repeat(100)}`);
  for (const share of [-1, 0, 0.3, 1, 2]) {
    expect(formatBar(share, "1/2 reward 0.5", 60)).toMatch(/^\[[#.]{30}\] 1\/2 reward 0\.5$/);
  }
});

test("a terminal's line is cut before it wraps", () => {
  let text = "";
  const progress = new Progress({ isTTY: true, columns: 10, write: (piece) => (text += piece) });
  progress.show("a long story");
  expect(text).toBe("\ra long st");
});

test("a table aligns its columns", () => {
  expect(formatTable([["a", "1"], ["long", "12"]], [1])).toBe("a      1\nlong  12"); // prettier-ignore
});

test("progress overwrites its line in a terminal, and is one line per task elsewhere", () => {
  const written = (isTTY: boolean) => {
    let text = "";
    const progress = new Progress({ isTTY, write: (piece) => (text += piece) });
    progress.show("loading", "1/2");
    progress.show("loading", "2/2");
    progress.glimpse("step 1");
    progress.line("done");
    return text;
  };
  expect(written(false)).toBe("loading\ndone\n");
  const terminal = written(true);
  expect(terminal.split("\r").filter((piece) => piece.trim() !== "")).toEqual([
    "loading 1/2",
    "loading 2/2",
    "step 1     ",
    "done\n",
  ]);
});
