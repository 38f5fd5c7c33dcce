import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { GpuUnavailableError } from "../../workers/client.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { Fold } from "../components/fold.tsx";
import { session } from "../state/session.ts";
import { settings } from "../state/settings.ts";
import { Benchmark } from "./benchmark.tsx";
import { detectBrowser } from "./browser.ts";
import { readCapabilities } from "./capabilities.ts";
import type { Capabilities } from "./capabilities.ts";
import { benchmark, selfTest } from "./checks.ts";
import { WebGpuHelp } from "./help.tsx";
import { Offers } from "./offers.tsx";
import { reportText } from "./report.ts";
import { SelfTest } from "./self-test.tsx";
import "./device.css";

/** The tab “Device”: what the browser offers, whether the GPU computes rightly and how fast, what to do without one. */
export function DeviceTab() {
  const capabilities = useSignal<Capabilities | null>(null);
  const read = () => void readCapabilities().then((found) => (capabilities.value = found));
  useEffect(read, []);
  useOpensWithoutGpu();
  const browser = detectBrowser(navigator);
  const found = capabilities.value;
  const refused =
    session.state.value === "unavailable" && session.problem.value instanceof GpuUnavailableError;
  const missing = found !== null && (found.adapter === null || refused);
  const report = useComputed(() => {
    const { value: problem } = session.problem;
    return reportText({
      date: new Date(),
      browser,
      userAgent: navigator.userAgent,
      capabilities: capabilities.value,
      device: session.device.value,
      problem: problem instanceof Error ? `${problem.name}: ${problem.message}` : "",
      tests: selfTest.results.value,
      benchmarks: benchmark.results.value,
    });
  });
  const help = found && <WebGpuHelp browser={browser} capabilities={found} refused={refused} />;
  return (
    <div class="stack">
      {missing && help}
      {found && <Offers capabilities={found} device={session.device.value} onChange={read} />}
      <div class="columns">
        <SelfTest />
        <Benchmark />
      </div>
      <section class="card stack" aria-labelledby="device-report">
        <h2 id="device-report">Report</h2>
        <p class="note">
          All of the above as text, for a bug report: the date, the browser and its user agent, the page’s
          address, the GPU with its features and limits, storage, processor and memory, what the tests and the
          benchmark found, and why the engine did not start, if so. It leaves this tab only when you paste it
          somewhere.
        </p>
        <div class="row">
          <CopyButton text={() => report.value} label="Copy report" />
        </div>
        <Fold summary="Show the report">
          <pre class="device-report" tabIndex={0} aria-label="Text of the report">
            {report.value}
          </pre>
        </Fold>
      </section>
      {!missing && help}
    </div>
  );
}

/** Without a GPU nothing else on the page can be used: who did not ask for a tab is shown this one. */
function useOpensWithoutGpu(): void {
  useSignalEffect(() => {
    const unavailable = session.state.value === "unavailable";
    if (unavailable && session.problem.value instanceof GpuUnavailableError && location.hash === "")
      settings.open("device");
  });
}
