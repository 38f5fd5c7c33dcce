import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { build } from "vite";

/** Where a module of src/ is, as an import in an entry has it. */
export function sourceFile(path: string): string {
  return JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));
}

/**
 * Bundles a script and runs it in the page. A page that allows no scripts but its own needs `bypassCSP`.
 * @param entry its text, with imports of {@link sourceFile}
 * @param global what it puts on the window
 */
export async function runInPage(page: Page, entry: string, global: string): Promise<void> {
  const output = await build({
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "virtual:entry" ? id : undefined),
        load: (id) => (id === "virtual:entry" ? entry : undefined),
      },
    ],
    build: { write: false, minify: false, rollupOptions: { input: "virtual:entry", external: [/^node:/] } },
  });
  if (Array.isArray(output) || !("output" in output)) throw new Error("expected one bundle");
  await page.addScriptTag({ content: output.output[0].code, type: "module" });
  await page.waitForFunction((name) => name in window, global);
}
