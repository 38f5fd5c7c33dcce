import type { JudgeCounters } from "./judge.ts";

/**
 * What a judge did since it was last read, as a step's metrics: `judge/asked`, `judge/failed`, `judge/cached`,
 * `judge/cost` of a model with prices, and `judge/latency`, in seconds, over the run so far.
 */
export function judgeMetrics(now: JudgeCounters, before?: JudgeCounters): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const name of ["asked", "failed", "cached"] as const)
    metrics[`judge/${name}`] = now[name] - (before?.[name] ?? 0);
  if (now.cost !== null) metrics["judge/cost"] = now.cost - (before?.cost ?? 0);
  if (now.latencyMs !== null) metrics["judge/latency"] = now.latencyMs.mean / 1000;
  return metrics;
}
