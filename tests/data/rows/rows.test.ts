import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { JsonScanner } from "../../../src/data/rows/json-scanner.ts";
import { readRows, type DataFile, type RawRow } from "../../../src/data/rows/rows.ts";
import { readTable, readTableRow } from "../../../src/data/rows/tsv-rows.ts";
import { memorySource, type FileSource } from "../../../src/storage/source.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const asFile = (path: string, bytes: Uint8Array): DataFile => ({
  source: memorySource({ [path]: bytes }),
  path,
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("a JSON document in pieces", () => {
  const rows = [
    { text: 'brackets ]}[{ and "quotes" \\ and \\" in it', list: [[1], { a: [] }] },
    { text: "", unicode: "\u2028 🐘" },
    17,
    null,
    "a text, with ] and }",
    [1, [2]],
    true,
    -1.5e3,
  ];

  test.each([1, 2, 3, 7, 1000])("of %i characters gives the same rows", (length) => {
    for (const text of [JSON.stringify(rows), JSON.stringify(rows, undefined, 3)]) {
      const scanner = new JsonScanner();
      const found: unknown[] = [];
      for (let at = 0; at < text.length; at += length)
        for (const row of scanner.push(text.slice(at, at + length))) found.push(JSON.parse(row));
      expect(found).toEqual(rows);
      expect(scanner.unfinished()).toBeUndefined();
      expect(scanner.surprise).toBeUndefined();
    }
  });

  test("that is an object gives rows, and lists of rows, and keeps the rest for a row of its own", () => {
    const text = JSON.stringify({
      n: 3,
      list: [1, "]"],
      a: { x: 1 },
      rows: [{ x: 2 }, { x: 3 }],
      e: [],
      s: "}",
    });
    for (const length of [1, 5, 1000]) {
      const scanner = new JsonScanner();
      const found: unknown[] = [];
      for (let at = 0; at < text.length; at += length)
        for (const row of scanner.push(text.slice(at, at + length))) found.push(JSON.parse(row));
      expect(found).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }]);
      expect(JSON.parse(scanner.fieldsAsRow() ?? "")).toEqual({ n: 3, list: [1, "]"], e: [], s: "}" });
    }
  });

  test.each([
    ["[{}", ""],
    ['[{"a": "b', '{"a": "b'],
    ['{"a": {"b"', '{"b"'],
    ["[1,2", "2"],
  ])("that ends at %s has this left: %s", (text, left) => {
    const scanner = new JsonScanner();
    for (const row of scanner.push(text)) expect(row).not.toBe("");
    expect(scanner.unfinished()).toBe(left);
  });

  test.each([
    ["[}", "a value"],
    ['{"a" 1}', ":"],
    ["{1: 2}", "a key or }"],
    ["[] x", "nothing"],
    ["true", "[ or {"],
  ])("%s is none: %s is expected", (text, expected) => {
    const scanner = new JsonScanner();
    expect([...scanner.push(text)]).toEqual([]);
    expect(scanner.surprise?.expected).toBe(expected);
  });
});

describe("Parquet", () => {
  const names = Array.from({ length: 2500 }, (_, index) => `row ${index}`);
  const columnData = [
    { name: "name", data: names, type: "STRING" as const },
    { name: "count", data: names.map((_, index) => BigInt(index)), type: "INT64" as const },
    {
      name: "pixels",
      data: names.map((_, index) => Uint8Array.of(0xff, index)),
      type: "BYTE_ARRAY" as const,
    },
  ];
  const expected = names.map((name, index) => ({
    number: index + 1,
    value: { name, count: index, pixels: Uint8Array.of(0xff, index) },
  }));

  test.each([
    ["many row groups", { rowGroupSize: 300 }],
    ["one row group", { rowGroupSize: 10_000 }],
    ["pages without offsets", { rowGroupSize: 1000, offsetIndex: false }],
    ["no compression", { codec: "UNCOMPRESSED" as const }],
    [
      "gzip",
      {
        codec: "GZIP" as const,
        compressors: { GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) },
      },
    ],
  ])(
    "of %s gives its rows as plain values",
    async (_, { offsetIndex = true, ...options }: Record<string, unknown>) => {
      const columns = columnData.map((column) => ({ ...column, offsetIndex: offsetIndex === true }));
      const bytes = new Uint8Array(parquetWriteBuffer({ columnData: columns, pageSize: 2000, ...options }));
      expect(await collect(readRows(asFile("x.parquet", bytes)))).toEqual(expected);
    },
  );

  test("is read a part at a time, though it has one row group", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `row ${index}`);
    const column = { name: "name", data: many, type: "STRING" as const };
    const options = { columnData: [column], pageSize: 2000, rowGroupSize: 10_000 };
    const bytes = new Uint8Array(parquetWriteBuffer(options));
    const inner = memorySource({ "x.parquet": bytes });
    let most = 0;
    const source: FileSource = {
      ...inner,
      read: (path, begin = 0, end = bytes.length, options) => {
        // All but the file's own table of contents, which is looked for at its end.
        if (end < bytes.length) most = Math.max(most, end - begin);
        return inner.read(path, begin, end, options);
      },
    };
    expect(await collect(readRows({ source, path: "x.parquet" }))).toHaveLength(10_000);
    expect(most).toBeLessThan(bytes.length / 5);
  });
});

describe("a tab-separated table", () => {
  const text =
    'index\tquestion\tanswer\n1\tplain\tx\n2\t"two\nlines, a ""quote"" and a\ttab"\t" y "\n\n3\t\t🐘"é\n';
  const cells = [
    { index: "1", question: "plain", answer: "x" },
    { index: "2", question: 'two\nlines, a "quote" and a\ttab', answer: " y " },
    { index: "3", question: "", answer: '🐘"é' },
  ];

  test.each([
    ["as it is", text],
    ["with a byte order mark", `\uFEFF${text}`],
    ["without a last line break", text.trimEnd()],
    ["with Windows' line breaks", text.replaceAll("\n", "\r\n")],
  ])("%s gives its cells, and where each row stands", async (_, given) => {
    const file = asFile("x.tsv", encode(given));
    const wanted = given.includes("\r")
      ? cells.map((row) => ({ ...row, question: row.question.replaceAll("\n", "\r\n") }))
      : cells;
    const rows = await collect(readTable(file));
    expect(rows.map((row) => row.cells)).toEqual(wanted);
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3]);
    for (const [index, row] of rows.entries())
      expect(await readTableRow(file, ["index", "question", "answer"], row)).toEqual(wanted[index]);
  });

  test("of megabytes in one cell is whole, however it falls into pieces", async () => {
    const long = 'é"\t\n'.repeat(700_000);
    const quoted = `"${long.replaceAll('"', '""')}"`;
    const file = asFile("x.tsv", encode(`a\tb\n1\t${quoted}\n2\tend\n`));
    const rows = await collect(readTable(file));
    expect(rows.map((row) => row.cells.a)).toEqual(["1", "2"]);
    expect(rows[0].cells.b).toBe(long);
    expect(await readTableRow(file, ["a", "b"], rows[1])).toEqual({ a: "2", b: "end" });
  });

  test("with a row that is too long, or without a header, is an error", async () => {
    await expect(collect(readTable(asFile("x.tsv", encode("a\tb\n1\t2\t3\n"))))).rejects.toThrow(
      "x.tsv in memory: row 1 has 3 cells, expected 2 as in the header",
    );
    await expect(collect(readTable(asFile("x.tsv", encode(""))))).rejects.toThrow("expected a header");
  });
});

test("a line of JSONL longer than a piece is one row", async () => {
  const long = "é".repeat(1 << 20);
  const rows = await collect<RawRow>(
    readRows(asFile("x.jsonl", encode(`${JSON.stringify({ long })}\n\n{"a":1}`))),
  );
  expect(rows).toEqual([
    { number: 1, value: { long } },
    { number: 3, value: { a: 1 } },
  ]);
});

test("reading stops when it is told to", async () => {
  const controller = new AbortController();
  const rows = readRows(asFile("x.jsonl", encode('{"a":1}\n'.repeat(300_000))), {
    signal: controller.signal,
  });
  await rows.next();
  controller.abort();
  await expect(collect(rows)).rejects.toThrow(/abort/i);
});
