import { expect, test } from "vitest";
import { changesOf } from "../../demo/compare/changes.ts";
import type { EvaluatedExample } from "../../workers/client.ts";

function example(id: string, correct: boolean): EvaluatedExample {
  return { id, correct, kind: null, prompt: "", answer: "2", text: "2", thinking: false, length: 1 };
}

test("examples that came out otherwise, with the seed that draws them again", () => {
  const before = [example("a", false), example("b", true), example("c", true), example("d", false)];
  const after = [example("a", true), example("b", true), example("c", false), example("d", false)];
  expect(changesOf(before, after).map(({ direction, seed, after: { id } }) => [direction, seed, id])).toEqual(
    [
      ["gained", 0, "a"],
      ["lost", 2, "c"],
    ],
  );
});

test("an example that only one evaluation has is left out", () => {
  const changes = changesOf([example("b", false)], [example("a", true), example("b", true)]);
  expect(changes).toEqual([
    { direction: "gained", seed: 1, before: example("b", false), after: example("b", true) },
  ]);
});
