import { Rng } from "../../util/rng.ts";
import type { DataFile, RawRow } from "../rows/rows.ts";
import { readWeThink, type ReadEvent, type ReadWeThinkOptions } from "./reader.ts";
import { recordChanges, rejectReasons } from "./record.ts";
import type { DatasetRow, RecordChange, RejectedRow, RejectReason } from "./record.ts";

/** What is counted, and what is heard meanwhile. */
export interface InspectOptions extends ReadWeThinkOptions {
  /** Rows to show, drawn evenly from those that are taken. Default 3. */
  sampleSize?: number;
  /** Of that draw. Default 0. */
  seed?: number;
  /** Rejected rows to keep in the report; all of them go to `onRejected`. Default 100. */
  maxListed?: number;
  /** Hears of each row that is rejected. */
  onRejected?: (row: RejectedRow) => void | Promise<void>;
  /** Called with the number of rows read, every thousand. */
  onProgress?: (rows: number) => void;
}

/** A value and how many rows have it. */
export interface ValueCount {
  value: string;
  count: number;
}

/** Of lengths, in characters (UTF-16 code units). */
export interface LengthStatistics {
  min: number;
  mean: number;
  median: number;
  /** 19 of 20 are no longer. */
  p95: number;
  max: number;
}

/** What is in a data set. */
export interface DatasetReport {
  rows: number;
  accepted: number;
  rejected: { total: number; byReason: Partial<Record<RejectReason, number>>; listed: RejectedRow[] };
  /** Of the rows that are taken, most frequent first; "" counts those without. A row counts for each of its abilities. */
  categories: ValueCount[];
  abilities: ValueCount[];
  rewards: ValueCount[];
  lengths: Record<"problem" | "reasoning" | "answer", LengthStatistics>;
  samples: DatasetRow[];
  /** Of rows that are well otherwise; null where no images were looked for. */
  images: { found: number; missing: number } | null;
  /** Rows whose texts were put in plain form, by what was done. */
  changes: Record<RecordChange, number>;
}

/** Reads a data set through and counts what is in it. @throws as {@link readWeThink} does. */
export function inspectDataset(
  input: DataFile | AsyncIterable<RawRow>,
  options: InspectOptions = {},
): Promise<DatasetReport> {
  return countRecords(readWeThink(input, options), options);
}

/** {@link inspectDataset} of rows that are read already, from a file in whatever format. */
export async function countRecords(
  events: AsyncIterable<ReadEvent>,
  options: InspectOptions = {},
): Promise<DatasetReport> {
  const { sampleSize = 3, maxListed = 100, images, checkImages = true } = options;
  const rng = new Rng(options.seed ?? 0, 0);
  const rejected = {
    total: 0,
    byReason: {} as Partial<Record<RejectReason, number>>,
    listed: [] as RejectedRow[],
  };
  const changes = Object.fromEntries(recordChanges.map((change) => [change, 0])) as Record<
    RecordChange,
    number
  >;
  const [categories, abilities, rewards] = [new Counter(), new Counter(), new Counter()];
  const lengths = { problem: new Lengths(), reasoning: new Lengths(), answer: new Lengths() };
  const samples: DatasetRow[] = [];
  let accepted = 0;

  for await (const event of events) {
    if (event.type === "rejected") {
      const { reason } = event.rejected;
      rejected.total++;
      rejected.byReason[reason] = (rejected.byReason[reason] ?? 0) + 1;
      if (rejected.listed.length < maxListed) rejected.listed.push(event.rejected);
      await options.onRejected?.(event.rejected);
    } else {
      const { record } = event.row;
      accepted++;
      for (const change of event.changes) changes[change]++;
      categories.add(record.category);
      for (const ability of record.abilities.length > 0 ? record.abilities : [""]) abilities.add(ability);
      rewards.add(record.reward);
      lengths.problem.add(record.problem.length);
      lengths.reasoning.add(record.refined_cot.length);
      lengths.answer.add(record.answer.length);
      // Reservoir sampling (Vitter 1985, algorithm R): each row is as likely to be shown.
      const place = accepted <= sampleSize ? accepted - 1 : rng.below(accepted);
      if (place < sampleSize) samples[place] = event.row;
    }
    const rows = accepted + rejected.total;
    if (rows % 1000 === 0) options.onProgress?.(rows);
  }
  const ordered = rejectReasons.flatMap((reason): [RejectReason, number][] => {
    const count = rejected.byReason[reason];
    return count === undefined ? [] : [[reason, count]];
  });
  return {
    rows: accepted + rejected.total,
    accepted,
    rejected: { ...rejected, byReason: Object.fromEntries(ordered) },
    categories: categories.sorted(),
    abilities: abilities.sorted(),
    rewards: rewards.sorted(),
    lengths: {
      problem: lengths.problem.statistics(),
      reasoning: lengths.reasoning.statistics(),
      answer: lengths.answer.statistics(),
    },
    samples: samples.sort((a, b) => a.number - b.number),
    images:
      images && checkImages ? { found: accepted, missing: rejected.byReason["missing-image"] ?? 0 } : null,
    changes,
  };
}

/** Values that are counted apart. Where nearly every row has one of its own, the column is no set of kinds. */
const maxValues = 10_000;
const others = "(other values)";

class Counter {
  readonly #counts = new Map<string, number>();

  add(value: string): void {
    const key = this.#counts.has(value) || this.#counts.size < maxValues ? value : others;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  sorted(): ValueCount[] {
    return [...this.#counts]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }
}

/** Lengths as 4 bytes each, so that quantiles are exact. */
class Lengths {
  #values = new Uint32Array(1024);
  #count = 0;
  #sum = 0;

  add(length: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Uint32Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = length;
    this.#sum += length;
  }

  statistics(): LengthStatistics {
    const count = this.#count;
    const sorted = this.#values.slice(0, count).sort();
    const at = (share: number) =>
      count === 0 ? 0 : sorted[Math.min(count - 1, Math.ceil(share * count) - 1)];
    return {
      min: count === 0 ? 0 : sorted[0],
      mean: count === 0 ? 0 : this.#sum / count,
      median: at(0.5),
      p95: at(0.95),
      max: count === 0 ? 0 : sorted[count - 1],
    };
  }
}
