import { CorruptFileError, MissingFileError, ThinktabError } from "../util/errors.ts";
import { expectRange } from "./source.ts";
import type { Bytes, FileSource } from "./source.ts";

/** How files are asked for. */
export interface HttpSourceOptions {
  /** Defaults to the platform's `fetch`. */
  fetch?: typeof fetch;
  /** Sent with every request, e.g. an `Authorization` for a gated repository. */
  headers?: Record<string, string>;
}

/**
 * A file of at most this size is fetched whole when a second part of it is asked for: a checkpoint is read tensor by
 * tensor, and a request for each of them costs more than the bytes. Larger files are never held.
 */
const heldBytes = 32 * 2 ** 20;

/** Times that a request is made whose answer does not come, or breaks off, and the pause before the next. */
const attempts = 3;
const pauseMs = 250;

/**
 * Files under a URL, e.g. `https://huggingface.co/<owner>/<repo>/resolve/main`. Parts of large files are asked for with
 * `Range`; a server that ignores it and sends the whole file (status 200) is read only as far as needed. A request
 * whose answer does not come or breaks off is made again, past the browser's cache.
 * @throws MissingFileError on 404 and 410, ThinktabError with status and URL on any other failure.
 */
export function httpSource(baseUrl: string, options: HttpSourceOptions = {}): FileSource {
  const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
  const request = options.fetch ?? fetch;
  const urlOf = (path: string) => base + path.split("/").map(encodeURIComponent).join("/");
  /** Sizes that an answer told, and small files that are held whole, by path. */
  const sizes = new Map<string, number>();
  const held = new Map<string, Promise<Bytes>>();

  /** Makes a request and takes what is wanted from its answer. */
  async function ask<T>(
    path: string,
    init: RequestInit,
    take: (response: Response) => T | Promise<T>,
  ): Promise<T> {
    const url = urlOf(path);
    const headers = new Headers(options.headers);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    // Chromium completes a cached part by a request that a server may answer compressed, and joins what does not fit.
    const cache = headers.has("Range") ? "no-store" : "default";
    for (let attempt = 1; ; attempt++) {
      const again = attempt > 1 && cache === "default";
      try {
        const response = await request(url, { ...init, headers, cache: again ? "reload" : cache });
        if (response.ok) return await take(response);
        await response.body?.cancel();
        throw refusal(path, url, response);
      } catch (cause) {
        if (init.signal?.aborted || cause instanceof ThinktabError) throw cause;
        if (attempt === attempts) {
          throw new ThinktabError(
            `${url}: the request failed ${attempts} times (${String(cause)}), expected a response`,
            { cause },
          );
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs * attempt));
      }
    }
  }

  function refusal(path: string, url: string, { status, statusText }: Response): ThinktabError {
    if (status === 404 || status === 410) {
      return new MissingFileError(`${path}: not found in ${baseUrl} (status ${status})`);
    }
    if (status === 416) {
      return new CorruptFileError(`${url}: got status 416, expected the file to have the bytes asked for`);
    }
    return new ThinktabError(`${url}: got status ${status} ${statusText}, expected 200 or 206`);
  }

  function readWhole(path: string, signal: AbortSignal | undefined): Promise<Bytes> {
    return ask(path, { signal }, async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** The whole file, fetched once. A fetch that failed, or was aborted, is none. */
  function hold(path: string, signal: AbortSignal | undefined): Promise<Bytes> {
    const bytes = held.get(path) ?? readWhole(path, signal);
    held.set(path, bytes);
    bytes.catch(() => held.delete(path));
    return bytes;
  }

  function readRange(
    path: string,
    begin: number,
    end: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Bytes> {
    const headers = { Range: `bytes=${begin}-${end === undefined ? "" : end - 1}` };
    return ask(path, { headers, signal }, async (response) => {
      if (response.status !== 206) return readPart(response, path, begin, end);
      const total = totalOf(response);
      if (total !== undefined) sizes.set(path, total);
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (end !== undefined) expectRange(baseUrl, path, begin, end, begin + bytes.byteLength);
      return bytes;
    });
  }

  /** A full response of which only [begin, end) is wanted: a small one is held, of others the rest is not read. */
  async function readPart(response: Response, path: string, begin: number, end?: number): Promise<Bytes> {
    const length = Number(response.headers.get("content-length") ?? NaN);
    if (end === undefined || !response.body || length <= heldBytes) {
      const all = new Uint8Array(await response.arrayBuffer());
      if (all.byteLength <= heldBytes) held.set(path, Promise.resolve(all));
      expectRange(baseUrl, path, begin, end ?? all.byteLength, all.byteLength);
      return all.slice(begin, end);
    }
    const part = new Uint8Array(end - begin);
    const reader = response.body.getReader();
    let at = 0;
    while (at < end) {
      const { done, value } = await reader.read();
      if (done) expectRange(baseUrl, path, begin, end, at);
      if (done) break;
      const from = Math.max(begin - at, 0);
      const to = Math.min(end - at, value.byteLength);
      if (to > from) part.set(value.subarray(from, to), at + from - begin);
      at += value.byteLength;
    }
    await reader.cancel();
    return part;
  }

  return {
    name: baseUrl,
    async exists(path, { signal } = {}) {
      try {
        return await ask(path, { method: "HEAD", signal }, () => true);
      } catch (error) {
        if (error instanceof MissingFileError) return false;
        throw error;
      }
    },
    async size(path, { signal } = {}) {
      const length = await ask(path, { method: "HEAD", signal }, ({ headers }) =>
        // A compressed transfer states the compressed length; only a plain one can be trusted.
        headers.get("content-encoding") ? null : headers.get("content-length"),
      );
      if (length !== null) return Number(length);
      return ask(path, { headers: { Range: "bytes=0-0" }, signal }, async (response) => {
        const total = totalOf(response);
        if (total === undefined) return (await response.arrayBuffer()).byteLength;
        await response.body?.cancel();
        return total;
      });
    },
    async read(path, begin = 0, end, { signal } = {}) {
      if (end !== undefined && end <= begin) {
        if (end < begin || begin < 0) expectRange(baseUrl, path, begin, end, Infinity);
        return new Uint8Array(0);
      }
      if (begin === 0 && end === undefined) return readWhole(path, signal);
      if (!held.has(path) && (sizes.get(path) ?? Infinity) > heldBytes)
        return readRange(path, begin, end, signal);
      const all = await hold(path, signal);
      signal?.throwIfAborted();
      expectRange(baseUrl, path, begin, end ?? all.byteLength, all.byteLength);
      return all.slice(begin, end);
    },
  };
}

/** The size of the file that a part is of, where the answer says it. */
function totalOf(response: Response): number | undefined {
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  return total === undefined ? undefined : Number(total);
}
