/** The reason why nothing will come from the engine any more; everything pending is held against it. */
export class Failure {
  #error: Error | undefined;
  #tell: (error: Error) => void = () => undefined;
  /** Resolves with the reason. */
  readonly failed = new Promise<Error>((resolve) => (this.#tell = resolve));
  readonly #waiting = new Set<(error: Error) => void>();

  /** The first reason counts. */
  fail(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#tell(error);
  }

  /** Not a race with a promise of the kit's lifetime: that would keep every result for as long. */
  orElse<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#error) reject(this.#error);
      else this.#waiting.add(reject);
      void work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }
}
