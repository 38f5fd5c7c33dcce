import { peerNames, type Result } from "./harness.ts";
import type { BenchFile } from "./main.ts";

/** The results as an aligned Markdown table, with what was timed and what failed under it. */
export function formatTable({ adapter, limits, results }: BenchFile): string {
  const header = [
    "benchmark",
    "ours",
    ...peerNames,
    "speedup",
    "of limit",
    "ours first run",
    "tokens/s",
    "runs",
  ];
  const rows = results.map((result) => [
    result.name,
    time(result.oursMs ?? undefined, result.errors.ours),
    ...peerNames.map((peer) => (result.noPeer[peer] ? "–" : time(result.peers[peer], result.errors[peer]))),
    result.speedupOverBestPeer === null ? "" : `${result.speedupOverBestPeer.toFixed(2)}×`,
    result.fractionOfLimit === null ? "" : `${(100 * result.fractionOfLimit).toFixed(0)}%`,
    time(result.timings.ours?.firstRunMs),
    result.oursTokensPerSecond === undefined ? "" : result.oursTokensPerSecond.toFixed(0),
    result.timings.ours ? String(result.timings.ours.repetitions) : "",
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [
    `adapter: ${adapter.description || adapter.device} (${adapter.vendor}, ${adapter.architecture}), ${adapter.runtime}`,
    `limits: ${limits.fmaGflops.toFixed(1)} GFLOP/s (${limits.fmaShape}), ${limits.copyGBps.toFixed(1)} GB/s (${limits.copyShape})`,
    "",
    line(header),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.map(line),
    "",
    ...results.flatMap(notes),
  ].join("\n");
}

function notes({ name, what, noPeer, errors, timings }: Result): string[] {
  const firstRuns = peerNames.flatMap((peer) => {
    const timing = timings[peer];
    return timing ? [`${peer} ${time(timing.firstRunMs)}`] : [];
  });
  return [
    `${name}: ${what}.${firstRuns.length > 0 ? ` First runs: ${firstRuns.join(", ")}.` : ""}`,
    ...Object.entries(noPeer).map(([peer, reason]) => `  ${peer}: ${reason}`),
    ...Object.entries(errors).map(([who, error]) => `  FAILED ${who}: ${error}`),
  ];
}

function time(ms: number | undefined, error?: string): string {
  if (error !== undefined) return "failed";
  if (ms === undefined) return "";
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(2)} ms`;
}
