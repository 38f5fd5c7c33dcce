/** The picture that is asked about: a file of the user's, a held-out scene of the built-in task, or a drawn one. */
import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";
import { ImageDecodeError, ownScene, questionsAbout } from "../../workers/client.ts";
import type { SceneQuestion, TaskExample, Thing, Thinktab } from "../../workers/client.ts";
import type { ShapesExample } from "../../src/tasks/shapes.ts";
import { sceneOf } from "../components/pictures.ts";
import type { Pixels } from "../components/pictures.ts";
import type { LinkedScene } from "./ask-link.ts";
import { inWords } from "./layout-code.ts";

export type AskedPicture =
  /** `preview` has the pixels of a screen: a photograph's own would be decoded anew whenever it is drawn. */
  | { kind: "file"; name: string; image: File; preview: ImageBitmap }
  | {
      kind: "test";
      seed: number;
      image: Pixels;
      things: readonly Thing[];
      /** The scene's own. */
      question: SceneQuestion | null;
    }
  | { kind: "drawn"; seed: number; image: Pixels; things: readonly Thing[] };

/** What the editor begins with. */
const firstDrawing: readonly Thing[] = [
  { cell: 0, colour: "red", shape: "circle" },
  { cell: 4, colour: "blue", shape: "square" },
  { cell: 5, colour: "red", shape: "triangle" },
];

/** Pixels of a preview's longer edge: more than the page shows, also of a dense screen. */
const previewEdge = 1024;

export class PictureStore {
  readonly #picture = signal<AskedPicture | null>(null);
  readonly picture: ReadonlySignal<AskedPicture | null> = this.#picture;
  /** Whether cells of the picture are being filled. */
  readonly drawing = signal(false);
  readonly problem = signal<unknown>(null);
  /** For screen readers, and under the picture. */
  readonly name = computed(() => nameOf(this.#picture.value));
  /** Every question that the task could ask about the scene; none for a file. */
  readonly questions = computed((): SceneQuestion[] => {
    const picture = this.#picture.value;
    if (!picture || picture.kind === "file") return [];
    const about = picture.things.length > 0 ? questionsAbout(picture.things, picture.seed) : [];
    return picture.kind === "test" && picture.question ? [picture.question, ...about] : about;
  });
  #nextScene = 0;
  /** Counts the pictures that were asked for: one that arrives late does not replace a newer one. */
  #wanted = 0;

  /** Grows with every picture that is asked for. */
  get wanted(): number {
    return this.#wanted;
  }

  async showFile(file: File): Promise<void> {
    const wanted = ++this.#wanted;
    this.problem.value = null;
    let preview: ImageBitmap;
    try {
      preview = await decodePreview(file);
    } catch (cause) {
      if (wanted === this.#wanted)
        this.problem.value = new ImageDecodeError(
          `${file.name}: the browser cannot decode it as an image (${String(cause)})`,
          { cause },
        );
      return;
    }
    if (wanted !== this.#wanted) return;
    this.drawing.value = false;
    this.#picture.value = { kind: "file", name: file.name || "pasted picture", image: file, preview };
  }

  /**
   * Shows a held-out scene: the given one, or the next.
   * @returns its question, or null when something else is shown by now.
   */
  async showTestScene(kit: Thinktab, seed = this.#nextScene++): Promise<string | null> {
    const wanted = ++this.#wanted;
    this.problem.value = null;
    try {
      const example = await kit.example({ name: "shapes" }, seed, "test");
      const { picture, question } = sceneOf(example);
      if (wanted !== this.#wanted || !picture) return null;
      this.drawing.value = false;
      this.#picture.value = { kind: "test", seed, image: picture, ...layoutOf(example) };
      return question;
    } catch (error) {
      if (wanted === this.#wanted) this.problem.value = error;
      return null;
    }
  }

  /** Begins to draw: with what is in the scene shown, where there is one. */
  startDrawing(): void {
    const picture = this.#picture.value;
    if (picture?.kind !== "drawn")
      this.showDrawn(picture?.kind === "test" ? picture.things : firstDrawing, 1);
    this.drawing.value = true;
  }

  /** Shows a picture of before. */
  show(picture: AskedPicture): void {
    this.#wanted++;
    this.problem.value = null;
    this.drawing.value = false;
    this.#picture.value = picture;
  }

  showDrawn(things: readonly Thing[], seed: number): void {
    this.#wanted++;
    this.problem.value = null;
    this.#picture.value = { kind: "drawn", seed, things, image: ownScene(things, seed) };
  }

  /** Puts a thing into a cell, in the place of what is there; the same once more takes it away, as does null. */
  place(cell: number, wanted: Pick<Thing, "colour" | "shape"> | null): void {
    const picture = this.#picture.value;
    if (picture?.kind !== "drawn") return;
    const there = picture.things.find((thing) => thing.cell === cell);
    const same = there && wanted && there.colour === wanted.colour && there.shape === wanted.shape;
    const others = picture.things.filter((thing) => thing.cell !== cell);
    this.showDrawn(same || !wanted ? others : [...others, { cell, ...wanted }], picture.seed);
  }

  /** The scene as a link has it; null for a file. */
  get linked(): LinkedScene | null {
    const picture = this.#picture.value;
    if (!picture || picture.kind === "file") return null;
    const { kind, seed, things } = picture;
    return kind === "test" ? { kind, seed } : { kind, seed, things };
  }
}

async function decodePreview(file: File): Promise<ImageBitmap> {
  const whole = await createImageBitmap(file);
  const scale = previewEdge / Math.max(whole.width, whole.height);
  if (scale >= 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((edge) =>
    Math.max(1, Math.round(edge * scale)),
  );
  try {
    return await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
  } finally {
    whole.close();
  }
}

/** What the page draws of a picture. */
export function pixelsOf(picture: AskedPicture): ImageBitmap | Pixels {
  return picture.kind === "file" ? picture.preview : picture.image;
}

function nameOf(picture: AskedPicture | null): string {
  if (!picture) return "none yet";
  if (picture.kind === "file") return picture.name;
  const what = picture.kind === "test" ? `scene ${picture.seed + 1} of the built-in task` : "drawn scene";
  return `${what} (${inWords(picture.things)})`;
}

/** What is in a scene of the built-in task, as its example says besides what every task's does. */
function layoutOf(example: TaskExample): { things: Thing[]; question: SceneQuestion | null } {
  if (!isShapes(example)) return { things: [], question: null };
  const { kind, problem, answer, scene } = example;
  const things = scene.objects.map(({ cell, colour, shape }) => ({ cell, colour, shape }));
  return { things, question: { kind, problem, answer } };
}

function isShapes(example: TaskExample): example is ShapesExample {
  return "scene" in example && "problem" in example;
}
