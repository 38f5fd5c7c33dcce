/** Copies thinktab's files, and the policy that ships with it, to where the page finds them: beside it. */
import { cpSync } from "node:fs";

const thinktab = import.meta.resolve("thinktab/package.json");
cpSync(new URL("dist", thinktab), new URL("thinktab", import.meta.url), {
  recursive: true,
  filter: (path) => !path.endsWith(".d.ts"),
});
cpSync(new URL("policies/toy", thinktab), new URL("toy", import.meta.url), { recursive: true });
