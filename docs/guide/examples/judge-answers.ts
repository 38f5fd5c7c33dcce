import { openJudge } from "thinktab/engine";
import { explainReward, hybridReward, loadMathEngine } from "thinktab/rl";

/** Scores two responses, one by a rule and one by a judge, and says how the first score came about. */
export async function judgeAnswers(baseUrl: string, key: string): Promise<(number | null)[]> {
  const model = { kind: "openai", baseUrl, model: "my-judge" };
  const judge = await openJudge({ model }, { key }); // the key is kept in memory, and nowhere else
  const options = { math: loadMathEngine, judge: judge.judge };
  const reward = hybridReward(options);
  const sum = { reward: "math", problem: "What is a half and a quarter?", answer: "$\\frac{3}{4}$" };
  const said = "<think> 2/4 + 1/4 </think> <answer> 0.75 </answer>";
  const byRule = await reward({ text: said, tokens: [], finishReason: "stop" }, sum);
  const scene = { reward: "judge", problem: "What is there?", answer: "a red bicycle at a wall" };
  const text = "<think> wheels </think> <answer> a bicycle </answer>";
  const byJudge = await reward({ text, tokens: [], finishReason: "stop" }, scene);

  const { verifier, extraction, parts } = await explainReward(said, sum, options);
  console.log(`verifier: ${verifier.name}, ${verifier.why}`);
  console.log(`read: ${extraction.text} (${extraction.why})`);
  for (const { name, value, weight, why } of parts) console.log(`${name} ${value} × ${weight}: ${why}`);
  console.log(`judged: ${judge.counters().judged}, failed: ${judge.counters().failed}`);
  judge.dispose();
  return [byRule.value, byJudge.value];
}
