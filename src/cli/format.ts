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

/** For people who wait: "48 s", "3 min 40 s", "2 h 5 min". */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return ms < 9500 ? formatMs(ms) : `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** For a line that changes: "0:41", "12:05", "1:02:30". */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const last = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${last}` : `${minutes}:${last}`;
}

/** A share in %: 0.284 → "28.4%". */
export function formatPercent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)}%`;
}

/** What the command line keeps its lines within, wherever it is read. */
export const lineWidth = 80;

/** Words in lines of at most `width` columns, of which each begins with `indent`; a longer word is cut. */
export function wrapText(text: string, { width = lineWidth, indent = "" } = {}): string[] {
  const room = width - indent.length;
  const words = text.match(new RegExp(`\\S{1,${room}}`, "gu")) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && [...line].length + 1 + [...word].length > room) {
      lines.push(indent + line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, indent + line];
}

/** A term and what there is to say of it, in lines that stand under one another behind `column` columns. */
export function describeTerm(term: string, text: string, column: number): string {
  const [first = "", ...rest] = wrapText(text, { indent: " ".repeat(column) });
  return [term.padEnd(column) + first.slice(column), ...rest].join("\n").trimEnd();
}

/** "[####......] text", as wide as `columns` allow, its bar of 4 to 30 characters. */
export function formatBar(share: number, text: string, columns = lineWidth): string {
  const width = Math.max(4, Math.min(30, columns - 4 - [...text].length));
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return `[${"#".repeat(full)}${".".repeat(width - full)}] ${text}`;
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
  /** Of the terminal. */
  columns?: number;
}

/**
 * What is being done, on one line that is overwritten in a terminal. In a file or a pipe each thing gets one line when
 * it begins, and its counts are left out.
 */
export class Progress {
  #text = "";
  #task = "";

  constructor(private readonly stream: ProgressStream = process.stderr) {}

  get columns(): number {
    return this.stream.columns ?? lineWidth;
  }

  /** `task` is what is being done, `count` how far it is: "3/12". */
  show(task: string, count = ""): void {
    if (!this.stream.isTTY) {
      if (task !== this.#task) this.stream.write(`${task}\n`);
      this.#task = task;
      return;
    }
    // A line that wraps could not be overwritten.
    const text = [...(count === "" ? task : `${task} ${count}`)].slice(0, this.columns - 1).join("");
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
