import type { ContentPart, Message } from "../../src/data/chat-template.ts";
import { says, type ChatReply, type ChatRequest, type ChatServer } from "../support/chat-server.ts";
import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { SynthesisImage } from "../../src/synthesis/image-source.ts";
import { stageTitle } from "../../src/synthesis/forms.ts";
import { askingStages, type AskingStage, type SynthesisModels } from "../../src/synthesis/stages.ts";
import type { LanguageModel } from "../../src/language-models/language-model.ts";
import { isRecord } from "../../src/util/is-record.ts";
import {
  memorySynthesisStore,
  type KeptQuestion,
  type PendingItem,
  type SynthesisDrop,
} from "../../src/synthesis/store.ts";
import { synthesize, type SynthesisOptions } from "../../src/synthesis/synthesize.ts";
import type { ToyScene } from "../../src/synthesis/toy-scenes.ts";

export function imagesOf(scenes: readonly ToyScene[]): SynthesisImage[] {
  return scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) }));
}

/** A whole synthesis and what came of it, in the order of the images. */
export interface Ran {
  events: SynthesisEvent[];
  kept: KeptQuestion[];
  drops: SynthesisDrop[];
  pending: PendingItem[];
  finished: Extract<SynthesisEvent, { type: "finished" }> | undefined;
}

export async function run(
  images: readonly SynthesisImage[],
  models: SynthesisModels,
  options: Partial<SynthesisOptions> = {},
): Promise<Ran> {
  const ran: Ran = { events: [], kept: [], drops: [], pending: [], finished: undefined };
  for await (const event of synthesize(images, { models, store: memorySynthesisStore(), ...options })) {
    ran.events.push(event);
    if (event.type === "finished") ran.finished = event;
    if (event.type !== "image") continue;
    ran.kept.push(...event.outcome.kept);
    ran.drops.push(...event.outcome.drops);
    ran.pending.push(...event.outcome.pending);
  }
  return ran;
}

/** What a stage is answered in place of a model's own reply. Strings are the reply; objects change fields of it. */
export type Otherwise = (call: {
  text: string;
  words: string;
  count: number;
}) => string | Record<string, unknown> | null;

/** A model that is told what to answer in some stages, and what it was asked in all. */
export interface Told extends LanguageModel {
  asked: { stage: AskingStage; words: string }[];
}

/** @param otherwise by stage; null: as the model itself does */
export function told(
  model: LanguageModel,
  otherwise: Partial<Record<AskingStage, Otherwise>>,
  name = "told",
): Told {
  const asked: Told["asked"] = [];
  return {
    name,
    identity: name,
    takesImages: true,
    asked,
    async ask(messages, options) {
      const stage = askingStages.find((each) => stageTitle(each) === options?.schema?.title);
      if (!stage) throw new Error("no stage");
      const words = JSON.stringify(messages.map(({ content }) => content));
      const count = asked.filter((each) => each.stage === stage).length;
      asked.push({ stage, words });
      const { text, ...rest } = await model.ask(messages, options);
      const other = otherwise[stage]?.({ text, words, count }) ?? text;
      if (typeof other === "string") return { ...rest, text: other };
      const own: unknown = JSON.parse(text);
      return { ...rest, text: JSON.stringify({ ...(isRecord(own) ? own : {}), ...other }) };
    },
  };
}

/** Which stage a request to a server is of, by the schema that it asks for. */
export function stageOf({ body }: ChatRequest): AskingStage {
  const format = body.response_format as { json_schema: { name: string } };
  const stage = askingStages.find((each) => stageTitle(each) === format.json_schema.name);
  if (!stage) throw new Error(`no stage of ${format.json_schema.name}`);
  return stage;
}

/** What a model says to a request, as its endpoint would. */
export async function replyOf(
  model: LanguageModel,
  request: ChatRequest,
): Promise<Exclude<ChatReply, string>> {
  const messages = (request.body.messages ?? []).map(({ role, content }): Message => {
    const parts = typeof content === "string" ? content : content.map(partOf);
    return { role: role === "system" || role === "assistant" ? role : "user", content: parts };
  });
  const { text } = await model.ask(messages, { schema: { title: stageTitle(stageOf(request)) } });
  return says(text);
}

function partOf({
  type,
  text = "",
  image_url: image,
}: {
  type: string;
  text?: string;
  image_url?: { url: string };
}): ContentPart {
  return type === "image_url" && image ? { type, image_url: image } : { type: "text", text };
}

/** What was asked of a server, each request as one text. */
export const askedOf = ({ requests }: ChatServer): string[] =>
  requests.map(({ body }) => JSON.stringify([body.messages, body.response_format]));
