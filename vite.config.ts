import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineConfig } from "vite";
import type { Plugin } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { thirdPartyLicences } from "./scripts/licences.mjs";
import { strippedShaders } from "./scripts/wgsl.mjs";

/**
 * What the built page may do: run its own scripts and workers, and fetch what the user names, such as a model or a run
 * file. Nothing is evaluated, nothing comes from elsewhere. A meta element, so that any static host will do.
 */
const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' https: data: blob:", // examples of the user's own may name theirs
  "connect-src 'self' https: http: data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Of the built page alone: the dev server puts styles and scripts into the page as it goes. */
function withSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: contentSecurityPolicy },
        injectTo: "head-prepend",
      },
    ],
  };
}

/** The engine in a page's own thread is for those who have a device already: this page has none, and leaves it out. */
function withoutEngineHere(): Plugin {
  const stub = 'export function engineHere() { throw new Error("this page computes in a worker"); }';
  return {
    name: "without-engine-here",
    apply: "build",
    enforce: "pre",
    load: (id) => (id.endsWith("/workers/engine-here.ts") ? stub : undefined),
  };
}

/** The icon under a name that stays, for the manifest. */
function withIcon(): Plugin {
  return {
    name: "icon",
    apply: "build",
    async generateBundle() {
      const source = await readFile(join(import.meta.dirname, "demo/icon.svg"), "utf8");
      this.emitFile({ type: "asset", fileName: "icon.svg", source });
    },
  };
}

/** Packages of which the page or one of its workers contains code, or a style sheet. */
const contained = new Set([join(import.meta.dirname, "node_modules/@picocss/pico")]);

/** The page: demo/ → site/. Library and command line are built by scripts/build.mjs. */
export default defineConfig({
  root: join(import.meta.dirname, "demo"),
  base: "./", // the built page may lie in any folder of a server
  publicDir: "../policies", // each policy in a folder beside the page
  appType: "mpa", // a file that is not there is reported as such, not answered with the page
  build: {
    outDir: "../site",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: true,
    rolldownOptions: {
      // What tabs share, in one file: by itself it would be a dozen of a few hundred bytes.
      output: { codeSplitting: { groups: [{ name: "shared", test: /demo\/(components|state)\// }] } },
    },
  },
  worker: { format: "es", plugins: () => [strippedShaders(), thirdPartyLicences(contained)] },
  server: { fs: { allow: [".."] } },
  plugins: [
    strippedShaders(),
    thirdPartyLicences(contained, { fileName: "THIRD-PARTY-LICENSES.txt" }),
    withoutEngineHere(),
    withSecurityPolicy(),
    withIcon(),
    VitePWA({
      strategies: "generateSW",
      registerType: "prompt", // a new version waits until no tab runs the old one, whose files it removes
      injectRegister: false, // demo/state/offline.ts does
      filename: "service-worker.js",
      manifestFilename: "manifest.webmanifest",
      manifest: {
        name: "Thinktab",
        short_name: "Thinktab",
        description: "A vision-language policy that answers and is trained, wholly in a browser tab.",
        start_url: "./",
        scope: "./",
        display: "standalone",
        background_color: "#f5f7f6",
        theme_color: "#0f766e",
        icons: [{ src: "./icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" }],
      },
      workbox: {
        // All that the page needs, the toy policy included.
        globPatterns: ["**/*.{html,js,css,svg,webmanifest}", "toy/*.{json,jinja,safetensors}"],
        globIgnores: ["**/*.map", "service-worker.js"],
        inlineWorkboxRuntime: true,
        sourcemap: false,
        // An address with a query or hash is still the page; nothing else is answered with it.
        navigateFallback: null,
        runtimeCaching: [
          {
            // The engine asks whether a file of the policy is there before it reads it; Workbox answers GET alone.
            method: "HEAD",
            urlPattern: ({ sameOrigin }) => sameOrigin,
            handler: async ({ request, url }) => {
              const kept = await caches.match(url.href, { ignoreSearch: true });
              return kept ? new Response(null, { headers: kept.headers }) : fetch(request);
            },
          },
        ],
        cleanupOutdatedCaches: true,
        clientsClaim: true,
        skipWaiting: false,
      },
    }),
  ],
});
