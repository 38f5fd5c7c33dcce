import type { Bytes, FileSource, ReadOptions } from "../../storage/source.ts";

/** One file of a source: a picked file, one under a URL, one in a folder on disk. */
export interface DataFile {
  source: FileSource;
  /** Within the source. */
  path: string;
}

/** A row as its file has it, or what stands in its place where it cannot be read. Numbers count from 1 (JSONL: lines). */
export type RawRow = { number: number; value: unknown } | { number: number; text: string; error: string };

/** For messages. */
export function nameOf({ source, path }: DataFile): string {
  return `${path} in ${source.name}`;
}

/** Bytes that are read at a time: few enough to hold, many enough that a request for each costs little. */
const chunkBytes = 1 << 20;

/** A file's bytes in order, piece by piece. */
export async function* byteChunks(
  { source, path }: DataFile,
  options: ReadOptions & { begin?: number } = {},
): AsyncGenerator<Bytes> {
  const size = await source.size(path, options);
  for (let begin = options.begin ?? 0; begin < size; begin += chunkBytes) {
    options.signal?.throwIfAborted();
    yield await source.read(path, begin, Math.min(begin + chunkBytes, size), options);
  }
}

/** A file's UTF-8 text, piece by piece, without its byte order mark. Bytes that are no UTF-8 become U+FFFD. */
export async function* textChunks(file: DataFile, options?: ReadOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const bytes of byteChunks(file, options)) {
    const text = decoder.decode(bytes, { stream: true });
    if (text !== "") yield text;
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}

/** A text of its own: a slice would keep the whole piece it was cut from alive. */
export function ownText(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
