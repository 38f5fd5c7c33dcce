import { InvalidOptionError } from "../util/errors.ts";

/** Lets a number of tasks run at a time; the others wait in the order they came. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @throws InvalidOptionError unless `most` is an integer from 1. */
  constructor(readonly most: number) {
    if (!Number.isInteger(most) || most < 1)
      throw new InvalidOptionError("concurrency", most, "an integer from 1");
    this.#free = most;
  }

  /** Runs a task when it is its turn. A signal that is aborted before that rejects at once, and the task never runs. */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason as Error);
      };
      const turn = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      this.#waiting.push(turn);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
