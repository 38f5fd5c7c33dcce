/** Cells of a table that hold more than a text: lists as Python writes them, and bytes. */
import type { Bytes } from "../../storage/source.ts";
import { CorruptFileError } from "../../util/errors.ts";

/** The texts of a cell that holds a list as JSON or Python write it; a cell that holds none is one text; empty is none. */
export function parseList(cell: string | undefined): string[] {
  const text = (cell ?? "").trim();
  if (text === "") return [];
  const list = /^\[([\s\S]*)\]$/.exec(text)?.[1];
  if (list === undefined) return [text];
  return [...list.matchAll(/'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\s,'"]+)/g)].map(
    ([, single, double, bare]) => (single ?? double ?? bare).replace(/\\([\s\S])/g, "$1"),
  );
}

/** One text as it is, several as a list. */
export function listCell(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0] : texts.length === 0 ? "" : JSON.stringify(texts);
}

/** @param what the cell, for messages. @throws CorruptFileError for what is no base64. */
export function decodeBase64(text: string, what: string): Bytes {
  let decoded: string;
  try {
    decoded = atob(text.replace(/^data:[^,]*,/, ""));
  } catch (cause) {
    throw new CorruptFileError(
      `${what}: got ${JSON.stringify(text.slice(0, 20))}…, expected an image as base64`,
      {
        cause,
      },
    );
  }
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}

export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let begin = 0; begin < bytes.byteLength; begin += 8190) {
    // A multiple of three, so that no padding falls between pieces.
    text += btoa(String.fromCharCode(...bytes.subarray(begin, begin + 8190)));
  }
  return text;
}
