/** Run files of somebody else: read from a file or an address, and refused in words when they are none. */
import { CorruptFileError, InvalidOptionError, parseRunRecord } from "../../workers/client.ts";
import type { RunRecord } from "../../workers/client.ts";
import { showBytes } from "../components/format.ts";

/** A run that was opened. */
export interface OpenedRun {
  record: RunRecord;
  /** Of the file, for people. */
  name: string;
  /** Where it was fetched; null for a file of the user's. */
  url: string | null;
}

/** Why a file was refused: what is the matter, and what can be done. */
export class RunFileError extends Error {
  override readonly name = "RunFileError";

  constructor(
    readonly title: string,
    message: string,
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A record has a few hundred bytes a step; what is much larger is something else, and would only freeze the page. */
const largestBytes = 64e6;

/** @throws RunFileError */
export async function readRunFile(file: File): Promise<OpenedRun> {
  return { record: parseRunFile(await textOf(file, file.name), file.name), name: file.name, url: null };
}

/**
 * Fetches a run file from wherever it is hosted.
 * @param address absolute, or relative to the page.
 * @throws RunFileError; AbortError.
 */
export async function fetchRunFile(address: string, signal?: AbortSignal): Promise<OpenedRun> {
  const url = addressOf(address);
  const name = decoded(url.pathname.split("/").at(-1) ?? "") || url.host;
  let response: Response;
  let blob: Blob | null = null;
  try {
    // Nothing of the user's goes there: no cookies, no address of this page.
    response = await fetch(url, { signal, credentials: "omit", referrerPolicy: "no-referrer" });
    if (response.ok) {
      assertSize(Number(response.headers.get("content-length")), url.href);
      blob = await response.blob();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof RunFileError) throw cause;
    throw new RunFileError(
      "The run file could not be fetched.",
      `${url.href}: ${cause instanceof Error ? cause.message : String(cause)}`,
      `Either there is no network, or ${url.host} does not let other sites read its files (CORS). ` +
        "Download the file there, and drop it here.",
      { cause },
    );
  }
  if (!blob) {
    throw new RunFileError(
      "The run file could not be fetched.",
      `${url.href}: the server answered ${response.status} ${response.statusText}`.trim(),
      "Check the address: it has to lead to the file itself, not to a page about it.",
    );
  }
  const text = await textOf(blob, url.href);
  return { record: parseRunFile(text, name), name, url: url.href };
}

/** @throws RunFileError when the text is no run record that this version reads. */
export function parseRunFile(text: string, name: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const page = /^\s*</.test(text);
    throw new RunFileError(
      "This is no run file.",
      `${name}: it is not JSON${page ? ", but a web page or a drawing" : ""}`,
      page
        ? "Take the address of the file itself: on GitHub that is the one behind “Raw”."
        : "“Download run” gives such a file: run.json. It may have been cut off on its way: download it again.",
      { cause },
    );
  }
  try {
    return parseRunRecord(json, name);
  } catch (cause) {
    throw refusal(cause, json, name);
  }
}

function refusal(cause: unknown, json: unknown, name: string): unknown {
  const isRecord = typeof json === "object" && json !== null && "format" in json && "metrics" in json;
  if (isRecord && json.format !== 1) {
    return new RunFileError(
      "This run file is of another version.",
      `${name}: format ${JSON.stringify(json.format)}, expected 1`,
      "Open it with the version of Thinktab that wrote it.",
      { cause },
    );
  }
  if (cause instanceof CorruptFileError) {
    return new RunFileError(
      isRecord ? "This run file is damaged." : "This is no run file.",
      cause.message,
      isRecord
        ? "Something in it was changed or got lost. Download it again."
        : "“Download run” gives such a file: run.json. Recipes and adapters are opened elsewhere.",
      { cause },
    );
  }
  if (cause instanceof InvalidOptionError) {
    return new RunFileError(
      "The recipe in this run file is none of this version.",
      cause.message,
      "Open it with the version of Thinktab that wrote it.",
      { cause },
    );
  }
  return cause;
}

/** @throws RunFileError for what is no address of the web. */
function addressOf(address: string): URL {
  const trimmed = address.trim();
  let url: URL | null = null;
  try {
    url = new URL(trimmed, location.href);
  } catch {
    // said below
  }
  if (trimmed !== "" && url && ["http:", "https:"].includes(url.protocol)) return url;
  throw new RunFileError(
    "This is no address of a run file.",
    `got ${trimmed === "" ? "nothing" : trimmed}`,
    "It begins with https:// and ends, as a rule, with run.json.",
  );
}

/** A piece of an address for people; as it is where it is not rightly encoded. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

async function textOf(blob: Blob, name: string): Promise<string> {
  assertSize(blob.size, name);
  return blob.text();
}

/** @throws RunFileError */
function assertSize(bytes: number, name: string): void {
  if (!(bytes > largestBytes)) return;
  throw new RunFileError(
    "This is no run file.",
    `${name}: it has ${showBytes(bytes)}, a run file has at most ${showBytes(largestBytes)}`,
    "“Download run” gives such a file: run.json.",
  );
}
