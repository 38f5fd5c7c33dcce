import { parquetWriteBuffer } from "hyparquet-writer";
import type { RejectReason, WeThinkRecord } from "../../src/data/wethink/record.ts";
import { Rng } from "../../src/util/rng.ts";

/** A made-up row of a WeThink data set, and what is to become of it. */
export interface MadeRow {
  /** As a line of JSON, which may be broken. */
  text: string;
  /** What is wrong with it; else the record that is to be read. */
  expected: RejectReason | WeThinkRecord;
  /** Whether a file can hold it that must be JSON as a whole: its brackets and quotes close. */
  closed: boolean;
}

export interface MadeDataset {
  rows: MadeRow[];
  /** Of the rows that are to be taken, and of those that are duplicates of them. */
  images: Map<string, Uint8Array>;
}

const categories = ["multiple choice", "Fill-in-the-blank", "descriptive", "Zählaufgabe"];
const abilityNames = ["reasoning", "recognition", "OCR", "spatial", "knowledge"];
const rewards = ["rule", "model", "rule_math_v2"];

/** How many of 300 rows have each hazard. */
const hazards: Readonly<Record<RejectReason, number>> = {
  "broken-json": 6,
  "not-an-object": 3,
  "missing-field": 5,
  "wrong-type": 6,
  "empty-problem": 3,
  "empty-reasoning": 6,
  "empty-answer": 4,
  "unsafe-path": 6,
  duplicate: 7,
  "missing-image": 5,
};

/** 300 rows with every hazard, in an order that the seed shuffles. */
export function madeDataset(seed = 1): MadeDataset {
  const rng = new Rng(seed, 0);
  const images = new Map<string, Uint8Array>();
  const rejected = Object.entries(hazards) as [RejectReason, number][];
  const bad = rejected.flatMap(([reason, count]) =>
    Array.from({ length: count }, (_, index) => ({ reason, index })),
  );
  const good = Array.from({ length: 300 - bad.length }, (_, index) => goodRow(rng, index, images));
  const rows = [...good.map(({ row }) => row)];
  for (const { reason, index } of bad) {
    rows.push(badRow(reason, index, good[index].fields, rows.length));
  }
  return { rows: rng.shuffle(rows), images };
}

type Fields = Record<string, unknown>;

function goodRow(rng: Rng, index: number, images: Map<string, Uint8Array>): { row: MadeRow; fields: Fields } {
  const pick = (names: readonly string[]) => names[rng.below(names.length)];
  const abilities = [...new Set([pick(abilityNames), pick(abilityNames)])];
  const record: WeThinkRecord = {
    problem: `Question ${index}: how many are left of the ${rng.below(90)}?\nA. 1\nB. 2`,
    answer: String(rng.below(1000)),
    category: pick(categories),
    abilities,
    refined_cot: `First I count. ${"Then I look again. ".repeat(rng.below(20))}So it is done.\n\nYes.`,
    image_path: `set-${index % 3}/${index}.png`,
    reward: pick(rewards),
  };
  // Each hazard that a row survives has its turn.
  const fields: Fields = { ...record };
  switch (index % 12) {
    case 1:
      fields.problem = `<image>\n${record.problem}`;
      break;
    case 2:
      fields.problem = `${record.problem}\n<image>`;
      break;
    case 3:
      fields.refined_cot = `<think>\n${record.refined_cot}\n</think>`;
      break;
    case 4:
      fields.refined_cot = `<think>${record.refined_cot}</think>\n<answer>something else</answer>`;
      break;
    case 5:
      fields.refined_cot = `${record.refined_cot}</think> <Answer>${record.answer}`;
      break;
    case 6:
      record.problem = `What would <image> do in ${record.problem}`;
      record.refined_cot = `It says <video>, &lt;audio&gt; and <image>. ${record.refined_cot}`;
      Object.assign(fields, record);
      break;
    case 7:
      fields.answer = `<answer> ${record.answer} </answer>`;
      break;
    case 8:
      fields.abilities = abilities.join(", ");
      break;
    case 9:
      fields.abilities = `[${abilities.map((name) => `'${name}'`).join(", ")}]`;
      break;
    case 10:
      fields.image_path = `./set-${index % 3}\\${index}.png`;
      break;
    case 11:
      Object.assign(fields, { category: null, reward: undefined, abilities: "" });
      Object.assign(record, { category: "", reward: "", abilities: [] });
      break;
  }
  images.set(record.image_path, Uint8Array.from([0x89, 0x50, index & 255, index >> 8]));
  return { row: { text: JSON.stringify(fields), expected: record, closed: true }, fields };
}

function badRow(reason: RejectReason, index: number, fields: Fields, id: number): MadeRow {
  const own = { ...fields, problem: `Bad ${id}` };
  const row = (changed: Fields): MadeRow => ({
    text: JSON.stringify(changed),
    expected: reason,
    closed: true,
  });
  const turn = <T>(values: readonly T[]): T => values[index % values.length];
  switch (reason) {
    case "broken-json": {
      const whole = JSON.stringify(own);
      const closed = index % 2 === 0;
      return { text: closed ? whole.replace(":", ":=") : whole.slice(0, 60), expected: reason, closed };
    }
    case "not-an-object":
      return { text: turn(["17", "null", '["problem", "answer"]']), expected: reason, closed: true };
    case "missing-field":
      return row({
        ...own,
        [turn(["problem", "answer", "refined_cot", "image_path"])]: turn([undefined, null]),
      });
    case "wrong-type":
      return row({ ...own, [turn(["problem", "answer", "abilities"])]: turn([5, { text: "x" }, true]) });
    case "empty-problem":
      return row({ ...own, problem: turn(["", " \n ", "<image>\n"]) });
    case "empty-reasoning":
      return row({ ...own, refined_cot: turn(["", "<think> </think>", "<answer>4</answer>"]) });
    case "empty-answer":
      return row({ ...own, answer: turn(["", "<answer></answer>", "<think>4</think>"]) });
    case "unsafe-path":
      return row({
        ...own,
        image_path: turn([
          "../secret.png",
          "a/../../b.png",
          "/etc/passwd",
          "C:\\x.png",
          "http://a.b/c.png",
          "a\\..\\..\\b.png",
        ]),
      });
    case "duplicate":
      // The same record, in other clothes.
      return row(
        index % 2 === 0 ? fields : { ...fields, refined_cot: `<think>${String(fields.refined_cot)}` },
      );
    case "missing-image":
      return row({ ...own, image_path: `set-0/none-${index}.png` });
  }
}

/** What is to be counted. */
export function expectedCounts(rows: readonly MadeRow[]): {
  accepted: number;
  byReason: Partial<Record<RejectReason, number>>;
} {
  const byReason: Partial<Record<RejectReason, number>> = {};
  for (const { expected } of rows)
    if (typeof expected === "string") byReason[expected] = (byReason[expected] ?? 0) + 1;
  return { accepted: rows.filter(({ expected }) => typeof expected !== "string").length, byReason };
}

const encoder = new TextEncoder();

/** With a byte order mark, Windows' line breaks and empty lines. */
export function asJsonLines(rows: readonly MadeRow[]): Uint8Array {
  return encoder.encode(`\uFEFF${rows.map(({ text }) => text).join("\r\n\r\n")}\r\n`);
}

/** Rows that such a file cannot hold are left out: `kept` gives the others. */
export function asJson(rows: readonly MadeRow[]): { bytes: Uint8Array; kept: MadeRow[] } {
  const kept = rows.filter(({ closed }) => closed);
  return { bytes: encoder.encode(`[\n  ${kept.map(({ text }) => text).join(" ,\n")}\n]\n`), kept };
}

/** As {@link asJson}: Parquet's columns have one type, and every row has every column. */
export function asParquet(rows: readonly MadeRow[]): { bytes: Uint8Array; kept: MadeRow[] } {
  const names = ["problem", "answer", "category", "abilities", "refined_cot", "image_path", "reward"];
  const kept: MadeRow[] = [];
  const values: Fields[] = [];
  for (const row of rows) {
    if (["broken-json", "not-an-object", "wrong-type"].some((reason) => reason === row.expected)) continue;
    kept.push(row);
    const fields = JSON.parse(row.text) as Fields;
    values.push({
      ...fields,
      abilities: Array.isArray(fields.abilities) ? JSON.stringify(fields.abilities) : fields.abilities,
    });
  }
  const columnData = names.map((name) => ({
    name,
    type: "STRING" as const,
    data: values.map((fields) => fields[name] ?? null),
  }));
  return { bytes: new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 100 })), kept };
}
