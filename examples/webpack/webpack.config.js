import { join } from "node:path";

export default {
  mode: "production",
  entry: "./src/main.js",
  output: { path: join(import.meta.dirname, "public"), publicPath: "auto" },
  performance: { hints: false }, // the engine is in a worker: what starts the page is small
};
