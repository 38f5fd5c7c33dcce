import { configure, Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";

export interface MadeZipOptions {
  /** 0: stored as it is. */
  level?: number;
  zip64?: boolean;
  comment?: string;
}

/** A zip archive as zip.js writes it. */
export async function madeZip(
  files: ReadonlyMap<string, Uint8Array>,
  { level = 6, zip64 = false, comment = "" }: MadeZipOptions = {},
): Promise<Uint8Array> {
  configure({ useWebWorkers: false });
  const writer = new ZipWriter(new Uint8ArrayWriter(), { level, zip64 });
  for (const [path, bytes] of files) await writer.add(path, new Uint8ArrayReader(bytes));
  return writer.close(new TextEncoder().encode(comment));
}

/** The archive cut into parts of this length, as `split` names them. */
export function madeParts(
  archive: Uint8Array,
  partBytes: number,
  stem = "image.zip",
): Map<string, Uint8Array> {
  const parts = new Map<string, Uint8Array>();
  for (let begin = 0, part = 0; begin < archive.length; begin += partBytes, part++) {
    const suffix = String.fromCharCode(97 + Math.floor(part / 26), 97 + (part % 26));
    parts.set(`${stem}.part-${suffix}`, archive.slice(begin, begin + partBytes));
  }
  return parts;
}
