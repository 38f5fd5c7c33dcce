/** The end of a run: accuracy before and after, examples that changed, files to take away. */
import { changedExamples } from "../workers/client.ts";
import type { Evaluation, Proportion, RunRecord, Thinktab } from "../workers/client.ts";
import { element, make, visible } from "./dom.ts";
import { draw, sceneOf, toBitmap } from "./picture.ts";
import { splitResponse } from "./response.ts";
import { duration, percent } from "./run-view.ts";

const ui = {
  result: element("result", HTMLElement),
  text: element("result-text", HTMLElement),
  table: element("result-table", HTMLTableElement),
  changed: element("changed", HTMLElement),
  weights: element("weights", HTMLElement),
  downloads: element("downloads", HTMLElement),
};

/** Files of a run's folder that are offered, and what their buttons say. */
const files: [label: string, file: string, type: string][] = [
  ["Download run", "run.json", "application/json"],
  ["Download adapter", "adapter_model.safetensors", "application/octet-stream"],
  ["Download adapter config", "adapter_config.json", "application/json"],
];

export interface Result {
  record: RunRecord;
  before: Evaluation | null;
  after: Evaluation | null;
}

export class ResultView {
  /** @param runName under which the engine keeps the run. */
  constructor(
    private readonly runName: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  hide(): void {
    ui.result.hidden = true;
    ui.changed.replaceChildren();
  }

  show({ record, before, after }: Result, kit: Thinktab): void {
    ui.result.hidden = false;
    ui.weights.textContent = `SHA-256 of the adapter’s weights: ${record.weightsSha256}. The same recipe gives the same on the same GPU and browser.`;
    ui.downloads.replaceChildren(
      ...files.map(([label, file, type]) => {
        const button = make("button", {}, label);
        button.type = "button";
        button.addEventListener("click", () => void this.#download(kit, file, type));
        return button;
      }),
    );
    const took = `${record.steps} steps in ${duration(record.wallMs / 1000)}`;
    ui.table.replaceChildren();
    ui.changed.replaceChildren();
    if (!before || !after) {
      ui.text.textContent = `${took}. Nothing was evaluated.`;
      return;
    }
    const [{ accuracy: was }, { accuracy: is }] = [before, after];
    ui.text.textContent =
      `${took}: of ${after.count} held-out scenes ${percent(was)} were right before and ${percent(is)} after; ` +
      `${percent(before.thinking)} of the responses thought before and ${percent(after.thinking)} after.`;
    this.#table(before, after);
    void this.#examples(before, after, record, kit).catch(this.onError);
  }

  #table(before: Evaluation, after: Evaluation): void {
    const head = ["Question", "Scenes", "Before", "After", "Change"];
    const cells = (name: string, count: string, was: string, is: string, change: string) => {
      const label = make("th", {}, name);
      label.scope = "row";
      return make("tr", {}, label, ...[count, was, is, change].map((text) => make("td", {}, text)));
    };
    const row = (name: string, was: Proportion, is: Proportion) =>
      cells(name, String(is.count), share(was), share(is), points(is.accuracy - was.accuracy));
    const all = row("all", before, after);
    all.className = "total";
    const kinds = Object.keys(after.byKind).filter((kind) => kind in before.byKind);
    ui.table.replaceChildren(
      make("caption", { class: "note" }, "Right answers, greedy, with the 95% interval."),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...head.map((text) => {
            const cell = make("th", {}, text);
            cell.scope = "col";
            return cell;
          }),
        ),
      ),
      make(
        "tbody",
        {},
        ...kinds.map((kind) => row(kind, before.byKind[kind], after.byKind[kind])),
        all,
        cells(
          "thinks first",
          "",
          percent(before.thinking),
          percent(after.thinking),
          points(after.thinking - before.thinking),
        ),
        cells(
          "tokens a response",
          "",
          before.meanLength.toFixed(1),
          after.meanLength.toFixed(1),
          signed(after.meanLength - before.meanLength),
        ),
      ),
    );
  }

  /** Examples that were wrong before and are right after, each with its picture. */
  async #examples(
    before: Evaluation,
    after: Evaluation,
    { recipe }: RunRecord,
    kit: Thinktab,
  ): Promise<void> {
    const { improved, worsened, shown } = changedExamples(before.results, after.results);
    const heading = `Wrong before and right now: ${improved} of the scenes; the other way round: ${worsened}.`;
    const cards = shown.map(async ({ before: was, after: is }) => {
      // An evaluation takes the examples of seeds 0, 1, 2, …
      const seed = after.results.findIndex(({ id }) => id === is.id);
      const scene = sceneOf(await kit.example(recipe.task, seed, recipe.evaluation.split));
      const canvas = make("canvas");
      if (scene.picture) {
        const bitmap = await toBitmap(scene.picture);
        draw(canvas, bitmap, `Picture: ${is.id}`);
        bitmap.close();
      }
      return make(
        "article",
        {},
        canvas,
        make(
          "dl",
          {},
          make("dt", {}, "question"),
          make("dd", {}, `${scene.question} (${is.answer ?? "no answer stated"})`),
          make("dt", {}, "before"),
          make("dd", {}, ...responseNodes(was.text)),
          make("dt", {}, "after"),
          make("dd", {}, ...responseNodes(is.text)),
        ),
      );
    });
    ui.changed.replaceChildren(make("p", {}, heading), ...(await Promise.all(cards)));
  }

  async #download(kit: Thinktab, file: string, type: string): Promise<void> {
    try {
      const bytes = await kit.runFile(this.runName, file);
      if (!bytes) return;
      const link = make("a");
      link.href = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type }));
      link.download = file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      this.onError(error);
    }
  }
}

function responseNodes(text: string): (Node | string)[] {
  const { thinking, answer } = splitResponse(visible(text), true);
  const shown = answer === "" ? "(nothing)" : answer;
  return thinking === null ? [shown] : [make("span", { class: "note" }, `${thinking} → `), shown];
}

function share({ accuracy, interval: [low, high] }: Proportion): string {
  return `${percent(accuracy)} (${Math.round(low * 100)}–${Math.round(high * 100)})`;
}

function points(value: number): string {
  return signed(value * 100);
}

function signed(value: number): string {
  const text = value.toFixed(1);
  return Number(text) > 0 ? `+${text}` : text.replace("-", "−").replace(/^−(0\.0)$/, "$1");
}
