import type { UserObjective } from "../rl/user-objective.ts";
import { InvalidOptionError } from "../util/errors.ts";
import { importModule } from "../util/import-module.ts";

/** A recipe's `objective`: where the function is, and what it is told besides the batch. */
export interface ObjectiveSpec {
  /** The address of an ES module whose default export is a {@link UserObjective}. */
  module: string;
  [option: string]: unknown;
}

/**
 * Imports the objective that a recipe names. It runs wherever the policy is trained, in a page's worker as in Node, so it
 * must not depend on the page.
 * @param base what a relative address is relative to; without it only absolute ones are taken.
 * @throws InvalidOptionError when the module cannot be imported, or its default export is no function.
 */
export async function loadObjective({ module: name }: ObjectiveSpec, base?: string): Promise<UserObjective> {
  let address: string;
  try {
    address = new URL(name, base).href;
  } catch {
    throw new InvalidOptionError("objective: module", name, "an absolute address");
  }
  let exports: { default?: unknown };
  try {
    exports = (await importModule(address)) as { default?: unknown };
  } catch (cause) {
    throw new InvalidOptionError(
      `objective module ${address}`,
      String(cause),
      "an ES module that can be imported",
    );
  }
  if (typeof exports.default !== "function") {
    throw new InvalidOptionError(
      `objective module ${address}: default export`,
      exports.default === undefined ? "none" : typeof exports.default,
      "a function from a batch to a loss and its derivatives",
    );
  }
  return exports.default as UserObjective;
}
