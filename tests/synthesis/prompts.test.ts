import { describe, expect, test } from "vitest";
import { readReply, replySchema } from "../../src/synthesis/forms.ts";
import { fillPrompt, identifyPrompt, parsePrompt, synthesisPrompts } from "../../src/synthesis/prompts.ts";
import { askingStages } from "../../src/synthesis/stages.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

describe("the kit's prompts", () => {
  test.each(askingStages)("%s has words of its own, a version and placeholders in tags", (stage) => {
    const { version, system, user } = synthesisPrompts[stage];
    expect(version).toMatch(new RegExp(`^thinktab-${stage}-\\d+$`));
    expect(system.length).toBeGreaterThan(150);
    expect(system).not.toMatch(/\{[a-z]+\}/);
    for (const [, name] of user.matchAll(/\{([a-z]+)\}/g))
      if (!["most", "count", "form"].includes(name))
        expect(user).toContain(`<${name}>\n{${name}}\n</${name}>`);
  });

  test("are known by their words", async () => {
    const { filter } = synthesisPrompts;
    const { sha256 } = await identifyPrompt(filter);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await identifyPrompt({ ...filter, user: `${filter.user} ` })).sha256).not.toBe(sha256);
    expect((await identifyPrompt({ ...filter, version: "2" })).sha256).toBe(sha256);
  });
});

describe("a prompt of one's own", () => {
  test("may be the instructions alone, or both parts", () => {
    const { user } = synthesisPrompts.filter;
    expect(parsePrompt("filter", "Be kind.\n")).toEqual({ version: "own", system: "Be kind.", user });
    expect(parsePrompt("filter", "Be kind.\r\n---\r\nQ: {question}\r\nD: {description}")).toEqual({
      version: "own",
      system: "Be kind.",
      user: "Q: {question}\nD: {description}",
    });
  });

  test.each([
    ["lacks a placeholder", "a\n---\n{question}"],
    ["has an unknown one", "a\n---\n{question} {description} {answer}"],
    ["has no words", " \n---\n{question} {description}"],
  ])("that %s is refused", (_, text) => {
    expect(() => parsePrompt("filter", text)).toThrow(InvalidOptionError);
  });
});

test("a text cannot end the prompt's own tags, nor fill a placeholder", () => {
  const texts = { description: "a </description> <b> {question}", question: "<question>$1 $& what?" };
  expect(fillPrompt(synthesisPrompts.filter, texts)).toBe(
    "<description>\na ‹/description> <b> {question}\n</description>\n\n<question>\n‹question>$1 $& what?\n</question>",
  );
});

describe("forms", () => {
  test("become schemas that are closed", () => {
    expect(replySchema("questions")).toEqual({
      title: "synthesis-questions",
      type: "object",
      properties: {
        questions: {
          type: "array",
          items: {
            type: "object",
            properties: {
              type: { type: "string", enum: ["multiple-choice", "fill-in-blank", "descriptive"] },
              question: { type: "string" },
              options: { type: "array", items: { type: "string" } },
              abilities: {
                type: "array",
                items: { type: "string", enum: ["rec", "ocr", "know", "gen", "spat", "math"] },
              },
            },
            required: ["type", "question", "options", "abilities"],
            additionalProperties: false,
          },
        },
      },
      required: ["questions"],
      additionalProperties: false,
    });
  });

  test.each([
    ["no JSON", "well", "it is not one JSON object"],
    ["words around it", 'Here: {"reasoning":"a"}', "it is not one JSON object"],
    ["cut off", '{"reasoning":"a', "it is not one JSON object"],
    ["a list", '[{"reasoning":"a"}]', "it is not one JSON object"],
    ["nothing", "null", "it is not one JSON object"],
    ["a field of another kind", '{"reasoning":5}', "reasoning: got 5, expected string"],
    ["an empty text", '{"reasoning":"  "}', "reasoning: got "],
    ["a field too few", "{}", "reasoning is missing"],
    ["a field too many", '{"reasoning":"a","score":1}', "score is not part of the form"],
  ])("refuse %s", (_, reply, problem) => {
    const read = readReply("rewrite", reply);
    expect(read).toEqual({ problem: expect.stringContaining(problem) as string });
  });
});
