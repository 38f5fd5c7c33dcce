/** The page's side of an ONNX judge in a worker of its own. */
import { expose } from "comlink";
import { afterEach, expect, test, vi } from "vitest";
import { LanguageModelError } from "../../src/util/errors.ts";
import { openPageJudge } from "../../workers/page-judge.ts";
import { installTransferHandlers } from "../../workers/transfer.ts";

installTransferHandlers();
const config = { model: { kind: "onnx", url: "m/" }, thresholds: { half: 0.1, full: 0.5 } };
const request = { problem: "?", answer: "a", response: "b" };

/** In place of a worker: a model that was opened and never answers. */
class SilentWorker extends EventTarget {
  static terminated = 0;
  onerror: ((event: { message: string }) => void) | null = null;
  readonly #ports = new MessageChannel();

  constructor() {
    super();
    const opened = { name: "m", identity: null };
    const api = { open: () => opened, score: () => new Promise<never>(() => undefined) };
    expose(api, this.#ports.port1);
    this.#ports.port2.onmessage = ({ data }: MessageEvent<unknown>) =>
      this.dispatchEvent(new MessageEvent("message", { data }));
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    this.#ports.port2.postMessage(message, transfer);
  }

  terminate(): void {
    SilentWorker.terminated++;
    this.#ports.port1.close();
    this.#ports.port2.close();
  }
}

async function opened(signal?: AbortSignal) {
  vi.stubGlobal("Worker", SilentWorker);
  vi.stubGlobal("location", new URL("https://page.example/"));
  return openPageJudge(config, { signal });
}
afterEach(() => void vi.unstubAllGlobals());

test("a judgement under way ends when the run does, whatever the worker does", async () => {
  const run = new AbortController();
  const judge = await opened(run.signal);
  const pending = judge.judge(request);
  const before = SilentWorker.terminated;
  run.abort(new DOMException("the run has ended", "AbortError"));
  judge.dispose();
  await expect(pending).rejects.toThrow("the run has ended");
  expect(SilentWorker.terminated).toBe(before + 1);
});

test("a judgement under way fails when the judge is disposed of", async () => {
  const judge = await opened();
  const pending = judge.judge(request);
  await new Promise((resolve) => setTimeout(resolve, 5));
  judge.dispose();
  const { score, why } = await pending.catch((error: unknown) => {
    expect(error).toBeInstanceOf(LanguageModelError);
    return { score: null, why: String(error) };
  });
  expect(score).toBeNull();
  expect(why).toContain("disposed of");
});
