import { expectRange, type Bytes, type FileSource, type ReadOptions } from "../../storage/source.ts";
import { CorruptFileError, MissingFileError } from "../../util/errors.ts";
import type { ImageLookup } from "./lookup.ts";
import { zipImages } from "./zip-images.ts";

/** A file that was cut into parts, as `split -b` names them: image.zip.part-aa, -ab, … */
export interface SplitFile {
  /** The parts as one file, under the name that they have in common. Nothing is copied. */
  source: FileSource;
  path: string;
  parts: readonly { name: string; bytes: number }[];
}

const letters = Array.from("abcdefghijklmnopqrstuvwxyz");

/** "aa", "ab", … "zz". */
function suffix(index: number): string {
  return letters[Math.floor(index / 26)] + letters[index % 26];
}

/** The name that a part's name begins with: "image.zip" of "image.zip.part-ab"; null where it is no part's. */
export function partStem(name: string): string | null {
  return /^(.+)\.part-[a-z]{2}$/.exec(name)?.[1] ?? null;
}

/**
 * Opens the parts of a file for random access.
 * @param stem what the parts' names begin with: "image.zip".
 * @throws MissingFileError naming parts that are missing between others; CorruptFileError naming parts that are shorter
 *   than the rest. Whether parts are missing behind the last one, only the archive inside can tell.
 */
export async function openSplitFile(
  source: FileSource,
  stem: string,
  options?: ReadOptions,
): Promise<SplitFile> {
  const partName = (index: number) => `${stem}.part-${suffix(index)}`;
  const found: number[] = [];
  // Sources have no listing. A file has hundreds of parts at most; a gap of a whole letter is its end.
  for (let first = 0; first < 26 * 26; first += 26) {
    const there = await Promise.all(
      letters.map((_, offset) => source.exists(partName(first + offset), options)),
    );
    if (!there.some(Boolean)) break;
    there.forEach((exists, offset) => exists && found.push(first + offset));
  }
  const last = found.at(-1);
  if (last === undefined) throw new MissingFileError(`${partName(0)}: not found in ${source.name}`);
  const missing = Array.from({ length: last + 1 }, (_, index) => index).filter(
    (index) => !found.includes(index),
  );
  if (missing.length > 0) {
    throw new MissingFileError(
      `${missing.map(partName).join(", ")}: not found in ${source.name}, which has ${found.length} parts up to ` +
        partName(last),
    );
  }
  const parts = await Promise.all(
    found.map(async (index) => ({
      name: partName(index),
      bytes: await source.size(partName(index), options),
    })),
  );
  checkSizes(source, parts);
  return { source: joined(source, stem, parts), path: stem, parts };
}

/** All parts but the last are as long as each other, and the last is not longer. */
function checkSizes(source: FileSource, parts: SplitFile["parts"]): void {
  const full = Math.max(...parts.map(({ bytes }) => bytes));
  const short = parts.slice(0, -1).filter(({ bytes }) => bytes < full);
  if (short.length === 0) return;
  const named = short.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(", ");
  throw new CorruptFileError(
    `${named} in ${source.name}: truncated, expected ${full} bytes as in the longest part`,
  );
}

function joined(source: FileSource, stem: string, parts: SplitFile["parts"]): FileSource {
  let total = 0;
  const spans = parts.map(({ name, bytes }) => ({ name, begin: total, end: (total += bytes) }));
  const check = (path: string) => {
    if (path !== stem)
      throw new MissingFileError(`${path}: not found in the parts of ${stem} in ${source.name}`);
  };
  return {
    name: source.name,
    exists: (path) => Promise.resolve(path === stem),
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    size: async (path) => {
      check(path);
      return total;
    },
    read: async (path, begin = 0, end = total, options) => {
      check(path);
      expectRange(source.name, path, begin, end, total);
      const bytes: Bytes = new Uint8Array(end - begin);
      for (const span of spans) {
        const from = Math.max(begin, span.begin);
        const to = Math.min(end, span.end);
        if (from >= to) continue;
        const piece = await source.read(span.name, from - span.begin, to - span.begin, options);
        bytes.set(piece, from - begin);
      }
      return bytes;
    },
  };
}

/**
 * The images of a zip archive that was cut into parts.
 * @throws as `openSplitFile` does; CorruptFileError saying which part is truncated or missing where the archive
 *   lacks its end, or bytes before it.
 */
export async function splitZipImages(
  source: FileSource,
  stem: string,
  options?: ReadOptions,
): Promise<ImageLookup> {
  const file = await openSplitFile(source, stem, options);
  const { parts } = file;
  const last = parts[parts.length - 1];
  return zipImages(file, {
    ...options,
    explainCut: (missingBytes) => {
      if (missingBytes === undefined) {
        const next = `${stem}.part-${suffix(parts.length)}`;
        return `${last.name} (${last.bytes} bytes) is truncated, or ${next} and what follows is missing`;
      }
      // Parts of equal length hide a cut only where there are two, of which the first is still the longer.
      const names = parts.slice(0, -1).map(({ name }) => name);
      const which =
        names.length === 1 ? names[0] : `one of ${names[0]} to ${names[names.length - 1] ?? last.name}`;
      return `${names.length === 0 ? last.name : which} is truncated by ${missingBytes} bytes`;
    },
  });
}
