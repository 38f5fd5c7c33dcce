/** The configuration of a synthesis in Node: read from a file, its prompts from theirs, its keys from the environment. */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { ModelHost } from "../language-models/open.ts";
import { parseSynthesisConfig, type RoleConfig, type SynthesisConfig } from "../synthesis/config.ts";
import type { SynthesisImage } from "../synthesis/image-source.ts";
import { parsePrompt, type SynthesisPrompt } from "../synthesis/prompts.ts";
import { askingStages, type AskingStage } from "../synthesis/stages.ts";
import { InvalidOptionError, MissingFileError } from "../util/errors.ts";
import { UsageError } from "./arguments.ts";

/** A configuration with its prompts read. */
export interface ReadConfig extends Omit<SynthesisConfig, "prompts"> {
  prompts: Partial<Record<AskingStage, SynthesisPrompt>>;
}

/**
 * Reads a file of YAML or JSON. Nothing of it is quoted in messages: somebody may have put a key there.
 * @throws MissingFileError, InvalidOptionError
 */
export async function readSynthesisConfig(path: string): Promise<ReadConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new MissingFileError(`${path}: no such file, expected a configuration in YAML or JSON`, { cause });
  });
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [fault] = parsed.errors;
  if (fault) {
    const { line } = lines.linePos(fault.pos[0]);
    throw new InvalidOptionError(path, `a fault in line ${line} (${fault.code})`, "YAML or JSON");
  }
  const { prompts = {}, ...config } = parseSynthesisConfig(parsed.toJS());
  const read: Partial<Record<AskingStage, SynthesisPrompt>> = {};
  for (const stage of askingStages) {
    const prompt = prompts[stage];
    if (prompt === undefined) continue;
    read[stage] = parsePrompt(
      stage,
      typeof prompt === "string" ? prompt : await promptFile(resolve(dirname(path), prompt.file)),
    );
  }
  return { ...config, prompts: read };
}

async function promptFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw new MissingFileError(`${path}: no such file, expected the words of a prompt`, { cause });
  });
}

/**
 * What gives endpoints their keys: the variable that the model's configuration names, or the one for all.
 * @throws UsageError for a variable that is not set.
 */
export function keysFromEnvironment(
  keyEnv: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): (config: RoleConfig) => ModelHost {
  return (config) => {
    const name = config.keyEnv ?? (config.kind === "openai" ? keyEnv : undefined);
    if (name === undefined) return {};
    const key = environment[name];
    if (key === undefined || key.trim() === "")
      throw new UsageError(
        `the environment variable ${name} is not set, expected the key of an endpoint in it`,
      );
    return { key };
  };
}

const imageEndings = /\.(?:png|jpe?g|webp|gif|avif|tiff?)$/i;

/**
 * The images in a folder and the folders in it, by their paths in alphabetical order. Hidden ones are left out.
 * @throws MissingFileError when there is no such folder, or no image in it.
 */
export async function imagesInFolder(folder: string): Promise<SynthesisImage[]> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory())
    throw new MissingFileError(
      `${folder}: ${found ? "got a file" : "no such folder"}, expected a folder of images`,
    );
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory() && imageEndings.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.split("/").some((part) => part.startsWith(".")))
    .sort();
  if (paths.length === 0)
    throw new MissingFileError(
      `${folder}: no image in it, expected PNG, JPEG, WebP, GIF, AVIF or TIFF files`,
    );
  return paths.map((path) => ({
    path,
    read: async (signal) => new Uint8Array(await readFile(join(folder, path), { signal })),
  }));
}
