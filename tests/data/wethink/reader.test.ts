import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { folderImages } from "../../../src/data/images/lookup.ts";
import type { DataFile } from "../../../src/data/rows/rows.ts";
import { readWeThink, type ReadEvent, type ReadWeThinkOptions } from "../../../src/data/wethink/reader.ts";
import { folderSource } from "../../../src/storage/folder-source.ts";
import { httpSource } from "../../../src/storage/http-source.ts";
import { fileSource, memorySource, type FileSource } from "../../../src/storage/source.ts";
import { asJson, asJsonLines, asParquet, madeDataset, type MadeRow } from "../../support/wethink-rows.ts";

const { rows, images } = madeDataset();
const lookup = folderImages(memorySource(images));

async function read(file: DataFile, options: ReadWeThinkOptions = { images: lookup }): Promise<ReadEvent[]> {
  const events: ReadEvent[] = [];
  for await (const event of readWeThink(file, options)) events.push(event);
  return events;
}

/** Whether a row is the first or the second of two that are the same is for their order to say. */
function outcomes(events: readonly ReadEvent[]): unknown[] {
  return events.map((event) => (event.type === "row" ? event.row.record : event.rejected.reason));
}

function expected(made: readonly MadeRow[]): unknown[] {
  const seen = new Set<string>();
  const originals = new Map(
    made.flatMap(({ expected: record }) =>
      typeof record === "string" ? [] : [[record.problem, record] as const],
    ),
  );
  return made.map(({ text, expected: outcome }) => {
    // A duplicate that comes first is the one that is taken.
    const problem = outcome === "duplicate" ? plainProblem(text) : outcome;
    const record = typeof problem === "string" && outcome === "duplicate" ? originals.get(problem) : outcome;
    if (record === undefined) throw new Error(`no original of ${text}`);
    if (typeof record === "string") return record;
    if (seen.has(record.problem)) return "duplicate";
    seen.add(record.problem);
    return record;
  });
}

function plainProblem(text: string): string {
  const { problem } = JSON.parse(text) as { problem: string };
  return problem.replace(/^<image>\n|\n<image>$/, "");
}

const asFile = (path: string, bytes: Uint8Array): DataFile => ({
  source: memorySource({ [path]: bytes }),
  path,
});

describe("300 made-up rows with every hazard", () => {
  test("are 300, of which every kind of hazard is some", () => {
    expect(rows).toHaveLength(300);
    expect(new Set(expected(rows).filter((outcome) => typeof outcome === "string")).size).toBe(10);
  });

  test("come out of JSONL as what they are, each with its line", async () => {
    const events = await read(asFile("set.jsonl", asJsonLines(rows)));
    expect(outcomes(events)).toEqual(expected(rows));
    const numbers = events.map((event) => (event.type === "row" ? event.row.number : event.rejected.number));
    expect(numbers).toEqual(rows.map((_, index) => 2 * index + 1)); // every other line is empty
  });

  test("come out of JSON", async () => {
    const { bytes, kept } = asJson(rows);
    expect(kept).toHaveLength(297);
    expect(outcomes(await read(asFile("set.json", bytes)))).toEqual(expected(kept));
  });

  test("come out of Parquet of several row groups", async () => {
    const { bytes, kept } = asParquet(rows);
    expect(kept).toHaveLength(285);
    const events = await read(asFile("set.parquet", bytes));
    expect(outcomes(events)).toEqual(expected(kept));
    const last = events[events.length - 1];
    expect(last.type === "row" ? last.row.number : last.rejected.number).toBe(285);
  });

  test.each<[string, () => FileSource]>([
    ["picked files", () => fileSource([new File([new Uint8Array(asJsonLines(rows))], "set.jsonl")])],
    [
      "a folder on disk",
      () => {
        const folder = mkdtempSync(join(tmpdir(), "thinktab-wethink-"));
        writeFileSync(join(folder, "set.jsonl"), asJsonLines(rows));
        return folderSource(folder);
      },
    ],
    [
      "a URL",
      () =>
        httpSource("https://example.org/data", {
          fetch: () => Promise.resolve(new Response(new Uint8Array(asJsonLines(rows)))),
        }),
    ],
  ])("come out of %s", async (_, source) => {
    const events = await read({ source: source(), path: "set.jsonl" });
    expect(outcomes(events)).toEqual(expected(rows));
  });

  test("give their images when asked, and without images miss none", async () => {
    const [first] = (await read(asFile("set.jsonl", asJsonLines(rows)))).filter(({ type }) => type === "row");
    if (first.type !== "row") throw new Error("no row");
    expect(await first.row.image?.()).toEqual(images.get(first.row.record.image_path));
    const without = await read(asFile("set.jsonl", asJsonLines(rows)), {});
    expect(outcomes(without)).not.toContain("missing-image");
    expect(without.every((event) => event.type === "rejected" || event.row.image === undefined)).toBe(true);
  });

  test("what is rejected says why in words", async () => {
    const events = await read(asFile("set.jsonl", asJsonLines(rows)));
    const details = events.flatMap((event) => (event.type === "rejected" ? [event.rejected.detail] : []));
    for (const words of [
      /JSON/,
      /got a number, expected an object/,
      /problem is missing/,
      /answer: got an object, expected a text/,
      /is empty without its tags and markers/,
      /it leaves the folder of the images/,
      /it is an address or has a drive letter/,
      /^the same as row \d+$/,
      /none-0\.png: not found in memory/,
    ])
      expect(details).toContainEqual(expect.stringMatching(words));
  });
});

describe("other forms of JSON", () => {
  const record = { problem: "p", answer: "a", refined_cot: "r", image_path: "i.png" };
  const other = { ...record, problem: "q" };

  test.each<[string, string, string]>([
    ["an object of rows", "x.json", JSON.stringify({ "1": record, "2": other })],
    [
      "an object with a list of rows",
      "x.json",
      JSON.stringify({ version: 1, names: ["a"], data: [record, other] }),
    ],
    [
      "lines in a file that is called JSON",
      "x.json",
      `${JSON.stringify(record)}\n${JSON.stringify(other)}\n`,
    ],
    ["a list without a known ending", "x", JSON.stringify([record, other], undefined, 2)],
  ])("%s", async (_, path, text) => {
    const events = await read(asFile(path, new TextEncoder().encode(text)), {});
    expect(events.map((event) => event.type === "row" && event.row.record.problem)).toEqual(["p", "q"]);
  });

  test("one record alone, on a line or on several", async () => {
    for (const indent of [undefined, 2]) {
      const text = JSON.stringify({ ...record, abilities: ["x", "y"] }, undefined, indent);
      const events = await read(asFile("x.json", new TextEncoder().encode(text)), {});
      expect(events).toMatchObject([{ type: "row", row: { record: { abilities: ["x", "y"] } } }]);
    }
  });

  test("a list that is cut off gives its whole rows and says so of the last", async () => {
    const text = JSON.stringify([record, other]).slice(0, -20);
    const events = await read(asFile("x.json", new TextEncoder().encode(text)), {});
    const detail = expect.stringContaining("ends before this row") as string;
    expect(events).toMatchObject([
      { type: "row" },
      { type: "rejected", rejected: { reason: "broken-json", number: 2, detail } },
    ]);
  });

  test.each([
    ["no JSON", "x.json", "hello", /got "hello" behind row 0, expected \[ or \{/],
    ["JSON and more", "x.json", '[{}] "x"', /expected nothing/],
    ["no Parquet", "x.parquet", "PAR1 but no more of it", /x\.parquet in memory: got what does not read/],
    ["neither ending nor known form", "x", "hello", /expected \[jsonl, json, parquet, tsv\]/],
  ])("%s is an error that names the file", async (_, path, text, message) => {
    await expect(read(asFile(path, new TextEncoder().encode(text)), {})).rejects.toThrow(message);
  });
});

test("120,000 records pass through in little memory", { timeout: 120_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const count = 120_000;
  const filler = "and then I look at the picture again, ".repeat(40);
  const line = (index: number) =>
    `${JSON.stringify({ problem: `question ${String(index).padStart(6, "0")}`, answer: "4", category: "c", abilities: ["a"], refined_cot: filler, image_path: "a.png", reward: "r" })}\n`;
  const lineBytes = line(0).length;
  const encoder = new TextEncoder();
  /** A file of 200 MB that is nowhere: what is asked for is made. */
  const source: FileSource = {
    name: "made up",
    exists: () => Promise.resolve(true),
    size: () => Promise.resolve(count * lineBytes),
    read: (_, begin = 0, end = count * lineBytes) => {
      const first = Math.floor(begin / lineBytes);
      let text = "";
      for (let index = first; index * lineBytes < end; index++) text += line(index);
      return Promise.resolve(encoder.encode(text.slice(begin - first * lineBytes, end - first * lineBytes)));
    },
  };
  collect();
  const before = process.memoryUsage().heapUsed;
  let [taken, most] = [0, 0];
  for await (const event of readWeThink({ source, path: "set.jsonl" })) {
    if (event.type === "row") taken++;
    if (taken % 20_000 !== 0) continue;
    collect();
    most = Math.max(most, process.memoryUsage().heapUsed - before);
  }
  expect(taken).toBe(count);
  expect(count * lineBytes).toBeGreaterThan(180e6);
  // Mostly the hashes by which duplicates are known.
  expect(most).toBeLessThan(24e6);
});
