/** Errors in words, where they happen. */
import {
  DeviceLostError,
  GpuUnavailableError,
  ImageDecodeError,
  MemoryBudgetError,
  MissingFileError,
  StorageError,
} from "../workers/client.ts";
import { make } from "./dom.ts";

/** Shows an error with what can be done about it; `undefined` takes the last one away. */
export function showProblem(place: HTMLElement, error?: unknown): void {
  place.hidden = error === undefined;
  place.replaceChildren();
  if (error === undefined) return;
  const name = error instanceof Error ? error.name : "Error";
  place.append(make("strong", {}, name), error instanceof Error ? `: ${error.message}` : "");
  const advice = adviceFor(error);
  if (advice.length > 0) place.append(make("ul", {}, ...advice.map((line) => make("li", {}, line))));
}

function adviceFor(error: unknown): string[] {
  if (error instanceof GpuUnavailableError) {
    return [
      "Chrome or Edge 121 and newer: WebGPU is on. On Linux it may need chrome://flags/#enable-unsafe-webgpu and a Vulkan driver.",
      "Safari 26 and newer has it; Firefox has it on Windows since 141 and on Macs since 145.",
      "The page must come from https or from localhost. A GPU that the browser blocks is listed at chrome://gpu.",
    ];
  }
  if (error instanceof ImageDecodeError)
    return ["PNG, JPEG, WebP and GIF files work. Choose another file, or save this one anew."];
  if (error instanceof MemoryBudgetError)
    return ["Fewer answers per prompt, fewer tokens per answer or a smaller model need less memory."];
  if (error instanceof MissingFileError) {
    return [
      "Pick a folder as Hugging Face has it: config.json, tokenizer.json, model.safetensors, preprocessor_config.json.",
    ];
  }
  if (error instanceof DeviceLostError)
    return ["“Start over” starts the engine again. A run goes on from its last checkpoint."];
  if (error instanceof StorageError && error.message.includes("the storage is full"))
    return ["What was saved before is whole: make room, and go on from there."];
  return [];
}

/** Whether somebody asked for the end: that is no problem to show. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
