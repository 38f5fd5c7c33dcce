/** A judge of descriptive answers on the page's side, where the key is and the browser's own model. */
import { wrap } from "comlink";
import type { Remote } from "comlink";
import { openJudge } from "../src/language-models/judge-config.ts";
import type { OpenJudge } from "../src/language-models/judge-config.ts";
import type { AnswerPair, PairScorer } from "../src/language-models/language-model.ts";
import type { OnnxConfig } from "../src/language-models/onnx.ts";
import { LanguageModelError } from "../src/util/errors.ts";
import type { JudgeWorkerApi } from "./judge-service.ts";
import type { JudgeHostOptions } from "./remote-judge.ts";
import { installTransferHandlers } from "./transfer.ts";

/** Opens the judge of a configuration. @throws as openJudge does. */
export function openPageJudge(
  config: unknown,
  { onnxRuntime, ...host }: JudgeHostOptions,
): Promise<OpenJudge> {
  return openJudge(config, { ...host, openScorer: (onnx) => workerScorer(onnx, onnxRuntime) });
}

/** An ONNX model in a worker of its own, which is started here: the page stays fluent. */
async function workerScorer(config: OnnxConfig, runtime: string | undefined): Promise<PairScorer> {
  installTransferHandlers();
  const worker = new Worker(new URL("./judge-worker.ts", import.meta.url), { type: "module", name: "judge" });
  const died = new Promise<never>((_, reject) => {
    worker.onerror = ({ message }) =>
      reject(
        new LanguageModelError(`the judge's worker failed: ${message || "its script could not be loaded"}`),
      );
  });
  died.catch(() => undefined); // whoever asks hears of it
  const remote: Remote<JudgeWorkerApi> = wrap<JudgeWorkerApi>(worker);
  try {
    // A worker would take addresses relative to its own script.
    const absolute = (address: string) => new URL(address, location.href).href;
    const wire = { ...config, url: absolute(config.url) };
    const opening = remote.open(wire, runtime === undefined ? undefined : absolute(runtime));
    const { name, identity } = await Promise.race([opening, died]);
    return {
      name,
      identity,
      score: (pair: AnswerPair, { signal } = {}) => Promise.race([remote.score(pair, signal), died]),
      dispose: () => worker.terminate(),
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
