/** The user's own images with questions and answers: kept in this browser until they are deleted. */
import { computed, signal } from "@preact/signals";
import { openDB } from "idb";
import type { IDBPDatabase } from "idb";
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

let lastId = 0;

/** Greater than those of this tab, and unlike those that another tab gives at the same time. */
function nextId(): number {
  lastId = Math.max(lastId + 1, Date.now() * 1000 + Math.floor(Math.random() * 1000));
  return lastId;
}

class OwnImages {
  readonly rows = signal<readonly OwnRow[]>([]);
  /** Why something was not taken. */
  readonly problem = signal<unknown>(null);
  /** Why the set, or a part of it, lasts only as long as the tab. */
  readonly unkept = signal<unknown>(null);
  /** What has to be done before the set can be trained on. */
  readonly missing = computed(() => whatIsMissing(this.rows.value));
  #restored = false;

  /** Takes what an earlier visit left. */
  async restore(): Promise<void> {
    if (this.#restored) return;
    this.#restored = true;
    await kept(async (rows) => {
      const found = (await rows.getAll(storeName)) as OwnRow[];
      if (this.rows.peek().length > 0) return; // something was added meanwhile
      this.rows.value = found;
      lastId = Math.max(lastId, ...found.map(({ id }) => id));
    });
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
  }

  change(id: number, change: Partial<OwnExample>): void {
    const row = this.rows.value.find((each) => each.id === id);
    if (!row) return;
    const changed = { ...row, ...change };
    this.rows.value = this.rows.value.map((each) => (each === row ? changed : each));
    void kept((rows) => rows.put(storeName, changed));
  }

  remove(id: number): void {
    this.rows.value = this.rows.value.filter((row) => row.id !== id);
    void kept((rows) => rows.delete(storeName, id));
  }

  clear(): void {
    this.rows.value = [];
    this.problem.value = null;
    this.unkept.value = null;
    void kept((rows) => rows.clear(storeName));
  }

  #add(examples: readonly OwnExample[], name = ""): void {
    const added = examples.map((example) => ({ ...example, id: nextId(), name }));
    this.rows.value = [...this.rows.value, ...added];
    void kept(async (rows) => {
      for (const row of added) await rows.put(storeName, row);
    });
  }
}

const storeName = "rows";
let opened: Promise<IDBPDatabase> | undefined;

/**
 * Does something with what is kept: a record for each row, so that a key typed writes no other row's image. In a
 * browser without storage, or with a full one, the set lasts as long as the tab, which is said: it can be exported.
 */
async function kept(work: (rows: IDBPDatabase) => Promise<unknown>): Promise<void> {
  let opening: Promise<IDBPDatabase> | undefined;
  try {
    opening = opened ??= openDB("thinktab-images", 1, {
      upgrade: (rows) => void rows.createObjectStore(storeName, { keyPath: "id" }),
    });
    await work(await opening);
  } catch (error) {
    ownImages.unkept.value = error;
    if (opened === opening) opened = undefined; // opened anew for what comes next
    void opening?.then(
      (rows) => rows.close(),
      () => undefined,
    );
  }
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
  const context = canvas.getContext("2d");
  if (context) {
    context.fillStyle = "#fff"; // JPEG knows no transparency: it would be black
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }
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
