import type { Bytes, FileSource, ReadOptions } from "../../storage/source.ts";
import { crc32 } from "../../util/crc32.ts";
import { CorruptFileError, MissingFileError } from "../../util/errors.ts";
import { nameOf, type DataFile } from "../rows/data-file.ts";
import { safeImagePath, type ImageLookup } from "./lookup.ts";
import { openZip, type ZipEntry, type ZipOptions } from "./zip-directory.ts";

/**
 * The images of one zip archive, zip64 too: its directory is read when it is opened, an image when it is asked for. An
 * archive whose files all are in one folder is also looked into without that folder's name.
 *
 * Read by hand: zip.js 2.24 holds 7.6 kB for each entry that it lists (measured, 20,000 entries), which is 0.9 GB for an
 * archive of 120,000 images, where this holds its directory as it is in the file, about 100 bytes an entry, and a name.
 * @throws CorruptFileError for what is no zip archive, or one that was cut.
 */
export async function zipImages(file: DataFile, options: ZipOptions = {}): Promise<ImageLookup> {
  const directory = await openZip(file, options);
  const folder = directory.commonFolder();
  const find = (path: string): ZipEntry | undefined =>
    directory.find(path) ?? (folder === undefined ? undefined : directory.find(`${folder}/${path}`));
  return {
    name: nameOf(file),
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    has: async (path) => find(safeImagePath(path)) !== undefined,
    read: async (path, readOptions) => {
      const entry = find(safeImagePath(path));
      if (!entry)
        throw new MissingFileError(
          `${path}: not found in ${nameOf(file)}, which has ${directory.size} files`,
        );
      return readEntry(file, path, entry, readOptions);
    },
  };
}

const localHeaderBytes = 30;

async function readEntry(
  { source, path }: { source: FileSource; path: string },
  name: string,
  entry: ZipEntry,
  options?: ReadOptions,
): Promise<Bytes> {
  const what = `${name} of ${path} in ${source.name}`;
  if (entry.encrypted) throw new CorruptFileError(`${what}: got an encrypted file, expected a plain one`);
  const header = new DataView(
    (await source.read(path, entry.offset, entry.offset + localHeaderBytes, options)).buffer,
  );
  if (header.getUint32(0, true) !== 0x04034b50) {
    throw new CorruptFileError(
      `${what}: got other bytes where the directory has it, expected a file's header`,
    );
  }
  const begin = entry.offset + localHeaderBytes + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = await source.read(path, begin, begin + entry.packedBytes, options);
  const bytes = await unpack(packed, entry.method, what);
  if (bytes.byteLength !== entry.bytes || crc32(bytes) !== entry.crc) {
    throw new CorruptFileError(
      `${what}: got ${bytes.byteLength} bytes of checksum ${crc32(bytes)}, expected ${entry.bytes} of ${entry.crc}`,
    );
  }
  return bytes;
}

async function unpack(packed: Bytes, method: number, what: string): Promise<Bytes> {
  if (method === 0) return packed;
  if (method !== 8) {
    throw new CorruptFileError(`${what}: got compression method ${method}, expected 8 (deflate) or 0 (none)`);
  }
  try {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new CorruptFileError(`${what}: got bytes that do not inflate (${String(cause)})`, { cause });
  }
}
