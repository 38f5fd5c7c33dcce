import type { DataWorker, HandedOff, RemoteDataset, ShownRow } from "thinktab";
import type { RewardExplanation } from "thinktab/rl";

// #region read
/** Opens what a user picked, says what is in it, and gives the rows with a word in them. */
export async function look(
  worker: DataWorker, // of createDataWorker()
  data: ReadonlyMap<string, Blob>,
  images: ReadonlyMap<string, Blob>,
  word: string,
): Promise<{ dataset: RemoteDataset; summary: string; found: ShownRow[] }> {
  const dataset = await worker.open({ data, images });
  const { accepted, rejected } = await dataset.inspect();
  const found: ShownRow[] = [];
  for await (const row of dataset.rows({ text: word })) found.push(row); // leaving the loop ends the search
  return { dataset, summary: `${accepted} taken, ${rejected.total} rejected`, found };
}
// #endregion

// #region use
/** What a response would be paid, and why. */
export function pay(worker: DataWorker, response: string, answer: string): Promise<RewardExplanation> {
  return worker.explain(response, { problem: "How many?", answer, reward: "number" });
}

/** The data set for others: as LLaMA-Factory's rows, and as all that TRL needs. */
export async function takeAway(dataset: RemoteDataset): Promise<{ rows: Blob; archive: HandedOff }> {
  const { file } = await dataset.convert("sharegpt");
  return { rows: file, archive: await dataset.handOff({ to: "trl", model: "Qwen/Qwen2.5-VL-3B-Instruct" }) };
}
// #endregion

// #region synthesise
/** Makes records of pictures with a model behind an address; the key is kept in memory only. */
export async function fromPictures(
  worker: DataWorker,
  images: ReadonlyMap<string, Blob>,
  baseUrl: string,
  key: string,
  signal?: AbortSignal,
): Promise<number> {
  const model = { kind: "openai" as const, baseUrl, model: "a-vision-language-model", takesImages: true };
  let kept = 0;
  const request = { name: "my-pictures", images, models: { default: model }, questions: 4 };
  for await (const event of worker.synthesize(request, { keys: new Map([[baseUrl, key]]), signal })) {
    if (event.type === "kept") kept++;
  }
  return kept;
}
// #endregion
