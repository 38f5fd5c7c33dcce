import { defineCommand } from "citty";
import type { ContentPart, Message } from "../data/chat-template.ts";
import { REASONING_SYSTEM_PROMPT } from "../data/system-prompt.ts";
import type { Device } from "../gpu/device.ts";
import type { WeightFormat } from "../kernels/weight.ts";
import type { ModelOptions } from "../models/model.ts";
import { resolveSampling } from "../rollout/options.ts";
import { Policy } from "../rollout/policy.ts";
import type { GenerateOptions } from "../rollout/policy.ts";
import { readAdapter } from "../storage/peft.ts";
import { everyValue, numberOption } from "./arguments.ts";
import { formatBytes, formatMs, formatNumber, Progress } from "./format.ts";
import { interruptible, openDevice, openFolder, openModel, tinyModel, toyModel } from "./session.ts";

/** What --format may be. */
export const weightFormats: WeightFormat[] = ["q8", "q4", "f16", "f32"];

const args = {
  question: { type: "positional", description: "What to ask", required: true },
  model: {
    type: "string",
    description: "Hugging Face folder, toy or tiny",
    valueHint: "DIR",
    default: toyModel,
  },
  image: { type: "string", description: "Image file; may be given several times", valueHint: "FILE" },
  system: {
    type: "string",
    description: "System prompt, or none (default: the kit's own)",
    valueHint: "TEXT",
  },
  prefill: { type: "string", description: "Text that the answer begins with", valueHint: "TEXT" },
  "max-tokens": { type: "string", description: "Most tokens of the answer (default 256)", valueHint: "N" },
  temperature: { type: "string", description: "0 takes the likeliest token (default 1)", valueHint: "X" },
  "top-k": { type: "string", description: "Draw among the k likeliest tokens; 0 is off", valueHint: "K" },
  "top-p": {
    type: "string",
    description: "Draw among tokens of this share; 1 is off",
    valueHint: "P",
  },
  seed: { type: "string", description: "Seed of the draws (default 0)", valueHint: "N" },
  format: {
    type: "enum",
    description: "Weights on the GPU (default: as stored, or q8)",
    options: weightFormats,
  },
  adapter: { type: "string", description: "Folder of a PEFT LoRA adapter", valueHint: "DIR" },
  json: { type: "boolean", description: "Print answer, tokens and log-probs as JSON" },
} as const;

/** The kit's own prompt is for policies that follow one: those that ship were made without. */
export function systemOf(given: string | undefined, model: string): string | undefined {
  if (given === "none") return undefined;
  return given ?? (model === toyModel || model === tinyModel ? undefined : REASONING_SYSTEM_PROMPT);
}

export const chatCommand = defineCommand({
  meta: { name: "chat", description: "Ask a policy about images" },
  args,
  async run({ args: given, rawArgs }) {
    const options: GenerateOptions = {
      system: systemOf(given.system, given.model),
      prefill: given.prefill,
      maxNewTokens: numberOption("max-tokens", given["max-tokens"]),
      temperature: numberOption("temperature", given.temperature),
      topK: numberOption("top-k", given["top-k"]),
      topP: numberOption("top-p", given["top-p"]),
      seed: numberOption("seed", given.seed),
    };
    resolveSampling(options); // an option out of range need not wait for the model
    const images = everyValue(args, rawArgs, "image");
    await interruptible(async (signal) => {
      const progress = new Progress();
      const device = await openDevice();
      try {
        const policy = await loadPolicy(
          device,
          given.model,
          { format: given.format, adapter: given.adapter },
          progress,
          signal,
        );
        await answer(
          policy,
          question(given.question, images),
          { ...options, signal },
          given.json === true,
          progress,
        );
        policy.destroy();
      } finally {
        progress.clear();
        device.destroy();
      }
    });
  },
});

/** Images first, as the model was trained on. */
function question(text: string, images: readonly string[]): Message[] {
  if (images.length === 0) return [{ role: "user", content: text }];
  const parts = images.map((image): ContentPart => ({ type: "image", image }));
  return [{ role: "user", content: [...parts, { type: "text", text }] }];
}

interface LoadOptions extends Pick<ModelOptions, "format" | "lora" | "dense"> {
  /** Folder of a PEFT adapter, in place of a fresh one. */
  adapter?: string;
}

/** Loads a model's folder and, over it, an adapter; says so as it goes. */
export async function loadPolicy(
  device: Device,
  model: string,
  { format, adapter: folder, lora, dense }: LoadOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Policy> {
  const started = performance.now();
  const source = await openModel(model);
  const expected = "a PEFT adapter's folder with adapter_config.json and adapter_model.safetensors";
  const adapter =
    folder === undefined ? undefined : await readAdapter(await openFolder(folder, expected), "", { signal });
  const policy = await Policy.load(device, source, {
    format,
    lora: adapter ? { rank: adapter.rank, alpha: adapter.alpha, rslora: adapter.rslora } : lora,
    dense,
    onProgress: (done, total) => progress.show(`loading ${source.name}`, `${done}/${total} blocks`),
    signal,
  });
  if (adapter) policy.model.loadAdapter(adapter);
  const { frozen, trained } = policy.model.weightBytes();
  progress.line(
    `loaded ${source.name}: ${formatBytes(frozen + (dense ? trained : 0))} of weights in ${formatMs(performance.now() - started)}`,
  );
  return policy;
}

async function answer(
  policy: Policy,
  messages: Message[],
  options: GenerateOptions,
  json: boolean,
  progress: Progress,
): Promise<void> {
  const started = performance.now();
  progress.show("reading the prompt, compiling pipelines");
  let text = "";
  let finishReason: string | undefined;
  const tokens: number[] = [];
  const logps: number[] = [];
  let first: { at: number; tokens: number } | undefined;
  for await (const delta of policy.stream(messages, options)) {
    text += delta.text;
    tokens.push(...delta.tokens);
    logps.push(...delta.logps);
    finishReason = delta.finishReason ?? finishReason;
    if (first === undefined) {
      first = { at: performance.now(), tokens: tokens.length };
      progress.clear();
      if (!json && options.prefill !== undefined) process.stdout.write(options.prefill);
    }
    if (!json) process.stdout.write(delta.text);
  }
  const totalMs = performance.now() - started;
  const firstMs = first ? first.at - started : totalMs;
  // The first tokens came with the prompt and the compiling; the others show the speed. A short answer is all first.
  const later = tokens.length - (first?.tokens ?? 0);
  const tokensPerSecond = later > 0 ? (1000 * later) / (totalMs - firstMs) : (1000 * tokens.length) / totalMs;
  if (json) {
    const result = { text, finishReason, tokens, logps, tokensPerSecond, totalMs, firstMs };
    console.log(JSON.stringify(result, undefined, 2));
  } else if (!text.endsWith("\n")) process.stdout.write("\n");
  progress.line(
    `${tokens.length} tokens, ${formatNumber(tokensPerSecond)} tokens/s${later > 0 ? "" : " with prompt and compiling"}; ` +
      `first ones after ${formatMs(firstMs)}; ended ${finishReason === "stop" ? "by itself" : "at the limit"}`,
  );
}
