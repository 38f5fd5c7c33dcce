import {
  everyRole,
  memorySynthesisStore,
  synthesize,
  toyScenes,
  toySynthesisModel,
  type SynthesisImage,
  type SynthesisModels,
  type SynthesisStore,
} from "thinktab/engine";

/** Makes records of images and says what becomes of each image. Stop it when you like, and call it again. */
export async function makeRecords(
  images: readonly SynthesisImage[],
  models: SynthesisModels,
  store: SynthesisStore,
  signal?: AbortSignal,
) {
  const records = [];
  for await (const event of synthesize(images, { models, store, signal })) {
    if (event.type === "pending") console.log(`${event.pending.path}: ${event.pending.error}`);
    if (event.type !== "image") continue;
    const { path, kept, drops } = event.outcome;
    records.push(...kept.map(({ record }) => record));
    const reasons = drops.map(({ reason }) => reason).join(", ");
    console.log(`${path}: ${kept.length} kept${reasons && `, dropped: ${reasons}`}`);
  }
  return records;
}

/** Without any outside model: pictures of the toy world, by a model that reads their scenes instead of their pixels. */
export async function toyRecords() {
  const scenes = await toyScenes(3);
  const images = scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) }));
  return makeRecords(images, everyRole(toySynthesisModel(scenes)), memorySynthesisStore());
}
