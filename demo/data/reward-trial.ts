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
  #category = "";

  /** A record's question and answer; the response is left to be written. */
  take(record: {
    problem: string;
    answer: string;
    category: string;
    reward: string;
    refined_cot: string;
  }): void {
    batch(() => {
      this.problem.value = record.problem;
      this.answer.value = record.answer;
      this.method.value = record.reward;
      this.#category = record.category;
      this.response.value = `<think>${record.refined_cot}</think>\n<answer>${record.answer}</answer>`;
      this.#explanation.value = null;
    });
    document.getElementById("reward-trial")?.scrollIntoView({ block: "start" });
    void this.explain();
  }

  async explain(): Promise<void> {
    this.error.value = null;
    try {
      const worker = await dataWorker();
      this.#explanation.value = await worker.explain(this.response.value, {
        problem: this.problem.value,
        answer: this.answer.value,
        category: this.#category,
        reward: this.method.value,
      });
    } catch (error) {
      this.#explanation.value = null;
      this.error.value = error;
    }
  }
}

export const rewardTrial = new RewardTrial();
