import { describe, expect, test } from "vitest";
import { createTask, createTaughtTask, taskNames, type TaskSpec } from "../../src/tasks/registry.ts";
import { InvalidOptionError } from "../../src/util/errors.ts";

test("every task is made by its name", () => {
  expect(taskNames).toEqual(["letter-share", "shapes", "digits", "examples"]);
  const needed: Record<string, object> = { examples: { examples: [{ question: "why?", answer: "so" }] } };
  for (const name of taskNames) expect(createTask({ name, ...needed[name] }).name).toBe(name);
});

test("options reach the task", () => {
  const spec = { name: "shapes", size: 96, reward: "constant", difficulty: { objects: [2, 2] } };
  const { scene, image, id } = createTaughtTask(spec).example(4, "test");
  expect([id, image]).toMatchObject(["shapes/test/4", { width: 96 }]);
  expect(scene).toMatchObject({ objects: [{}, {}] });
});

describe("what is refused", () => {
  test.each<[TaskSpec, string]>([
    [{ name: "chess" }, "task: got chess, expected [one of, letter-share, shapes, digits, examples]"],
    [{ name: "constructor" }, "task: got constructor"],
    [
      { name: "shapes", dificulty: "easy" },
      "task shapes: dificulty: got an unknown option, expected [one of, reward, difficulty, size]",
    ],
    [{ name: "digits", difficulty: "easy" }, "task digits: difficulty: got an unknown option"],
    [{ name: "shapes", difficulty: "insane" }, "difficulty: got insane"],
    [{ name: "shapes", reward: 3 }, "reward: got 3"],
    [{ name: "shapes", size: "48" }, "size: got 48"],
    [{ name: "letter-share", letters: "" }, "letters: got none"],
  ])("%j", (spec, message) => {
    expect(() => createTask(spec)).toThrow(InvalidOptionError);
    expect(() => createTask(spec)).toThrow(message);
  });

  test("a task without demonstrations, where they are needed", () => {
    expect(() => createTaughtTask({ name: "letter-share" })).toThrow("a task with demonstrations");
  });
});

test("letter-share has other examples in every split", async () => {
  const task = createTask({ name: "letter-share" });
  const [train, byDefault, test] = await Promise.all([
    task.example(1, "train"),
    task.example(1),
    task.example(1, "test"),
  ]);
  expect(byDefault).toEqual(train);
  expect(test.id).toBe("letter-share/test/1");
  expect(test.messages).not.toEqual(train.messages);
});
