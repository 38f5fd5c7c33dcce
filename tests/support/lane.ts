/** Runs before each test file of a GPU lane: the lane's driver must be there. A lane without its adapter fails. */
import { existsSync } from "node:fs";

const manifest = process.env.VK_DRIVER_FILES;
if (manifest !== undefined && !existsSync(manifest)) {
  throw new Error(
    `Lane ${process.env.THINKTAB_LANE ?? "?"}: the Vulkan driver ${manifest} does not exist. ` +
      "`npm run setup` (as root) installs Chromium, which holds SwiftShader, and Mesa's lavapipe; " +
      "`npx vitest run --project NAME` runs one lane only.",
  );
}
