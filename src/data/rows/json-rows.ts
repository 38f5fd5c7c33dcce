import type { ReadOptions } from "../../storage/source.ts";
import { CorruptFileError } from "../../util/errors.ts";
import { nameOf, ownText, textChunks, type DataFile, type RawRow } from "./data-file.ts";
import { JsonScanner } from "./json-scanner.ts";

/** One JSON value per line; empty lines are passed over. Rows are numbered by their line. */
export async function* readJsonLines(file: DataFile, options?: ReadOptions): AsyncGenerator<RawRow> {
  let line = 0;
  let carried = "";
  for await (const chunk of textChunks(file, options)) {
    let begin = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", begin)) {
      const text = carried + chunk.slice(begin, end);
      carried = "";
      begin = end + 1;
      line++;
      if (text.trim() !== "") yield parseRow(line, text);
    }
    carried += chunk.slice(begin);
  }
  if (carried.trim() !== "") yield parseRow(line + 1, carried);
}

/**
 * The rows of one JSON document, without holding it: elements of an array; values of an object that maps names to rows,
 * or that has arrays of rows (`{"version": 1, "data": [ … ]}`, of which the rest is passed over). An object that has
 * neither is one row. Numbered from 1.
 * @throws CorruptFileError for what is neither.
 */
export async function* readJsonDocument(file: DataFile, options?: ReadOptions): AsyncGenerator<RawRow> {
  const scanner = new JsonScanner();
  let number = 0;
  for await (const chunk of textChunks(file, options)) {
    for (const text of scanner.push(chunk)) yield parseRow(++number, text);
    if (scanner.surprise !== undefined) {
      const { got, expected } = scanner.surprise;
      throw new CorruptFileError(
        `${nameOf(file)}: got ${JSON.stringify(got)} behind row ${number}, expected ${expected}`,
      );
    }
  }
  const rest = scanner.unfinished();
  if (rest !== undefined) {
    yield { number: number + 1, text: ownText(rest), error: "the file ends before this row does" };
  } else if (number === 0) {
    const row = scanner.fieldsAsRow();
    if (row !== undefined) yield parseRow(1, row);
  }
}

function parseRow(number: number, text: string): RawRow {
  try {
    return { number, value: JSON.parse(text) as unknown };
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause);
    return { number, text: ownText(text.trim()), error };
  }
}
