/** How the command line shows things. Pure, but for {@link Progress}, which writes to the terminal. */

/** 1536 → "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const scaled = bytes / 1024 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

/** Three significant digits, whole from 100 up, in exponents where it is very large or small: 1643, 0.118, "1.20e-4". */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return size >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function formatMs(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

/** Columns of equal width, two blanks apart; `right` names the columns that are aligned right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths = rows.reduce<number[]>((most, row) => {
    row.forEach((cell, column) => (most[column] = Math.max(most[column] ?? 0, [...cell].length)));
    return most;
  }, []);
  const pad = (cell: string, column: number) => {
    const blanks = " ".repeat(widths[column] - [...cell].length);
    return right.includes(column) ? blanks + cell : cell + blanks;
  };
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** Where progress goes: standard error, so that standard output holds nothing but the result. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
}

/**
 * What is being done, on one line that is overwritten in a terminal. In a file or a pipe each thing gets one line when
 * it begins, and its counts are left out.
 */
export class Progress {
  #text = "";
  #task = "";

  constructor(private readonly stream: ProgressStream = process.stderr) {}

  /** `task` is what is being done, `count` how far it is: "3/12". */
  show(task: string, count = ""): void {
    if (!this.stream.isTTY) {
      if (task !== this.#task) this.stream.write(`${task}\n`);
      this.#task = task;
      return;
    }
    const text = count === "" ? task : `${task} ${count}`;
    this.stream.write(`\r${text.padEnd(this.#text.length)}`);
    this.#text = text;
  }

  /** What a watcher may want to see and a log does not: shown in a terminal only. */
  glimpse(text: string): void {
    if (this.stream.isTTY) this.show(text);
  }

  /** Wipes the line in a terminal. */
  clear(): void {
    if (this.#text !== "") this.stream.write(`\r${" ".repeat(this.#text.length)}\r`);
    this.#text = "";
    this.#task = "";
  }

  /** A line that stays. */
  line(text: string): void {
    this.clear();
    this.stream.write(`${text}\n`);
  }
}
