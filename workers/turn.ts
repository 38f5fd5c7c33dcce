/** Who may use a policy's buffers: one at a time, in the order of asking. */
export class Turn {
  #last: Promise<void> = Promise.resolve();

  /**
   * Waits for the turn; the returned function ends it.
   * @throws the signal's reason when it is aborted while waiting. The place in the queue is then given up.
   */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const before = this.#last;
    let end = (): void => undefined;
    this.#last = new Promise((resolve) => (end = resolve));
    await new Promise<void>((resolve) => {
      void before.then(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
    if (signal?.aborted) {
      void before.then(end);
      throw signal.reason;
    }
    return end;
  }
}

/** Where a run waits while it is paused. */
export class Gate {
  #closed = false;
  #ended = false;
  #open: (() => void) | undefined;
  #standing: (() => void)[] = [];

  /** Whoever comes has to wait. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Somebody waits. */
  get standing(): boolean {
    return this.#open !== undefined;
  }

  /** Resolves when somebody stands at the gate, or nobody will come any more. */
  close(): Promise<void> {
    if (this.#ended) return Promise.resolve(); // nobody may be kept waiting any more
    this.#closed = true;
    if (this.#open) return Promise.resolve();
    return new Promise((resolve) => this.#standing.push(resolve));
  }

  open(): void {
    this.#closed = false;
    this.#open?.();
    this.#open = undefined;
    this.#settle();
  }

  /** Goes through, or waits for the gate to open. */
  async pass(): Promise<void> {
    if (!this.#closed) return;
    const opened = new Promise<void>((resolve) => (this.#open = resolve));
    this.#settle();
    await opened;
  }

  /** Nobody will come through any more. */
  end(): void {
    this.#ended = true;
    this.open();
  }

  #settle(): void {
    for (const resolve of this.#standing.splice(0)) resolve();
  }
}
