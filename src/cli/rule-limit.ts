import { createContext, Script } from "node:vm";
import type { RuleLimit } from "../rl/hybrid-reward.ts";
import { ThinktabError } from "../util/errors.ts";

/**
 * Ends a rule that takes longer, in the thread that computes it: the engine's own watchdog for scripts stops whatever
 * they call, regular expressions that go back and forth included.
 * @param ms as the reward worker's limit in a page
 */
export function ruleLimit(ms = 10_000): RuleLimit {
  const script = new Script("run()");
  const holder: { run: () => void } = { run: () => undefined };
  const context = createContext(holder);
  return (rule) => {
    let outcome: { value: ReturnType<typeof rule> } | undefined;
    holder.run = () => {
      outcome = { value: rule() };
    };
    try {
      script.runInContext(context, { timeout: ms });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      throw new ThinktabError(`it took longer than ${ms / 1000} s`, { cause: error });
    } finally {
      holder.run = () => undefined;
    }
    if (outcome === undefined) throw new ThinktabError("the rule did not run");
    return outcome.value;
  };
}
