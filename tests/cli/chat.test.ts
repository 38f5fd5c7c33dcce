import { cpSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { systemOf } from "../../src/cli/chat.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { fixturePath } from "../support/fixtures.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-chat-"));
const image = join(folder, "red.png");
const fixture = fixturePath("qwen2_5_vl_tiny");

interface Answer {
  text: string;
  finishReason: string;
  tokens: number[];
  logps: number[];
}

beforeAll(async () => {
  const background = { r: 220, g: 40, b: 40 };
  await sharp({ create: { width: 48, height: 40, channels: 3, background } })
    .png()
    .toFile(image);
});

async function json(...args: string[]): Promise<Answer> {
  const { code, out, err } = await thinktab("chat", "--json", ...args);
  expect(err).not.toContain("Error");
  expect(code).toBe(0);
  return JSON.parse(out) as Answer;
}

const greedy = ["--temperature", "0", "--max-tokens", "6"];

describe("thinktab chat", { timeout: 300_000 }, () => {
  test("streams the answer to standard output, and the rest to standard error", async () => {
    const args = ["--model", "tiny", "--image", image, ...greedy, "What colour?"];
    const { code, out, err } = await thinktab("chat", ...args);
    expect(code).toBe(0);
    expect(err).toMatch(/^loaded tiny random policy: .* of weights/m);
    expect(err).toMatch(/^6 tokens, .* tokens\/s/m);
    expect(out).toBe(`${(await json(...args)).text}\n`);
  });

  test("asks the policy that ships with the kit when no other is named", async () => {
    const { code, out, err } = await thinktab("chat", "--image", image, ...greedy, "what colour is it ?");
    expect(err).toMatch(/^loaded toy policy: .* of weights/m);
    expect(code).toBe(0);
    expect(out.trim()).toMatch(/^<(answer|think)>/);
  });

  test("a seed fixes the answer, another one changes it", async () => {
    const draw = (seed: string) => json("--model", "tiny", "--max-tokens", "12", "--seed", seed, "hello");
    const [first, again, other] = [await draw("1"), await draw("1"), await draw("2")];
    expect(again.tokens).toEqual(first.tokens);
    expect(again.logps).toEqual(first.logps);
    expect(other.tokens).not.toEqual(first.tokens);
    expect(first.logps.every((logp) => logp <= 0)).toBe(true);
  });

  test("system prompt, prefill, image and adapter each reach the policy", async () => {
    const base = ["--model", fixture, "--format", "f32", ...greedy, "hello"];
    const plain = await json(...base);
    for (const more of [
      ["--system", "Be brief."],
      ["--prefill", "<think>"],
      ["--image", image],
      ["--image", image, "--image", image],
      ["--adapter", join(fixture, "adapter")],
    ]) {
      expect((await json(...base, ...more)).logps, more.join(" ")).not.toEqual(plain.logps);
    }
  });
});

describe("bad input gets its error, without a stack, and code 1", { timeout: 120_000 }, () => {
  const copy = (name: string) => {
    const target = join(folder, name);
    cpSync(fixture, target, { recursive: true });
    return target;
  };
  const cases: [what: string, args: () => string[], message: RegExp][] = [
    [
      "no such folder",
      () => ["--model", join(folder, "none"), "q"],
      /^MissingFileError: .*none: no such folder/m,
    ],
    ["a file as folder", () => ["--model", image, "q"], /^MissingFileError: .*red\.png: got a file/m],
    [
      "truncated weights",
      () => {
        const model = copy("truncated");
        truncateSync(join(model, "model.safetensors"), 20_000);
        return ["--model", model, "q"];
      },
      /^CorruptFileError: model\.safetensors .*20000/m,
    ],
    [
      "another architecture",
      () => {
        const model = copy("llama");
        const config = readFileSync(join(model, "config.json"), "utf8");
        const changed = config
          .replace("Qwen2_5_VLForConditionalGeneration", "LlamaForCausalLM")
          .replace(/"qwen2_5_vl"/, '"llama"');
        expect(changed).not.toBe(config);
        writeFileSync(join(model, "config.json"), changed);
        return ["--model", model, "q"];
      },
      /^UnsupportedModelError: .*llama.*qwen2, qwen2_5_vl/m,
    ],
    [
      "an image that is none",
      () => {
        const broken = join(folder, "broken.png");
        writeFileSync(broken, readFileSync(image).subarray(0, 60));
        return ["--model", "tiny", "--image", broken, "q"];
      },
      /^ImageDecodeError: .*broken\.png: got 60 bytes/m,
    ],
    [
      "no such image",
      () => ["--model", "tiny", "--image", join(folder, "none.png"), "q"],
      /^ImageDecodeError: .*none\.png/m,
    ],
    [
      "too long a prompt",
      () => ["--model", "tiny", "a".repeat(2000)],
      /^ContextLengthError: prompt: got 20\d\d tokens/m,
    ],
    [
      "too long an answer",
      () => ["--model", "tiny", "--max-tokens", "5000", "q"],
      /^ContextLengthError: .*5000/m,
    ],
    [
      "an option out of range",
      () => ["--model", "tiny", "--temperature=-1", "q"],
      /^InvalidOptionError: temperature: got -1/m,
    ],
    [
      "no such adapter",
      () => ["--model", "tiny", "--adapter", join(folder, "none"), "q"],
      /^MissingFileError: .*none: no such folder/m,
    ],
  ];
  test.each(cases)("%s", async (_, args, message) => {
    const { code, out, err } = await thinktab("chat", ...args());
    expect(err).toMatch(message);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).not.toContain("    at ");
  });
});

test("policies that ship are asked without a system prompt, others with the kit's own", () => {
  expect(systemOf(undefined, "toy")).toBeUndefined();
  expect(systemOf(undefined, "tiny")).toBeUndefined();
  expect(systemOf(undefined, "./qwen")).toBe(REASONING_SYSTEM_PROMPT);
  expect(systemOf("none", "./qwen")).toBeUndefined();
  expect(systemOf("Be brief.", "toy")).toBe("Be brief.");
});
