import { CorruptFileError, MissingFileError } from "../util/errors.ts";

/** Bytes in a buffer of their own, so that they can be handed to a worker, a Blob or the GPU. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Cancels a read. The promise rejects with a `DOMException` named `AbortError`. */
export interface ReadOptions {
  signal?: AbortSignal;
}

/**
 * A read-only set of files addressed by relative path with forward slashes: a model repository, a picked folder, a
 * folder on disk. Every method throws {@link MissingFileError}, naming the file, when it is not there (`exists` aside).
 */
export interface FileSource {
  /** For messages: a URL, a folder name. */
  readonly name: string;
  /** Size of a file in bytes. */
  size(path: string, options?: ReadOptions): Promise<number>;
  /** Whether there is such a file. */
  exists(path: string, options?: ReadOptions): Promise<boolean>;
  /**
   * Bytes `begin` (default 0) to `end` (exclusive, default the file's end). The returned array owns its buffer and
   * starts at offset 0 of it.
   * @throws CorruptFileError when the file ends before `end`.
   */
  read(path: string, begin?: number, end?: number, options?: ReadOptions): Promise<Bytes>;
}

/** Reads a whole file as UTF-8. */
export async function readText(source: FileSource, path: string, options?: ReadOptions): Promise<string> {
  return new TextDecoder().decode(await source.read(path, 0, undefined, options));
}

/** Reads and parses a JSON file. @throws CorruptFileError when it is not JSON. */
export async function readJson(source: FileSource, path: string, options?: ReadOptions): Promise<unknown> {
  const text = await readText(source, path, options);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new CorruptFileError(`${path} in ${source.name}: got ${quote(text)}, expected JSON`, { cause });
  }
}

/** Files in memory, by path. */
export function memorySource(
  files: ReadonlyMap<string, Uint8Array> | Record<string, Uint8Array>,
  name = "memory",
): FileSource {
  const table = isMap(files) ? files : new Map(Object.entries(files));
  const find = (path: string): Uint8Array => {
    const found = table.get(path);
    if (!found) throw missing(name, path, table.keys());
    return found;
  };
  return {
    name,
    exists: (path) => Promise.resolve(table.has(path)),
    size: (path) => promised(() => find(path).byteLength),
    read: (path, begin = 0, end, options) =>
      promised(() => {
        options?.signal?.throwIfAborted();
        const bytes = find(path);
        const stop = end ?? bytes.byteLength;
        expectRange(name, path, begin, stop, bytes.byteLength);
        return new Uint8Array(bytes.subarray(begin, stop));
      }),
  };
}

/**
 * Files picked or dropped by the user. A folder pick gives `webkitRelativePath`s that all start with the folder's
 * name, which is stripped, so that `config.json` is found at the top. A map's keys are taken as paths, with a leading
 * folder common to all of them stripped likewise.
 */
export function fileSource(
  files: readonly File[] | ReadonlyMap<string, Blob>,
  name = "picked files",
): FileSource {
  const pairs: [string, Blob][] = isMap(files)
    ? [...files]
    : files.map((file): [string, Blob] => [file.webkitRelativePath || file.name, file]);
  const table = new Map(stripCommonFolder(pairs));
  const find = (path: string): Blob => {
    const found = table.get(path);
    if (!found) throw missing(name, path, table.keys());
    return found;
  };
  return {
    name,
    exists: (path) => Promise.resolve(table.has(path)),
    size: (path) => promised(() => find(path).size),
    read: async (path, begin = 0, end, options) => {
      options?.signal?.throwIfAborted();
      const blob = find(path);
      const stop = end ?? blob.size;
      expectRange(name, path, begin, stop, blob.size);
      const bytes = new Uint8Array(await blob.slice(begin, stop).arrayBuffer());
      options?.signal?.throwIfAborted();
      return bytes;
    },
  };
}

/** @throws CorruptFileError unless 0 <= begin <= end <= size. */
export function expectRange(source: string, path: string, begin: number, end: number, size: number): void {
  if (begin >= 0 && begin <= end && end <= size) return;
  throw new CorruptFileError(
    `${path} in ${source}: asked for bytes ${begin} to ${end}, got ${size}, expected at least ${end}`,
  );
}

function missing(source: string, path: string, have: Iterable<string>): MissingFileError {
  const names = [...have].slice(0, 12);
  return new MissingFileError(`${path}: not found in ${source}, which has ${names.join(", ") || "no files"}`);
}

/** Runs synchronous work so that what it throws becomes a rejection. */
function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function isMap<V>(files: ReadonlyMap<string, V> | object): files is ReadonlyMap<string, V> {
  return files instanceof Map;
}

function stripCommonFolder(pairs: [string, Blob][]): [string, Blob][] {
  const folder = pairs[0]?.[0].split("/")[0];
  const nested = pairs.every(([path]) => path.startsWith(`${folder}/`));
  return nested ? pairs.map(([path, blob]) => [path.slice((folder ?? "").length + 1), blob]) : pairs;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
