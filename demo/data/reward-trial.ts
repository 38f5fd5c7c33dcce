/** A response to be rewarded, and why it gets what it gets. */
import { batch, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import type { RewardExplanation } from "../../src/rl/explain-reward.ts";
import { dataWorker } from "../state/data-worker.ts";

class RewardTrial {
  readonly problem = signal("How many red circles are there?");
  readonly answer = signal("3");
  readonly method = signal("");
  readonly response = signal("<think>Two on the left and one below: three.</think>\n<answer>3</answer>");
  readonly error = signal<unknown>(null);
  readonly #explanation = signal<RewardExplanation | null>(null);
  readonly explanation: ReadonlySignal<RewardExplanation | null> = this.#explanation;
  /** The record that was taken: its category counts for as long as the fields are its own. */
  #taken: Taken | null = null;
  /** Counts questions: an answer to an older one comes too late. */
  #asked = 0;

  /** A record's question and answer; the response is left to be written. */
  take(record: Taken & { refined_cot: string }): void {
    batch(() => {
      this.problem.value = record.problem;
      this.answer.value = record.answer;
      this.method.value = record.reward;
      this.#taken = record;
      this.response.value = `<think>${record.refined_cot}</think>\n<answer>${record.answer}</answer>`;
      this.#explanation.value = null;
    });
    const card = document.getElementById("reward-trial");
    card?.scrollIntoView({ block: "start" });
    card?.querySelector("h2")?.focus({ preventScroll: true });
    void this.explain();
  }

  async explain(): Promise<void> {
    this.error.value = null;
    const number = ++this.#asked;
    try {
      const worker = await dataWorker();
      const explanation = await worker.explain(this.response.peek(), this.#example());
      if (number === this.#asked) this.#explanation.value = explanation;
    } catch (error) {
      if (number !== this.#asked) return;
      this.#explanation.value = null;
      this.error.value = error;
    }
  }

  #example(): Taken {
    const [problem, answer, reward] = [this.problem.peek(), this.answer.peek(), this.method.peek()];
    const taken = this.#taken;
    const same = taken?.problem === problem && taken.answer === answer && taken.reward === reward;
    return { problem, answer, reward, category: same ? taken.category : "" };
  }
}

/** What of a record its reward depends on. */
type Taken = Record<"problem" | "answer" | "category" | "reward", string>;

export const rewardTrial = new RewardTrial();
