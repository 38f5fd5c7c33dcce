/** A data set of the toy world: pictures of coloured shapes, and records about them as WeThink has its own. */
import { encodePng } from "../../src/data/encode-png.ts";
import { shapesTask } from "../../src/tasks/shapes.ts";
import type { MadeUpDataset } from "./protocol.ts";

export async function makeUp(count: number, seed: number): Promise<MadeUpDataset> {
  const task = shapesTask();
  const images = new Map<string, Blob>();
  const lines: string[] = [];
  for (let number = 0; number < count; number++) {
    const { problem, answer, category, abilities, refined_cot, image, image_path, reward } = task.example(
      seed + number,
    );
    images.set(image_path, new Blob([await encodePng(image)], { type: "image/png" }));
    lines.push(
      JSON.stringify({ problem, answer, category, abilities, refined_cot, image_path, reward }) + "\n",
    );
  }
  return { data: new Map([["made-up.jsonl", new Blob(lines)]]), images };
}
