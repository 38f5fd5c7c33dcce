import type { ReadOptions } from "../../storage/source.ts";
import { CorruptFileError } from "../../util/errors.ts";
import { nameOf, textChunks, type DataFile } from "./data-file.ts";

/** One row of a table. */
export interface TableRow {
  /** From 1, the header not counted. */
  number: number;
  /** By column. */
  cells: Record<string, string>;
  /** Where the row's text stands in the file, in bytes: what was too large to keep is read again from there. */
  begin: number;
  end: number;
}

interface Step {
  data: string[];
  meta: { cursor: number };
}

/**
 * Rows of a tab-separated table with a header, as pandas writes them: a cell with a tab, a line break or a quote stands
 * in double quotes, and quotes in it are doubled. Only the row being read is held.
 * @throws CorruptFileError for a table without a header, or a row with more cells than that.
 */
export async function* readTable(file: DataFile, options?: ReadOptions): AsyncGenerator<TableRow> {
  const parse = await rowParser();
  let header: string[] | undefined;
  let number = 0;
  let position = 0;
  for await (const { cells, bytes } of parsedRows(file, parse, options)) {
    const begin = position;
    position += bytes;
    if (cells.length === 1 && cells[0].trim() === "") continue;
    if (!header) {
      header = cells.map((name) => name.trim());
      continue;
    }
    number++;
    if (cells.length > header.length) {
      throw new CorruptFileError(
        `${nameOf(file)}: row ${number} has ${cells.length} cells, expected ${header.length} as in the header`,
      );
    }
    const named = header.map((name, column): [string, string] => [name, cells[column] ?? ""]);
    yield { number, cells: Object.fromEntries(named), begin, end: position };
  }
  if (!header) throw new CorruptFileError(`${nameOf(file)}: got no row, expected a header`);
}

/** The cells of a row whose place in the file is known. */
export async function readTableRow(
  { source, path }: DataFile,
  columns: readonly string[],
  { begin, end }: Pick<TableRow, "begin" | "end">,
  options?: ReadOptions,
): Promise<Record<string, string>> {
  const parse = await rowParser();
  const text = new TextDecoder().decode(await source.read(path, begin, end, options));
  const cells = parse(text.replace(/\r?\n$/, ""), true)[0]?.cells ?? [];
  return Object.fromEntries(columns.map((name, column) => [name, cells[column] ?? ""]));
}

/** Rows of a text, each with where it ends in it. The last one only where the text is known to be whole. */
type RowParser = (text: string, last: boolean) => { cells: string[]; end: number }[];

async function rowParser(): Promise<RowParser> {
  const papa = await import("papaparse");
  const { Parser } = papa.default;
  let newline: "\n" | "\r\n" | undefined;
  return (text, last) => {
    const rows: { cells: string[]; end: number }[] = [];
    const step = ({ data, meta }: Step) => {
      rows.push({ cells: (Array.isArray(data[0]) ? data[0] : data) as string[], end: meta.cursor });
    };
    // The header ends with the line break that all rows do.
    newline ??= lineBreakOf(text);
    const config = {
      delimiter: "\t",
      newline: newline ?? "\n",
      quoteChar: '"',
      step: step as never,
    } as const;
    new Parser(config).parse(text, 0, !last);
    return rows;
  };
}

function lineBreakOf(text: string): "\n" | "\r\n" | undefined {
  const end = text.indexOf("\n");
  if (end < 0) return undefined;
  return text[end - 1] === "\r" ? "\r\n" : "\n";
}

async function* parsedRows(
  file: DataFile,
  parse: RowParser,
  options?: ReadOptions,
): AsyncGenerator<{ cells: string[]; bytes: number }> {
  const encoder = new TextEncoder();
  let text = "";
  let first = true;
  const take = function* (last: boolean) {
    let begin = 0;
    for (const { cells, end } of parse(text, last)) {
      // The byte order mark was dropped from the text, not from the file.
      yield { cells, bytes: encoder.encode(text.slice(begin, end)).byteLength + (first ? mark : 0) };
      first = false;
      begin = end;
    }
    text = text.slice(begin);
  };
  const mark = await byteOrderMark(file, options);
  for await (const chunk of textChunks(file, options)) {
    text += chunk;
    yield* take(false);
  }
  if (text !== "") yield* take(true);
}

/** Bytes of the mark that a file begins with. */
async function byteOrderMark({ source, path }: DataFile, options?: ReadOptions): Promise<number> {
  const size = await source.size(path, options);
  if (size < 3) return 0;
  const [a, b, c] = await source.read(path, 0, 3, options);
  return a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
}
