/** The user's own images with questions and answers: kept in this browser until they are deleted. */
import { computed, signal } from "@preact/signals";
import { openDB } from "idb";
import { ImageDecodeError } from "../../workers/client.ts";
import { parseImageSet, whatIsMissing } from "./image-set.ts";
import type { OwnExample } from "./image-set.ts";

/** A row of the editor. */
export interface OwnRow extends OwnExample {
  /** For the view: rows move when one is deleted. */
  id: number;
  /** What the image was called, for its description. */
  name: string;
}

/** Long edge of what is kept of a photo, pixels: as much as a small policy makes use of. */
const mostPixels = 512;
/** A file up to this size is kept as it is. */
const smallFileBytes = 48 * 1024;

/** Without a key for so long, what was typed is kept. */
const typingPauseMs = 300;

let nextId = 1;

class OwnImages {
  readonly rows = signal<readonly OwnRow[]>([]);
  /** Why something was not taken. */
  readonly problem = signal<unknown>(null);
  /** What has to be done before the set can be trained on. */
  readonly missing = computed(() => whatIsMissing(this.rows.value));
  #restored = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes what an earlier visit left. Where there is no storage, the set lasts as long as the tab. */
  async restore(): Promise<void> {
    if (this.#restored) return;
    this.#restored = true;
    try {
      const kept = (await (await database()).get(storeName, key)) as unknown;
      if (typeof kept === "string" && this.rows.value.length === 0)
        this.#add(parseImageSet(kept, "the set kept here"));
    } catch {
      // nothing to restore
    }
  }

  /** Adds images, and sets in JSON files. */
  async addFiles(files: readonly File[]): Promise<void> {
    this.problem.value = null;
    for (const file of files) {
      try {
        if (file.type === "application/json" || file.name.endsWith(".json"))
          this.#add(parseImageSet(await file.text(), file.name));
        else
          this.#add([{ image: await toDataUrl(file), question: "", answer: "", reasoning: "" }], file.name);
      } catch (error) {
        this.problem.value = error;
      }
    }
    await this.#keep();
  }

  change(id: number, change: Partial<OwnExample>): void {
    this.rows.value = this.rows.value.map((row) => (row.id === id ? { ...row, ...change } : row));
    // Not at each key: the set is written as a whole, images and all.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#keep(), typingPauseMs);
  }

  remove(id: number): void {
    this.rows.value = this.rows.value.filter((row) => row.id !== id);
    void this.#keep();
  }

  clear(): void {
    this.rows.value = [];
    this.problem.value = null;
    void this.#keep();
  }

  #add(examples: readonly OwnExample[], name = ""): void {
    const added = examples.map((example) => ({ ...example, id: nextId++, name }));
    this.rows.value = [...this.rows.value, ...added];
  }

  async #keep(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const rows = this.rows.value.map(({ image, question, answer, reasoning }) => ({
        image,
        question,
        answer,
        reasoning,
      }));
      await (await database()).put(storeName, JSON.stringify(rows), key);
    } catch {
      // a browser without storage, or a full one: the set lasts as long as the tab, and can be exported
    }
  }
}

const storeName = "sets";
const key = "own-images";

function database() {
  return openDB("thinktab-page", 1, { upgrade: (db) => void db.createObjectStore(storeName) });
}

/**
 * An image file as a data URL: small files as they are, others scaled down.
 * @throws ImageDecodeError when the browser cannot read it.
 */
async function toDataUrl(file: File): Promise<string> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    throw new ImageDecodeError(`${file.name}: this browser does not read it as an image`, { cause });
  }
  const scale = Math.min(1, mostPixels / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= smallFileBytes && file.type.startsWith("image/")) {
    bitmap.close();
    return readDataUrl(file);
  }
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  );
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return readDataUrl(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 }));
}

function readDataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(typeof reader.result === "string" ? reader.result : "");
    reader.onerror = () => reject(reader.error ?? new Error("the file cannot be read"));
    reader.readAsDataURL(blob);
  });
}

export const ownImages = new OwnImages();
