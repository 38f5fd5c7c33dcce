/** The forms that models' replies must have, each once: as a check, and from it as a JSON schema. */
import * as v from "valibot";
import type { JsonSchema } from "../language-models/language-model.ts";
import { isRecord } from "../util/is-record.ts";
import { abilityCodes, invalidities, questionTypes, type AskingStage } from "./stages.ts";

const text = v.pipe(v.string(), v.trim(), v.nonEmpty());
const texts = v.array(text);
const described = v.strictObject({ description: text });
const answered = v.strictObject({ reasoning: text, answer: text });

/** What each stage's reply holds. Nothing may be added or left out. */
export const replyForms = {
  describe: described,
  "ask-missing": v.strictObject({ questions: texts }),
  "answer-missing": v.strictObject({ answers: texts }),
  merge: described,
  questions: v.strictObject({
    questions: v.pipe(
      v.array(
        v.strictObject({
          type: v.picklist(questionTypes),
          question: text,
          options: texts,
          abilities: v.array(v.picklist(abilityCodes)),
        }),
      ),
      v.nonEmpty(),
    ),
  }),
  filter: v.strictObject({ verdict: v.picklist(["valid", ...invalidities]), why: text }),
  "answer-text": answered,
  "answer-image": answered,
  adjudicate: v.strictObject({ right: v.picklist(["first", "second", "both", "neither"]), why: text }),
  rewrite: v.strictObject({ reasoning: text }),
} satisfies Record<AskingStage, v.GenericSchema>;

/** The replies of all stages. */
export type Replies = v.InferOutput<v.StrictObjectSchema<typeof replyForms, undefined>>;
/** A reply in its stage's form. */
export type Reply<S extends AskingStage> = Replies[S];

/** As generic code takes them. */
const forms: { [S in AskingStage]: v.GenericSchema<unknown, Replies[S]> } = replyForms;

/** A question as the asker writes it. */
export type WrittenQuestion = Reply<"questions">["questions"][number];

/** A stage's form as endpoints take it; the title names the stage. */
export function replySchema(stage: AskingStage): JsonSchema {
  return { title: stageTitle(stage), ...jsonSchemaOf(replyForms[stage]) };
}

/** How a schema's title names its stage. */
export function stageTitle(stage: AskingStage): string {
  return `synthesis-${stage}`;
}

/** Of the few kinds of schema that are used here. */
function jsonSchemaOf(schema: v.GenericSchema): JsonSchema {
  if ("entries" in schema) {
    const entries = Object.entries(schema.entries as v.ObjectEntries);
    return {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, of]) => [name, jsonSchemaOf(of)])),
      required: entries.map(([name]) => name),
      additionalProperties: false,
    };
  }
  if ("item" in schema) return { type: "array", items: jsonSchemaOf(schema.item as v.GenericSchema) };
  return { type: "string", ...("options" in schema && { enum: schema.options }) };
}

const notAnObject = "it is not one JSON object and nothing else";

/**
 * Reads a reply: one JSON object in the stage's form, and nothing else. A think block before it, and a fence of code
 * around it, are passed over; nothing is guessed.
 * @returns the value, or what is wrong in words that the model can be told.
 */
export function readReply<S extends AskingStage>(
  stage: S,
  reply: string,
): { value: Reply<S> } | { problem: string } {
  const bare = reply.replace(/^\s*<think>[^]*?<\/think>/, "").trim();
  const json = /^```(?:json)?\s*\n([^]*?)\n\s*```$/.exec(bare)?.[1] ?? bare;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { problem: notAnObject };
  }
  if (!isRecord(value)) return { problem: notAnObject };
  const form: v.GenericSchema<unknown, Reply<S>> = forms[stage];
  const result = v.safeParse(form, value);
  if (result.success) return { value: result.output };
  const [issue] = result.issues;
  const where = v.getDotPath(issue);
  if (issue.expected === "never") return { problem: `${where} is not part of the form` };
  if (issue.input === undefined) return { problem: `${where} is missing` };
  return { problem: `${where}: got ${issue.received}, expected ${issue.expected ?? "another value"}` };
}
