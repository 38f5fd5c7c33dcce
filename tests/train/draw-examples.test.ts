import { describe, expect, it } from "vitest";
import type { PolicyPrompt } from "../../src/rollout/policy.ts";
import type { Message } from "../../src/data/chat-template.ts";
import type { TaskExample } from "../../src/tasks/task.ts";
import { drawPrompts } from "../../src/train/draw-prompts.ts";
import { drawExamples } from "../../src/train/sft-data.ts";
import type { DrawOptions } from "../../src/train/sft-data.ts";
import {
  ContextLengthError,
  ImageDecodeError,
  ImageTokenMismatchError,
  MissingFileError,
} from "../../src/util/errors.ts";
import { Rng } from "../../src/util/rng.ts";

/** A token for each letter, and an error of a picture for a chat of "!". */
const policy = {
  encode: (messages: readonly Message[]): Promise<PolicyPrompt> => {
    const text = messages.map(({ content }) => (typeof content === "string" ? content : "?")).join("");
    if (text === "!") return Promise.reject(new ImageDecodeError("no picture"));
    const tokens = Array.from(text, () => 7);
    return Promise.resolve({
      ...{ text, tokens, positions: new Int32Array(0), nextPosition: tokens.length },
      ...{ images: [], featureCount: 0 },
    });
  },
  tokenizer: { encode: (text: string) => Array.from(text, () => 7) },
  model: { config: { text: { maxPositionEmbeddings: 16 }, tokens: { eos: [0] } } },
};

const recipe = { seed: 5, promptsPerStep: 4, maxCompletionLength: 6, system: null };

const draw = (round: number, content: (seed: number) => string) => {
  const example = (seed: number): TaskExample => ({
    id: String(seed),
    messages: [{ role: "user", content: content(seed) }],
  });
  return drawPrompts(round, { policy, task: { example }, recipe });
};

describe("drawPrompts", () => {
  it("draws a round's examples from its stream while all can be used", async () => {
    const random = new Rng(5, 0x7261_696e, 3 * 4);
    const { seeds, skipped, why, ...drawn } = await draw(3, () => "0123456789"); // 10 and 6 are the context
    expect(seeds).toEqual(Array.from({ length: 4 }, () => random.uint32()));
    expect(drawn.examples.map(({ id }) => id)).toEqual(seeds.map(String));
    expect(drawn.prompts).toHaveLength(4);
    expect([skipped, why]).toEqual([0, undefined]);
  });

  it("leaves out what cannot be used and draws another, the same every time, and moves no other", async () => {
    const whole = await draw(3, () => "fine");
    const [first, bad] = whole.seeds;
    const errors = [MissingFileError, ImageTokenMismatchError, ContextLengthError];
    for (const kind of errors) {
      const content = (seed: number) => {
        if (seed === bad) throw new kind("of this one");
        return "fine";
      };
      const { seeds, examples, skipped, why } = await draw(3, content);
      expect([seeds[0], ...seeds.slice(2)]).toEqual([first, ...whole.seeds.slice(2)]);
      expect(whole.seeds).not.toContain(seeds[1]);
      expect(examples[1].id).toBe(String(seeds[1]));
      expect([skipped, why]).toEqual([1, "of this one"]);
      expect((await draw(3, content)).seeds).toEqual(seeds);
      // What takes its place is not what another round draws.
      expect((await draw(4, () => "fine")).seeds).not.toContain(seeds[1]);
    }
    const { why } = await draw(3, (seed) => (seed === bad ? "01234567890" : "fine"));
    expect(why).toBe(`${bad}: its prompt has 11 tokens, with 6 new ones that is more than the context of 16`);
    expect(await draw(3, (seed) => (seed === bad ? "!" : "fine"))).toMatchObject({
      skipped: 1,
      why: "no picture",
    });
  });

  it("gives up after very many, and at any other error at once", async () => {
    await expect(draw(0, () => "!")).rejects.toThrow(
      "GRPO: 140 of 140 examples cannot be used; the first: no picture",
    );
    const broken = draw(0, () => {
      throw new TypeError("a bug");
    });
    await expect(broken).rejects.toThrow(TypeError);
  });
});

describe("drawExamples", () => {
  it("leaves out a demonstration whose picture is missing, wherever that comes to light", async () => {
    const options: DrawOptions = {
      policy,
      count: 2,
      maxTokens: 12,
      data: (index: number) => {
        if (index === 0) return Promise.reject(new MissingFileError("0.png: not found"));
        return { messages: [{ role: "user", content: index === 2 ? "!" : "fine" }], response: "yes" };
      },
    };
    const batch = await drawExamples(0, options);
    expect(batch).toMatchObject({ end: 4, skipped: 2, why: "demonstration 0: 0.png: not found" });
    const other = { ...options, data: () => Promise.reject(new TypeError("a bug")) };
    await expect(drawExamples(0, other)).rejects.toThrow(TypeError);
  });
});
