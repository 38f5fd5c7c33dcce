/** Ask: a picture, a question, an answer that streams. */
import { ImageDecodeError } from "../workers/client.ts";
import type { Message, RemotePolicy, TaskSpec, Thinktab } from "../workers/client.ts";
import { element, numberIn, visible } from "./dom.ts";
import { isAbort, showProblem } from "./problems.ts";

type Picture = Extract<Exclude<Message["content"], string>[number], { type: "image" }>["image"];

const ui = {
  drop: element("drop", HTMLElement),
  preview: element("preview", HTMLCanvasElement),
  noPicture: element("no-picture", HTMLElement),
  chooseImage: element("choose-image", HTMLInputElement),
  randomScene: element("random-scene", HTMLButtonElement),
  form: element("ask-form", HTMLFormElement),
  question: element("question", HTMLTextAreaElement),
  ask: element("ask", HTMLButtonElement),
  stop: element("stop", HTMLButtonElement),
  answer: element("answer", HTMLElement),
  note: element("answer-note", HTMLElement),
  error: element("ask-error", HTMLElement),
};

/** The part of the page that asks. `use` gives it the policy to ask; without one it waits. */
export class AskPanel {
  #kit: Thinktab | undefined;
  #policy: RemotePolicy | undefined;
  #picture: Picture | undefined;
  #answering: AbortController | undefined;
  #scene = 0;

  constructor(private readonly task: TaskSpec) {
    ui.chooseImage.addEventListener("change", () => {
      const [file] = ui.chooseImage.files ?? [];
      if (file) void this.#showFile(file);
      ui.chooseImage.value = ""; // the same file can be chosen again
    });
    ui.drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      ui.drop.classList.add("over");
    });
    for (const type of ["dragleave", "drop"])
      ui.drop.addEventListener(type, () => ui.drop.classList.remove("over"));
    ui.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const [file] = event.dataTransfer?.files ?? [];
      if (file) void this.#showFile(file);
    });
    ui.randomScene.addEventListener("click", () => void this.#showScene());
    ui.stop.addEventListener("click", () => this.#answering?.abort());
    ui.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#ask();
    });
  }

  use(kit: Thinktab | undefined, policy: RemotePolicy | undefined): void {
    this.#answering?.abort();
    this.#kit = kit;
    this.#policy = policy;
    this.#enable();
  }

  #enable(): void {
    const busy = this.#answering !== undefined;
    ui.ask.disabled = busy || this.#policy === undefined;
    ui.stop.disabled = !busy;
    ui.randomScene.disabled = this.#kit === undefined;
  }

  async #showFile(file: File): Promise<void> {
    showProblem(ui.error);
    try {
      const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
        throw new ImageDecodeError(
          `${file.name}: the browser cannot decode it as an image (${String(cause)})`,
          { cause },
        );
      });
      this.#draw(bitmap, file.name);
      bitmap.close();
      this.#picture = file;
    } catch (error) {
      showProblem(ui.error, error);
    }
  }

  /** The next scene of the task, with its question. */
  async #showScene(): Promise<void> {
    if (!this.#kit) return;
    showProblem(ui.error);
    try {
      const { messages } = await this.#kit.example(this.task, ++this.#scene);
      for (const part of messages.flatMap(({ content }) => (typeof content === "string" ? [] : content))) {
        if (part.type === "text") ui.question.value = part.text;
        if (part.type !== "image" || !isRgb(part.image)) continue;
        const { width, height, data } = part.image;
        const pixels = new ImageData(width, height);
        for (let i = 0; i < width * height; i++)
          pixels.data.set([data[i * 3], data[i * 3 + 1], data[i * 3 + 2], 255], i * 4);
        const bitmap = await createImageBitmap(pixels);
        this.#draw(bitmap, `scene ${this.#scene} of the built-in task`);
        this.#picture = part.image;
      }
    } catch (error) {
      showProblem(ui.error, error);
    }
  }

  #draw(bitmap: ImageBitmap, name: string): void {
    // A preview needs no more pixels than the screen shows of it.
    const scale = Math.min(1, 1024 / Math.max(bitmap.width, bitmap.height));
    ui.preview.width = Math.max(1, Math.round(bitmap.width * scale));
    ui.preview.height = Math.max(1, Math.round(bitmap.height * scale));
    ui.preview.classList.toggle("small", bitmap.width < 128);
    ui.preview.getContext("2d")?.drawImage(bitmap, 0, 0, ui.preview.width, ui.preview.height);
    ui.preview.setAttribute("aria-label", `Picture: ${name}`);
    ui.preview.hidden = false;
    ui.noPicture.hidden = true;
  }

  async #ask(): Promise<void> {
    const policy = this.#policy;
    if (!policy || this.#answering) return;
    const answering = new AbortController();
    this.#answering = answering;
    this.#enable();
    showProblem(ui.error);
    ui.answer.textContent = "";
    ui.note.textContent = "Thinking… (the first answer takes longer: shaders are compiled)";
    const content: Exclude<Message["content"], string> = [{ type: "text", text: ui.question.value }];
    if (this.#picture) content.unshift({ type: "image", image: this.#picture });
    const started = performance.now();
    let tokens = 0;
    let first = 0;
    const ended = (how: string) => {
      const seconds = (performance.now() - first) / 1000;
      const rate = tokens > 1 && seconds > 0 ? `, ${((tokens - 1) / seconds).toFixed(1)} per second` : "";
      ui.note.textContent = `${tokens} tokens${rate}; ${how}`;
    };
    try {
      const options = {
        temperature: numberIn("temperature"),
        maxNewTokens: numberIn("max-tokens"),
        seed: numberIn("ask-seed"),
        signal: answering.signal,
      };
      for await (const delta of policy.stream([{ role: "user", content }], options)) {
        first ||= performance.now();
        tokens += delta.tokens.length;
        ui.answer.append(visible(delta.text));
        ui.answer.scrollTop = ui.answer.scrollHeight;
        ended(`first token after ${((first - started) / 1000).toFixed(1)} s`);
        if (delta.finishReason) ended(delta.finishReason === "stop" ? "ended by itself" : "cut at the limit");
      }
    } catch (error) {
      if (isAbort(error)) ended("stopped");
      else {
        ui.note.textContent = "";
        showProblem(ui.error, error);
      }
    } finally {
      this.#answering = undefined;
      this.#enable();
    }
  }
}

function isRgb(image: Picture): image is Extract<Picture, { width: number; data: Uint8Array }> {
  return typeof image === "object" && "data" in image && image.data instanceof Uint8Array;
}
