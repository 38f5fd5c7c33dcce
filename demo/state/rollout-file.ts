/** The groups of a step, read back from a run's rollouts.jsonl. */
import type { GroupRecord, RolloutLine } from "../../workers/client.ts";

/**
 * @param bytes of rollouts.jsonl, a completion a line, see RolloutLine; a torn last line is passed over.
 * @param groupSize completions of a group.
 */
export function groupsOfStep(bytes: Uint8Array, step: number, groupSize: number): GroupRecord[] {
  const beginning = `{"step":${step},`; // as the engine writes it: only these lines have to be parsed
  const lines = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .slice(0, -1) // every whole line ends with a newline
    .filter((line) => line.startsWith(beginning))
    .map((line) => JSON.parse(line) as RolloutLine);
  const groups: GroupRecord[] = [];
  for (let begin = 0; begin < lines.length; begin += groupSize) {
    const group = lines.slice(begin, begin + groupSize);
    const [{ example, seed, prompt, answer }] = group;
    groups.push({ exampleId: example, seed, prompt, answer, rollouts: group.map(toRollout) });
  }
  return groups;
}

function toRollout(line: RolloutLine): GroupRecord["rollouts"][number] {
  const { text, tokens, logps, finishReason, reward, parts, advantage } = line;
  return {
    text,
    tokens,
    logps,
    finishReason: finishReason === "stop" ? "stop" : "length",
    reward,
    rewardParts: parts,
    advantage,
  };
}
