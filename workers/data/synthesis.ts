/** Synthesis in the data worker: its models, and where it keeps what it has made. */
import { loadMathEngine } from "../../src/rl/verifiers/math-engine.ts";
import { openRoles } from "../../src/synthesis/config.ts";
import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { SynthesisImage } from "../../src/synthesis/image-source.ts";
import { openIndexedSynthesisStore } from "../../src/synthesis/indexed-store.ts";
import { policySampler } from "../../src/synthesis/pass-rate.ts";
import { everyRole } from "../../src/synthesis/stages.ts";
import { synthesize } from "../../src/synthesis/synthesize.ts";
import type { ImageOutcome } from "../../src/synthesis/store.ts";
import { toySynthesisModel } from "../../src/synthesis/toy-model.ts";
import { toyScenes } from "../../src/synthesis/toy-scenes.ts";
import { InvalidOptionError, StorageError } from "../../src/util/errors.ts";
import { takeLock } from "../lock.ts";
import { openModel, pagePolicy } from "./models.ts";
import type { SynthesisHost, SynthesisRequest, ToyImages } from "./synthesis-protocol.ts";

/** @throws as `synthesize` does; StorageError where the browser keeps nothing, or while it goes on in another tab. */
export async function* runSynthesis(
  request: SynthesisRequest,
  host: SynthesisHost,
  signal: AbortSignal,
): AsyncGenerator<SynthesisEvent, void, void> {
  const release = await hold(request.name);
  try {
    yield* synthesis(request, host, signal);
  } finally {
    release();
  }
}

async function* synthesis(
  { name, images, models: configs, policy, passRate, ...settings }: SynthesisRequest,
  host: SynthesisHost,
  signal: AbortSignal,
): AsyncGenerator<SynthesisEvent, void, void> {
  const scenes = images instanceof Map ? [] : await toyScenes(...countAndSeed(images as ToyImages));
  if (configs === "toy" && images instanceof Map)
    throw new InvalidOptionError(
      "models",
      "the built-in toy model",
      "another one: it knows toy scenes alone",
    );
  const models =
    configs === "toy"
      ? everyRole(toySynthesisModel(scenes))
      : await openRoles(configs, (config) => openModel(config, host, policy));
  const listed: SynthesisImage[] =
    images instanceof Map
      ? [...(images as ReadonlyMap<string, Blob>)].sort(byPath).map(([path, file]) => ({
          path,
          read: async () => new Uint8Array(await file.arrayBuffer()),
        }))
      : scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) }));
  const store = await openIndexedSynthesisStore(name);
  try {
    yield* synthesize(listed, {
      ...settings,
      models,
      store,
      math: loadMathEngine,
      ...(passRate && {
        passRate: {
          ...passRate,
          sampler: policySampler(pagePolicy(host), {
            name: passRate.policy,
            identity: passRate.policy,
            maxNewTokens: passRate.maxNewTokens,
          }),
        },
      }),
      signal,
    });
  } finally {
    await store.close();
  }
}

/** What earlier runs of a synthesis came to, image by image. */
export async function* keptOutcomes(name: string): AsyncGenerator<ImageOutcome, void, void> {
  const store = await openIndexedSynthesisStore(name);
  try {
    yield* store.outcomes();
  } finally {
    await store.close();
  }
}

/** Forgets a synthesis, its answers included. */
export async function clearSynthesis(name: string): Promise<void> {
  const release = await hold(name);
  try {
    const store = await openIndexedSynthesisStore(name);
    try {
      await store.clear();
    } finally {
      await store.close();
    }
  } finally {
    release();
  }
}

export async function toyImages(images: ToyImages): Promise<ReadonlyMap<string, Blob>> {
  const scenes = await toyScenes(...countAndSeed(images));
  return new Map(scenes.map(({ path, png }) => [path, new Blob([png], { type: "image/png" })]));
}

function countAndSeed({ count, seed }: ToyImages): [count: number, seed: number] {
  return [count, seed];
}

function byPath([a]: [string, Blob], [b]: [string, Blob]): number {
  return a < b ? -1 : 1;
}

/** @throws StorageError while it goes on elsewhere. */
async function hold(name: string): Promise<() => void> {
  const release = await takeLock(`thinktab-synthesis-${name}`);
  if (release) return release;
  throw new StorageError(
    `synthesis ${name}: it is going on in another tab, expected one tab at a time: stop it there first`,
  );
}
