import { groupAdvantages, type Completion } from "thinktab/rl";
import { reward } from "./write-a-reward.ts";

/** Prints what a group of responses to one question would get, and what each would be pushed by. */
function judge(responses: string[], answer: string): void {
  const completions = responses.map((text): Completion => ({ text, tokens: [], finishReason: "stop" }));
  const values = completions.map((completion) => reward(completion, { answer }).value);
  const { advantages } = groupAdvantages(values, responses.length);
  for (const [index, response] of responses.entries()) {
    console.log(
      `reward ${values[index]?.toFixed(2)}, advantage ${advantages[index].toFixed(2)}: ${response}`,
    );
  }
}

judge(
  [
    "<think> red . blue so 2 </think> <answer> 2 </answer>",
    "<answer> 2 </answer>",
    "<think> red . so 1 </think> <answer> 1 </answer>",
    "2",
  ],
  "2",
);
