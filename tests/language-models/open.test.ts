import { describe, expect, test } from "vitest";
import { openLanguageModel, openPairScorer, parseModelConfig } from "../../src/language-models/open.ts";
import { InvalidOptionError, LanguageModelError } from "../../src/util/errors.ts";

const secret = "sk-very-secret-0123456789";
const endpoint = { kind: "openai", baseUrl: "https://api.example/v1", model: "m" };

function refusal(value: unknown): string {
  try {
    parseModelConfig(value);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
  throw new Error("was taken");
}

test.each([
  endpoint,
  { ...endpoint, prices: { input: 0.1, output: 2 }, omit: ["seed"], timeoutMs: 1000, attempts: 1 },
  { kind: "policy", adapter: false },
  { kind: "built-in", takesImages: true },
  { kind: "onnx", url: "https://models.example/x", output: { form: "softmax", index: 1 } },
])("%j is a configuration, and comes back as it is", (config) => {
  expect(parseModelConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
});

test.each<[string, unknown, RegExp]>([
  ["nothing", null, /^model: /],
  ["an unknown kind", { kind: "oracle" }, /^model: kind/],
  ["a field that lacks", { kind: "openai", baseUrl: "https://x" }, /model: model/],
  ["an unknown field", { ...endpoint, streaming: true }, /streaming: got a field that is unknown/],
  ["a field of another kind", { kind: "policy", model: "m" }, /model: model/],
  ["tries from 0", { ...endpoint, attempts: 0 }, /attempts/],
  ["a negative price", { ...endpoint, prices: { input: -1, output: 0 } }, /prices.input/],
])("%s is refused", (_, value, message) => {
  expect(refusal(value)).toMatch(message);
});

test.each([
  ["a field named key", { ...endpoint, key: secret }],
  ["a field named apiKey", { ...endpoint, apiKey: secret }],
  ["a field named headers", { ...endpoint, headers: { Authorization: secret } }],
  ["another field's place", { ...endpoint, timeoutMs: secret }],
  ["the kind's place", { ...endpoint, kind: secret }],
])("a key in %s is refused and not quoted", (_, value) => {
  expect(refusal(value)).not.toContain("secret-");
});

test.each([
  `https://user:${secret}@api.example/v1`,
  `https://api.example/v1?key=${secret}`,
  `https://api.example/v1#${secret}`,
  secret,
])("a key in the address is refused and not quoted", async (baseUrl) => {
  const opened = openLanguageModel({ kind: "openai", baseUrl, model: "m" });
  const error: unknown = await opened.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InvalidOptionError);
  expect(String(error)).not.toContain("secret-");
});

describe("what is not there is said", () => {
  test("no policy", async () => {
    await expect(openLanguageModel({ kind: "policy" })).rejects.toThrow(/policy: got none loaded/);
  });

  test("no model in the browser", async () => {
    const opened = openLanguageModel({ kind: "built-in" });
    await expect(opened).rejects.toThrow(LanguageModelError);
    await expect(opened).rejects.toThrow(/has none in this context/);
  });

  test("a scorer of pairs cannot be asked", async () => {
    const config = { kind: "onnx", url: "https://models.example/x" } as const;
    // @ts-expect-error the types say so, too
    await expect(openLanguageModel(config)).rejects.toThrow(/scores pairs/);
    await expect(openPairScorer({ ...config, maxTokens: 0 })).rejects.toThrow(/maxTokens/);
  });
});
