/** The evaluation of the page: its table, how far it is, its report. */
import { batch, computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type {
  DataFiles,
  EvaluationFile,
  EvaluationFiles,
  EvaluationRequest,
  KeptEvaluation,
  ListedBenchmark,
  RemoteEvaluations,
  RemotePolicy,
  ShownAnswer,
  ShownEvaluationEvent,
  ShownReport,
  ToyTable,
} from "../../workers/client.ts";
import { CorruptFileError } from "../../workers/client.ts";
import type { EvaluationComparison } from "../../src/evaluation/runs/compare.ts";
import { chosenFiles } from "../data/files.ts";
import { dataWorker } from "../state/data-worker.ts";
import { session } from "../state/session.ts";
import { evaluateForm } from "./evaluate-form.ts";
import { tally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** In this browser's storage; one at a time. */
const name = "page";

/** A toy table answers in a few words; behind a trace of the grid, in a few more. */
const toyTokens = 96;

export type EvaluateState = "idle" | "running" | "scoring" | "stopping";

class EvaluateStore {
  /** "": by file name or columns; else a name of the registry, or a way of scoring. */
  readonly choice = signal("");
  readonly problem: Signal<unknown> = signal(null);
  readonly compareProblem: Signal<unknown> = signal(null);

  readonly #table: Signal<DataFiles | null> = signal(null);
  readonly #images: Signal<DataFiles | null> = signal(null);
  readonly #known = signal<{ known: ListedBenchmark[]; scoring: string[] }>({ known: [], scoring: [] });
  readonly #benchmark = signal<ListedBenchmark | null>(null);
  readonly #state = signal<EvaluateState>("idle");
  readonly #scanned = signal<number | null>(null);
  readonly #scored = signal<{ done: number; total: number } | null>(null);
  readonly #total = signal<number | null>(null);
  readonly #answers = signal<readonly ShownAnswer[]>([]);
  readonly #unanswered = signal<readonly { index: string; error: string }[]>([]);
  readonly #kept = signal<Pick<KeptEvaluation, "benchmark" | "settings"> | null>(null);
  readonly #report = signal<ShownReport | null>(null);
  readonly #broken = signal(false);
  readonly #unkept = signal<string | null>(null);
  readonly #comparison = signal<EvaluationComparison | null>(null);

  readonly table: ReadonlySignal<DataFiles | null> = this.#table;
  readonly images: ReadonlySignal<DataFiles | null> = this.#images;
  readonly known: ReadonlySignal<{ known: ListedBenchmark[]; scoring: string[] }> = this.#known;
  /** How the table is scored; null until it is known. */
  readonly benchmark: ReadonlySignal<ListedBenchmark | null> = this.#benchmark;
  readonly state: ReadonlySignal<EvaluateState> = this.#state;
  /** Rows looked through before anything is asked; null at other times. */
  readonly scanned: ReadonlySignal<number | null> = this.#scanned;
  readonly scored: ReadonlySignal<{ done: number; total: number } | null> = this.#scored;
  /** Questions of the run; null before one. */
  readonly total: ReadonlySignal<number | null> = this.#total;
  readonly answers: ReadonlySignal<readonly ShownAnswer[]> = this.#answers;
  readonly unanswered: ReadonlySignal<readonly { index: string; error: string }[]> = this.#unanswered;
  /** The run that is kept; null without one. */
  readonly kept: ReadonlySignal<Pick<KeptEvaluation, "benchmark" | "settings"> | null> = this.#kept;
  readonly report: ReadonlySignal<ShownReport | null> = this.#report;
  /** What is kept cannot be read, and can only be forgotten. */
  readonly broken: ReadonlySignal<boolean> = this.#broken;
  /** Why nothing is kept beyond this tab; null where it is. */
  readonly unkept: ReadonlySignal<string | null> = this.#unkept;
  readonly comparison: ReadonlySignal<EvaluationComparison | null> = this.#comparison;
  readonly tally: ReadonlySignal<Tally> = computed(() => tally(this.#answers.value));
  readonly title: ReadonlySignal<string> = computed(() => titleOf(this.#table.value));
  /** Where pictures of the answers are to be had: another object whenever that changes; null where they are not. */
  readonly pictured: ReadonlySignal<object | null> = computed(() => {
    const [table, images, kept] = [this.#table.value, this.#images.value, this.#kept.value];
    const file = this.title.value.split(/[\\/]/).at(-1);
    return table !== null && file === kept?.settings.data.file ? { table, images } : null;
  });
  /** What is missing before it can start; "" when nothing is. */
  readonly missing: ReadonlySignal<string> = computed(() =>
    this.#table.value === null ? "Choose a table first." : evaluateForm.missing.value,
  );

  #controller: AbortController | undefined;
  #looking: AbortController | undefined;

  /** The registry, and what an earlier visit left. */
  async recall(): Promise<void> {
    try {
      const evaluations = await this.#evaluations();
      this.#known.value = await evaluations.benchmarks();
      const kept = await evaluations.kept(name);
      if (kept && this.#state.peek() === "idle") this.#show(kept);
    } catch (error) {
      // Where there is nothing to recall, a run says what is wrong when it is started.
      if (error instanceof CorruptFileError) this.#tellBroken(error);
    }
  }

  /**
   * Files that were picked or dropped: a table, its images, or both. Ignored while a run goes on.
   * @param kind images only: a folder of them may hold tables too.
   */
  addFiles(files: readonly File[], kind?: "images"): void {
    if (this.#state.peek() !== "idle") return;
    try {
      const { data, images } = chosenFiles(files, kind);
      batch(() => {
        // Images that came before their table are its own; those of the table before are not.
        if (images) this.#images.value = images;
        else if (this.#table.peek() !== null) this.#images.value = null;
        if (data) this.#choose(new Map([[data.name, data]]));
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  openAddress(table: string, images: string): void {
    this.#images.value = images === "" ? null : images;
    this.#choose(table);
  }

  /** A small table about toy scenes, with options that suit it. */
  async chooseToy(kind: ToyTable): Promise<void> {
    try {
      const table = await (await this.#evaluations()).toyTable(kind);
      batch(() => {
        this.choice.value = "";
        this.#images.value = null;
        if (kind === "questions") evaluateForm.suitToy(toyTokens);
        this.#choose(table);
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  score(choice: string): void {
    this.choice.value = choice;
    void this.#look();
  }

  /** Starts, or goes on with what was begun: nothing is asked twice. */
  async start(): Promise<void> {
    const table = this.#files();
    if (this.#state.peek() !== "idle" || !table) return;
    await this.#follow("running", evaluateForm.asksPolicy(), (evaluations, options) => {
      const request: EvaluationRequest = {
        name,
        table,
        answerer: evaluateForm.answerer(),
        concurrency: evaluateForm.concurrency.peek(),
        ...evaluateForm.options(),
        ...evaluateForm.scoring(),
      };
      return evaluations.run(request, options);
    });
  }

  /** Scores the answers again, by the options as they are now. */
  async rescore(): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    await this.#follow("scoring", evaluateForm.judgedBy.peek() === "policy", (evaluations, options) =>
      evaluations.rescore(name, evaluateForm.scoring(), options),
    );
  }

  stop(): void {
    if (this.#state.peek() === "idle") return;
    this.#state.value = "stopping";
    this.#controller?.abort(new DOMException("stopped by the user", "AbortError"));
  }

  /** Forgets the run, its answers included. */
  async forget(): Promise<void> {
    if (this.#state.peek() !== "idle") return;
    try {
      await (await this.#evaluations()).clear(name);
      batch(() => {
        this.problem.value = null;
        this.#broken.value = false;
        this.#kept.value = null;
        this.#answers.value = [];
        this.#unanswered.value = [];
        this.#total.value = null;
        this.#report.value = null;
        this.#comparison.value = null;
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** The run beside the samples of another one. */
  async compare(file: File): Promise<void> {
    this.compareProblem.value = null;
    try {
      const evaluations = await this.#evaluations();
      this.#comparison.value = await evaluations.compare(name, file, file.name);
    } catch (error) {
      batch(() => {
        this.#comparison.value = null;
        this.compareProblem.value = error;
      });
    }
  }

  async file(kind: EvaluationFile): Promise<Blob | null> {
    try {
      return await (await this.#evaluations()).file(name, kind);
    } catch (error) {
      this.problem.value = error;
      return null;
    }
  }

  /** Images of rows, where their table is at hand. */
  async imagesOf(indices: readonly string[]): Promise<ReadonlyMap<string, Blob[]>> {
    const table = this.#files();
    if (!table) return new Map();
    const images = await (await this.#evaluations()).images(table, indices);
    return new Map(Array.from(images, ([index, list]) => [index, list.map((bytes) => new Blob([bytes]))]));
  }

  #choose(table: DataFiles): void {
    this.#table.value = table;
    void this.#look();
  }

  /** Finds out how the table is scored. */
  async #look(): Promise<void> {
    const table = this.#files();
    if (!table) return;
    this.#looking?.abort();
    const controller = new AbortController();
    this.#looking = controller;
    batch(() => {
      this.#benchmark.value = null;
      this.problem.value = null;
    });
    try {
      const found = await (await this.#evaluations()).benchmarkOf(table, controller.signal);
      if (this.#looking === controller) this.#benchmark.value = found;
    } catch (error) {
      if (this.#looking === controller) this.problem.value = error;
    }
  }

  #files(): EvaluationFiles | null {
    const table = this.#table.peek();
    const images = this.#images.peek();
    const choice = this.choice.peek();
    if (table === null) return null;
    return { data: table, ...(images !== null && { images }), ...(choice !== "" && { benchmark: choice }) };
  }

  async #follow(
    state: "running" | "scoring",
    asksPolicy: boolean,
    begin: (
      evaluations: RemoteEvaluations,
      options: { keys: ReadonlyMap<string, string>; signal: AbortSignal; policy?: RemotePolicy },
    ) => AsyncGenerator<ShownEvaluationEvent, void, void>,
  ): Promise<void> {
    const controller = new AbortController();
    this.#controller = controller;
    batch(() => {
      this.problem.value = null;
      this.#comparison.value = null;
      this.#unanswered.value = [];
      this.#state.value = state;
    });
    const { signal } = controller;
    let release: (() => void) | undefined;
    try {
      // All its answers are of the same weights.
      if (asksPolicy) release = session.hold("evaluation");
      const evaluations = await this.#evaluations();
      const policy = asksPolicy ? (await session.ready({ signal })).policy : null;
      const options = { keys: evaluateForm.keys(), signal, ...(policy && { policy }) };
      for await (const event of begin(evaluations, options)) this.#take(event);
    } catch (error) {
      this.problem.value = error;
      // Answers may have been kept that were still on their way here.
      await this.#recallKept();
    } finally {
      release?.();
      batch(() => {
        this.#state.value = "idle";
        this.#scanned.value = null;
        this.#scored.value = null;
      });
    }
  }

  #take(event: ShownEvaluationEvent): void {
    switch (event.type) {
      case "scanning":
        this.#scanned.value = event.rows;
        break;
      case "begun":
        batch(() => {
          this.#scanned.value = null;
          this.#report.value = null;
          this.#unkept.value = event.unkept;
          this.#total.value = event.total;
          this.#answers.value = event.answers;
          const benchmark = this.#benchmark.peek();
          this.#kept.value = benchmark && { benchmark, settings: event.settings };
        });
        break;
      case "answered":
        this.#answers.value = [...this.#answers.peek(), event.answer];
        break;
      case "unanswered":
        this.#unanswered.value = [...this.#unanswered.peek(), { index: event.index, error: event.error }];
        break;
      case "scoring":
        this.#scored.value = { done: event.done, total: event.total };
        break;
      case "finished":
        batch(() => {
          this.#report.value = event.report;
          this.#answers.value = event.answers;
        });
    }
  }

  async #recallKept(): Promise<void> {
    try {
      const kept = await (await this.#evaluations()).kept(name);
      if (kept) this.#show(kept);
    } catch (error) {
      // otherwise the error that is shown already says more
      if (error instanceof CorruptFileError) this.#tellBroken(error);
    }
  }

  #tellBroken(error: CorruptFileError): void {
    batch(() => {
      this.problem.value = error;
      this.#broken.value = true;
    });
  }

  #show(kept: KeptEvaluation): void {
    const { benchmark, settings, answers, report } = kept;
    batch(() => {
      this.#kept.value = { benchmark, settings };
      this.#answers.value = answers;
      this.#total.value = settings.selection.rows;
      this.#report.value = report;
    });
  }

  async #evaluations(): Promise<RemoteEvaluations> {
    return (await dataWorker()).evaluations();
  }
}

function titleOf(table: DataFiles | null): string {
  if (table === null) return "";
  if (typeof table === "string") return table;
  const [first] = table instanceof Map ? table.keys() : [];
  return typeof first === "string" ? first : "a table";
}

export const evaluate = new EvaluateStore();
