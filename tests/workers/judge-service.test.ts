/** The ONNX judge's worker side, behind a channel. */
import { expose, wrap } from "comlink";
import { afterAll, expect, test } from "vitest";
import { memorySource } from "../../src/storage/source.ts";
import { LanguageModelError } from "../../src/util/errors.ts";
import { JudgeService, type JudgeWorkerApi } from "../../workers/judge-service.ts";
import { installTransferHandlers } from "../../workers/transfer.ts";
import { pairTokenizer, sumOfSecondText } from "../support/tiny-onnx.ts";

installTransferHandlers();
const source = memorySource({
  "tokenizer.json": new TextEncoder().encode(
    JSON.stringify(pairTokenizer(["what", "red", "blue", "bicycle"])),
  ),
  "onnx/model.onnx": sumOfSecondText(),
});
const { port1, port2 } = new MessageChannel();
expose(new JudgeService({ source }), port1);
const remote = wrap<JudgeWorkerApi>(port2);
afterAll(() => {
  port1.close();
  port2.close();
});

test("a model is opened and scores pairs on the other side; errors keep their class, signals cross", async () => {
  const pair = { question: "what", gold: "red bicycle", answer: "blue bicycle" };
  const early: unknown = await remote.score(pair, undefined).catch((error: unknown) => error);
  expect(early).toBeInstanceOf(LanguageModelError);
  const config = { kind: "onnx", url: "https://models.example/tiny", output: { form: "raw" } } as const;
  const { name, identity } = await remote.open(config, undefined);
  expect([name, identity]).toEqual([config.url, expect.stringContaining(config.url)]);
  expect(await remote.score(pair, undefined)).toBe(3 + 5 + 6 + 2);
  const signal = AbortSignal.abort(new DOMException("enough", "AbortError"));
  await expect(remote.score(pair, signal)).rejects.toThrow("enough");
});
