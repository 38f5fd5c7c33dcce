/**
 * Runs a TypeScript module in Node without a build step, `?raw` imports of shaders included, through Vite's module
 * runner: `node scripts/run-ts.mjs FILE [ARGUMENTS…]`. If the module exports `main`, it is called with the arguments,
 * and a number that it returns is the exit code.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createServer, createServerModuleRunner } from "vite";

/**
 * @param {string} file path of the module
 * @param {string[]} args arguments for its `main`
 * @returns {Promise<number>} exit code
 */
export async function runTs(file, args) {
  const server = await createServer({
    configFile: false,
    root: resolve(import.meta.dirname, ".."),
    logLevel: "warn",
    appType: "custom",
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  });
  const runner = createServerModuleRunner(server.environments.ssr, {
    hmr: false,
    sourcemapInterceptor: "prepareStackTrace",
  });
  try {
    const module = /** @type {{ main?: (args: string[]) => unknown }} */ (await runner.import(resolve(file)));
    const result = await module.main?.(args);
    return typeof result === "number" ? result : 0;
  } finally {
    await server.close(); // the runner stays: it maps the lines of an error's stack, which is read later
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [file, ...args] = process.argv.slice(2);
  if (!file) {
    console.error("usage: node scripts/run-ts.mjs FILE [ARGUMENTS…]");
    process.exit(2);
  }
  process.exitCode = await runTs(file, args);
}
