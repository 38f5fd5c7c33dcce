import { Problem } from "../components/problem.tsx";
import { Meter } from "../components/meter.tsx";
import { showMs, showNumber } from "../components/format.ts";
import { session } from "../state/session.ts";
import { countFailed, selfTest } from "./checks.ts";
import type { NumberedTest } from "./checks.ts";

/** Every kernel against its reference on this GPU. */
export function SelfTest() {
  const kit = session.kit.value;
  const running = selfTest.state.value === "running";
  const tests = selfTest.results.value;
  const failures = tests.filter(({ passed }) => !passed);
  return (
    <section class="card stack" aria-labelledby="device-self-test">
      <h2 id="device-self-test">Self-test</h2>
      <p class="note">
        Runs every kernel on small, awkward shapes on this GPU and compares it with a reference in 64-bit
        floats on the processor. A driver that computes wrongly shows here.
      </p>
      <div class="row">
        <button type="button" disabled={!kit || running} onClick={() => kit && void selfTest.run(kit)}>
          Run self-test
        </button>
        <button type="button" class="secondary outline" disabled={!running} onClick={() => selfTest.stop()}>
          Stop self-test
        </button>
      </div>
      <Meter
        value={tests.length === 0 ? 0 : tests.length / tests[0].total}
        label="Progress of the self-test"
      />
      <p role="status" aria-label="Self-test status" class="device-status">
        {summary(tests, selfTest.state.value)}
      </p>
      <Problem error={selfTest.problem.value} />
      {failures.map(({ name, message, maxError, tolerance }) => (
        <div key={name} class="device-failure">
          <p>
            <strong>{name}</strong> failed: error {showNumber(maxError)}, allowed {showNumber(tolerance)}
          </p>
          {message !== undefined && <pre>{message}</pre>}
        </div>
      ))}
      <TestList tests={tests} />
    </section>
  );
}

/** All of them, in a box of its own height that can be scrolled: nothing below it moves while they come in. */
function TestList({ tests }: { tests: readonly NumberedTest[] }) {
  return (
    <div class="device-tests" tabIndex={0} role="group" aria-label="Kernels tested">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Kernel</th>
            <th scope="col" class="number">
              Error
            </th>
            <th scope="col" class="number">
              Allowed
            </th>
            <th scope="col" class="number">
              Time
            </th>
            <th scope="col">Result</th>
          </tr>
        </thead>
        <tbody>
          {tests.map(({ name, maxError, tolerance, ms, passed }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{shown(maxError)}</td>
              <td class="number">{shown(tolerance)}</td>
              <td class="number">{showMs(ms)}</td>
              <td class={passed ? "device-good" : "device-bad"}>{passed ? "passed" : "failed"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shown(value: number): string {
  return Number.isNaN(value) ? "–" : showNumber(value);
}

function summary(tests: readonly NumberedTest[], state: typeof selfTest.state.value): string {
  if (state === "idle") return "Not run yet.";
  const { total } = tests.at(-1) ?? { total: 0 };
  const failed = countFailed(tests);
  const passed = `${tests.length - failed} of ${state === "running" ? total || "…" : tests.length} kernel tests passed`;
  if (state === "running") return `Testing: ${passed}${failed > 0 ? `, ${failed} failed` : ""}.`;
  if (state === "stopped") return `Stopped: ${passed}, ${failed} failed, ${total - tests.length} not run.`;
  const time = showMs(tests.reduce((sum, { ms }) => sum + ms, 0));
  return failed === 0
    ? `All ${tests.length} kernel tests passed in ${time}.`
    : `${failed} of ${tests.length} kernel tests failed. Please report it: “Copy report” below has all that is needed.`;
}
