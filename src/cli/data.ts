import { createWriteStream } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { defineCommand } from "citty";
import { convertDataset, sampleFileEnding } from "../data/formats/convert-dataset.ts";
import { readRecords } from "../data/formats/records.ts";
import { sampleFormats, type SampleFormat } from "../data/formats/sample.ts";
import { shareGptDatasetInfo } from "../data/formats/sharegpt.ts";
import type { ImageLookup } from "../data/images/lookup.ts";
import type { DataFile } from "../data/rows/rows.ts";
import { REASONING_SYSTEM_PROMPT } from "../data/system-prompt.ts";
import { countRecords, type DatasetReport } from "../data/wethink/inspect.ts";
import { rejectedLine } from "../data/wethink/reader.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { openDataFile, openImages } from "./data-files.ts";
import { describeDataset } from "./data-text.ts";
import { Progress } from "./format.ts";
import { describeTerms } from "./run-text.ts";
import { interruptible, writeJson } from "./session.ts";

const args = {
  action: { type: "positional", description: "inspect or convert", required: true },
  file: { type: "positional", description: "JSONL, JSON, Parquet or TSV; path or URL", required: true },
  images: { type: "string", description: "Folder, zip, or part of a split zip", valueHint: "PATH" },
  rejected: { type: "string", description: "Write rejected rows as JSONL", valueHint: "FILE" },
  json: { type: "boolean", description: "Print the report as JSON" },
  sample: { type: "string", description: "inspect: rows to show (default 3)", valueHint: "N" },
  seed: { type: "string", description: "inspect: seed of their draw (default 0)", valueHint: "N" },
  to: {
    type: "string",
    description: "convert: sharegpt, easyr1, trl, vlmevalkit or wethink",
    valueHint: "FORMAT",
  },
  from: { type: "string", description: "The file's (convert: as columns tell)", valueHint: "FORMAT" },
  out: { type: "string", description: "convert: folder for the result", valueHint: "DIR" },
  copy: { type: "boolean", description: "convert: copy the images to DIR/images" },
  system: { type: "string", description: "convert: system prompt, or none", valueHint: "TEXT" },
} as const;

export const dataCommand = defineCommand({
  meta: { name: "data", description: "Look into a data set, or convert it" },
  args,
  run({ args: given }) {
    const json = given.json === true;
    if (given.action === "inspect") {
      for (const option of ["to", "out", "copy", "system"] as const)
        if (given[option] !== undefined && given[option] !== false)
          throw new UsageError(`--${option} is an option of convert`);
      const sampleSize = countOption("sample", given.sample);
      const seed = countOption("seed", given.seed);
      return interruptible(async (signal) => {
        const images = given.images === undefined ? undefined : await openImages(given.images, { signal });
        const file = await openDataFile(given.file);
        const from = formatOption("from", given.from);
        const options = { from, images, rejected: given.rejected, sampleSize, seed, signal };
        const report = await inspect(given.file, file, options);
        if (json) console.log(JSON.stringify(plainReport(report), undefined, 2));
        else console.log(describeDataset(given.file, report));
        return 0;
      });
    }
    if (given.action !== "convert")
      throw new UsageError(`unknown action: ${given.action}, expected inspect or convert`);
    const { out } = given;
    const to = formatOption("to", given.to);
    const from = formatOption("from", given.from);
    if (to === undefined) throw new UsageError(`missing option: --to, one of ${sampleFormats.join(", ")}`);
    if (out === undefined) throw new UsageError("missing option: --out DIR");
    if (given.copy === true && given.images === undefined) throw new UsageError("--copy needs --images");
    return interruptible(async (signal) => {
      const images = given.images === undefined ? undefined : await openImages(given.images, { signal });
      const converted = await convert(await openDataFile(given.file), {
        from,
        to,
        out,
        images,
        copy: given.copy === true,
        rejected: given.rejected,
        system: given.system === "none" ? undefined : (given.system ?? REASONING_SYSTEM_PROMPT),
        signal,
      });
      if (json) console.log(JSON.stringify(converted, undefined, 2));
      else console.log(describeTerms(describeConversion(given.file, converted)));
      return 0;
    });
  },
});

function countOption(name: string, text: string | undefined): number | undefined {
  const value = numberOption(name, text);
  if (value !== undefined && !(Number.isInteger(value) && value >= 0))
    throw new UsageError(`--${name}: got ${value}, expected a whole number from 0 on`);
  return value;
}

/** @throws UsageError for a format that is not known. */
function formatOption(name: string, text: string | undefined): SampleFormat | undefined {
  const format = sampleFormats.find((known) => known === text);
  if (text !== undefined && format === undefined)
    throw new UsageError(`--${name}: got ${text}, expected one of ${sampleFormats.join(", ")}`);
  return format;
}

async function inspect(
  name: string,
  file: DataFile,
  options: {
    from?: SampleFormat;
    images?: ImageLookup;
    rejected?: string;
    sampleSize?: number;
    seed?: number;
    signal: AbortSignal;
  },
): Promise<DatasetReport> {
  const progress = new Progress();
  const out = options.rejected === undefined ? undefined : await rejectedFile(options.rejected, file);
  try {
    const { from = "wethink", images, signal } = options;
    return await countRecords(readRecords(file, { from, images, signal }), {
      ...options,
      onRejected: (row) => out?.write(`${rejectedLine(row)}\n`),
      onProgress: (rows) => progress.show(`reading ${name}`, `${rows} rows`),
    });
  } finally {
    progress.clear();
    await out?.close();
  }
}

/** A report as JSON has it: without the functions that read images. */
function plainReport(report: DatasetReport): unknown {
  const listed = report.rejected.listed.map((row) => JSON.parse(rejectedLine(row)) as unknown);
  const samples = report.samples.map(({ number, record }) => ({ number, record }));
  return { ...report, rejected: { ...report.rejected, listed }, samples };
}

interface ConvertOptions {
  from?: SampleFormat;
  to: SampleFormat;
  out: string;
  images?: ImageLookup;
  copy: boolean;
  rejected?: string;
  system?: string;
  signal: AbortSignal;
}

interface Conversion {
  to: SampleFormat;
  /** Files that were written, images aside. */
  files: string[];
  written: number;
  rejected: number;
  /** Images that were copied, each once. */
  images: number;
}

async function convert(file: DataFile, options: ConvertOptions): Promise<Conversion> {
  const { from, to, out, images, copy, system, signal } = options;
  if ((await stat(out).catch(() => undefined))?.isFile())
    throw new UsageError(`--out: got the file ${out}, expected a folder`);
  await mkdir(out, { recursive: true });
  const name = basename(file.path).replace(/\.\w+$/, "");
  const path = join(out, `${name}.${sampleFileEnding(to)}`);
  if (resolve(path) === resolve(file.source.name, file.path))
    throw new UsageError(`--out: ${path} is the file that is read, expected another folder`);
  const rejectedPath = options.rejected ?? join(out, "rejected.jsonl");
  const result: Conversion = { to, files: [path], written: 0, rejected: 0, images: 0 };
  if (resolve(path) === resolve(rejectedPath))
    throw new UsageError(`--rejected: ${rejectedPath} is the file that is written, expected another`);
  const rejected = await rejectedFile(rejectedPath, file);
  const target = new LineFile(path);
  const progress = new Progress();
  try {
    for await (const part of convertDataset(file, { from, to, images, system, withImages: copy, signal })) {
      switch (part.type) {
        case "header":
          await target.write(part.text);
          break;
        case "row":
          await target.write(part.text);
          if (++result.written % 1000 === 0)
            progress.show(`converting ${file.path}`, `${result.written} rows`);
          break;
        case "image": {
          const place = join(out, "images", part.path);
          await mkdir(dirname(place), { recursive: true });
          await writeFile(place, part.bytes);
          result.images++;
          break;
        }
        case "rejected":
          result.rejected++;
          await rejected.write(`${rejectedLine(part.rejected)}\n`);
      }
    }
  } finally {
    progress.clear();
    await target.close();
    await rejected.close();
  }
  if (result.rejected > 0) result.files.push(rejectedPath);
  if (to === "sharegpt") {
    const info = join(out, "dataset_info.json");
    await writeJson(info, shareGptDatasetInfo(name, basename(path)));
    result.files.push(info);
  }
  return result;
}

/** A file for rejected rows; what an earlier run left there is removed. @throws UsageError for the file that is read. */
async function rejectedFile(path: string, { source, path: read }: DataFile): Promise<LineFile> {
  if (resolve(path) === resolve(source.name, read))
    throw new UsageError(`--rejected: ${path} is the file that is read, expected another`);
  await rm(path, { force: true });
  return new LineFile(path);
}

function describeConversion(
  file: string,
  { to, files, written, rejected, images }: Conversion,
): [string, string][] {
  return [
    ["converted", `${written} rows of ${file} to ${to}${rejected > 0 ? `, ${rejected} rejected` : ""}`],
    ...(images > 0 ? [["images", `${images} copied`] as [string, string]] : []),
    ["wrote", files.join(", ")],
  ];
}

/** A file that lines are added to; made when the first one is. */
class LineFile {
  #stream: ReturnType<typeof createWriteStream> | undefined;
  #failure: Error | undefined;

  constructor(private readonly path: string) {}

  async write(text: string): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (!this.#stream) {
      await mkdir(dirname(this.path), { recursive: true });
      this.#stream = createWriteStream(this.path).on("error", (error) => (this.#failure = error));
    }
    const stream = this.#stream;
    await new Promise<void>((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    if (!stream) return;
    await new Promise<void>((resolve) => stream.end(resolve));
    if (this.#failure) throw this.#failure;
  }
}
