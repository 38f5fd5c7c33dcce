import type { InferenceSession, TypedTensor } from "onnxruntime-web";
import { httpSource } from "../storage/http-source.ts";
import { readJson, type FileSource } from "../storage/source.ts";
import { LanguageModelError } from "../util/errors.ts";
import { importModule } from "../util/import-module.ts";
import { untilAborted } from "./abort.ts";
import type { AnswerPair, PairScorer } from "./language-model.ts";
import { Limiter } from "./limiter.ts";

/** A text classifier or cross-encoder in ONNX, with its tokenizer beside it, as Hugging Face repositories hold them. */
export interface OnnxConfig {
  kind: "onnx";
  /** The folder: tokenizer.json, optionally tokenizer_config.json, and the model. */
  url: string;
  /** The model in the folder. Default "onnx/model.onnx". */
  file?: string;
  /** For reports. Default: the address. */
  name?: string;
  /** Put the question before both answers. Default true; false for a model of plain similarity. */
  withQuestion?: boolean;
  /**
   * What the score is made of: "sigmoid" of one logit (default), "softmax": the share of class `index`, "raw": the logit
   * `index` itself.
   */
  output?: { form: "sigmoid" | "softmax" | "raw"; index?: number };
  /** Most tokens of a pair; a longer one gets no score, as a cut one might get a wrong one. Default 512. */
  maxTokens?: number;
}

/** Runs a model; a seam for tests and for other runtimes. */
export interface OnnxSession {
  inputNames: readonly string[];
  /** @param feeds int64 [1, tokens] by input name @returns logits [classes] */
  run(feeds: Readonly<Record<string, BigInt64Array>>): Promise<ArrayLike<number>>;
  /** Gives back what the session holds. */
  release(): Promise<void>;
}

/** What the scorer takes from its surroundings. */
export interface OnnxHost {
  /** In place of the address. */
  source?: FileSource;
  /**
   * Where a page finds ONNX Runtime Web: the address of the package's `ort.wasm.bundle.min.mjs`, with
   * `ort-wasm-simd-threaded.wasm` beside it. It is no part of this kit, and 13 MB. In Node the package onnxruntime-web is
   * imported by its name.
   */
  runtime?: string;
  /** Default: ONNX Runtime Web on the processor. */
  createSession?: (model: Uint8Array) => Promise<OnnxSession>;
  signal?: AbortSignal;
}

interface PairTokenizer {
  encode(
    text: string,
    options: { text_pair: string; return_token_type_ids: true },
  ): { ids: number[]; attention_mask: number[]; token_type_ids: number[] };
}

/**
 * Loads a scorer of (gold, answer) pairs. It computes in the thread that calls it: open it in a worker of its own where
 * something else must stay fluent. Runtime and model are loaded by this call, never before.
 *
 * @throws MissingFileError, CorruptFileError; LanguageModelError when runtime or model do not load.
 */
export async function onnxPairScorer(config: OnnxConfig, host: OnnxHost = {}): Promise<PairScorer> {
  const { signal } = host;
  const { url, file = "onnx/model.onnx", name = url } = config;
  const source = host.source ?? httpSource(url);
  const tokenizer = await readPairTokenizer(source, signal);
  const session = await untilAborted(openSession(source, file, name, host), signal);
  const { withQuestion = true, output = { form: "sigmoid" }, maxTokens = 512 } = config;
  const limiter = new Limiter(1);

  const score = async ({ question, gold, answer }: AnswerPair): Promise<number> => {
    const withIt = (text: string) => (withQuestion ? `${question}\n${text}` : text);
    const encoded = tokenizer.encode(withIt(gold), {
      text_pair: withIt(answer),
      return_token_type_ids: true,
    });
    const count = encoded.ids.length;
    if (count > maxTokens)
      throw new LanguageModelError(`${name}: got a pair of ${count} tokens, expected at most ${maxTokens}`);
    const all: Record<string, readonly number[]> = {
      input_ids: encoded.ids,
      attention_mask: encoded.attention_mask,
      token_type_ids: encoded.token_type_ids,
    };
    const feeds: Record<string, BigInt64Array> = {};
    for (const input of session.inputNames) {
      if (!(input in all))
        throw new LanguageModelError(
          `${name}: the model takes ${input}; known are ${Object.keys(all).join(", ")}`,
        );
      feeds[input] = BigInt64Array.from(all[input], BigInt);
    }
    return scoreOf(await session.run(feeds), output, name);
  };

  return {
    name,
    identity: JSON.stringify([url, file, withQuestion, output]),
    score: (pair, options) =>
      untilAborted(
        limiter.run(() => score(pair), options?.signal),
        options?.signal,
      ),
    dispose: () => void session.release(),
  };
}

/** One number of a model's logits. @throws LanguageModelError when they are too few or too many. */
export function scoreOf(
  logits: ArrayLike<number>,
  { form, index = 0 }: NonNullable<OnnxConfig["output"]>,
  name = "model",
): number {
  const fits = form === "sigmoid" ? logits.length === 1 : index >= 0 && index < logits.length;
  if (!fits)
    throw new LanguageModelError(
      `${name}: got ${logits.length} logits, expected ${form === "sigmoid" ? "1" : `more than ${index}`} for ${form}`,
    );
  if (form === "raw") return logits[index];
  if (form === "sigmoid") return 1 / (1 + Math.exp(-logits[0]));
  const largest = Math.max(...Array.from(logits));
  const shares = Array.from(logits, (logit) => Math.exp(logit - largest));
  return shares[index] / shares.reduce((sum, share) => sum + share, 0);
}

async function readPairTokenizer(source: FileSource, signal?: AbortSignal): Promise<PairTokenizer> {
  const json = await readJson(source, "tokenizer.json", { signal });
  const config = (await source.exists("tokenizer_config.json", { signal }))
    ? await readJson(source, "tokenizer_config.json", { signal })
    : {};
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    return new Tokenizer(json as object, config as object);
  } catch (cause) {
    throw new LanguageModelError(`${source.name}: tokenizer.json does not load (${String(cause)})`, {
      cause,
    });
  }
}

async function openSession(
  source: FileSource,
  file: string,
  name: string,
  { runtime, createSession = (model) => createOnnxSession(model, runtime), signal }: OnnxHost,
): Promise<OnnxSession> {
  const bytes = await source.read(file, 0, undefined, { signal });
  try {
    return await createSession(bytes);
  } catch (cause) {
    throw new LanguageModelError(`${name}: ${file} does not load (${String(cause)})`, { cause });
  }
}

/** A session of ONNX Runtime Web on the processor; the first output is read. */
export async function createOnnxSession(model: Uint8Array, runtime?: string): Promise<OnnxSession> {
  const { InferenceSession: Session, Tensor } = await loadRuntime(runtime);
  const session: InferenceSession = await Session.create(model);
  const [output] = session.outputNames;
  return {
    inputNames: session.inputNames,
    async run(feeds) {
      const tensors: Record<string, TypedTensor<"int64">> = {};
      for (const [name, ids] of Object.entries(feeds))
        tensors[name] = new Tensor("int64", ids, [1, ids.length]);
      const { data } = (await session.run(tensors))[output];
      if (!(data instanceof Float32Array))
        throw new LanguageModelError("ONNX model: its first output is not float32");
      return data;
    },
    release: () => session.release(),
  };
}

/** By its address or, in Node, by its name; a bundler never follows it, as few have the package. */
async function loadRuntime(address?: string): Promise<typeof import("onnxruntime-web")> {
  if (address === undefined && typeof location !== "undefined")
    throw new LanguageModelError(
      "ONNX Runtime Web: got no address, expected that of its ort.wasm.bundle.min.mjs, from your own origin",
    );
  return (await importModule(address ?? "onnxruntime-web")) as typeof import("onnxruntime-web");
}
