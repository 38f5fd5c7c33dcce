import { mkdir, stat, writeFile } from "node:fs/promises";
import { setMaxListeners } from "node:events";
import { basename, join } from "node:path";
import { defineCommand } from "citty";
import type { ModelHost } from "../language-models/open.ts";
import type { Policy } from "../rollout/policy.ts";
import { loadMathEngine } from "../rl/verifiers/math-engine.ts";
import { openSynthesisModels, type SynthesisConfig } from "../synthesis/config.ts";
import type { SynthesisCounters } from "../synthesis/counters.ts";
import type { SynthesisImage } from "../synthesis/image-source.ts";
import { policySampler } from "../synthesis/pass-rate.ts";
import { everyRole, type SynthesisModels } from "../synthesis/stages.ts";
import type { SynthesisRun } from "../synthesis/store.ts";
import { synthesize, type SynthesisOptions } from "../synthesis/synthesize.ts";
import { toySynthesisModel } from "../synthesis/toy-model.ts";
import { toyScenes } from "../synthesis/toy-scenes.ts";
import { numberOption, UsageError } from "./arguments.ts";
import { loadPolicy } from "./chat.ts";
import { formatDuration, Progress, wrapText } from "./format.ts";
import { adapterSha256, interruptible, isAbort, openDevice, toyModel } from "./session.ts";
import { imagesInFolder, keysFromEnvironment, readSynthesisConfig, type ReadConfig } from "./synth-config.ts";
import { JsonlSynthesisStore, synthesisFiles, type WrittenRecords } from "./synth-store.ts";
import { describeCounters, describeRoles, describeSynthesis } from "./synth-text.ts";

const args = {
  images: { type: "positional", description: "Folder of images", required: false },
  out: { type: "string", description: "Records, as JSON lines", valueHint: "FILE", required: true },
  models: { type: "string", description: "Who plays which role: YAML or JSON", valueHint: "CONFIG" },
  toy: { type: "string", description: "Draw N toy scenes; no model is needed", valueHint: "N" },
  seed: { type: "string", description: "First toy scene; seed of models (0)", valueHint: "N" },
  questions: { type: "string", description: "Most questions of an image (default 4)", valueHint: "N" },
  turns: { type: "string", description: "Most turns of refinement (default 2)", valueHint: "N" },
  concurrency: { type: "string", description: "Requests at a time (default 4)", valueHint: "N" },
  "key-env": { type: "string", description: "Environment variable with the key", valueHint: "NAME" },
  "pass-rate": {
    type: "string",
    description: "Keep what the policy gets right in some of N samples",
    valueHint: "N",
  },
  policy: { type: "string", description: "The policy: folder, toy or tiny (toy)", valueHint: "DIR" },
  adapter: { type: "string", description: "Its PEFT LoRA adapter", valueHint: "DIR" },
  json: { type: "boolean", description: "Print the counts as JSON" },
} as const;

export const synthCommand = defineCommand({
  meta: { name: "synth", description: "Make questions and answers of images" },
  args,
  run({ args: given }) {
    const { images, out, models, adapter, policy = toyModel } = given;
    const toy = wholeNumber("toy", given.toy, 1);
    if (toy === undefined && images === undefined)
      throw new UsageError("missing argument: IMAGES, or --toy N");
    if (toy !== undefined && images !== undefined)
      throw new UsageError("got IMAGES and --toy, expected one of them");
    if (toy === undefined && models === undefined)
      throw new UsageError("missing option: --models CONFIG, which says who plays which role");
    const seed = wholeNumber("seed", given.seed, 0);
    const overrides = {
      ...definedOnly({
        questions: wholeNumber("questions", given.questions, 1),
        turns: wholeNumber("turns", given.turns, 0),
        concurrency: wholeNumber("concurrency", given.concurrency, 1),
        seed,
      }),
    };
    const samples = wholeNumber("pass-rate", given["pass-rate"], 1);
    return interruptible(async (signal) => {
      if ((await stat(out).catch(() => undefined))?.isDirectory())
        throw new UsageError(`--out: got the folder ${out}, expected a file`);
      const config: Omit<ReadConfig, "models"> & Partial<Pick<SynthesisConfig, "models">> =
        models === undefined ? { prompts: {} } : await readSynthesisConfig(models);
      const { models: roles, passRate: ofConfig, ...settings } = config;
      const passRate = samples === undefined ? ofConfig : { ...ofConfig, samples };
      const world = await (toy === undefined ? ofFolder(images ?? "") : ofToyWorld(toy, seed ?? 0, out));
      const loaded = lazyPolicy(policy, adapter, signal);
      try {
        const keys = keysFromEnvironment(given["key-env"]);
        const options: Omit<SynthesisOptions, "store"> = {
          ...settings,
          ...overrides,
          models: roles
            ? await openSynthesisModels({ models: roles }, async (role) =>
                role.kind === "policy" ? loaded.host() : keys(role),
              )
            : world.models(),
          math: loadMathEngine,
          signal,
        };
        if (passRate) {
          const { samples: n, above, below, ...sampling } = passRate;
          const { policy: sampled, policyTokens, policyIdentity: identity } = await loaded.host();
          const maxNewTokens = Math.min(1024, policyTokens);
          const sampler = policySampler(sampled, { maxNewTokens, ...sampling, name: loaded.name, identity });
          options.passRate = { sampler, ...definedOnly({ samples: n, above, below }) };
        }
        return await run(world.images, options, { out, json: given.json === true, notes: world.notes });
      } finally {
        await loaded.close();
      }
    });
  },
});

function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  const value = numberOption(name, text);
  if (value !== undefined && !(Number.isInteger(value) && value >= least))
    throw new UsageError(`--${name}: got ${text}, expected a whole number from ${least} on`);
  return value;
}

/** Without the fields that are undefined, which would stand in the place of defaults. */
function definedOnly<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Where images come from, and who can play all roles for them without being configured. */
interface World {
  images: SynthesisImage[];
  models: () => SynthesisModels;
  notes: string[];
}

async function ofFolder(folder: string): Promise<World> {
  return {
    images: await imagesInFolder(folder),
    models: () => {
      throw new UsageError("missing option: --models CONFIG");
    },
    notes: [],
  };
}

/** Draws the scenes and writes their pictures beside the records. */
async function ofToyWorld(count: number, seed: number, out: string): Promise<World> {
  const scenes = await toyScenes(count, seed);
  const { images: folder } = synthesisFiles(out);
  await mkdir(folder, { recursive: true });
  for (const { path, png } of scenes) await writeFile(join(folder, path), png);
  const model = toySynthesisModel(scenes);
  return {
    images: scenes.map(({ path, png }) => ({ path, read: () => Promise.resolve(png) })),
    models: () => everyRole(model),
    notes: [`${count} pictures in ${folder}`],
  };
}

/** The policy as models are opened with it. */
type PolicyHost = { policy: Policy } & Required<Pick<ModelHost, "policyIdentity" | "policyTokens">>;

/** The policy of roles and of the pass rate, loaded when it is first asked for. */
function lazyPolicy(model: string, adapter: string | undefined, signal: AbortSignal) {
  const name = adapter === undefined ? model : `${basename(adapter)} on ${model}`;
  let loading: Promise<PolicyHost & { close: () => void }> | undefined;
  const load = async () => {
    const hash = adapter === undefined ? null : await adapterSha256(adapter);
    const device = await openDevice();
    try {
      const policy = await loadPolicy(device, model, { adapter }, new Progress(), signal);
      const close = () => {
        policy.destroy();
        device.destroy();
      };
      // A small policy's context leaves room for no longer answers.
      const policyTokens = policy.model.config.text.maxPositionEmbeddings >> 1;
      return { policy, policyIdentity: JSON.stringify(["policy", model, hash]), policyTokens, close };
    } catch (error) {
      device.destroy();
      throw error;
    }
  };
  return {
    name: `policy ${name}`,
    host: (): Promise<PolicyHost> => (loading ??= load()),
    close: async () => (await loading?.catch(() => undefined))?.close(),
  };
}

async function run(
  images: readonly SynthesisImage[],
  options: Omit<SynthesisOptions, "store">,
  { out, json, notes }: { out: string; json: boolean; notes: readonly string[] },
): Promise<number> {
  const { folder } = synthesisFiles(out);
  const store = await JsonlSynthesisStore.open(folder);
  const progress = new Progress();
  const begin = performance.now();
  let synthesis: SynthesisRun | undefined;
  let counters: SynthesisCounters | undefined;
  const paths = images.map(({ path }) => path);
  const said = new Set<string>();
  setMaxListeners(0); // every request under way listens for Ctrl-C
  const stopping = () => {
    progress.line("stopping when the requests under way are answered; Ctrl-C again ends at once");
  };
  options.signal?.addEventListener("abort", stopping, { once: true });
  try {
    for await (const event of synthesize(images, { ...options, store })) {
      switch (event.type) {
        case "started":
          synthesis = event.run;
          progress.line(describeRoles(event.run));
          break;
        case "counters":
        case "image":
        case "finished":
          counters = event.counters;
          progress.show(`making records of ${images.length} images:`, describeSynthesis(counters));
          break;
        case "pending":
          if (said.has(event.pending.error)) break;
          said.add(event.pending.error); // what fails for one image often fails for all
          for (const line of wrapText(`${event.pending.path}: ${event.pending.error}`)) progress.line(line);
          break;
        case "stage":
        case "kept":
        case "dropped":
          break;
      }
    }
    const complete = counters?.images.pending === 0;
    const fingerprint = synthesis?.fingerprint ?? "";
    // What another run made stays until this one is complete.
    const written: WrittenRecords =
      complete || (await store.mayReplace(out, fingerprint))
        ? await store.write(out, paths, fingerprint)
        : { records: 0, drops: 0, files: [] };
    progress.clear();
    if (json) console.log(JSON.stringify({ complete, ...written, run: synthesis, counters }, undefined, 2));
    else if (counters) {
      console.log(`${describeCounters(counters)}\n`);
      const took = formatDuration(performance.now() - begin);
      const say = (text: string) => console.log(wrapText(text).join("\n"));
      if (written.files.length > 0)
        say(`${written.records} records of ${images.length} images in ${took}: ${out}`);
      else say(`${out} is as it was: another run made it, and this one is not complete`);
      for (const note of notes) say(note);
      say(`journal, drops and provenance: ${folder}`);
      if (!complete)
        say(
          `${counters.images.pending} images are not done, as requests failed: the same command asks for the rest.`,
        );
    }
    return complete ? 0 : 1;
  } catch (error) {
    progress.clear();
    if (synthesis) {
      const { fingerprint } = synthesis;
      // What another run made stays until this one is done; and nothing here hides what went wrong.
      const mine = await store.mayReplace(out, fingerprint).catch(() => false);
      const written = mine ? await store.write(out, paths, fingerprint).catch(() => null) : null;
      const how = isAbort(error) ? "stopped" : "ended";
      const records = written ? `${written.records} records are in ${out}` : `${out} is as it was`;
      const rest = `${how}: ${records}, and every answer so far in ${folder}. The same command goes on from there and asks nothing twice.`;
      for (const line of wrapText(rest)) console.error(line);
    }
    throw error;
  } finally {
    await store.close();
  }
}
