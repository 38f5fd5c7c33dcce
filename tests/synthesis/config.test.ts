import { describe, expect, test } from "vitest";
import { openSynthesisModels, parseSynthesisConfig, type RoleConfig } from "../../src/synthesis/config.ts";
import { synthesisRoles } from "../../src/synthesis/stages.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

const endpoint = { kind: "openai", baseUrl: "http://127.0.0.1:9/v1", model: "m", takesImages: true } as const;
const secret = "sk-0123456789abcdef";

function refusal(config: unknown): string {
  try {
    parseSynthesisConfig(config);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    const { message } = error as Error;
    expect(message).not.toContain(secret);
    return message;
  }
  throw new Error("it was taken");
}

test("one model may play all roles; settings are read", () => {
  const config = {
    models: { default: { ...endpoint, keyEnv: "MY_KEY" }, asker: { kind: "policy", adapter: false } },
    questions: 3,
    turns: 0,
    prompts: { filter: "Be kind.", rewrite: { file: "rewrite.md" } },
    sampling: { questions: { temperature: 1 } },
    passRate: { samples: 8, above: 0.1 },
  };
  expect(parseSynthesisConfig(config)).toEqual(config);
});

describe("refused, without its value:", () => {
  test.each([
    [
      "a key among a model's fields",
      { models: { default: { ...endpoint, key: secret } } },
      /models\.default: .*key.*no secrets/,
    ],
    [
      "a key as apiKey",
      { models: { default: { ...endpoint, apiKey: secret } } },
      /models\.default: .*apiKey.*no secrets/,
    ],
    [
      "a key in the place of its variable's name",
      { models: { default: { ...endpoint, keyEnv: secret } } },
      /models\.default\.keyEnv: .*never a key/,
    ],
    [
      "a key in the address",
      { models: { default: { ...endpoint, baseUrl: 5, key: secret } } },
      /models\.default/,
    ],
    [
      "a key beside the models",
      { models: { default: endpoint }, key: secret },
      /^key: got a field that is unknown/,
    ],
    ["a role that there is not", { models: { default: endpoint, judge: endpoint } }, /the role judge/],
    ["a role without a model", { models: { asker: endpoint } }, /models\.describer: got nothing/],
    ["no models", {}, /^models: got nothing/],
    ["a scorer of pairs", { models: { default: { kind: "onnx", url: "x.onnx" } } }, /kind onnx/],
    [
      "a variable for what needs no key",
      { models: { default: { kind: "policy", keyEnv: "MY_KEY" } } },
      /keyEnv/,
    ],
    ["a setting out of range", { models: { default: endpoint }, questions: 0 }, /^questions: /],
    ["a prompt of no stage", { models: { default: endpoint }, prompts: { judge: "x" } }, /prompts\.judge/],
    ["a text", secret, /configuration/],
  ])("%s", (_, config, message) => {
    expect(refusal(config)).toMatch(message);
  });
});

test("roles of equal configuration share a model, and each gets the key of its own", async () => {
  const asked: (string | undefined)[] = [];
  const models = await openSynthesisModels(
    parseSynthesisConfig({
      models: { default: { ...endpoint, keyEnv: "ONE" }, asker: { ...endpoint, keyEnv: "TWO" } },
    }),
    ({ keyEnv }: RoleConfig) => {
      asked.push(keyEnv);
      return { key: "k" };
    },
  );
  expect(asked.sort()).toEqual(["ONE", "TWO"]);
  expect(new Set(synthesisRoles.map((role) => models[role])).size).toBe(2);
  expect(models.describer).toBe(models.rewriter);
});

test("a role that looks at images needs a model that does", async () => {
  const config = parseSynthesisConfig({ models: { default: { ...endpoint, takesImages: false } } });
  await expect(openSynthesisModels(config)).rejects.toThrow(/models\.describer\.takesImages/);
});
