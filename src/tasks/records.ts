import type { ContentPart } from "../data/chat-template.ts";
import { sampleFormats, type DataSample, type SampleFormat } from "../data/formats/sample.ts";
import { SampleIndex } from "../data/formats/sample-index.ts";
import { folderImages, type ImageLookup } from "../data/images/lookup.ts";
import {
  dataFileAt,
  dataFileOf,
  imagesAt,
  imagesOf,
  type NamedFile,
  type NamedFiles,
} from "../data/open-files.ts";
import { nameOf, type DataFile } from "../data/rows/data-file.ts";
import { REASONING_SYSTEM_PROMPT } from "../data/system-prompt.ts";
import { rejectReasons, type RejectedRow, type RejectReason } from "../data/wethink/record.ts";
import { joinResponse } from "../data/wethink/tags.ts";
import type { Completion, RewardResult } from "../rl/reward.ts";
import { InvalidOptionError, MissingFileError } from "../util/errors.ts";
import { Rng } from "../util/rng.ts";
import { textHash } from "../util/text-hash.ts";
import type { RecordRewardOptions, RewardServices } from "./record-reward.ts";
import {
  splits,
  splitSeed,
  type DemonstrationMode,
  type Split,
  type Task,
  type TaskExample,
} from "./task.ts";

/** Options of the task `records`, as a recipe has them. */
export interface RecordsOptions {
  /** The data set: an address, in Node also a path; or a file that the user gave. */
  data: string | NamedFile;
  /** Its images: a folder, a zip archive, or the parts of one. Default: the folder of the data set. */
  images?: string | NamedFile | NamedFiles;
  /** When left out: by the columns of the first row. */
  from?: SampleFormat;
  /** Records without reasoning are rejected, as demonstrations that think need it. Default false. */
  requireReasoning?: boolean;
  /** Records whose image is not there are rejected. Default true, but for a folder under an address: a request each. */
  checkImages?: boolean;
  /** Shares of the records that are not trained on. Default 0.02 and 0.05. */
  validation?: number;
  test?: number;
  /** Of the choice which they are. Default 0. */
  seed?: number;
  /** The system turn that chats begin with; null: none. Default: {@link REASONING_SYSTEM_PROMPT}. */
  system?: string | null;
  /** The hybrid reward's. */
  reward?: RecordRewardOptions;
}

/** What the surroundings of the task give. */
export interface RecordsHost {
  /** Opens what `data` names. Default: an address. */
  openData?: (path: string) => Promise<DataFile>;
  /** Opens what `images` names. Default: an address. */
  openImages?: (path: string) => Promise<ImageLookup>;
  /** What the reward needs: mathematics, judges. */
  services?: RewardServices;
  signal?: AbortSignal;
  /** Called with the number of rows read, every thousand. */
  onProgress?: (rows: number) => void;
}

/** A record as it is asked and rewarded. */
export interface RecordExample extends TaskExample {
  problem: string;
  answer: string;
  refined_cot: string;
  /** Type of the question; "" where the record has none. */
  category: string;
  abilities: readonly string[];
  /** Method of the reward; "" where the record has none. */
  reward: string;
  options?: Record<string, string>;
  /** Encoded, as the data set has them. */
  images: Uint8Array[];
}

/** What was taken of a data set, and what was not. */
export interface RecordsReport {
  rows: number;
  accepted: number;
  rejected: { total: number; byReason: Partial<Record<RejectReason, number>>; listed: RejectedRow[] };
}

/** Records of a data set as examples. They are read, with their images, when they are asked for. */
export interface RecordsTask extends Task<RecordExample> {
  readonly report: RecordsReport;
  readonly sizes: Readonly<Record<Split, number>>;
  readonly system: string | null;
  example(seed: number, split?: Split): Promise<RecordExample>;
  /** Reasoning and answer in their blocks; the record's answer is the authority. */
  demonstration(example: RecordExample, mode: DemonstrationMode): string;
}

const optionNames = [
  "data",
  "images",
  "from",
  "requireReasoning",
  "checkImages",
  "validation",
  "test",
  "seed",
  "system",
  "reward",
] as const satisfies readonly (keyof RecordsOptions)[];
const maxListed = 20;
const shares = { validation: 0.02, test: 0.05 };
/** Streams of the generator: the orders in which each split's records come. */
const streams: Record<Split, number> = { train: 1, validation: 2, test: 3 };

/**
 * Reads a data set through once and makes a task of the records that can be taken: in memory stays where each of them
 * is, not what it holds. Which records are trained on is decided by a hash of question and image, so that it stays the
 * same when others come or go, and the same question on the same image is never on both sides. A split's records come in
 * rounds, each in an order of its own and none twice in one.
 * @throws InvalidOptionError for options that are none, and a data set without a record that can be taken;
 *   MissingFileError, CorruptFileError
 */
export async function openRecords(
  given: RecordsOptions | Readonly<Record<string, unknown>>,
  host: RecordsHost = {},
): Promise<RecordsTask> {
  const options = checked(given);
  const { system = REASONING_SYSTEM_PROMPT, requireReasoning = false } = options;
  const { signal } = host;
  const file = await openData(options.data, host);
  const images = await openImages(options.images, file, host);
  const report: RecordsReport = {
    rows: 0,
    accepted: 0,
    rejected: { total: 0, byReason: {}, listed: [] },
  };
  const marks: number[] = [];
  const { seed = 0 } = options;
  const index = await SampleIndex.build(file, {
    from: options.from,
    images,
    checkImages: options.checkImages ?? !areInWebFolder(options),
    requireReasoning,
    signal,
    keep: (sample) => {
      if ((sample.answer ?? "").trim() === "") return "empty-answer";
      if (requireReasoning && (sample.refined_cot ?? "").trim() === "") return "empty-reasoning";
      marks.push(textHash(JSON.stringify([seed, sample.problem, sample.images])) / 2 ** 53);
      return undefined;
    },
    onRejected: (row) => {
      const { rejected } = report;
      rejected.total++;
      rejected.byReason[row.reason] = (rejected.byReason[row.reason] ?? 0) + 1;
      if (rejected.listed.length < maxListed) rejected.listed.push(row);
    },
    onProgress: host.onProgress,
  });
  report.accepted = index.count;
  report.rows = report.accepted + report.rejected.total;
  if (index.count === 0) throw nothingTaken(file, report);
  const members = divide(marks, options);
  const sizes = {
    train: members.train.length,
    validation: members.validation.length,
    test: members.test.length,
  };
  const order = shuffled(members);
  const read = async (at: number): Promise<RecordExample> => {
    const sample = await index.sample(at, { signal });
    const pictures = await Promise.all(sample.images.map((path) => images.read(path, { signal })));
    return exampleOf(sample, index.numberOf(at), pictures, system);
  };
  const reward = lazyReward(options, host.services);
  return {
    name: "records",
    description: describe(file, report, sizes),
    report,
    sizes,
    system,
    async example(at, split = "train") {
      splitSeed(at, split); // refuses what is no seed and no split
      if (sizes[split] === 0) throw emptySplit(split, sizes);
      return read(order(at, split));
    },
    reward,
    demonstration: ({ refined_cot, answer }, mode) =>
      joinResponse(mode === "think" ? refined_cot : "", answer),
  };
}

async function openData(data: unknown, host: RecordsHost): Promise<DataFile> {
  if (typeof data === "string" && data !== "") return (host.openData ?? openAddress)(data);
  if (isNamedFile(data)) return dataFileOf(data);
  throw notGiven("data", data, "a data set's address, path or file");
}

async function openImages(images: unknown, file: DataFile, host: RecordsHost): Promise<ImageLookup> {
  const { signal } = host;
  if (images === undefined) return folderImages(file.source);
  if (typeof images === "string" && images !== "")
    return host.openImages ? host.openImages(images) : imagesAt(images, { signal });
  if (isNamedFile(images) || isNamedFiles(images)) return imagesOf(images, { signal });
  throw notGiven("images", images, "an address, path, archive or folder");
}

const openAddress = (address: string) => Promise.resolve(dataFileAt(address));

/** Without `images` they are in the folder of the data set. */
function areInWebFolder({ data, images }: RecordsOptions): boolean {
  if (images === undefined) return typeof data === "string" && /^https?:/.test(data);
  return typeof images === "string" && /^https?:.*\/$/.test(images);
}

function isNamedFile(value: unknown): value is NamedFile {
  return typeof value === "object" && value !== null && "file" in value && value.file instanceof Blob;
}

function isNamedFiles(value: unknown): value is NamedFiles {
  return typeof value === "object" && value !== null && "files" in value && value.files instanceof Map;
}

/** A file that a saved recipe names, and does not hold, has to be given again. */
function notGiven(option: string, value: unknown, expected: string): InvalidOptionError {
  const name = typeof value === "object" && value !== null && "name" in value ? value.name : undefined;
  return typeof name === "string"
    ? bad(
        option,
        `the name of ${name}, without the file`,
        "the file: a saved run does not hold it, give it again",
      )
    : bad(option, value ?? "nothing", expected);
}

/** @throws InvalidOptionError */
function checked(given: Readonly<Record<string, unknown>> | RecordsOptions): RecordsOptions {
  const unknown = Object.keys(given).find((name) => !(optionNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw bad(unknown, "an unknown option", ["one of", ...optionNames]);
  // Options may come from a recipe file, whatever the types say.
  const options = given as RecordsOptions;
  const { validation, test } = { ...shares, ...options };
  const { seed = 0, system, from } = options;
  for (const [name, share] of Object.entries({ validation, test })) {
    if (typeof share !== "number" || !(share >= 0 && share < 1))
      throw bad(name, share, "a share from 0 to below 1");
  }
  if (validation + test >= 1) throw bad("validation and test", validation + test, "together below 1");
  if (!Number.isSafeInteger(seed) || seed < 0) throw bad("seed", seed, "an integer from 0");
  if (system !== undefined && system !== null && typeof system !== "string")
    throw bad("system", system, "a text, or null for none");
  if (from !== undefined && !sampleFormats.includes(from))
    throw bad("from", from, ["one of", ...sampleFormats]);
  for (const name of ["requireReasoning", "checkImages"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      throw bad(name, options[name], "true or false");
  }
  return options;
}

/**
 * The records of each split, by their marks from 0 to 1. Of three records or more, each side that is wanted has one:
 * the one next to its share.
 */
function divide(marks: readonly number[], options: RecordsOptions): Record<Split, Uint32Array> {
  const { validation, test } = { ...shares, ...options };
  const members: Record<Split, number[]> = { train: [], validation: [], test: [] };
  for (const [index, mark] of marks.entries()) {
    members[mark < test ? "test" : mark < test + validation ? "validation" : "train"].push(index);
  }
  const byMark = (a: number, b: number) => marks[a] - marks[b] || a - b;
  for (const [split, share] of [
    ["test", test],
    ["validation", validation],
  ] as const) {
    if (share === 0 || members[split].length > 0 || members.train.length < 2) continue;
    const mark = marks[[...members.train].sort(byMark)[0]];
    // With its equals: the same question on the same image is never on both sides.
    const moved = members.train.filter((index) => marks[index] === mark);
    if (moved.length === members.train.length) continue;
    members[split] = moved;
    members.train = members.train.filter((index) => marks[index] !== mark);
  }
  const list = (split: Split) => Uint32Array.from(members[split]);
  return { train: list("train"), validation: list("validation"), test: list("test") };
}

/** Which record a seed stands for. The order of a split's last round is kept: the next seed is mostly of the same. */
function shuffled(members: Record<Split, Uint32Array>): (seed: number, split: Split) => number {
  const rounds = new Map<Split, { round: number; order: ArrayLike<number> }>();
  return (seed, split) => {
    const size = members[split].length;
    const round = Math.floor(seed / size);
    let known = rounds.get(split);
    if (known?.round !== round) {
      known = { round, order: new Rng(round, streams[split]).permutation(size) };
      rounds.set(split, known);
    }
    return members[split][known.order[seed % size]];
  };
}

function exampleOf(
  sample: DataSample,
  number: number,
  images: Uint8Array[],
  system: string | null,
): RecordExample {
  const {
    problem,
    answer = "",
    refined_cot = "",
    category = "",
    abilities = [],
    reward = "",
    options,
  } = sample;
  const content: ContentPart[] = [
    ...images.map((image): ContentPart => ({ type: "image", image })),
    { type: "text", text: problem },
  ];
  return {
    id: `records/${number}`,
    ...(category !== "" && { kind: category }),
    messages: [
      ...(system === null ? [] : [{ role: "system" as const, content: system }]),
      { role: "user", content },
    ],
    problem,
    answer,
    refined_cot,
    category,
    abilities,
    reward,
    ...(options && { options }),
    images,
  };
}

/** The reward's code is loaded when a response is there. */
function lazyReward(options: RecordsOptions, services: RewardServices | undefined) {
  type Score = (completion: Completion, example: RecordExample) => Promise<RewardResult>;
  let loaded: Promise<Score> | undefined;
  return async (completion: Completion, example: RecordExample): Promise<RewardResult> => {
    loaded ??= import("./record-reward.ts").then(({ recordReward }) =>
      recordReward(options.reward, services),
    );
    return (await loaded)(completion, example);
  };
}

function describe(
  file: DataFile,
  { accepted, rejected }: RecordsReport,
  sizes: Record<Split, number>,
): string {
  const left = rejected.total === 0 ? "" : `; ${rejected.total} rejected (${listReasons(rejected.byReason)})`;
  const parts = splits.filter((split) => sizes[split] > 0).map((split) => `${sizes[split]} ${split}`);
  return `${accepted} records of ${file.path}: ${parts.join(", ")}${left}.`;
}

/** "3 missing-image, 1 duplicate". */
function listReasons(byReason: RecordsReport["rejected"]["byReason"]): string {
  return rejectReasons
    .filter((reason) => byReason[reason] !== undefined)
    .map((reason) => `${byReason[reason]} ${reason}`)
    .join(", ");
}

function nothingTaken(file: DataFile, { rejected }: RecordsReport): Error {
  const [first] = rejected.listed;
  if (!first) return new MissingFileError(`${nameOf(file)}: got no row, expected records`);
  return bad(
    "data",
    `${rejected.total} rows of ${nameOf(file)} and none that can be taken (${listReasons(rejected.byReason)}; row ` +
      `${first.number}: ${first.detail})`,
    "at least one record",
  );
}

function emptySplit(split: Split, sizes: Record<Split, number>): InvalidOptionError {
  const has = splits.map((name) => `${sizes[name]} ${name}`).join(", ");
  return bad(
    "split",
    `${split}, of a data set of ${has}`,
    "a split with records: see the shares, or evaluate on none",
  );
}

function bad(what: string, got: unknown, expected: unknown): InvalidOptionError {
  return new InvalidOptionError(`task records: ${what}`, got, expected);
}
