import { InvalidOptionError } from "../../util/errors.ts";
import { parseAbilities, type WeThinkRecord } from "../wethink/record.ts";

/**
 * What the formats have in common: each holds a part of it. Texts are plain: without markers of images, without tags,
 * and with nothing escaped.
 */
export interface DataSample {
  problem: string;
  /** Absent in a hidden test set. */
  answer?: string;
  /** Paths relative to the folder of the images, in order. */
  images: string[];
  refined_cot?: string;
  category?: string;
  abilities?: string[];
  reward?: string;
  /** System prompt. */
  system?: string;
  /** By letter. */
  options?: Record<string, string>;
  hint?: string;
  l2Category?: string;
  split?: string;
  /** What a benchmark calls the row. */
  index?: string;
}

/** The formats that are converted from and to. */
export const sampleFormats = ["wethink", "sharegpt", "easyr1", "trl", "vlmevalkit"] as const;
/** One of {@link sampleFormats}. */
export type SampleFormat = (typeof sampleFormats)[number];

/** A record's sample: nothing is lost. */
export function sampleOf(record: WeThinkRecord): DataSample {
  const { problem, answer, image_path: image, ...rest } = record;
  return withoutEmpty({ problem, answer, images: image === "" ? [] : [image], ...rest });
}

/**
 * A sample's record, with "" for what it lacks.
 * @throws InvalidOptionError for a sample with several images: a record has one.
 */
export function recordOf(sample: DataSample): WeThinkRecord {
  const {
    problem,
    answer = "",
    images,
    category = "",
    abilities = [],
    refined_cot = "",
    reward = "",
  } = sample;
  if (images.length > 1) throw new InvalidOptionError("WeThink record: images", images.length, "one");
  return { problem, answer, category, abilities, refined_cot, image_path: images[0] ?? "", reward };
}

/** A sample without the fields that have nothing in them. */
export function withoutEmpty(sample: DataSample): DataSample {
  const entries = (Object.entries(sample) as [string, unknown][]).filter(
    ([key, value]) => key === "problem" || key === "images" || !isEmpty(value),
  );
  return Object.fromEntries(entries) as { [K in keyof DataSample]: DataSample[K] };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Columns that no format gives a meaning to, and all but EasyR1 let pass: they bring a sample back whole. */
export const extraColumns = [
  "category",
  "abilities",
  "reward",
  "options",
  "hint",
  "l2-category",
  "split",
  "index",
] as const;

/** The columns that a sample has beside those of a format. */
export function extrasOf(sample: DataSample): Record<string, unknown> {
  const { category, abilities, reward, options, hint, l2Category, split, index } = withoutEmpty(sample);
  const all = { category, abilities, reward, options, hint, "l2-category": l2Category, split, index };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What the extra columns of a row say of its sample. */
export function readExtras(row: Readonly<Record<string, unknown>>): Partial<DataSample> {
  const text = (name: string) => {
    const value = row[name];
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
  };
  return {
    category: text("category"),
    abilities: parseAbilities(row.abilities) ?? undefined,
    reward: text("reward"),
    options: readOptions(row.options),
    hint: text("hint"),
    l2Category: text("l2-category"),
    split: text("split"),
    index: text("index"),
  };
}

function readOptions(value: unknown): Record<string, string> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return optionsOfList(value);
  // A column of Parquet has every letter that any of its rows has.
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).filter((entry): entry is [string, string] => {
      return typeof entry[1] === "string";
    }),
  );
}

/** The options of a list, from A on. @throws InvalidOptionError where letters do not suffice, or one is no text. */
function optionsOfList(list: readonly unknown[]): Record<string, string> {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (list.length > letters.length)
    throw new InvalidOptionError("row: options", `${list.length} of them`, `at most ${letters.length}`);
  return Object.fromEntries(
    list.map((option, index) => {
      if (typeof option !== "string") throw new InvalidOptionError("row: options", option, "texts");
      return [letters[index], option];
    }),
  );
}

/** @throws InvalidOptionError unless it is an object. */
export function expectRow(format: string, row: unknown): Record<string, unknown> {
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as Record<string, unknown>;
  throw new InvalidOptionError(`${format} row`, row, "an object");
}

/** @throws InvalidOptionError unless the field is a text. */
export function expectText(format: string, row: Readonly<Record<string, unknown>>, field: string): string {
  const value = row[field];
  if (typeof value === "string") return value;
  throw new InvalidOptionError(`${format} row: ${field}`, value ?? "nothing", "a text");
}

/**
 * The paths of a column of images: a path, an object that has one (as Hugging Face data sets do), or a list of these.
 * @throws InvalidOptionError for anything else, pixels without a path included.
 */
export function readImagePaths(format: string, value: unknown): string[] {
  if (value === undefined || value === null || value === "") return [];
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  return list.map((image) => {
    if (typeof image === "string") return image;
    if (typeof image === "object" && image !== null && "path" in image && typeof image.path === "string")
      return image.path;
    throw new InvalidOptionError(`${format} row: image`, typeof image, "a path");
  });
}
