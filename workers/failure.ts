/** The reason why nothing will come from the engine any more; everything pending is held against it. */
export class Failure {
  readonly promise: Promise<never>;
  #reject: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((_, reject) => (this.#reject = reject));
    this.promise.catch(() => undefined); // whoever waits for something hears of it
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  orElse<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.promise]);
  }
}
