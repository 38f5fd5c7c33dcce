import type { SynthesisEvent } from "../../src/synthesis/events.ts";
import type { SynthesisImage } from "../../src/synthesis/image-source.ts";
import type { SynthesisModels } from "../../src/synthesis/stages.ts";
import {
  memorySynthesisStore,
  type KeptQuestion,
  type PendingItem,
  type SynthesisDrop,
} from "../../src/synthesis/store.ts";
import { synthesize, type SynthesisOptions } from "../../src/synthesis/synthesize.ts";
import type { ToyScene } from "../../src/synthesis/toy-scenes.ts";

export function imagesOf(scenes: readonly ToyScene[]): SynthesisImage[] {
  return scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) }));
}

/** A whole synthesis and what came of it, in the order of the images. */
export interface Ran {
  events: SynthesisEvent[];
  kept: KeptQuestion[];
  drops: SynthesisDrop[];
  pending: PendingItem[];
  finished: Extract<SynthesisEvent, { type: "finished" }> | undefined;
}

export async function run(
  images: readonly SynthesisImage[],
  models: SynthesisModels,
  options: Partial<SynthesisOptions> = {},
): Promise<Ran> {
  const ran: Ran = { events: [], kept: [], drops: [], pending: [], finished: undefined };
  for await (const event of synthesize(images, { models, store: memorySynthesisStore(), ...options })) {
    ran.events.push(event);
    if (event.type === "finished") ran.finished = event;
    if (event.type !== "image") continue;
    ran.kept.push(...event.outcome.kept);
    ran.drops.push(...event.outcome.drops);
    ran.pending.push(...event.outcome.pending);
  }
  return ran;
}
