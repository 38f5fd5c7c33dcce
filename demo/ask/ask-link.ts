/** What a link to the tab Ask says: a scene, a question, and how the answer is drawn. */
import type { Thing } from "../../workers/client.ts";
import { decodeLayout, encodeLayout } from "./layout-code.ts";

/** What a response is made to begin with. */
export const responseModes = ["free", "think", "answer"] as const;
export type ResponseMode = (typeof responseModes)[number];

export interface AskOptions {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
  maxNewTokens: number;
  seed: number;
  samples: number;
  mode: ResponseMode;
}

export type NumberOption = Exclude<keyof AskOptions, "mode">;

export const defaultOptions: AskOptions = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  maxNewTokens: 64,
  seed: 1,
  samples: 1,
  mode: "free",
};

/** What the fields take; the engine takes more of some. */
export const optionLimits: Readonly<
  Record<NumberOption, { min: number; max: number; step: number | "any" }>
> = {
  temperature: { min: 0, max: 5, step: "any" },
  topK: { min: 0, max: 100_000, step: 1 },
  topP: { min: 0.01, max: 1, step: "any" },
  minP: { min: 0, max: 0.99, step: "any" },
  maxNewTokens: { min: 1, max: 1024, step: 1 },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 },
  samples: { min: 1, max: 8, step: 1 },
};

/** A scene that a link can hold: the task's own by its number, or one that somebody drew. */
export type LinkedScene =
  { kind: "test"; seed: number } | { kind: "drawn"; seed: number; things: readonly Thing[] };

export interface AskLink {
  scene: LinkedScene | null;
  /** Null: the scene's own question. */
  question: string | null;
  options: AskOptions;
}

/** Names and values for the address; what is as usual is left out. */
export function writeAskLink({ scene, question, options }: AskLink): Record<string, string> {
  const params: Record<string, string> = {};
  if (scene) params.scene = String(scene.seed);
  if (scene?.kind === "drawn") params.things = encodeLayout(scene.things);
  if (question !== null) params.question = question;
  for (const name of numberOptions)
    if (options[name] !== defaultOptions[name]) params[name] = String(options[name]);
  if (options.mode !== defaultOptions.mode) params.mode = options.mode;
  return params;
}

/**
 * Reads a link. What is missing, or is no value that the page's fields take, is as usual; a scene that cannot be read is
 * none. Null when the address says nothing about asking.
 */
export function readAskLink(params: URLSearchParams): AskLink | null {
  const options = { ...defaultOptions };
  for (const name of numberOptions) options[name] = numberOf(params.get(name), name) ?? defaultOptions[name];
  options.mode = responseModes.find((mode) => mode === params.get("mode")) ?? defaultOptions.mode;
  const known = ["scene", "things", "question", "mode", ...numberOptions];
  if (!known.some((name) => params.has(name))) return null;
  return { scene: sceneOfLink(params), question: params.get("question"), options };
}

const numberOptions = Object.keys(optionLimits) as NumberOption[];

function numberOf(text: string | null, name: NumberOption): number | null {
  const { min, max, step } = optionLimits[name];
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return value >= min && value <= max && (step === "any" || Number.isInteger(value)) ? value : null;
}

function sceneOfLink(params: URLSearchParams): LinkedScene | null {
  const seed = numberOf(params.get("scene"), "seed");
  const word = params.get("things");
  if (word === null) return seed === null ? null : { kind: "test", seed };
  const things = decodeLayout(word);
  return things && { kind: "drawn", seed: seed ?? 1, things };
}
