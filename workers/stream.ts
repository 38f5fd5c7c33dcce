import { finalizer, proxy, releaseProxy } from "comlink";
import type { ProxyMarked, Remote } from "comlink";
import type { Failure } from "./failure.ts";
import type { Pull, StreamApi } from "./protocol.ts";

export interface PumpOptions<T> {
  /** Items that the generator may be ahead of its reader. Default 16. */
  ahead?: number;
  mayWait?: (item: T) => boolean;
}

/**
 * A generator as the far side reads it: it runs up to `ahead` items before its reader, so that a busy page does not
 * hold up the GPU, and then waits, so that a reader that has stopped reading does not fill the memory.
 */
export class Pump<T> implements StreamApi<T> {
  readonly #source: AsyncGenerator<T, void, void>;
  readonly #ahead: number;
  readonly #interrupt: () => void;
  readonly #items: T[] = [];
  #ended = false;
  #error: { value: unknown } | undefined;
  /** Wakes the side that waits: the reader for items, or the generator for room. */
  #wakeReader: (() => void) | undefined;
  #wakeSource: (() => void) | undefined;
  #cancelled = false;
  /** It was cancelled before its end: what its reader has is not the whole. */
  #cut = false;
  /** Calls that wait for the generator to go on, whatever its reader does. */
  #unheld = 0;
  readonly #mayWait: (item: T) => boolean;
  readonly #running: Promise<void>;

  /**
   * @param interrupt makes a generator that is at work, or waits, end soon: called when the stream is cancelled.
   * @param mayWait whether the generator may be kept waiting behind an item: not while it holds what others need.
   */
  constructor(
    source: AsyncGenerator<T, void, void>,
    interrupt: () => void,
    { ahead = 16, mayWait = () => true }: PumpOptions<T> = {},
  ) {
    this.#source = source;
    this.#interrupt = interrupt;
    this.#ahead = ahead;
    this.#mayWait = mayWait;
    this.#running = this.#run();
  }

  /** Resolves when the generator has ended and let go of what it held. */
  get ended(): Promise<void> {
    return this.#running;
  }

  async pull(): Promise<Pull<T>> {
    if (this.#items.length === 0 && !this.#ended)
      await new Promise<void>((wake) => (this.#wakeReader = wake));
    const items = this.#items.splice(0);
    this.#wakeSource?.();
    if (items.length === 0 && this.#error) throw this.#error.value;
    if (items.length === 0 && this.#cut)
      throw new DOMException("the stream was ended before its end", "AbortError");
    return { items, done: items.length === 0 };
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    if (!this.#ended) {
      this.#cut = true;
      this.#interrupt();
    }
    this.#wakeSource?.();
    await this.#running;
  }

  /** Waits for something that the generator does: a reader that waits for it does not pull meanwhile. */
  async unheld<R>(work: () => Promise<R>): Promise<R> {
    this.#unheld++;
    this.#wakeSource?.();
    try {
      return await work();
    } finally {
      this.#unheld--;
    }
  }

  /** Comlink calls this when the reader's end is released or collected. */
  [finalizer](): void {
    void this.cancel();
  }

  async #run(): Promise<void> {
    try {
      for await (const item of this.#source) {
        this.#items.push(item);
        this.#wakeReader?.();
        const full = this.#items.length >= this.#ahead && this.#unheld === 0;
        if (full && this.#mayWait(item) && !this.#cancelled) {
          await new Promise<void>((wake) => (this.#wakeSource = wake));
        }
        if (this.#cancelled) break;
      }
    } catch (value) {
      // Whoever cancelled does not read on, and the interruption is no news.
      if (!this.#cancelled) this.#error = { value };
    } finally {
      this.#ended = true;
      this.#wakeReader?.();
    }
  }
}

/** Streams that are being read, of any kind: what they are of does not matter for ending them. */
export type Streams = Set<Pick<Pump<unknown>, "cancel">>;

/**
 * A generator as a stream of the far side, kept among `streams` until it has ended.
 * @param begin makes the generator; the signal is aborted when the stream is cancelled, and should end it soon.
 */
export function serve<T>(
  streams: Streams,
  begin: (cancelled: AbortSignal) => AsyncGenerator<T, void, void>,
  options?: PumpOptions<T>,
): Pump<T> & ProxyMarked {
  const controller = new AbortController();
  const pump = new Pump(begin(controller.signal), () => controller.abort(), options);
  streams.add(pump);
  void pump.ended.then(() => streams.delete(pump));
  return remotely(pump);
}

/** Aborted as soon as one of them is. */
export function eitherSignal(one: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return one ? AbortSignal.any([one, other]) : other;
}

/** Marks an object that the far side is to call, not to copy. */
export function remotely<T extends object>(object: T): T & ProxyMarked {
  return proxy(object);
}

/**
 * Reads a stream of the far side. Leaving the loop early cancels it.
 * @param failure says when nothing will come any more: the device is lost, the worker is gone.
 * @param signal ends it with its reason, also where what it ends has run ahead to its end.
 */
export async function* readStream<T>(
  stream: Remote<StreamApi<T> & ProxyMarked>,
  failure: Failure,
  signal?: AbortSignal,
): AsyncGenerator<T, void, void> {
  let ended = false;
  const pull = async () => {
    try {
      return await failure.orElse(stream.pull());
    } catch (error) {
      ended = true;
      throw error;
    }
  };
  try {
    for (;;) {
      const { items, done } = await pull();
      for (const item of items) {
        signal?.throwIfAborted();
        yield item;
      }
      if (done) {
        ended = true;
        return;
      }
    }
  } finally {
    if (!ended) await failure.orElse(stream.cancel());
    stream[releaseProxy]();
  }
}
