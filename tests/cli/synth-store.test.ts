import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LineJournal } from "../../src/cli/synth-store.ts";
import { CorruptFileError } from "../../src/util/errors.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "thinktab-journal-"));
  path = join(folder, "deep", "journal.jsonl");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function withJournal<T>(work: (journal: LineJournal<string>) => Promise<T>): Promise<T> {
  const journal = await LineJournal.open<string>(path);
  try {
    return await work(journal);
  } finally {
    await journal.close();
  }
}

const read = (...keys: string[]) =>
  withJournal((journal) => Promise.all(keys.map((key) => journal.get(key))));

test("values are found again, in this process and the next; the last one of a key counts", async () => {
  const long = "ü".repeat(100_000); // over many chunks of a read
  await withJournal(async (journal) => {
    await Promise.all([journal.set("a", "1"), journal.set("b", long), journal.set("c", "3")]);
    await journal.set("a", "2\n2");
    expect(await journal.get("a")).toBe("2\n2");
    expect(await journal.get("b")).toBe(long);
    expect(await journal.get("none")).toBeNull();
  });
  expect(await read("a", "b", "c", "none")).toEqual(["2\n2", long, "3", null]);
});

test("a line that was cut off is passed over, and what comes behind it is whole", async () => {
  await withJournal(async (journal) => {
    await journal.set("a", "1");
    await journal.set("b", "2");
  });
  truncateSync(path, readFileSync(path).length - 6);
  await withJournal(async (journal) => {
    expect(await journal.get("b")).toBeNull();
    await journal.set("c", "3");
    expect(await journal.get("c")).toBe("3");
  });
  expect(await read("a", "b", "c")).toEqual(["1", null, "3"]);
  appendFileSync(path, '{"key":"d","val');
  expect(await read("a", "c", "d")).toEqual(["1", "3", null]);
});

test("a line that lacks only its end is whole", async () => {
  await withJournal((journal) => journal.set("a", "1"));
  truncateSync(path, readFileSync(path).length - 1);
  await withJournal(async (journal) => {
    expect(await journal.get("a")).toBe("1");
    await journal.set("b", "2");
  });
  expect(await read("a", "b")).toEqual(["1", "2"]);
});

test("a line that another process wrote over is told of by its file", async () => {
  await withJournal(async (journal) => {
    await journal.set("a", "1");
    writeFileSync(path, "x".repeat(readFileSync(path).length));
    await expect(journal.get("a")).rejects.toThrow(CorruptFileError);
  });
});

test("lines that are something else are passed over", async () => {
  await withJournal((journal) => journal.set("a", "1"));
  writeFileSync(path, `5\nnull\n\n{"value":1}\n${readFileSync(path, "utf8")}`);
  expect(await read("a")).toEqual(["1"]);
});
