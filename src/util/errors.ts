/**
 * Every error the kit throws on purpose. One root; each subclass names a condition a caller may want to tell apart.
 * A message says what went wrong, what was got and what was expected. `code` survives a worker boundary, where
 * classes do not: see {@link reviveError}.
 */
export class ThinktabError extends Error {
  readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = nameOf(new.target);
    this.name = this.code;
  }
}

/** A tensor, option or file has another shape than the operation needs. */
export class ShapeError extends ThinktabError {
  constructor(what: string, got: unknown, expected: unknown) {
    super(`${what}: got ${show(got)}, expected ${show(expected)}`);
  }
}

/** An option is unknown, of the wrong type or out of range. */
export class InvalidOptionError extends ThinktabError {
  constructor(what: string, got: unknown, expected: unknown) {
    super(`${what}: got ${show(got)}, expected ${show(expected)}`);
  }
}

/** No usable WebGPU adapter or device. */
export class GpuUnavailableError extends ThinktabError {}

/** The GPU device was lost (driver reset, tab in the background for too long, out of memory). */
export class DeviceLostError extends ThinktabError {}

/** A shader does not compile, or does not fit its TypeScript declaration. Carries the compiler's messages. */
export class ShaderError extends ThinktabError {}

/** What was asked for does not fit the device. The message holds the budget table. */
export class MemoryBudgetError extends ThinktabError {}

/** A file is truncated, has an impossible header, or is not of the format its name says. */
export class CorruptFileError extends ThinktabError {}

/** A file that should be there is not. */
export class MissingFileError extends ThinktabError {}

/** The weights lack a tensor that the architecture needs. */
export class MissingTensorError extends ThinktabError {}

/** Architecture, activation, dtype or another feature of a model that the kit does not support. */
export class UnsupportedModelError extends ThinktabError {}

/** The bytes are not an image this platform can decode. */
export class ImageDecodeError extends ThinktabError {}

/** The prompt's image placeholders and the image features differ in number. */
export class ImageTokenMismatchError extends ThinktabError {}

/** Prompt, or prompt and completion, are longer than the context. */
export class ContextLengthError extends ThinktabError {}

/** NaN or infinity in a loss or gradient, often enough in a row that the run stopped. */
export class NonFiniteError extends ThinktabError {}

/** A checkpoint belongs to another run, or was torn. */
export class CheckpointError extends ThinktabError {}

/** The browser or disk refused to store something: quota exceeded, no such storage, no permission. */
export class StorageError extends ThinktabError {}

/** A language model gave no answer that can be used: it refused, was late, is not there, or answered something else. */
export class LanguageModelError extends ThinktabError {
  /** True: it is for what this question holds, so that asking it again does not help, and others may be answered. */
  readonly ofQuestion: boolean;
  constructor(
    message: string,
    { ofQuestion = false, ...options }: ErrorOptions & { ofQuestion?: boolean } = {},
  ) {
    super(message, options);
    this.ofQuestion = ofQuestion;
  }
}

const classes: Record<string, { name: string; prototype: ThinktabError }> = {
  ThinktabError,
  ShapeError,
  InvalidOptionError,
  GpuUnavailableError,
  DeviceLostError,
  ShaderError,
  MemoryBudgetError,
  CorruptFileError,
  MissingFileError,
  MissingTensorError,
  UnsupportedModelError,
  ImageDecodeError,
  ImageTokenMismatchError,
  ContextLengthError,
  NonFiniteError,
  CheckpointError,
  StorageError,
  LanguageModelError,
};

/** A class's own name would be what a minifier left of it; the table's keys stay. */
function nameOf(target: { name: string }): string {
  return Object.keys(classes).find((name) => classes[name] === target) ?? target.name;
}

/** The plain form of an error that structured clone keeps whole. */
export interface ErrorRecord {
  code: string;
  name: string;
  message: string;
  stack?: string;
}

/** Turns an error into a record that crosses a worker boundary. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof ThinktabError) {
    return { code: error.code, name: error.name, message: error.message, stack: error.stack };
  }
  if (error instanceof Error)
    return { code: error.name, name: error.name, message: error.message, stack: error.stack };
  return { code: "Error", name: "Error", message: String(error) };
}

/** Gives a record its class back, so that `instanceof` works on the far side of a worker boundary. */
export function reviveError(record: ErrorRecord): Error {
  if (record.name === "AbortError") return new DOMException(record.message, "AbortError");
  const found = classes[record.code];
  const error: Error = found ? (Object.create(found.prototype) as Error) : new Error(record.message);
  const set = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: false });
  set("message", record.message);
  set("name", record.name);
  set("stack", record.stack);
  if (found) set("code", record.code);
  return error;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}
