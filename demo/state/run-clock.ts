/** How long a run will take, from how long its steps and evaluations took so far. */
export class RunClock {
  #stepMs = 0;
  #steps = 0;
  #evaluationBegun = 0;
  #evaluationMs = 0;

  /** @param now the time in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Time of a step, smoothed; null before two of them. The first compiles: it says nothing of the others. */
  get stepMs(): number | null {
    return this.#steps < 2 ? null : this.#stepMs;
  }

  step(ms: number): void {
    this.#stepMs = this.#steps <= 1 ? ms : 0.8 * this.#stepMs + 0.2 * ms;
    this.#steps++;
  }

  evaluating(done: number, total: number): void {
    if (done === 0) this.#evaluationBegun = this.now();
    else this.#evaluationMs = ((this.now() - this.#evaluationBegun) / done) * total;
  }

  /** Until the end of a run with so many steps and one evaluation left; null while nobody knows. */
  left(steps: number): number | null {
    return this.stepMs === null ? null : steps * this.stepMs + this.#evaluationMs;
  }
}
