/** Small benchmarks of the toy world, as tables in VLMEvalKit's layout with the pictures in them. */
import { encodeBase64 } from "../../src/data/formats/cells.ts";
import { encodePng } from "../../src/data/encode-png.ts";
import { shapesTask, type ShapesExample } from "../../src/tasks/shapes.ts";
import type { ToyTable } from "./evaluation-protocol.ts";

const rows = 24;
const letters = ["A", "B", "C"];
/** Rotation k of a question has its index + k · 10⁶, as VLMEvalKit has it. */
const rotationStep = 1_000_000;

export async function toyTable(kind: ToyTable): Promise<ReadonlyMap<string, Blob>> {
  const lines = kind === "questions" ? await questions() : await rotations();
  return new Map([[`toy-${kind}.tsv`, new Blob([lines.map((cells) => `${cells.join("\t")}\n`).join("")])]]);
}

/** What the task asks, in its words: no other words are put around them where answers are compared as they are. */
async function questions(): Promise<string[][]> {
  const lines = [["index", "image", "question", "answer", "category"]];
  const task = shapesTask();
  for (let index = 0; index < rows; index++) {
    const example = task.example(index, "test");
    const { problem, answer, kind } = example;
    lines.push([String(index), await pixels(example), problem, answer, kind.replaceAll("-", " ")]);
  }
  return lines;
}

/** Choices, each asked with its options in every rotation: right only if all of them are. */
async function rotations(): Promise<string[][]> {
  const lines = [["index", "image", "question", ...letters, "answer", "category"]];
  const task = shapesTask();
  for (let seed = 0; lines.length <= rows; seed++) {
    const example = task.example(seed, "test");
    const [, counted, ...options] = /^how many (.+) \? A (\d) B (\d) C (\d)$/.exec(example.problem) ?? [];
    if (counted === undefined) continue;
    const right = options[letters.indexOf(example.answer)];
    const image = await pixels(example);
    for (let rotation = 0; rotation < letters.length; rotation++) {
      const turned = options.map((_, place) => options[(place + rotation) % options.length]);
      lines.push([
        String(seed + rotation * rotationStep),
        rotation === 0 ? image : String(seed),
        `How many ${counted} are in the picture?`,
        ...turned,
        letters[turned.indexOf(right)],
        "counting",
      ]);
    }
  }
  return lines;
}

async function pixels({ image }: ShapesExample): Promise<string> {
  return encodeBase64(await encodePng(image));
}
