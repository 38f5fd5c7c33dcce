import { describe, expect, it } from "vitest";
import { qwenTemplate, type Message } from "../../src/data/chat-template.ts";
import { readImageProcessorConfig, type RgbImage } from "../../src/data/image.ts";
import { encodePrompt, type PromptEncoder } from "../../src/data/prompt.ts";
import { REASONING_SYSTEM_PROMPT } from "../../src/data/system-prompt.ts";
import { readTokenizer } from "../../src/data/tokenizer.ts";
import { openSafetensors } from "../../src/storage/safetensors.ts";
import {
  ContextLengthError,
  ImageDecodeError,
  ImageTokenMismatchError,
  InvalidOptionError,
  UnsupportedModelError,
} from "../../src/util/errors.ts";
import { fixtureSource } from "../support/fixtures.ts";

const source = fixtureSource("qwen2_5_vl_tiny");
const reference = await openSafetensors(source, "reference.safetensors");
const encoder: PromptEncoder = {
  tokenizer: await readTokenizer(source),
  template: qwenTemplate,
  imageProcessor: await readImageProcessorConfig(source),
};
const text: PromptEncoder = { ...encoder, imageProcessor: null };

async function image(name: string): Promise<RgbImage> {
  const [height, width] = reference.tensors.get(name)?.shape ?? [];
  return { height, width, data: await reference.readBytes(name) };
}
const conversation: Message[] = [
  {
    role: "user",
    content: [
      { type: "image", image: await image("image.0") },
      { type: "text", text: "The robot arm" },
      { type: "image", image: await image("image.1") },
      { type: "text", text: "Where is the blue cube?" },
    ],
  },
];

describe("encodePrompt", () => {
  it("gives the reference's tokens, grids and pixel values", async () => {
    const prompt = await encodePrompt(encoder, conversation);
    const promptLength = (await reference.readFloat32("greedy.prompt_len"))[0];
    expect(prompt.tokens).toEqual([...(await reference.readFloat32("input_ids"))].slice(0, promptLength));
    expect(prompt.grids.flat()).toEqual([...(await reference.readFloat32("image_grid_thw"))]);
    const pixels = await reference.readFloat32("pixel_values");
    expect(prompt.images.map(({ pixelValues }) => pixelValues.length).reduce((a, b) => a + b)).toBe(
      pixels.length,
    );
    expect(prompt.text.match(/<\|image_pad\|>/g)).toHaveLength(2);
  });

  it("encodes text alone, for a text model too", async () => {
    const messages: Message[] = [
      { role: "system", content: REASONING_SYSTEM_PROMPT },
      { role: "user", content: "Hi" },
    ];
    const prompt = await encodePrompt(text, messages, { addGenerationPrompt: false });
    expect(encoder.tokenizer.decode(prompt.tokens)).toBe(
      qwenTemplate.render(messages, { addGenerationPrompt: false }),
    );
    expect(prompt.images).toEqual([]);
  });

  it("refuses images in a text model, and no messages", async () => {
    await expect(encodePrompt(text, conversation)).rejects.toThrow(UnsupportedModelError);
    await expect(encodePrompt(text, [])).rejects.toThrow(InvalidOptionError);
  });

  it("refuses a placeholder written in the text, and a template that leaves images out", async () => {
    const written: Message[] = [{ role: "user", content: "What is <|image_pad|>?" }];
    await expect(encodePrompt(encoder, written)).rejects.toThrow(ImageTokenMismatchError);
    await expect(encodePrompt(encoder, written)).rejects.toThrow(/got 1 <\|image_pad\|>.*expected 0/);
    const blind: PromptEncoder = { ...encoder, template: { render: () => "no image" } };
    await expect(encodePrompt(blind, conversation)).rejects.toThrow(/got 0 .*expected 2/);
  });

  it("refuses a prompt that is too long, images counted", async () => {
    const { tokens } = await encodePrompt(encoder, conversation);
    const exact: PromptEncoder = { ...encoder, maxTokens: tokens.length };
    expect((await encodePrompt(exact, conversation)).tokens).toEqual(tokens);
    const short: PromptEncoder = { ...encoder, maxTokens: tokens.length - 1 };
    await expect(encodePrompt(short, conversation)).rejects.toThrow(ContextLengthError);
    await expect(encodePrompt(short, conversation)).rejects.toThrow(
      /tokens \(51 of images\), expected at most/,
    );
  });

  it("names an image that does not decode, and stops when aborted", async () => {
    const broken: Message[] = [{ role: "user", content: [{ type: "image", image: new Uint8Array(3) }] }];
    await expect(encodePrompt(encoder, broken)).rejects.toThrow(ImageDecodeError);
    const options = { signal: AbortSignal.abort() };
    await expect(encodePrompt(encoder, conversation, options)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("REASONING_SYSTEM_PROMPT", () => {
  it("names both pairs of tags, reasoning first", () => {
    const order = ["<think></think>", "<answer></answer>"].map((tags) =>
      REASONING_SYSTEM_PROMPT.indexOf(tags),
    );
    expect(order[0]).toBeGreaterThan(0);
    expect(order[1]).toBeGreaterThan(order[0]);
  });
});
