/** Copies the policy that ships with thinktab to where Vite serves files as they are. */
import { cpSync } from "node:fs";

const thinktab = import.meta.resolve("thinktab/package.json");
cpSync(new URL("policies/toy", thinktab), new URL("public/toy", import.meta.url), { recursive: true });
