import { join } from "node:path";
import { defineConfig } from "vite";

/** The page: demo/ → site/. Library and command line are built by scripts/build.mjs. */
export default defineConfig({
  root: join(import.meta.dirname, "demo"),
  base: "./", // the built page may lie in any folder of a server
  publicDir: "../policies", // each policy in a folder beside the page
  appType: "mpa", // a file that is not there is reported as such, not answered with the page
  build: { outDir: "../site", emptyOutDir: true, target: "es2022", sourcemap: true },
  worker: { format: "es" },
  server: { fs: { allow: [".."] } },
});
