/** Questions to begin with. */
import type { SceneQuestion } from "../../workers/client.ts";

/** For a model that knows the world. */
export const photographQuestions = [
  "Describe the picture in one sentence.",
  "What is in the foreground?",
  "Is there any text in the picture, and what does it say?",
  "How many people are there?",
] as const;

/** For the toy policy and a picture that is none of its scenes: whatever it is, it understands these. */
export const toyQuestions = [
  "describe the picture .",
  "how many red objects ?",
  "how many circles ?",
  "are there more squares than triangles ?",
] as const;

/**
 * One question of each kind that a scene has.
 * @param round another number gives others.
 */
export function pickQuestions(questions: readonly SceneQuestion[], round: number): SceneQuestion[] {
  const kinds = new Set(questions.map(({ kind }) => kind));
  return [...kinds].map((kind, index) => {
    const ofKind = questions.filter((question) => question.kind === kind);
    return ofKind[(round * 5 + index * 3) % ofKind.length];
  });
}
