/** Ask: a picture, a question, a response that streams, its reasoning apart from the answer. */
import { ImageDecodeError } from "../workers/client.ts";
import type { Message, RemotePolicy, TaskSpec, Thinktab } from "../workers/client.ts";
import { element, numberIn, visible } from "./dom.ts";
import { draw, sceneOf, toBitmap } from "./picture.ts";
import type { Picture } from "./picture.ts";
import { isAbort, showProblem } from "./problems.ts";
import { splitResponse } from "./response.ts";

const ui = {
  drop: element("drop", HTMLElement),
  preview: element("preview", HTMLCanvasElement),
  noPicture: element("no-picture", HTMLElement),
  chooseImage: element("choose-image", HTMLInputElement),
  randomScene: element("random-scene", HTMLButtonElement),
  form: element("ask-form", HTMLFormElement),
  question: element("question", HTMLTextAreaElement),
  mode: element("response-mode", HTMLSelectElement),
  ask: element("ask", HTMLButtonElement),
  stop: element("stop", HTMLButtonElement),
  thinking: element("thinking", HTMLDetailsElement),
  thoughts: element("thoughts", HTMLElement),
  answer: element("answer", HTMLElement),
  expected: element("expected", HTMLElement),
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
  /** Of the scene shown, while its question stands. */
  #gold: { question: string; answer: string } | undefined;

  /** @param task whose held-out scenes are shown. */
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
    if (kit && this.#scene === 0) void this.#showScene();
  }

  #enable(): void {
    const busy = this.#answering !== undefined;
    ui.ask.disabled = busy || this.#policy === undefined;
    ui.stop.disabled = !busy;
    ui.randomScene.disabled = busy || this.#kit === undefined;
  }

  async #showFile(file: File): Promise<void> {
    this.#answering?.abort();
    showProblem(ui.error);
    try {
      const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
        throw new ImageDecodeError(
          `${file.name}: the browser cannot decode it as an image (${String(cause)})`,
          { cause },
        );
      });
      this.#show(bitmap, file.name);
      this.#picture = file;
      this.#gold = undefined;
    } catch (error) {
      showProblem(ui.error, error);
    }
  }

  /** The next held-out scene of the task, with its question. */
  async #showScene(): Promise<void> {
    if (!this.#kit) return;
    showProblem(ui.error);
    try {
      const example = await this.#kit.example(this.task, this.#scene++, "test");
      const { picture, question } = sceneOf(example);
      if (!picture) return;
      this.#show(await toBitmap(picture), `scene ${this.#scene} of the built-in task`);
      this.#picture = picture;
      ui.question.value = question;
      this.#gold = example.answer === undefined ? undefined : { question, answer: example.answer };
    } catch (error) {
      showProblem(ui.error, error);
    }
  }

  #show(bitmap: ImageBitmap, name: string): void {
    draw(ui.preview, bitmap, `Picture: ${name}`);
    bitmap.close();
    ui.preview.hidden = false;
    ui.noPicture.hidden = true;
    this.#clear();
  }

  #clear(): void {
    ui.thinking.hidden = true;
    ui.thoughts.textContent = "";
    ui.answer.textContent = "";
    ui.expected.textContent = "";
    ui.note.textContent = "";
  }

  #respond(text: string, ended: boolean): void {
    const { thinking, answer } = splitResponse(visible(text), ended);
    ui.thinking.hidden = thinking === null;
    if (thinking !== null && ui.thoughts.textContent !== thinking) ui.thoughts.textContent = thinking;
    // Set only when it changes: a screen reader reads what is set.
    if (ui.answer.textContent !== answer) ui.answer.textContent = answer;
    ui.answer.scrollTop = ui.answer.scrollHeight;
    if (ended && this.#gold?.question === ui.question.value)
      ui.expected.textContent = `Right answer: ${this.#gold.answer}`;
  }

  async #ask(): Promise<void> {
    const policy = this.#policy;
    if (!policy || this.#answering) return;
    const answering = new AbortController();
    this.#answering = answering;
    this.#enable();
    showProblem(ui.error);
    this.#clear();
    ui.note.textContent = "Reading… (the first answer takes longer: shaders are compiled)";
    const content: Exclude<Message["content"], string> = [{ type: "text", text: ui.question.value }];
    if (this.#picture) content.unshift({ type: "image", image: this.#picture });
    const started = performance.now();
    const prefill = ui.mode.value;
    let text = prefill;
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
        ...(prefill !== "" && { prefill }),
        signal: answering.signal,
      };
      for await (const delta of policy.stream([{ role: "user", content }], options)) {
        first ||= performance.now();
        tokens += delta.tokens.length;
        text += delta.text;
        this.#respond(text, delta.finishReason !== undefined);
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
