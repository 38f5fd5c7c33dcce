/** A made-up data set of WeThink records about pictures of one colour, with rows that cannot be taken. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePng } from "../../src/data/encode-png.ts";
import type { WeThinkRecord } from "../../src/data/wethink/record.ts";

const colours = {
  red: [220, 30, 30],
  green: [30, 180, 40],
  blue: [30, 60, 220],
  white: [240, 240, 240],
} as const;
const names = Object.keys(colours) as (keyof typeof colours)[];

/** Record number `index`, from 0: no two ask the same of the same picture. */
export function madeRecord(index: number): WeThinkRecord {
  const colour = names[index % names.length];
  const choice = index % 2 === 0;
  return {
    problem: choice
      ? `Which colour is square ${index}?\nA. ${colour}\nB. pink`
      : `What colour has square ${index}?`,
    answer: choice ? "A" : colour,
    category: choice ? "multiple choice" : "fill in the blank",
    abilities: ["recognition", "reasoning"],
    refined_cot: `the square is ${colour}`,
    image_path: `pictures/${colour}.png`,
    reward: choice ? "multiple-choice" : "fill-in-blank",
  };
}

/** What each row that cannot be taken is rejected for. */
export const badRows: readonly [reason: string, row: object | string][] = [
  ["empty-answer", { ...madeRecord(900), answer: "<answer> </answer>" }],
  ["missing-image", { ...madeRecord(901), image_path: "pictures/none.png" }],
  ["unsafe-path", { ...madeRecord(902), image_path: "../secret.png" }],
  ["broken-json", '{"problem": "torn'],
  ["duplicate", madeRecord(0)],
];

export interface RecordSet {
  folder: string;
  data: string;
  images: string;
}

/** Writes so many good records and, where wanted, the bad rows behind them. */
export async function writeRecords(
  count: number,
  { bad = true, file = "records.jsonl" } = {},
): Promise<RecordSet> {
  const folder = mkdtempSync(join(tmpdir(), "thinktab-records-"));
  mkdirSync(join(folder, "images/pictures"), { recursive: true });
  for (const name of names) {
    const pixels = new Uint8Array(28 * 28 * 3).map((_, at) => colours[name][at % 3]);
    const png = await encodePng({ width: 28, height: 28, data: pixels });
    writeFileSync(join(folder, `images/pictures/${name}.png`), png);
  }
  const rows: (object | string)[] = Array.from({ length: count }, (_, index) => madeRecord(index));
  if (bad) rows.push(...badRows.map(([, row]) => row));
  const lines = rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row)));
  const json = file.endsWith(".jsonl")
    ? `${lines.join("\n")}\n`
    : `[${lines.filter((line) => line.endsWith("}")).join(",\n")}]`;
  writeFileSync(join(folder, file), json);
  return { folder, data: join(folder, file), images: join(folder, "images") };
}
