/** The directory of a zip archive (APPNOTE 6.3.10, sections 4.3.12 to 4.3.16), zip64 included. */
import type { Bytes, ReadOptions } from "../../storage/source.ts";
import { CorruptFileError } from "../../util/errors.ts";
import { nameOf, type DataFile } from "../rows/data-file.ts";

export interface ZipOptions extends ReadOptions {
  /** Says what is wrong with an archive that lacks its end, or this many bytes before it: which part of it, say. */
  explainCut?: (missingBytes: number | undefined) => string;
}

/** Where a file of the archive is. */
export interface ZipEntry {
  /** Of its header in the archive. */
  offset: number;
  packedBytes: number;
  bytes: number;
  crc: number;
  /** 0: as it is; 8: deflated. */
  method: number;
  encrypted: boolean;
}

export interface ZipDirectory {
  /** Files in it. */
  size: number;
  find(path: string): ZipEntry | undefined;
  /** The folder that all files are in. */
  commonFolder(): string | undefined;
}

const endBytes = 22;
const locatorBytes = 20;
const end64Bytes = 56;
/** A comment of up to this may stand behind the end record. */
const commentBytes = 0xffff;

/** @throws CorruptFileError */
export async function openZip(file: DataFile, options: ZipOptions): Promise<ZipDirectory> {
  const { source, path } = file;
  const size = await source.size(path, options);
  const tailBegin = Math.max(0, size - endBytes - commentBytes - locatorBytes);
  const tail = await source.read(path, tailBegin, size, options);
  const end = findEnd(tail);
  if (end < 0) throw cut(file, options, undefined);
  const view = viewOf(tail);
  let bytes = view.getUint32(end + 12, true);
  let offset = view.getUint32(end + 16, true);
  /** Where the records behind the directory begin. */
  let behind = tailBegin + end;
  const locator = end - locatorBytes;
  if (locator >= 0 && view.getUint32(locator, true) === 0x07064b50) {
    const at = wide(view, locator + 8);
    // It stands right before its locator: where it says to be instead, bytes before it are gone.
    const stands = tailBegin + locator - end64Bytes;
    if (at > stands) throw cut(file, options, at - stands);
    const record = viewOf(await source.read(path, at, at + end64Bytes, options));
    if (record.getUint32(0, true) !== 0x06064b50) throw cut(file, options, undefined);
    bytes = wide(record, 40);
    offset = wide(record, 48);
    behind = at;
  }
  if (offset + bytes > behind) throw cut(file, options, offset + bytes - behind);
  const directory = await source.read(path, offset, offset + bytes, options);
  return index(file, directory);
}

function cut(file: DataFile, { explainCut }: ZipOptions, missingBytes: number | undefined): CorruptFileError {
  const what =
    missingBytes === undefined ? "its end is missing" : `${missingBytes} bytes before its end are missing`;
  const why = explainCut?.(missingBytes) ?? "it is truncated, or no zip archive";
  return new CorruptFileError(`${nameOf(file)}: ${what}: ${why}`);
}

function findEnd(tail: Bytes): number {
  const view = viewOf(tail);
  for (let at = tail.byteLength - endBytes; at >= 0; at--) {
    // The comment behind it must fill the file: these four bytes may also stand in an image.
    if (
      view.getUint32(at, true) === 0x06054b50 &&
      at + endBytes + view.getUint16(at + 20, true) === tail.byteLength
    )
      return at;
  }
  return -1;
}

function index(file: DataFile, directory: Bytes): ZipDirectory {
  const view = viewOf(directory);
  const decoder = new TextDecoder();
  /** Where each file's record stands in the directory. */
  const places = new Map<string, number>();
  // The end record's count is not relied on: without zip64, writers let it wrap at 65,536.
  for (let at = 0; at < directory.byteLength;) {
    if (at + 46 > directory.byteLength || view.getUint32(at, true) !== 0x02014b50) {
      throw new CorruptFileError(
        `${nameOf(file)}: the directory breaks off behind ${places.size} files, expected ${directory.byteLength} bytes`,
      );
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const name = decoder.decode(directory.subarray(at + 46, nameEnd)).replaceAll("\\", "/");
    if (!name.endsWith("/")) places.set(name.replace(/^(\.\/)+/, ""), at);
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return {
    size: places.size,
    find: (path) => {
      const place = places.get(path);
      return place === undefined ? undefined : entryAt(view, place);
    },
    commonFolder: () => {
      const [first = ""] = places.keys();
      const slash = first.indexOf("/");
      const folder = first.slice(0, slash + 1);
      if (slash <= 0) return undefined;
      for (const name of places.keys()) if (!name.startsWith(folder)) return undefined;
      return first.slice(0, slash);
    },
  };
}

function entryAt(view: DataView, at: number): ZipEntry {
  const entry = {
    encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedBytes: view.getUint32(at + 20, true),
    bytes: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  };
  const extraBegin = at + 46 + view.getUint16(at + 28, true);
  const extraEnd = extraBegin + view.getUint16(at + 30, true);
  for (let field = extraBegin; field + 4 <= extraEnd; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    // Only what did not fit in 32 bits stands here, in this order.
    let place = field + 4;
    for (const name of ["bytes", "packedBytes", "offset"] as const) {
      if (entry[name] !== 0xffffffff || place + 8 > extraEnd) continue;
      entry[name] = wide(view, place);
      place += 8;
    }
  }
  return entry;
}

function viewOf(bytes: Bytes): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit number; archives stay far below what a double counts exactly. */
function wide(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
