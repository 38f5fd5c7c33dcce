import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fetchRunFile, parseRunFile, readRunFile, RunFileError } from "../../demo/compare/run-file.ts";
import { recordOf } from "./run-record.ts";

const text = JSON.stringify(recordOf("ab"));

beforeEach(() => void vi.stubGlobal("location", { href: "https://page.example/demo/#compare" }));
afterEach(() => void vi.unstubAllGlobals());

/** What a refusal says. */
async function refusal(work: () => unknown): Promise<RunFileError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RunFileError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

function changed(change: object): string {
  return JSON.stringify({ ...recordOf("ab"), ...change });
}

test("reads what “Download run” gives", async () => {
  const { record, name, url } = await readRunFile(new File([text], "run.json"));
  expect(record).toEqual(recordOf("ab"));
  expect([name, url]).toEqual(["run.json", null]);
});

describe("refuses in words", () => {
  test.each<[string, string, string, RegExp]>([
    ["what is no JSON", text.slice(0, 200), "This is no run file.", /it is not JSON/],
    ["a web page", "<!doctype html><p>", "This is no run file.", /but a web page/],
    ["other JSON", '{"peft_type":"LORA"}', "This is no run file.", /expected/],
    ["an array", "[1]", "This is no run file.", /expected/],
    ["null", "null", "This is no run file.", /expected/],
    [
      "another version",
      changed({ format: 2 }),
      "This run file is of another version.",
      /format 2, expected 1/,
    ],
    [
      "a hash cut short",
      changed({ weightsSha256: "ab" }),
      "This run file is damaged.",
      /weightsSha256: got "ab"/,
    ],
    [
      "a recipe of another version",
      changed({ recipe: { ...recordOf("a").recipe, dpo: {} } }),
      "The recipe in this run file is none of this version.",
      /dpo/,
    ],
  ])("%s", async (_, content, title, message) => {
    const error = await refusal(() => parseRunFile(content, "given.json"));
    expect(error.title).toBe(title);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(error.title.includes("recipe") ? "recipe" : "given.json");
    expect(error.advice).not.toBe("");
  });

  test("a file much larger than any run, without reading it", async () => {
    const film = new File(["x"], "film.mp4");
    const read = vi.spyOn(film, "text");
    Object.defineProperty(film, "size", { value: 2e9 });
    const error = await refusal(() => readRunFile(film));
    expect(error.message).toBe("film.mp4: it has 2.00 GB, a run file has at most 64.0 MB");
    expect(read).not.toHaveBeenCalled();
  });
});

describe("from an address", () => {
  function answer(respond: (url: URL, init: RequestInit) => Response | Promise<Response>) {
    const fetched = vi.fn((url: URL, init: RequestInit) => Promise.resolve(respond(url, init)));
    vi.stubGlobal("fetch", fetched);
    return fetched;
  }

  test("gives the run and where it was; nothing of the user's is sent along", async () => {
    const fetched = answer(() => new Response(text));
    const run = await fetchRunFile(" https://host.example/a/my%20run.json?v=1 ");
    expect(run).toEqual({
      record: recordOf("ab"),
      name: "my run.json",
      url: "https://host.example/a/my%20run.json?v=1",
    });
    expect(fetched.mock.calls[0][1]).toMatchObject({ credentials: "omit", referrerPolicy: "no-referrer" });
  });

  test("that is not rightly encoded is named as it is", async () => {
    answer(() => new Response(text));
    expect((await fetchRunFile("https://host.example/100%.json")).name).toBe("100%.json");
  });

  test("that says it is much larger than any run is not downloaded", async () => {
    const response = new Response(text, { headers: { "content-length": "2000000000" } });
    const download = vi.spyOn(response, "blob");
    answer(() => response);
    const error = await refusal(() => fetchRunFile("https://host.example/film.mp4"));
    expect(error.message).toContain("it has 2.00 GB");
    expect(download).not.toHaveBeenCalled();
  });

  test("that breaks off on the way", async () => {
    const response = new Response(text);
    vi.spyOn(response, "blob").mockRejectedValue(new TypeError("network error"));
    answer(() => response);
    const error = await refusal(() => fetchRunFile("https://host.example/run.json"));
    expect(error.title).toBe("The run file could not be fetched.");
  });

  test("may be relative to the page", async () => {
    const fetched = answer(() => new Response(text));
    await fetchRunFile("./toy/run.json");
    expect(fetched.mock.calls[0][0].href).toBe("https://page.example/demo/toy/run.json");
  });

  test("that cannot be read from here", async () => {
    answer(() => Promise.reject(new TypeError("Failed to fetch")));
    const error = await refusal(() => fetchRunFile("https://host.example/run.json"));
    expect(error.title).toBe("The run file could not be fetched.");
    expect(error.advice).toContain("host.example does not let other sites read its files (CORS)");
  });

  test("where there is nothing", async () => {
    answer(() => new Response("", { status: 404, statusText: "Not Found" }));
    const error = await refusal(() => fetchRunFile("https://host.example/run.json"));
    expect(error.message).toBe("https://host.example/run.json: the server answered 404 Not Found");
  });

  test.each(["", "javascript:alert(1)", "file:///etc/passwd", "http://"])("%s is none", async (address) => {
    const fetched = answer(() => new Response(text));
    expect((await refusal(() => fetchRunFile(address))).title).toBe("This is no address of a run file.");
    expect(fetched).not.toHaveBeenCalled();
  });

  test("that is not wanted any more is no problem to show", async () => {
    const controller = new AbortController();
    answer(() => {
      controller.abort();
      return Promise.reject(new DOMException("aborted", "AbortError"));
    });
    await expect(fetchRunFile("https://host.example/run.json", controller.signal)).rejects.toThrow(
      DOMException,
    );
  });
});
