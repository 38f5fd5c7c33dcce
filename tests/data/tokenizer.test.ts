import { describe, expect, it } from "vitest";
import { readTokenizer, Tokenizer } from "../../src/data/tokenizer.ts";
import { memorySource } from "../../src/storage/source.ts";
import { CorruptFileError, MissingFileError, UnsupportedModelError } from "../../src/util/errors.ts";
import { fixtureJson, fixtureSource } from "../support/fixtures.ts";

const tokenizer = await readTokenizer(fixtureSource("tokenizers", "qwen"));
const { cases, vocab_size: vocabSize } = fixtureJson<{
  vocab_size: number;
  cases: { text: string; ids: number[]; decoded: string; decoded_skip_special: string }[];
}>("tokenizers", "qwen", "cases.json");

describe("Tokenizer", () => {
  it("has all 27 cases", () => expect(cases).toHaveLength(27));

  it.each(cases.map((entry) => [JSON.stringify(entry.text), entry] as const))("agrees on %s", (_, entry) => {
    expect(tokenizer.encode(entry.text)).toEqual(entry.ids);
    expect(tokenizer.decode(entry.ids)).toBe(entry.decoded);
    expect(tokenizer.decode(entry.ids, { skipSpecial: true })).toBe(entry.decoded_skip_special);
  });

  it("looks up tokens", () => {
    expect(tokenizer.vocabSize).toBe(vocabSize);
    expect(tokenizer.idOf("<|im_end|>")).toBe(362);
    expect(tokenizer.tokenOf(362)).toBe("<|im_end|>");
    expect(tokenizer.idOf("<|nothing|>")).toBeNull();
    expect(tokenizer.tokenOf(100_000)).toBeNull();
    expect(tokenizer.specialIds.has(372)).toBe(true);
    const toolCall = tokenizer.idOf("<tool_call>") ?? -1;
    expect(toolCall).toBeGreaterThan(0);
    expect(tokenizer.specialIds.has(toolCall)).toBe(false);
  });

  it("decodes ids outside the vocabulary to nothing", () => {
    expect(tokenizer.decode([...tokenizer.encode("a"), 383, 100_000, ...tokenizer.encode("b")])).toBe("ab");
  });
});

describe("stream", () => {
  it.each(cases.map((entry) => [JSON.stringify(entry.text), entry] as const))(
    "adds up for %s",
    (_, { ids, decoded }) => {
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      for (const piece of pieces) expect(piece).not.toContain("\ufffd");
      expect(pieces.join("") + stream.flush()).toBe(decoded);
    },
  );

  it("holds back a character until its last byte", () => {
    const ids = tokenizer.encode("🤖!");
    expect(ids).toHaveLength(5);
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id))).toEqual(["", "", "", "🤖", "!"]);
  });

  it("marks an incomplete character at the end, and one cut off by a token", () => {
    const [first] = tokenizer.encode("🤖");
    const stream = tokenizer.stream();
    expect(stream.push(first)).toBe("");
    expect(stream.flush()).toBe("\ufffd");
    expect(tokenizer.decode([first, ...tokenizer.encode("a")])).toBe("\ufffda");
    expect(tokenizer.decode([first, 362])).toBe("\ufffd<|im_end|>");
  });

  it("keeps a byte order mark", () => {
    expect(tokenizer.decode(tokenizer.encode("\ufeffa"))).toBe("\ufeffa");
  });
});

describe("bad files", () => {
  it("are named", async () => {
    const json = fixtureJson<Record<string, unknown>>("tokenizers", "qwen", "tokenizer.json");
    expect(() => Tokenizer.fromJson({})).toThrow(CorruptFileError);
    expect(() => Tokenizer.fromJson("x")).toThrow(CorruptFileError);
    expect(() => Tokenizer.fromJson({ ...json, model: { type: "Unigram", vocab: [] } })).toThrow(
      UnsupportedModelError,
    );
    expect(() => Tokenizer.fromJson({ ...json, decoder: { type: "Metaspace" } })).toThrow(
      /BPE with Metaspace decoder/,
    );
    expect(() => Tokenizer.fromJson({ ...json, model: { type: "BPE" } })).toThrow(CorruptFileError);
    await expect(readTokenizer(memorySource({}))).rejects.toThrow(MissingFileError);
  });
});
