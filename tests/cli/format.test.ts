import { expect, test } from "vitest";
import { formatBytes, formatMs, formatNumber, formatTable, Progress } from "../../src/cli/format.ts";

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
