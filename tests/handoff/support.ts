import { folderImages } from "../../src/data/images/lookup.ts";
import { fileBytes, type HandoffFile } from "../../src/handoff/files.ts";
import type { HandoffData } from "../../src/handoff/rows.ts";
import { memorySource } from "../../src/storage/source.ts";

export interface MadeData {
  /** Rows that are to be taken. */
  count?: number;
  /** Rows without an answer, behind them. */
  broken?: number;
  images?: boolean;
  /** Images of each row. */
  perRow?: number;
}

const answers = ["B", "1/2", "42", "a long description of what is in the scene"];
const rewards = ["mcq", "fill in the blank", "number", "model judge"];

/** A data set in memory: questions of four kinds in turn, three images. */
export function madeData({ count = 40, broken = 0, images = true, perRow = 1 }: MadeData = {}): HandoffData {
  const all = Array.from({ length: count + broken }, (_, index) => ({
    conversations: [
      {
        from: "human",
        value: `${"<image>\n".repeat(images ? perRow : 0)}Question ${index}? &lt;image&gt; is a word.\nA. cat\nB. dog`,
      },
      {
        from: "gpt",
        value: `<think>because</think>\n<answer>${index < count ? answers[index % 4] : ""}</answer>`,
      },
    ],
    images: images ? Array.from({ length: perRow }, (_, image) => `${(index + image) % 3}.png`) : [],
    reward: rewards[index % 4],
  }));
  const text = all.map((row) => `${JSON.stringify(row)}\n`).join("");
  const bytes = new TextEncoder().encode(text);
  const pictures = new Map([0, 1, 2].map((name) => [`${name}.png`, Uint8Array.of(137, 80, name)]));
  return {
    file: { source: memorySource({ "rows.jsonl": bytes }), path: "rows.jsonl" },
    ...(images && { images: folderImages(memorySource(pictures)) }),
  };
}

/** Texts of a hand-off's files by path; of images the bytes, parted by commas. */
export async function contents(handoff: {
  files(): AsyncIterable<HandoffFile>;
}): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const file of handoff.files()) {
    const pieces: Uint8Array[] = [];
    for await (const piece of fileBytes(file)) pieces.push(piece);
    const isImage = file.path.startsWith("images/");
    const text = isImage ? pieces.map(String).join(",") : new TextDecoder().decode(Buffer.concat(pieces));
    if (found.has(file.path)) throw new Error(`${file.path} came twice`);
    found.set(file.path, text);
  }
  return found;
}

/** Lines of JSON. */
export function rows(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
