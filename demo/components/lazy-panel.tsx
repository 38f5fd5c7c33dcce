/** A part of the page that is fetched when the first one is there: nobody waits for what they do not see yet. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { Problem } from "./problem.tsx";

export interface LazyPanel {
  panel: ComponentType;
  /** Fetches the part, once; again after it failed. */
  fetch(): Promise<void>;
}

export function lazyPanel(load: () => Promise<ComponentType>): LazyPanel {
  const loaded = signal<ComponentType | null>(null);
  const problem = signal<unknown>(null);
  let fetching: Promise<void> | undefined;

  const fetch = () => {
    fetching ??= load().then(
      (component) => {
        problem.value = null;
        loaded.value = component;
      },
      (error: unknown) => {
        problem.value = error;
        fetching = undefined;
      },
    );
    return fetching;
  };

  function Panel() {
    const Component = loaded.value;
    if (Component) return <Component />;
    if (problem.value === null) return <p class="note">Loading…</p>;
    return (
      <>
        <Problem error={problem.value} />
        <p>
          <button type="button" class="secondary outline" onClick={() => void fetch()}>
            Try again
          </button>
        </p>
      </>
    );
  }
  return { panel: Panel, fetch };
}
