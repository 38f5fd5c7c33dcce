/** A kit on the lane's adapter and the policy that ships, as the guide's examples get them in Node. */
import { vi } from "vitest";
import type { RemotePolicy, Thinktab } from "thinktab";
import { policyFolder, startInNode } from "../../../docs/guide/examples/in-node.ts";

/** Runs something with a policy and frees everything afterwards. */
export async function withToy<T>(
  work: (policy: RemotePolicy, kit: Thinktab) => Promise<T>,
  options: Parameters<Thinktab["loadPolicy"]>[1] = {},
): Promise<T> {
  const kit = await startInNode();
  try {
    return await work(await kit.loadPolicy(await policyFolder(), options), kit);
  } finally {
    await kit.dispose();
  }
}

/** What is printed while something runs, a line each, and what it gives. */
export async function printed<T>(work: () => Promise<T>): Promise<{ result: T; lines: string[] }> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => {
    lines.push(values.join(" "));
  });
  try {
    return { result: await work(), lines };
  } finally {
    log.mockRestore();
  }
}
