/** The run file that is shown beside the page's own run. */
import { effect, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { isAbort } from "../components/problem.tsx";
import { settings } from "../state/settings.ts";
import { fetchRunFile, readRunFile } from "./run-file.ts";
import type { OpenedRun } from "./run-file.ts";

export class OpenedStore {
  readonly #run: Signal<OpenedRun | null> = signal(null);
  readonly #loading = signal("");
  readonly #problem: Signal<unknown> = signal(undefined);
  #controller: AbortController | undefined;

  readonly run: ReadonlySignal<OpenedRun | null> = this.#run;
  /** Name of what is being read; empty when nothing is. */
  readonly loading: ReadonlySignal<string> = this.#loading;
  /** Why the newest file was refused. The one before it stays open. */
  readonly problem: ReadonlySignal<unknown> = this.#problem;

  /** Opens what the address asks for, now and whenever it asks for something else. */
  followAddress(): () => void {
    let followed: string | null = null;
    return effect(() => {
      const asked = settings.tab.value === "compare" ? settings.params.value.get("run") : null;
      if (asked !== null && asked !== followed) void this.openAddress(asked);
      if (settings.tab.value === "compare") followed = asked;
    });
  }

  openFile(file: File): Promise<void> {
    return this.#open(file.name, () => readRunFile(file));
  }

  openAddress(address: string): Promise<void> {
    return this.#open(address, (aborted) => fetchRunFile(address, aborted));
  }

  close(): void {
    this.#controller?.abort();
    this.#run.value = null;
    this.#problem.value = undefined;
  }

  dismiss(): void {
    this.#problem.value = undefined;
  }

  async #open(name: string, read: (aborted: AbortSignal) => Promise<OpenedRun>): Promise<void> {
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    this.#loading.value = name;
    this.#problem.value = undefined;
    try {
      const run = await read(controller.signal);
      if (!controller.signal.aborted) this.#run.value = run;
    } catch (error) {
      if (!isAbort(error) && this.#controller === controller) this.#problem.value = error;
    } finally {
      if (this.#controller === controller) this.#loading.value = "";
    }
  }
}

export const opened = new OpenedStore();
