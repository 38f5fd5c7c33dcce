import { readSamples, type ReadSamplesOptions } from "../data/formats/convert.ts";
import type { DataSample } from "../data/formats/sample.ts";
import type { DataFile } from "../data/rows/rows.ts";
import type { RejectedRow } from "../data/wethink/record.ts";
import type { FormatReading } from "../rl/hybrid-reward.ts";
import { chooseVerifier, type VerifierName } from "../rl/verifiers/choose.ts";
import type { IouOptions } from "../rl/verifiers/iou.ts";
import type { NumberOptions } from "../rl/verifiers/number.ts";
import type { SetOptions } from "../rl/verifiers/set.ts";
import type { RecordRewardOptions } from "../tasks/record-reward.ts";
import { recordsTaskName } from "../tasks/task.ts";
import type { RunRecipe } from "../train/run-recipe.ts";
import { InvalidOptionError, ThinktabError } from "../util/errors.ts";
import { isRecord } from "../util/is-record.ts";
import type { HandoffFile } from "./files.ts";

/** A value that a target cannot take, or that the trainer would stop at. */
export interface HandoffProblem {
  /** The option, by its name in our recipe or in the configuration. */
  option: string;
  got: string;
  expected: string;
}

/** What the exported reward is told of ours, row by row. */
export interface HandoffReward {
  /** Of accuracy and format: 0.7 and 0.3. */
  weights?: { accuracy: number; format: number };
  format?: FormatReading;
  /** What the prompt already put into the assistant's turn. */
  prefill?: string;
  number?: NumberOptions;
  iou?: IouOptions;
  set?: SetOptions;
}

/** A data set to hand off. */
export interface HandoffData extends ReadSamplesOptions {
  file: DataFile;
  /** Rows to validate on, in the format that their columns tell. Left out: every twentieth row of `file`, or its last. */
  validation?: DataFile;
}

/** What a data set turned out to hold. */
export interface HandoffCounts {
  train: number;
  validation: number;
  rejected: number;
  /** The first that were rejected. */
  rejections: RejectedRow[];
  /** Distinct images. */
  images: number;
  /** Most images of a row. */
  imagesPerRow: number;
  /** Rows by what verifies them. */
  verifiers: Partial<Record<VerifierName, number>>;
}

type Part = "train" | "validation";
interface PlacedSample {
  part: Part;
  number: number;
  sample: DataSample;
  pixels?: { path: string; bytes: Uint8Array }[];
}

/** One row in so many is for validation, where no file is. */
const validationStride = 20;
const maxRejections = 20;

/** The samples of a data set in order, each time the same; rows are read anew, so that none need be kept. */
export class HandoffRows {
  #counts: Promise<HandoffCounts> | undefined;

  constructor(
    private readonly data: HandoffData,
    private readonly needsReasoning = false,
  ) {}

  /** Reads everything once. @throws ThinktabError where nothing is left. */
  counts(): Promise<HandoffCounts> {
    return (this.#counts ??= this.#count());
  }

  async #count(): Promise<HandoffCounts> {
    const counts: HandoffCounts = {
      train: 0,
      validation: 0,
      rejected: 0,
      rejections: [],
      images: 0,
      imagesPerRow: 0,
      verifiers: {},
    };
    const paths = new Set<string>();
    for await (const event of this.#events()) {
      if ("rejected" in event) {
        counts.rejected++;
        if (counts.rejections.length < maxRejections) counts.rejections.push(event.rejected);
        continue;
      }
      counts[event.part]++;
      const { images } = event.sample;
      for (const path of images) paths.add(path);
      counts.imagesPerRow = Math.max(counts.imagesPerRow, images.length);
      const { verifier } = verifierOf(event.sample);
      counts.verifiers[verifier] = (counts.verifiers[verifier] ?? 0) + 1;
    }
    counts.images = paths.size;
    if (!this.data.validation && counts.validation === 0 && counts.train > 1) {
      counts.train--;
      counts.validation++;
    }
    if (counts.train + counts.validation === 0)
      throw new ThinktabError(
        `hand-off: got no usable row (${counts.rejected} rejected), expected at least two`,
      );
    return counts;
  }

  /** The rows of a part, a line of JSON each. */
  async *lines(part: Part, line: (sample: DataSample) => Record<string, unknown>): AsyncGenerator<string> {
    for await (const { sample } of this.samples(part)) yield `${JSON.stringify(line(sample))}\n`;
  }

  async *samples(part?: Part): AsyncGenerator<PlacedSample> {
    const { train, validation } = await this.counts();
    const total = this.data.validation ? Infinity : train + validation;
    let seen = 0;
    for await (const event of this.#events()) {
      if ("rejected" in event) continue;
      seen++;
      // Fewer rows than the stride: the last one validates.
      const placed: PlacedSample = total < validationStride && seen === total && total > 1 ? { ...event, part: "validation" } : event; // prettier-ignore
      if (part === undefined || placed.part === part) yield placed;
    }
  }

  /** Every image once, under `images/`. */
  async *images(): AsyncGenerator<HandoffFile> {
    const done = new Set<string>();
    for await (const { sample, pixels } of this.samples()) {
      for (const path of sample.images) {
        if (done.has(path)) continue;
        done.add(path);
        const own = pixels?.find((image) => image.path === path)?.bytes;
        const bytes = own ?? (await this.data.images?.read(path, { signal: this.data.signal }));
        if (!bytes)
          throw new InvalidOptionError(
            `hand-off: image ${path}`,
            "no images",
            "the folder or archive it is in",
          );
        yield { path: `images/${path}`, content: bytes };
      }
    }
  }

  async *#events(): AsyncGenerator<PlacedSample | { rejected: RejectedRow }> {
    const { file, validation } = this.data;
    let index = 0;
    for await (const event of this.#usable(file)) {
      if ("rejected" in event) yield event;
      else {
        const validates = !validation && ++index % validationStride === 0;
        yield { ...event, part: validates ? "validation" : "train" };
      }
    }
    if (!validation) return;
    for await (const event of this.#usable(validation))
      yield "rejected" in event ? event : { ...withOwnFolder(event), part: "validation" };
  }

  async *#usable(file: DataFile): AsyncGenerator<Omit<PlacedSample, "part"> | { rejected: RejectedRow }> {
    const { from, format, ...options } = this.data;
    // Another file may be in another format.
    const stated = file === this.data.file ? { from, format } : {};
    for await (const event of readSamples(file, {
      requireReasoning: this.needsReasoning,
      ...options,
      ...stated,
    })) {
      // prettier-ignore
      if (event.type === "rejected") yield { rejected: event.rejected };
      else {
        const { number, sample, pixels } = event;
        const reason = sample.answer === undefined || sample.answer.trim() === "" ? "empty-answer" : this.needsReasoning && !sample.refined_cot ? "empty-reasoning" : undefined; // prettier-ignore
        if (reason)
          yield { rejected: { number, reason, detail: "the row cannot be learnt from without it", row: sample } }; // prettier-ignore
        else yield { number, sample, ...(pixels && { pixels }) };
      }
    }
  }
}

/** Images that a table of its own holds may have the names that the other table's have. */
function withOwnFolder<T extends Pick<PlacedSample, "sample" | "pixels">>(event: T): T {
  const { sample, pixels } = event;
  if (!pixels) return event;
  const placed = (path: string) => `validation/${path}`;
  return {
    ...event,
    sample: { ...sample, images: sample.images.map(placed) },
    pixels: pixels.map((image) => ({ ...image, path: placed(image.path) })),
  };
}

/** How the exported reward rewards: as it is told to, else as the recipe's records are rewarded. */
export function rewardOf(
  { reward, recipe }: { reward?: HandoffReward; recipe?: RunRecipe },
  problems: HandoffProblem[],
): HandoffReward {
  if (reward) return reward;
  if (recipe?.task.name !== recordsTaskName) return {};
  const { reward: given = {} } = recipe.task;
  if (!isRecord(given)) {
    problems.push({ option: "task.reward", got: JSON.stringify(given), expected: "an object of options" });
    return {};
  }
  const { weights, format, prefill, number, iou, set, module } = given as RecordRewardOptions;
  if (module !== undefined)
    problems.push({ option: "task.reward.module", got: module, expected: "none: a reward of your own has no twin in Python" }); // prettier-ignore
  return { weights, format, prefill, number, iou, set };
}

function verifierOf({ reward, category, answer, problem, options }: DataSample) {
  return chooseVerifier({ reward, category, answer, problem, options });
}

/**
 * The ground truth of a row as the exported reward reads it: JSON with the verifier's kind, the gold answer, the question
 * and whatever else the reward needs, as the answer column is all that reaches it.
 */
export function packedAnswer(sample: DataSample, reward: HandoffReward = {}): string {
  const { weights = { accuracy: 0.7, format: 0.3 }, format, prefill, number, iou, set } = reward;
  return JSON.stringify({
    v: 1,
    kind: verifierOf(sample).verifier,
    gold: sample.answer ?? "",
    question: sample.problem,
    ...(sample.options && { options: sample.options }),
    // Not read, but the same question about other images is another prompt.
    ...(sample.images.length > 0 && { images: sample.images }),
    weights: [weights.accuracy, weights.format],
    ...(format !== undefined && format !== "strict" && { format }),
    ...(prefill !== undefined && prefill !== "" && { prefill }),
    ...(number && { number }),
    ...(iou && { iou }),
    ...(set && { set }),
  });
}
