import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderSource } from "../../src/storage/folder-source.ts";
import { httpSource } from "../../src/storage/http-source.ts";
import { fileSource, memorySource, readJson, type FileSource } from "../../src/storage/source.ts";
import { CorruptFileError, MissingFileError, ThinktabError } from "../../src/util/errors.ts";

const content = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 256);
const json = new TextEncoder().encode('{"a": 1}');
const files: Record<string, Uint8Array<ArrayBuffer>> = { "data.bin": content, "sub/c.json": json };

/** An HTTP server of `files`, with or without support for Range. */
async function serve(ranges: boolean): Promise<{ server: Server; url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "").slice(1));
    seen.push(`${request.method ?? ""} ${path} ${request.headers.range ?? "-"}`);
    if (path === "broken") return void response.writeHead(500).end();
    const body = files[path];
    if (!body) return void response.writeHead(404).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    if (!ranges || !range) {
      response.writeHead(200, { "content-length": body.byteLength });
      return void response.end(request.method === "HEAD" ? undefined : body);
    }
    const begin = Number(range[1]);
    const end = Math.min(range[2] ? Number(range[2]) + 1 : body.byteLength, body.byteLength);
    if (begin >= body.byteLength) return void response.writeHead(416).end();
    response.writeHead(206, { "content-range": `bytes ${begin}-${end - 1}/${body.byteLength}` });
    response.end(body.subarray(begin, end));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

let folder = "";
let withRanges: Awaited<ReturnType<typeof serve>>;
let withoutRanges: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "thinktab-"));
  await mkdir(join(folder, "sub"));
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(folder, path), bytes);
  withRanges = await serve(true);
  withoutRanges = await serve(false);
});
afterAll(async () => {
  withRanges.server.close();
  withoutRanges.server.close();
  await rm(folder, { recursive: true });
});

const picked = () => {
  const list = Object.entries(files).map(([path, bytes]) => {
    const file = new File([bytes], path.split("/").at(-1) ?? path);
    Object.defineProperty(file, "webkitRelativePath", { value: `my-model/${path}` });
    return file;
  });
  return fileSource(list);
};
const sources: [string, () => FileSource][] = [
  ["memory", () => memorySource(files)],
  ["picked folder", picked],
  ["dropped files", () => fileSource(new Map(Object.entries(files).map(([p, b]) => [p, new Blob([b])])))],
  ["folder", () => folderSource(folder)],
  ["http with ranges", () => httpSource(withRanges.url)],
  ["http without ranges", () => httpSource(`${withoutRanges.url}/`)],
];

describe.each(sources)("%s source", (_, make) => {
  it("reads sizes, whole files and parts", async () => {
    const source = make();
    expect(await source.size("data.bin")).toBe(1000);
    expect(await source.read("data.bin")).toEqual(content);
    expect(await source.read("data.bin", 900)).toEqual(content.slice(900));
    const part = await source.read("data.bin", 10, 30);
    expect(part).toEqual(content.slice(10, 30));
    expect(part.byteOffset).toBe(0);
    expect(part.buffer.byteLength).toBe(20);
    expect(await source.read("data.bin", 5, 5)).toHaveLength(0);
    expect(await readJson(source, "sub/c.json")).toEqual({ a: 1 });
  });

  it("tells what is there, and names what is missing", async () => {
    const source = make();
    expect(await source.exists("sub/c.json")).toBe(true);
    expect(await source.exists("nothing.bin")).toBe(false);
    await expect(source.read("nothing.bin")).rejects.toThrow(MissingFileError);
    await expect(source.size("nothing.bin")).rejects.toThrow(/nothing\.bin/);
  });

  it("refuses a range beyond the end of the file", async () => {
    await expect(make().read("data.bin", 990, 1010)).rejects.toThrow(CorruptFileError);
    await expect(make().read("data.bin", 2000, 2001)).rejects.toThrow(CorruptFileError);
  });

  it("stops when aborted", async () => {
    const options = { signal: AbortSignal.abort() };
    await expect(make().read("data.bin", 0, 10, options)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("http source", () => {
  it("asks for the part only", async () => {
    withRanges.seen.length = 0;
    await httpSource(withRanges.url).read("data.bin", 100, 200);
    expect(withRanges.seen).toEqual(["GET data.bin bytes=100-199"]);
  });

  it("names URL and status of another failure, and of no answer at all", async () => {
    await expect(httpSource(withRanges.url).read("broken")).rejects.toThrow(/broken: got status 500/);
    const offline = httpSource("http://host.invalid", {
      fetch: () => Promise.reject(new TypeError("offline")),
    });
    await expect(offline.read("config.json")).rejects.toThrow(ThinktabError);
    await expect(offline.read("config.json")).rejects.toThrow(/host\.invalid\/config\.json.*offline/);
  });
});

describe("http source, of a checkpoint that is read tensor by tensor", () => {
  it("fetches a small file whole at the second part, and then asks no more", async () => {
    withRanges.seen.length = 0;
    const source = httpSource(withRanges.url);
    for (const begin of [100, 200, 300]) {
      expect(await source.read("data.bin", begin, begin + 50)).toEqual(content.slice(begin, begin + 50));
    }
    await expect(source.read("data.bin", 990, 1001)).rejects.toThrow(CorruptFileError);
    expect(withRanges.seen).toEqual(["GET data.bin bytes=100-149", "GET data.bin -"]);
  });

  it("reads the whole of a small file once from a server without ranges", async () => {
    withoutRanges.seen.length = 0;
    const source = httpSource(withoutRanges.url);
    for (const begin of [100, 200, 300]) {
      expect(await source.read("data.bin", begin, begin + 50)).toEqual(content.slice(begin, begin + 50));
    }
    expect(withoutRanges.seen).toHaveLength(1);
  });

  it("makes a request again whose answer breaks off, past the cache, and says so when it never comes", async () => {
    const seen: (string | undefined)[] = [];
    const flaky = (broken: number): typeof fetch => {
      return (_url, init) => {
        seen.push(init?.cache);
        const torn = new ReadableStream({ start: (controller) => controller.error(new TypeError("torn")) });
        return Promise.resolve(new Response(seen.length <= broken ? torn : content));
      };
    };
    const source = httpSource("http://host.invalid", { fetch: flaky(2) });
    expect(await source.read("data.bin")).toEqual(content);
    expect(seen).toEqual(["default", "reload", "reload"]);
    seen.length = 0;
    const dead = httpSource("http://host.invalid", { fetch: flaky(3) });
    await expect(dead.read("data.bin")).rejects.toThrow(/data\.bin: the request failed 3 times .*torn/);
    seen.length = 0;
    const signal = AbortSignal.abort();
    await expect(dead.read("data.bin", 0, undefined, { signal })).rejects.toThrow();
    expect(seen).toHaveLength(1);
  });
});

describe("folder source", () => {
  it("does not leave its folder", async () => {
    await expect(folderSource(join(folder, "sub")).read("../data.bin")).rejects.toThrow(MissingFileError);
  });
});

describe("readJson", () => {
  it("says what it got when a file is not JSON", async () => {
    const source = memorySource({ "config.json": new TextEncoder().encode("<html>") });
    await expect(readJson(source, "config.json")).rejects.toThrow(/config\.json.*<html>.*expected JSON/);
  });
});
