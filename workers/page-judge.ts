/** A judge of descriptive answers on the page's side, where the key is and the browser's own model. */
import { wrap } from "comlink";
import type { Remote } from "comlink";
import { untilAborted } from "../src/language-models/abort.ts";
import { openJudge } from "../src/language-models/judge-config.ts";
import type { JudgeHost, OpenJudge } from "../src/language-models/judge-config.ts";
import type { AnswerPair, PairScorer } from "../src/language-models/language-model.ts";
import type { OnnxConfig } from "../src/language-models/onnx.ts";
import { LanguageModelError } from "../src/util/errors.ts";
import { Failure } from "./failure.ts";
import type { JudgeWorkerApi } from "./judge-service.ts";
import { installTransferHandlers, withOwnSignal } from "./transfer.ts";

/** What a judge's configuration, which is part of the recipe, does not hold. */
export interface RemoteJudgeOptions {
  /** Of the judge's endpoint. Kept in this page's memory only: no worker, no file and no message ever has it. */
  key?: string;
  /** In place of the platform's, for the judge's endpoint. */
  fetch?: typeof fetch;
  /** For a judge in ONNX: the address of ONNX Runtime Web, see OnnxHost. It runs in a worker of its own. */
  onnxRuntime?: string;
}

/** {@link RemoteJudgeOptions}, and the policy that may be the judge. */
export type JudgeHostOptions = RemoteJudgeOptions & Pick<JudgeHost, "policy" | "signal">;

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
  const failure = new Failure();
  worker.onerror = ({ message }) =>
    failure.fail(
      new LanguageModelError(`the judge's worker failed: ${message || "its script could not be loaded"}`),
    );
  const remote: Remote<JudgeWorkerApi> = wrap<JudgeWorkerApi>(worker);
  try {
    // A worker would take addresses relative to its own script.
    const absolute = (address: string) => new URL(address, location.href).href;
    const wire = { ...config, url: absolute(config.url) };
    const opening = remote.open(wire, runtime === undefined ? undefined : absolute(runtime));
    const { name, identity } = await failure.orElse(opening);
    return {
      name,
      identity,
      score: (pair: AnswerPair, { signal } = {}) =>
        untilAborted(
          withOwnSignal(signal, (own) => failure.orElse(remote.score(pair, own))),
          signal,
        ),
      dispose() {
        worker.terminate();
        failure.fail(new LanguageModelError("the judge was disposed of")); // nothing will come from it
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
