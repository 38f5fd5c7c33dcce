import type { Bytes, ReadOptions } from "../../storage/source.ts";
import { CorruptFileError, InvalidOptionError, MissingFileError } from "../../util/errors.ts";
import type { ImageLookup } from "../images/lookup.ts";
import { nameOf, type DataFile } from "../rows/data-file.ts";
import { readTable, readTableRow, type TableRow } from "../rows/tsv-rows.ts";
import { decodeBase64, encodeBase64, listCell, parseList } from "./cells.ts";
import { readExtras, withoutEmpty, type DataSample } from "./sample.ts";

/** One row of a benchmark in VLMEvalKit's layout. */
export interface VlmEvalRow {
  /** From 1. */
  number: number;
  index: string;
  question: string;
  /** Absent in a hidden test set. */
  answer?: string;
  hint?: string;
  /** By letter; those that are empty are absent. */
  options: Record<string, string>;
  category?: string;
  l2Category?: string;
  split?: string;
  /** Every column that has something in this row, those above too, pixels left out. */
  columns: Record<string, string>;
  /** Paths, where the table has them. */
  imagePaths: string[];
  /** Whether the row itself, or the row that it names, holds the images. */
  hasPixels: boolean;
  /**
   * Reads the encoded images: of the row itself, of the earlier row that it names, or by path.
   * @throws CorruptFileError, MissingFileError for an image by path without images to look in.
   */
  images: (options?: ReadOptions) => Promise<Bytes[]>;
}

export interface ReadVlmEvalOptions extends ReadOptions {
  /** Where images by path are. */
  images?: ImageLookup;
}

/** Whether an option of this name has a column: those of a benchmark are letters from A to Z. */
export function isOptionLetter(name: string): boolean {
  return /^[A-Z]$/.test(name);
}

/** An image cell of at most this many characters names another row. */
const referenceLength = 64;

/**
 * Rows of a benchmark, one at a time. A row may show the image of an earlier one by its index; that image is read from
 * the file again when it is asked for, and not kept.
 * @throws CorruptFileError for a table without the columns `index` and `question`, or with an index that comes twice.
 */
export async function* readVlmEvalTsv(
  file: DataFile,
  options: ReadVlmEvalOptions = {},
): AsyncGenerator<VlmEvalRow> {
  /** Where rows with pixels of their own are in the file. */
  const owners = new Map<string, Pick<TableRow, "begin" | "end">>();
  const indices = new Set<string>();
  for await (const { number, cells, begin, end } of readTable(file, options)) {
    if (cells.index === undefined || cells.question === undefined) {
      throw new CorruptFileError(
        `${nameOf(file)}: got the columns ${Object.keys(cells).join(", ")}, expected index and question among them`,
      );
    }
    const index = cells.index.trim();
    if (indices.has(index)) {
      throw new CorruptFileError(`${nameOf(file)}: row ${number} has the index ${index} of an earlier row`);
    }
    indices.add(index);
    const { image = "", ...texts } = cells;
    const pixels = parseList(image);
    if (pixels.some((cell) => cell.length > referenceLength)) owners.set(index, { begin, end });
    yield rowOf(file, number, index, texts, pixels, Object.keys(cells), owners, options);
  }
}

function rowOf(
  file: DataFile,
  number: number,
  index: string,
  texts: Record<string, string>,
  pixels: readonly string[],
  header: readonly string[],
  owners: ReadonlyMap<string, Pick<TableRow, "begin" | "end">>,
  { images: lookup }: ReadVlmEvalOptions,
): VlmEvalRow {
  const filled = Object.entries(texts).filter(([, text]) => text.trim() !== "");
  const columns = Object.fromEntries(filled);
  const imagePaths = parseList(columns.image_path ?? "");

  const pixelsOf = async (cell: string, options?: ReadOptions): Promise<Bytes[]> => {
    if (cell.length > referenceLength) return [decodeBase64(cell, `${nameOf(file)}, row ${number}`)];
    const owner = owners.get(cell);
    if (!owner) {
      throw new CorruptFileError(
        `${nameOf(file)}: row ${number} shows the image of the row ${cell}, expected an earlier row with one`,
      );
    }
    const cells = await readTableRow(file, header, owner, options);
    const own = parseList(cells.image).filter((image) => image.length > referenceLength);
    return own.map((image) => decodeBase64(image, `${nameOf(file)}, row of index ${cell}`));
  };

  return {
    number,
    index,
    question: columns.question ?? "",
    answer: columns.answer,
    hint: columns.hint,
    options: Object.fromEntries(filled.filter(([name]) => isOptionLetter(name))),
    category: columns.category,
    l2Category: columns["l2-category"],
    split: columns.split,
    columns,
    imagePaths,
    hasPixels: pixels.length > 0,
    images: async (options) => {
      if (pixels.length > 0) return (await Promise.all(pixels.map((cell) => pixelsOf(cell, options)))).flat();
      return Promise.all(
        imagePaths.map((path) => {
          if (lookup) return lookup.read(path, options);
          throw new MissingFileError(`${path}: row ${number} of ${nameOf(file)} needs a folder of images`);
        }),
      );
    },
  };
}

/** The sample of a row. Its images are those by path: pixels have no place in a sample. */
export function fromVlmEval(row: VlmEvalRow): DataSample {
  return withoutEmpty({
    ...readExtras(row.columns),
    problem: row.question,
    answer: row.answer,
    images: [...row.imagePaths],
    refined_cot: row.columns.refined_cot,
    system: row.columns.system,
    options: row.options,
    hint: row.hint,
    category: row.category,
    l2Category: row.l2Category,
    split: row.split,
    index: row.index,
  });
}

/** What a table holds. */
export interface VlmEvalWriterOptions {
  /** Letters of options that a row may have: "ABCD". Default: none. */
  options?: string;
  /** Gives the pixels of a row's images, which are written as base64. Default: rows have paths. */
  readImage?: (path: string) => Promise<Uint8Array>;
  /** Whether columns that a benchmark passes over hold the rest of the sample. Default true. */
  extras?: boolean;
}

/**
 * Writes a table in VLMEvalKit's layout, header first, a row at a time. A row whose image an earlier one has names that
 * row. (pandas reads a cell of `NA`, `null`, `None` or `nan` as empty, whatever is done about it here.)
 */
export class VlmEvalWriter {
  readonly #owners = new Map<string, string>();
  readonly #columns: readonly string[];
  #rows = 0;

  private constructor(
    private readonly options: VlmEvalWriterOptions,
    private readonly line: (cells: readonly string[]) => string,
  ) {
    const extras = ["abilities", "reward", "refined_cot", "system"];
    this.#columns = [
      "index",
      options.readImage ? "image" : undefined,
      "image_path",
      "hint",
      "question",
      ...(options.options ?? ""),
      "answer",
      "category",
      "l2-category",
      "split",
      ...((options.extras ?? true) ? extras : []),
    ].filter((name) => name !== undefined);
  }

  /** Fetches what writes the cells, which few need. */
  static async create(options: VlmEvalWriterOptions = {}): Promise<VlmEvalWriter> {
    const papa = await import("papaparse");
    const { unparse } = papa.default;
    return new VlmEvalWriter(
      options,
      (cells) => `${unparse([[...cells]], { delimiter: "\t", newline: "\n" })}\n`,
    );
  }

  /** The first line. */
  header(): string {
    return this.line(this.#columns);
  }

  /** @throws InvalidOptionError for an option that is under no letter of the header, and as `readImage` does. */
  async row(sample: DataSample): Promise<string> {
    for (const letter of Object.keys(sample.options ?? {})) {
      if (!isOptionLetter(letter) || !this.#columns.includes(letter))
        throw new InvalidOptionError("VLMEvalKit row: options", letter, "letters that the header has");
    }
    const index = sample.index ?? String(this.#rows);
    this.#rows++;
    const cells: Record<string, string | undefined> = {
      ...sample.options,
      index,
      image: await this.#imageCell(sample.images, index),
      image_path: listCell(sample.images),
      hint: sample.hint,
      question: sample.problem,
      answer: sample.answer,
      category: sample.category,
      "l2-category": sample.l2Category,
      split: sample.split,
      abilities: sample.abilities && sample.abilities.length > 0 ? JSON.stringify(sample.abilities) : "",
      reward: sample.reward,
      refined_cot: sample.refined_cot,
      system: sample.system,
    };
    return this.line(this.#columns.map((name) => cells[name] ?? ""));
  }

  async #imageCell(paths: readonly string[], index: string): Promise<string> {
    const { readImage } = this.options;
    if (!readImage || paths.length === 0) return "";
    const key = paths.join("\n");
    const owner = this.#owners.get(key);
    if (owner !== undefined) return owner;
    const images = await Promise.all(paths.map(async (path) => encodeBase64(await readImage(path))));
    // Fewer characters would be taken for the index of a row.
    if (images.every((image) => image.length > referenceLength)) this.#owners.set(key, index);
    return listCell(images);
  }
}
