import { CorruptFileError, InvalidOptionError, MissingTensorError, ShapeError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import { bytesOf, DTYPE_BYTES, isDtype, toFloat32, type SafetensorsDtype } from "./dtype.ts";
import { memorySource, readJson, type Bytes, type FileSource, type ReadOptions } from "./source.ts";

/** What a file says about one tensor. */
export interface TensorEntry {
  /** Its name in the file. */
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** The tensors of a safetensors file, or of a sharded checkpoint; their bytes are read when asked for. */
export interface TensorTable {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The `__metadata__` strings (of the first shard). */
  readonly metadata: Readonly<Record<string, string>>;
  /** All of a tensor's raw little-endian bytes, in a buffer of their own. @throws MissingTensorError */
  readBytes(name: string, options?: ReadOptions): Promise<Bytes>;
  /** A tensor widened (or rounded) to float32. @throws MissingTensorError */
  readFloat32(name: string, options?: ReadOptions): Promise<Float32Array<ArrayBuffer>>;
  /**
   * Raw bytes of rows `begin` to `begin + count` of the first dimension, so that a tensor larger than the page's memory
   * allows can pass through in pieces. @throws MissingTensorError, ShapeError when the rows do not exist.
   */
  readRows(name: string, begin: number, count: number, options?: ReadOptions): Promise<Bytes>;
}

/** The format's own limit, and far above any real header: a larger length is a sign of another format. */
const MAX_HEADER_BYTES = 100_000_000;

/** A tensor's place in one file. */
interface Located extends TensorEntry {
  readonly source: FileSource;
  readonly path: string;
  /** Of its first byte in the file. */
  readonly begin: number;
}

/**
 * Reads and checks the header of one safetensors file.
 * Format: u64 little-endian header length, JSON `{name: {dtype, shape, data_offsets}}`, raw data.
 * @throws MissingFileError, CorruptFileError
 */
export async function openSafetensors(
  source: FileSource,
  path: string,
  options?: ReadOptions,
): Promise<TensorTable> {
  const { located, metadata } = await readHeader(source, path, options);
  return tableOf(located, metadata, `${path} in ${source.name}`);
}

/** The same for bytes already in memory. */
export function parseSafetensors(bytes: Uint8Array, name = "safetensors bytes"): Promise<TensorTable> {
  return openSafetensors(memorySource({ [name]: bytes }), name);
}

/**
 * Opens `model.safetensors`, or all shards named in `model.safetensors.index.json`.
 * @throws MissingFileError naming the missing shard, CorruptFileError when the index lists a tensor its shard lacks.
 */
export async function openCheckpoint(source: FileSource, options?: ReadOptions): Promise<TensorTable> {
  const indexPath = "model.safetensors.index.json";
  const single = await source.exists("model.safetensors", options);
  if (single || !(await source.exists(indexPath, options))) {
    return openSafetensors(source, "model.safetensors", options);
  }

  const index = await readJson(source, indexPath, options);
  const shardOf = weightMap(index, `${indexPath} in ${source.name}`);
  const located: Located[] = [];
  let metadata: Record<string, string> | undefined;
  for (const shard of [...new Set(shardOf.values())].sort()) {
    const header = await readHeader(source, shard, options);
    metadata ??= header.metadata;
    const have = new Map(header.located.map((entry) => [entry.name, entry]));
    for (const [name, file] of shardOf) {
      if (file !== shard) continue;
      const entry = have.get(name);
      if (!entry) {
        throw new CorruptFileError(
          `${indexPath}: tensor ${name} is listed in ${shard}, which has ${have.size} tensors and not this one`,
        );
      }
      located.push(entry);
    }
  }
  return tableOf(located, metadata ?? {}, source.name);
}

function weightMap(index: unknown, what: string): Map<string, string> {
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map)) throw new CorruptFileError(`${what}: got no weight_map, expected {tensor: shard}`);
  const shards = new Map<string, string>();
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== "string") {
      throw new CorruptFileError(`${what}: weight_map.${name} is ${typeof shard}, expected a file name`);
    }
    shards.set(name, shard);
  }
  return shards;
}

async function readHeader(
  source: FileSource,
  path: string,
  options?: ReadOptions,
): Promise<{ located: Located[]; metadata: Record<string, string> }> {
  const what = `${path} in ${source.name}`;
  const fileBytes = await source.size(path, options);
  if (fileBytes < 10) {
    throw new CorruptFileError(
      `${what}: got ${fileBytes} bytes, expected a safetensors header (8 bytes and JSON)`,
    );
  }
  const prefix = await source.read(path, 0, 8, options);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  const headerBytes = Number(length);
  if (length > BigInt(MAX_HEADER_BYTES) || headerBytes > fileBytes - 8 || headerBytes < 2) {
    throw new CorruptFileError(
      `${what}: got a header length of ${length} in a file of ${fileBytes} bytes, expected 2 to ` +
        `${Math.min(fileBytes - 8, MAX_HEADER_BYTES)} (truncated, or not a safetensors file)`,
    );
  }
  const text = new TextDecoder().decode(await source.read(path, 8, 8 + headerBytes, options));
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new CorruptFileError(`${what}: the header is not JSON`, { cause });
  }
  if (!isRecord(header)) throw new CorruptFileError(`${what}: the header is not an object`);

  const dataBegin = 8 + headerBytes;
  const metadata: Record<string, string> = {};
  const located: Located[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      for (const [key, text] of Object.entries(isRecord(value) ? value : {})) metadata[key] = String(text);
    } else {
      const { entry, offset } = parseEntry(name, value, what);
      located.push({ ...entry, source, path, begin: dataBegin + offset });
    }
  }
  checkLayout(located, dataBegin, fileBytes, what);
  return { located, metadata };
}

function parseEntry(name: string, value: unknown, what: string): { entry: TensorEntry; offset: number } {
  const fail = (detail: string): never => {
    throw new CorruptFileError(`${what}: tensor ${name}: ${detail}`);
  };
  if (!isRecord(value)) return fail("the header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    return fail(`got dtype ${String(dtype)}, expected one of ${Object.keys(DTYPE_BYTES).join(", ")}`);
  }
  if (!isExtents(shape)) return fail(`got shape ${JSON.stringify(shape)}, expected non-negative integers`);
  if (!isExtents(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    return fail(`got data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const byteLength = offsets[1] - offsets[0];
  const expected = shape.reduce((product, extent) => product * extent, 1) * DTYPE_BYTES[dtype];
  if (byteLength !== expected) {
    return fail(`got ${byteLength} bytes, expected ${expected} for ${dtype} [${shape.join(", ")}]`);
  }
  return { entry: { name, dtype, shape, byteLength }, offset: offsets[0] };
}

/** Tensors must lie inside the file and must not overlap. */
function checkLayout(located: readonly Located[], dataBegin: number, fileBytes: number, what: string): void {
  let end = dataBegin;
  let last = "";
  for (const entry of [...located].sort((a, b) => a.begin - b.begin || a.byteLength - b.byteLength)) {
    if (entry.begin < end) {
      throw new CorruptFileError(
        `${what}: tensors ${last} and ${entry.name} overlap: got a begin of ${entry.begin - dataBegin}, ` +
          `expected at least ${end - dataBegin}`,
      );
    }
    end = entry.begin + entry.byteLength;
    last = entry.name;
    if (end > fileBytes) {
      throw new CorruptFileError(
        `${what}: truncated: got ${fileBytes} bytes, expected at least ${end} for tensor ${entry.name}`,
      );
    }
  }
}

function tableOf(located: readonly Located[], metadata: Record<string, string>, what: string): TensorTable {
  const tensors = new Map(located.map((entry) => [entry.name, entry]));
  const find = (name: string): Located => {
    const entry = tensors.get(name);
    if (!entry) throw new MissingTensorError(`${what}: got ${tensors.size} tensors, none is named ${name}`);
    return entry;
  };
  const table: TensorTable = {
    tensors,
    metadata,
    async readBytes(name, options) {
      const { source, path, begin, byteLength } = find(name);
      return source.read(path, begin, begin + byteLength, options);
    },
    async readFloat32(name, options) {
      const bytes = await table.readBytes(name, options);
      const { dtype } = find(name);
      return dtype === "F32" ? new Float32Array(bytes.buffer) : toFloat32(bytes, dtype);
    },
    async readRows(name, row, count, options) {
      const { source, path, begin, byteLength, shape } = find(name);
      const rows = shape[0] ?? 1;
      if (!Number.isInteger(row) || !Number.isInteger(count) || row < 0 || count < 0 || row + count > rows) {
        throw new ShapeError(`rows of ${name}`, `${row} to ${row + count}`, `within 0 to ${rows}`);
      }
      const rowBytes = rows === 0 ? 0 : byteLength / rows;
      return source.read(path, begin + row * rowBytes, begin + (row + count) * rowBytes, options);
    },
  };
  return table;
}

/** A tensor to be written. `data` holds the elements, or their raw little-endian bytes. */
export interface TensorData {
  name: string;
  dtype: SafetensorsDtype;
  shape: readonly number[];
  data: ArrayBufferView;
}

/**
 * One safetensors file. Tensors are written in name order within falling element size, the header is padded so that
 * data starts at a multiple of 8: every tensor is aligned to its element, and equal content gives equal bytes.
 * @throws ShapeError when data and shape differ in size, InvalidOptionError for a name given twice.
 */
export function writeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Bytes {
  const order = [...tensors].sort(
    (a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  const header: Record<string, unknown> = {};
  const names = Object.keys(metadata).sort();
  if (names.length > 0) header.__metadata__ = Object.fromEntries(names.map((key) => [key, metadata[key]]));
  let offset = 0;
  for (const { name, dtype, shape, data } of order) {
    const expected = shape.reduce((product, extent) => product * extent, 1) * DTYPE_BYTES[dtype];
    if (data.byteLength !== expected) {
      throw new ShapeError(`bytes of ${name} (${dtype} [${shape.join(", ")}])`, data.byteLength, expected);
    }
    if (Object.hasOwn(header, name))
      throw new InvalidOptionError("tensor name", `${name} twice`, "unique names");
    header[name] = { dtype, shape: [...shape], data_offsets: [offset, offset + expected] };
    offset += expected;
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const { data } of order) {
    file.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return file;
}

function isExtents(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && Number(extent) >= 0);
}
