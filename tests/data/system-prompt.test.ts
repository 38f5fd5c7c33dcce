import { afterEach, describe, expect, it, vi } from "vitest";
import {
  identifySystemPrompt,
  REASONING_SYSTEM_PROMPT,
  WETHINK_PROMPT_SHA256,
} from "../../src/data/system-prompt.ts";

describe("identifySystemPrompt", () => {
  afterEach(() => vi.restoreAllMocks());

  it("knows the default, whatever white space is around it", async () => {
    const { kind, sha256 } = await identifySystemPrompt(REASONING_SYSTEM_PROMPT);
    expect(kind).toBe("default");
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const padded = await identifySystemPrompt(`\r\n${REASONING_SYSTEM_PROMPT} \n`);
    expect(padded.kind).toBe("default");
    expect(padded.sha256).not.toBe(sha256);
  });

  it.each([null, undefined, ""])("takes %j for none, with the hash of no bytes", async (text) => {
    expect(await identifySystemPrompt(text)).toEqual({
      kind: "none",
      sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    });
  });

  it("calls any other text custom, with its hash", async () => {
    expect(await identifySystemPrompt("abc")).toEqual({
      kind: "custom",
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
  });

  it("recognises WeThink's original by its hash, also with a file's line ends", async () => {
    // The text itself is not ours to keep: the digest of a stand-in takes its place.
    const original = "line one\nline two";
    const bytes = Uint8Array.from(WETHINK_PROMPT_SHA256.match(/../g) ?? [], (digits) => parseInt(digits, 16));
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    vi.spyOn(crypto.subtle, "digest").mockImplementation((name, data) =>
      new TextDecoder().decode(data) === original ? Promise.resolve(bytes.buffer) : digest(name, data),
    );
    expect(await identifySystemPrompt(original)).toEqual({ kind: "wethink", sha256: WETHINK_PROMPT_SHA256 });
    expect((await identifySystemPrompt("line one\r\nline two\r\n")).kind).toBe("wethink");
    expect((await identifySystemPrompt("line one\nline 2")).kind).toBe("custom");
  });
});
