import { crc32 } from "../util/crc32.ts";

/** A file of a hand-off; a long text comes in pieces. */
export interface HandoffFile {
  /** Relative, with slashes. */
  path: string;
  content: string | Uint8Array | AsyncIterable<string>;
  /** A program: to be made executable where files can be. */
  executable?: boolean;
}

/** A file's bytes, piece by piece. */
export async function* fileBytes({ content }: HandoffFile): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  if (typeof content === "string") yield encoder.encode(content);
  else if (content instanceof Uint8Array) yield content;
  else for await (const piece of content) yield encoder.encode(piece);
}

/** Where a file stands in the archive. */
interface Entry {
  name: Uint8Array<ArrayBuffer>;
  crc: number;
  size: number;
  begin: number;
  executable: boolean;
}

const maxSize = 0xffff_ffff;
const maxFiles = 0xffff;

/**
 * Files as a zip archive, stored and not compressed: images are that already. One file at a time is in memory, so that a
 * page can write it to disk as it comes.
 * @throws RangeError beyond 4 GiB or 65,535 files, which a plain archive cannot hold: write a folder instead.
 */
export async function* zipFiles(files: AsyncIterable<HandoffFile>): AsyncGenerator<Uint8Array> {
  const entries: Entry[] = [];
  let at = 0;
  for await (const file of files) {
    const pieces: Uint8Array[] = [];
    for await (const piece of fileBytes(file)) pieces.push(piece);
    const body = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    const entry: Entry = {
      name: new TextEncoder().encode(file.path),
      crc: crc32(body),
      size: body.length,
      begin: at,
      executable: file.executable ?? false,
    };
    entries.push(entry);
    const header = localHeader(entry);
    at += header.length + body.length;
    if (at > maxSize || entries.length > maxFiles)
      throw new RangeError(
        `zip archive: got ${entries.length} files of ${at} bytes, expected at most 65,535 of 4 GiB`,
      );
    yield header;
    yield body;
  }
  const directory = entries.map(directoryEntry);
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  yield* directory;
  yield record(0x06054b50, [
    [0, 2],
    [0, 2],
    [entries.length, 2],
    [entries.length, 2],
    [size, 4],
    [at, 4],
    [0, 2],
  ]);
}

/** Numbers in little-endian order behind a signature: [value, bytes]. */
function record(
  signature: number,
  fields: readonly (readonly [number, 2 | 4])[],
  name = new Uint8Array(),
): Uint8Array {
  const size = fields.reduce((sum, [, bytes]) => sum + bytes, 4);
  const out = new Uint8Array(size + name.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  out.set(name, at);
  return out;
}

/** The first of January 1980, no time: the same files make the same archive. */
const date = 0x21;
/** Names are UTF-8. */
const flags = 0x800;

function common({ name, crc, size }: Entry): (readonly [number, 2 | 4])[] {
  return [[20, 2], [flags, 2], [0, 2], [0, 2], [date, 2], [crc, 4], [size, 4], [size, 4], [name.length, 2], [0, 2]]; // prettier-ignore
}

function localHeader(entry: Entry): Uint8Array {
  return record(0x04034b50, common(entry), entry.name);
}

function directoryEntry(entry: Entry): Uint8Array {
  const mode = entry.executable ? 0o100755 : 0o100644;
  const behind = [[0, 2], [0, 2], [0, 2], [mode * 0x10000, 4], [entry.begin, 4]] as const; // prettier-ignore
  // Made by Unix: the mode counts.
  return record(0x02014b50, [[0x0314, 2], ...common(entry), ...behind], entry.name);
}
