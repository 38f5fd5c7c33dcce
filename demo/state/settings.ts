/** What the user chose of the page itself: the theme, and the tab, which is in the address. */
import { computed, effect, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { parsePlace, placeHash } from "./place.ts";
import type { Place, TabName } from "./place.ts";

export type { TabName } from "./place.ts";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const themeKey = "thinktab-theme";

class Settings {
  readonly theme: Signal<Theme> = signal(storedTheme());
  readonly #systemDark = signal(false);
  /** Whether the page is dark now, by choice or by the system's. */
  readonly dark: ReadonlySignal<boolean> = computed(() =>
    this.theme.value === "auto" ? this.#systemDark.value : this.theme.value === "dark",
  );
  readonly #place = signal<Place>(parsePlace(location.hash));
  readonly tab: ReadonlySignal<TabName> = computed(() => this.#place.value.tab);
  readonly params: ReadonlySignal<URLSearchParams> = computed(() => this.#place.value.params);

  constructor() {
    addEventListener("hashchange", () => (this.#place.value = parsePlace(location.hash)));
    const system = matchMedia("(prefers-color-scheme: dark)");
    this.#systemDark.value = system.matches;
    system.addEventListener("change", ({ matches }) => (this.#systemDark.value = matches));
    effect(() => {
      document.documentElement.dataset.theme = this.dark.value ? "dark" : "light";
      keepTheme(this.theme.value);
    });
  }

  /** Opens a tab; the browser's back button leads to the one before. */
  open(tab: TabName, params?: Readonly<Record<string, string>>): void {
    location.hash = placeHash(tab, params);
  }

  /** The address that opens a tab, to be shared. */
  link(tab: TabName, params?: Readonly<Record<string, string>>): string {
    return new URL(placeHash(tab, params), location.href).href;
  }
}

/** Storage may be refused, e.g. by a browser that blocks all of a site's data: the choice then lasts as long as the tab. */
function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(themeKey);
    return themes.find((theme) => theme === stored) ?? "auto";
  } catch {
    return "auto";
  }
}

function keepTheme(theme: Theme): void {
  try {
    if (theme === "auto") localStorage.removeItem(themeKey);
    else localStorage.setItem(themeKey, theme);
  } catch {
    // see storedTheme
  }
}

export const settings = new Settings();
