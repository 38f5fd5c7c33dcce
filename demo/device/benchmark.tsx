import { DataTable } from "../components/data-table.tsx";
import { Meter } from "../components/meter.tsx";
import { Problem } from "../components/problem.tsx";
import { showMs, showNumber } from "../components/format.ts";
import { session } from "../state/session.ts";
import { benchmark } from "./checks.ts";

/** How fast this GPU is at what answering and training consist of. */
export function Benchmark() {
  const kit = session.kit.value;
  const holder = session.heldBy.value;
  const running = benchmark.state.value === "running";
  const results = benchmark.results.value;
  return (
    <section class="card stack" aria-labelledby="device-benchmark">
      <h2 id="device-benchmark">Micro-benchmark</h2>
      <p class="note">
        Times what answering and training consist of: the median of several samples, a few seconds in all.
        Other tabs and a hot machine show in the figures.
      </p>
      <div class="row">
        <button
          type="button"
          disabled={!kit || running || holder !== null}
          onClick={() => kit && void benchmark.run(kit)}
        >
          Run benchmark
        </button>
        <button type="button" class="secondary outline" disabled={!running} onClick={() => benchmark.stop()}>
          Stop benchmark
        </button>
      </div>
      <Meter
        value={results.length === 0 ? 0 : results.length / results[0].total}
        label="Progress of the benchmark"
      />
      <p role="status" aria-label="Benchmark status" class="device-status">
        {status(results.at(-1), benchmark.state.value, holder)}
      </p>
      <Problem error={benchmark.problem.value} />
      <div class="device-figures">
        {results.length > 0 && (
          <DataTable
            caption="Medians"
            head={["What", "Figure", "One run"]}
            rows={results.map(({ name, value, unit, ms, about, message }) => [
              <>
                {name}
                <span class="note device-about">{message ?? about}</span>
              </>,
              message === undefined ? `${showNumber(value)} ${unit}` : "failed",
              message === undefined ? showShort(ms) : "–",
            ])}
          />
        )}
      </div>
    </section>
  );
}

function showShort(ms: number): string {
  return ms < 10 ? `${showNumber(ms)} ms` : showMs(ms);
}

function status(
  newest: { done: number; total: number } | undefined,
  state: typeof benchmark.state.value,
  holder: typeof session.heldBy.value,
): string {
  const so = newest ? `${newest.done} of ${newest.total}` : "none";
  switch (state) {
    case "running":
      return `Measuring: ${so} done.`;
    case "done":
      return `Done: ${so}.`;
    case "stopped":
      return `Stopped: ${so} done.`;
    case "idle":
      return holder === "training" || holder === "replay"
        ? "A run is going on: it would be slowed down, and the figures would be wrong."
        : "Not run yet.";
  }
}
