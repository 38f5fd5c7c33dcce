/** What an error means to whoever uses the page, and what they can do about it. */
import {
  CheckpointError,
  ContextLengthError,
  CorruptFileError,
  DeviceLostError,
  GpuUnavailableError,
  ImageDecodeError,
  ImageTokenMismatchError,
  InvalidOptionError,
  MemoryBudgetError,
  MissingFileError,
  MissingTensorError,
  NonFiniteError,
  ShaderError,
  StorageError,
  ThinktabError,
  trainingOf,
  UnsupportedModelError,
} from "../../workers/client.ts";
import type { RunRecipe } from "../../workers/client.ts";

export interface Advice {
  /** In a few words, what has happened. */
  title: string;
  /** What can be done, the most promising first. */
  steps: readonly string[];
}

/** @param recipe of the run that failed, where it was one: what can be lowered is named with its present value. */
export function adviceFor(error: unknown, recipe?: RunRecipe | null): Advice {
  if (error instanceof GpuUnavailableError) {
    return {
      title: "This browser gives the page no WebGPU.",
      steps: [
        "Chrome or Edge 121 and newer have it. On Linux it may need chrome://flags/#enable-unsafe-webgpu and a Vulkan driver.",
        "Safari 26 and newer has it; Firefox has it on Windows since 141 and on Macs since 145.",
        "The page must come from https or from localhost. The tab “Device” says more.",
      ],
    };
  }
  if (error instanceof MemoryBudgetError)
    return { title: "The GPU’s memory does not suffice.", steps: lessMemory(error.message, recipe) };
  if (error instanceof DeviceLostError) {
    return {
      title: "The browser took the GPU away.",
      steps: [
        "This happens when a driver restarts, when the machine sleeps, or when memory runs out. Close other tabs that draw a lot.",
        "What was saved is whole: a run goes on from its last checkpoint.",
      ],
    };
  }
  if (error instanceof ImageDecodeError) {
    return {
      title: "This is no image that the browser can read.",
      steps: ["PNG, JPEG, WebP and GIF work. Choose another file, or save this one anew."],
    };
  }
  if (error instanceof MissingFileError) {
    return {
      title: "A file of the model is missing.",
      steps: [
        "A model is a folder as Hugging Face has it: config.json, tokenizer.json, model.safetensors, preprocessor_config.json.",
      ],
    };
  }
  if (error instanceof UnsupportedModelError || error instanceof MissingTensorError)
    return {
      title: "This model is none that the page can run.",
      steps: ["Qwen2.5-VL and Qwen2.5 can be run."],
    };
  if (error instanceof CorruptFileError) {
    return {
      title: "A file is damaged, or of another kind than its name says.",
      steps: ["Download it again. A saved run that cannot be read has to be discarded."],
    };
  }
  if (error instanceof ContextLengthError) {
    return {
      title: "That is more than the policy can read at once.",
      steps: ["Ask less at a time, take a smaller picture, or allow fewer tokens."],
    };
  }
  if (error instanceof ImageTokenMismatchError)
    return {
      title: "This policy cannot take the picture.",
      steps: ["Ask without a picture, or load a vision model."],
    };
  if (error instanceof NonFiniteError) {
    return {
      title: "The training blew up: its numbers are no numbers any more.",
      steps: [
        `Lower the learning rate${recipe ? ` (now ${trainingOf(recipe).learningRate})` : ""}, and start again.`,
      ],
    };
  }
  if (error instanceof StorageError) return storageAdvice(error.message);
  if (error instanceof CheckpointError) {
    return {
      title: "The saved run does not fit.",
      steps: ["Go on with the recipe that it was begun with, or discard it."],
    };
  }
  if (error instanceof InvalidOptionError)
    return { title: "A value is out of range.", steps: ["The message names it, and what is expected."] };
  if (error instanceof ShaderError) {
    return {
      title: "The GPU’s driver refused a shader.",
      steps: ["Run the self-test in the tab “Device”: its report says which one."],
    };
  }
  if (error instanceof ThinktabError && error.code === "LanguageModelError") {
    return {
      title: "A language model gave no answer that can be used.",
      steps: ["Check that it is there and may be asked from this page, and try again."],
    };
  }
  if (error instanceof ThinktabError && error.message.includes("the request failed")) {
    return {
      title: "A file could not be fetched.",
      steps: [
        "Check the network and the address. A server elsewhere has to allow this page (CORS), as Hugging Face does.",
      ],
    };
  }
  return { title: "Something went wrong.", steps: ["Reload the page. What was saved of a run stays."] };
}

function storageAdvice(message: string): Advice {
  if (message.includes("the storage is full")) {
    return {
      title: "This browser’s storage is full.",
      steps: ["What was saved before is whole: make room, and go on from there."],
    };
  }
  if (message.includes("another tab")) {
    return {
      title: "Another tab is training.",
      steps: ["Go on there, or stop it there first. Asking works in both tabs."],
    };
  }
  return {
    title: "This browser does not let the page store anything.",
    steps: ["A private window or a blocked site keeps nothing. Training works, but is lost with the tab."],
  };
}

/** The settings to lower, by what the recipe has: those that cost nothing but time come first. */
function lessMemory(message: string, recipe: RunRecipe | null | undefined): string[] {
  if (!recipe) {
    return [
      "Load a smaller model, or one that is quantized to 4 bits.",
      "For a question: a smaller picture, fewer samples or fewer tokens. Other tabs may hold GPU memory, too.",
    ];
  }
  const formats =
    recipe.format === "q4" ? [] : ["Set format to q4: the frozen weights take half of what 8 bits take."];
  const recompute = trainingOf(recipe).recompute
    ? []
    : [
        `Set ${kindOf(recipe)}.recompute to true: less is kept for the backward pass; the result is the same.`,
      ];
  if ("sft" in recipe) {
    const { batchSize, microBatchSize } = recipe.sft;
    const parts = microBatchSize === 0 ? batchSize : microBatchSize;
    return [...recompute, ...halved("sft.microBatchSize", parts, 1), ...formats];
  }
  const { grpo } = recipe;
  const answers = [
    ...halved("grpo.numGenerations", grpo.numGenerations, 2),
    ...halved("grpo.maxCompletionLength", grpo.maxCompletionLength, 1),
    ...halved("grpo.promptsPerStep", grpo.promptsPerStep, 1),
    ...formats,
  ];
  // Recorded while answers are drawn: nothing of the backward pass is in memory yet.
  if (/rollout|prefill|decode/i.test(message.split("\n")[0])) return answers;
  const parts =
    grpo.tokensPerBatch === 0
      ? ["Set grpo.tokensPerBatch to 1024: a step is worked off in smaller parts; the result is the same."]
      : halved("grpo.tokensPerBatch", grpo.tokensPerBatch, 1);
  return [...recompute, ...parts, ...answers];
}

function kindOf(recipe: RunRecipe): string {
  return "sft" in recipe ? "sft" : "grpo";
}

function halved(name: string, value: number, least: number): string[] {
  const half = Math.max(least, Math.ceil(value / 2));
  return value > half ? [`Lower ${name} from ${value} to ${half}.`] : [];
}

/** Whether somebody asked for the end: that is no problem to show. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
