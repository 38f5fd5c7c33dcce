/** The toy policy's files: what its tokenizer, template and config make of the texts and pictures of a task. */
import { describe, expect, it } from "vitest";
import { readChatTemplate } from "../../src/data/chat-template.ts";
import type { Message } from "../../src/data/chat-template.ts";
import { readImageProcessorConfig } from "../../src/data/image.ts";
import type { RgbImage } from "../../src/data/image.ts";
import { encodePrompt } from "../../src/data/prompt.ts";
import { readTokenizer } from "../../src/data/tokenizer.ts";
import { readModelConfig } from "../../src/models/config.ts";
import { weightSpecs } from "../../src/models/names.ts";
import { toyPolicyFiles, toyPolicySource, toyWeights } from "../../src/models/toy-policy.ts";
import { parseThinkAnswer } from "../../src/rl/reward.ts";
import { Policy } from "../../src/rollout/policy.ts";
import { memorySource } from "../../src/storage/source.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";
import { sharedDevice } from "../support/device.ts";

const words =
  "red green blue yellow circle square triangle how many what colour is there are more than in total left right of " +
  "above below row col 0 1 2 3 4 5 6 7 8 9 10 yes no so . ? = < > , : A B C";
const list = words.split(" ");
const source = memorySource(toyPolicyFiles(list), "toy policy");

function picture(size = 48): RgbImage {
  return { width: size, height: size, data: Uint8Array.from({ length: size * size * 3 }, (_, i) => i % 251) };
}

const question: Message = {
  role: "user",
  content: [
    { type: "image", image: picture() },
    { type: "text", text: "Are there more red circles than blue squares in total?" },
  ],
};

describe("the toy policy's tokenizer", () => {
  it("has one token for each word, wherever it stands", async () => {
    const tokenizer = await readTokenizer(source);
    for (const word of list) {
      const ids = tokenizer.encode(word);
      expect(ids, word).toHaveLength(1);
      expect(tokenizer.encode(` ${word} `), word).toEqual(ids);
      expect(tokenizer.encode(`<think> ${word}</think>`), word).toEqual([
        tokenizer.idOf("<think>"),
        ...ids,
        tokenizer.idOf("</think>"),
      ]);
      expect(tokenizer.decode(ids), word).toBe(` ${word}`);
    }
    expect(new Set(list.flatMap((word) => tokenizer.encode(word))).size).toBe(list.length);
  });

  it("reads punctuation with and without spaces alike", async () => {
    const tokenizer = await readTokenizer(source);
    const spaced = tokenizer.encode("how many red , col 0 < 2 . so A : yes ?");
    expect(tokenizer.encode("how many red, col 0<2. so A:yes?")).toEqual(spaced);
    expect(spaced).toHaveLength(14);
  });

  it("folds upper case, except a choice that stands alone", async () => {
    const tokenizer = await readTokenizer(source);
    expect(tokenizer.decode(tokenizer.encode("How MANY Circle A, B? About a Cab"))).toBe(
      " how many circle A , B ? about a cab",
    );
  });

  it("gives back a response that the rewards can read, at once and piece by piece", async () => {
    const tokenizer = await readTokenizer(source);
    const text = "<think> red circle . so circle 1 </think> <answer> yes </answer>";
    const ids = tokenizer.encode(`${text}<|im_end|>`);
    expect(ids).toHaveLength(12);
    const decoded = tokenizer.decode(ids, { skipSpecial: true });
    expect(decoded).toBe("<think> red circle . so circle 1</think><answer> yes</answer>");
    expect(parseThinkAnswer(decoded)).toEqual({
      think: "red circle . so circle 1",
      answer: "yes",
      strict: true,
      lenient: true,
    });
    expect(tokenizer.encode(decoded)).toEqual(ids.slice(0, -1));
    const stream = tokenizer.stream({ skipSpecial: true });
    expect(ids.map((id) => stream.push(id)).join("") + stream.flush()).toBe(decoded);
  });

  it("spells what it does not know", async () => {
    const tokenizer = await readTokenizer(source);
    for (const text of ["zebra 12 über 猫!", "don't", "\u0000\ue000 x", "a-b_c/d", "🦓"]) {
      expect(tokenizer.decode(tokenizer.encode(text)).trim(), text).toBe(
        text.replaceAll("\ue000", "A").replaceAll(/\s+/g, " "),
      );
    }
    expect(tokenizer.encode("12")).toEqual([...tokenizer.encode("1"), "2".charCodeAt(0)]);
    expect(tokenizer.encode(" \n ")).toEqual([]);
    expect(tokenizer.encode("</think> <answer>")).toHaveLength(2);
  });

  it("has dense ids, and a row of the embedding for each", async () => {
    const tokenizer = await readTokenizer(source);
    for (let id = 0; id < tokenizer.vocabSize; id++) expect(tokenizer.tokenOf(id), `${id}`).not.toBeNull();
    const { text } = await readModelConfig(source);
    expect(text.vocabSize % 8).toBe(0);
    expect(text.vocabSize - tokenizer.vocabSize).toBeGreaterThanOrEqual(0);
    expect(text.vocabSize - tokenizer.vocabSize).toBeLessThan(8);
  });

  it("refuses words that would not be one token", () => {
    for (const word of ["", "two words", "red?", "x1", "?!", "für", "Ġ"]) {
      expect(() => toyPolicyFiles([word]), word).toThrow(InvalidOptionError);
    }
  });
});

describe("the toy policy's prompt", () => {
  it("is the default system turn, the picture and the question", async () => {
    const template = await readChatTemplate(source);
    const system = "<|im_start|>system answer the question<|im_end|>";
    const user =
      "<|im_start|>user <|vision_start|><|image_pad|><|vision_end|>Are there more red circles than blue squares in total?<|im_end|>";
    expect(template.render([question])).toBe(`${system}${user}<|im_start|>assistant `);
    expect(
      template.render(
        [
          { role: "system", content: "so" },
          { role: "user", content: "what?" },
          { role: "assistant", content: "<answer> 1 </answer>" },
        ],
        { addGenerationPrompt: false },
      ),
    ).toBe(
      "<|im_start|>system so<|im_end|><|im_start|>user what?<|im_end|>" +
        "<|im_start|>assistant <answer> 1 </answer><|im_end|>",
    );
  });

  it("is at most 32 tokens for a question of ten words", async () => {
    const encoder = {
      tokenizer: await readTokenizer(source),
      template: await readChatTemplate(source),
      imageProcessor: await readImageProcessorConfig(source),
    };
    const text = "are there more red circle than blue square in total";
    const { tokens, grids, images } = await encodePrompt(encoder, [
      {
        role: "user",
        content: [
          { type: "image", image: picture() },
          { type: "text", text },
        ],
      },
    ]);
    expect(tokens).toHaveLength(32);
    expect(grids).toEqual([[1, 6, 6]]);
    expect(tokens.filter((id) => id === encoder.tokenizer.idOf("<|image_pad|>"))).toHaveLength(9);
    // Not resampled: the first patch begins with the red of the first pixels, scaled to -1…1.
    for (let x = 0; x < 8; x++) {
      expect(images[0].pixelValues[x]).toBeCloseTo(picture().data[3 * x] / 127.5 - 1, 5);
    }
    const larger = await encodePrompt(encoder, [
      { role: "user", content: [{ type: "image", image: picture(200) }] },
    ]);
    expect(larger.grids).toEqual([[1, 6, 6]]);
  });
});

describe("the toy policy's model", () => {
  it("has one to two million parameters", async () => {
    const config = await readModelConfig(source);
    expect(config.text).toMatchObject({
      hiddenSize: 128,
      numLayers: 4,
      headDim: 32,
      tieWordEmbeddings: true,
    });
    expect(config.vision).toMatchObject({ hiddenSize: 64, depth: 2, headDim: 16, outHiddenSize: 128 });
    const parameters = weightSpecs(config)
      .map(({ shape }) => shape.reduce((product, extent) => product * extent, 1))
      .reduce((sum, count) => sum + count, 0);
    expect(parameters).toBeGreaterThan(1e6);
    expect(parameters).toBeLessThan(2e6);
  });

  it("names tokens by the ids that the tokenizer gives them", async () => {
    const tokenizer = await readTokenizer(source);
    const { tokens } = await readModelConfig(source);
    const text = (id: number | null) => (id === null ? null : tokenizer.decode([id]));
    expect(tokens.eos.map(text)).toEqual(["<|im_end|>", "<|endoftext|>"]);
    expect(text(tokens.pad)).toBe("<|endoftext|>");
    expect(text(tokens.image)).toBe("<|image_pad|>");
    expect(text(tokens.video)).toBe("<|video_pad|>");
    expect(text(tokens.visionStart)).toBe("<|vision_start|>");
    expect(text(tokens.visionEnd)).toBe("<|vision_end|>");
  });

  it("is the same bytes for the same words, repeated or not", () => {
    expect(toyPolicyFiles([...list, ...list])).toEqual(toyPolicyFiles(list));
  });
});

describe("a toy policy with random weights", () => {
  it("loads and generates, and continues what is put in its mouth", async () => {
    const device = await sharedDevice();
    const policy = await Policy.load(device, toyPolicySource(list, await toyWeights(list, 1)));
    try {
      const sampling = { n: 2, maxNewTokens: 6, temperature: 1, seed: 3 };
      const prompt = await policy.encode([question], { prefill: "<think>" });
      expect(prompt.tokens.at(-1)).toBe(policy.tokenizer.idOf("<think>"));
      expect(prompt.featureCount).toBe(9);
      const completions = await policy.generate([question], { ...sampling, prefill: "<think>" });
      expect(completions).toHaveLength(2);
      for (const { tokens, text } of completions) {
        expect(tokens.length).toBeGreaterThan(0);
        expect(tokens.length).toBeLessThanOrEqual(6);
        expect(text).toBe(policy.tokenizer.decode(tokens, { skipSpecial: true }));
      }
    } finally {
      policy.destroy();
    }
  });
});
