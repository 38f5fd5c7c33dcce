import { describe, expect, test } from "vitest";
import { parseRecord } from "../../src/data/wethink/record.ts";
import { everyRole } from "../../src/synthesis/stages.ts";
import { toyModelName, toySynthesisModel } from "../../src/synthesis/toy-model.ts";
import { toyScenes } from "../../src/synthesis/toy-scenes.ts";
import { questionsAbout } from "../../src/tasks/shapes/own-scene.ts";
import { LanguageModelError } from "../../src/util/errors.ts";
import { imagesOf, run } from "./support.ts";

const scenes = await toyScenes(6, 3);

describe("the toy world's own synthesis", () => {
  test("asks and answers by the scene, and says that it does", async () => {
    const { events, kept, drops, finished } = await run(
      imagesOf(scenes),
      everyRole(toySynthesisModel(scenes)),
    );
    expect(finished).toMatchObject({
      complete: true,
      counters: { images: { total: 6, done: 6, pending: 0 } },
    });
    const [started] = events;
    expect(started).toMatchObject({ type: "started", run: { roles: { describer: { name: toyModelName } } } });
    expect(toyModelName).toContain("reads the drawn scene, not the pixels");
    expect(kept.length + drops.length).toBe(24);
    expect(new Set(kept.map(({ record }) => record.category))).toEqual(
      new Set(["multiple choice", "fill-in-blank", "descriptive"]),
    );
    for (const { record } of kept) {
      expect(parseRecord(record)).toEqual({ record, changes: [] });
      const { things } = scenes.find(({ path }) => path === record.image_path) ?? { things: [] };
      const [stem, ...options] = record.problem.split("\n");
      const truth = questionsAbout(things, 0).find(({ problem }) => problem === stem)?.answer;
      const chosen = options.find((line) => line.startsWith(`${record.answer}. `))?.slice(3);
      expect(chosen ?? record.answer, record.problem).toBe(truth);
      expect(record.abilities[0]).toBe("reasoning");
      expect(record.abilities.length).toBeGreaterThan(1);
    }
    expect(new Set(drops.map(({ reason }) => reason))).toEqual(new Set(["no-reasoning"]));
  });

  test("knows only its own pictures and the kit's own prompts", async () => {
    const [first, second] = await toyScenes(2, 40);
    const model = toySynthesisModel([first]);
    const { pending } = await run(imagesOf([second]), everyRole(model));
    expect(pending).toMatchObject([
      { path: second.path, error: expect.stringContaining("only the pictures") as string },
    ]);
    await expect(model.ask([{ role: "user", content: "hello" }])).rejects.toThrow(LanguageModelError);
  });
});
