import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import type { DeviceInfo } from "../../workers/client.ts";
import { DataTable } from "../components/data-table.tsx";
import { Fold } from "../components/fold.tsx";
import { showBytes } from "../components/format.ts";
import { persist } from "./capabilities.ts";
import type { Capabilities } from "./capabilities.ts";
import { adapterName } from "./report.ts";

/** What this browser offers: what is there, what is not, and what that means. */
export function Offers(props: {
  capabilities: Capabilities;
  device: DeviceInfo | null;
  onChange: () => void;
}) {
  const { capabilities: found, device, onChange } = props;
  const { adapter } = found;
  return (
    <section class="card stack" aria-labelledby="device-offers">
      <h2 id="device-offers">What this browser offers</h2>
      <ul class="device-offers">
        <Offer ok={found.secure} name="Secure page">
          {found.secure ? found.origin : "no: neither https nor localhost"}
        </Offer>
        <Offer ok={found.webgpu} name="WebGPU">
          {found.webgpu ? "yes" : "no"}
        </Offer>
        <Offer ok={adapter !== null} name="GPU adapter" warn={adapter?.software}>
          {adapter ? adapterName(adapter) : found.adapterProblem}
          {adapter?.software && ": it computes on the processor. Everything works, tens of times slower."}
        </Offer>
        {device && <Features device={device} />}
        <Offer ok={found.workers} name="Workers">
          {found.workers ? "the page stays responsive while the GPU computes" : "no: the engine cannot start"}
        </Offer>
        <Offer ok={found.files} name="Private files" optional>
          {found.files ? "runs outlive the tab" : "no: a run is lost with the tab, as in a private window"}
        </Offer>
        <Storage found={found} onChange={onChange} />
        <Offer ok={found.offline} name="Offline" optional>
          {found.offline ? "the page works without a network" : "not yet: from the second visit on"}
        </Offer>
        <Offer ok name="Processor">
          {[
            found.cores !== null && `${found.cores} threads`,
            found.memoryGB !== null && `about ${found.memoryGB} GB of memory`,
          ]
            .filter(Boolean)
            .join(", ") || "the browser does not say"}
        </Offer>
      </ul>
      {adapter && (
        <Fold
          summary={`All ${adapter.features.length} features and ${Object.keys(adapter.limits).length} limits`}
        >
          <div class="stack">
            <p class="mono device-features">{adapter.features.join(" ") || "no features"}</p>
            <DataTable
              caption="Limits of the adapter"
              head={["Limit", "Value"]}
              rows={Object.entries(adapter.limits).map(([name, value]) => [name, value.toLocaleString("en")])}
            />
          </div>
        </Fold>
      )}
    </section>
  );
}

function Features({ device }: { device: DeviceInfo }) {
  const { f16, subgroups, subgroupMinSize, subgroupMaxSize, timestamps } = device;
  const lanes = [...new Set([subgroupMinSize, subgroupMaxSize])].filter((size) => size !== undefined);
  return (
    <>
      <Offer ok={f16} name="16-bit floats" optional>
        {f16 ? "activations can take half the memory" : "no: 32 bits are used instead"}
      </Offer>
      <Offer ok={subgroups} name="Subgroups" optional>
        {subgroups ? `of ${lanes.join(" to ") || "unknown"} lanes` : "no: slower kernels are used instead"}
      </Offer>
      <Offer ok={timestamps} name="Timestamps" optional>
        {timestamps ? "kernels can be timed one by one" : "no: only whole steps are timed"}
      </Offer>
      <Offer ok name="Largest buffer">
        {showBytes(device.maxBufferBytes)}; a kernel sees {showBytes(device.maxBindingBytes)} of it at a time,
        larger weights are split
      </Offer>
    </>
  );
}

function Storage({ found: { storage, persisted }, onChange }: { found: Capabilities; onChange: () => void }) {
  const refused = useSignal(false);
  const ask = async () => {
    refused.value = !(await persist().catch(() => false));
    onChange();
  };
  return (
    <Offer ok={storage !== null} name="Storage" optional>
      {storage
        ? `${showBytes(storage.used)} used of ${showBytes(storage.quota)}`
        : "the browser does not say"}
      {persisted === true && "; kept even when room is short"}
      {persisted === false && (
        <>
          ; the browser may clear it when room is short.{" "}
          {refused.value ? (
            "It was asked to keep it, and refused."
          ) : (
            <button type="button" class="device-inline" onClick={() => void ask()}>
              Ask it to keep it
            </button>
          )}
        </>
      )}
    </Offer>
  );
}

/** One line. What is optional and not there is no fault. */
function Offer(props: {
  ok: boolean;
  name: string;
  optional?: boolean;
  warn?: boolean;
  children: ComponentChildren;
}) {
  const { ok, name, optional = false, warn = false, children } = props;
  const [mark, state] = ok ? (warn ? ["!", "warn"] : ["✓", "good"]) : optional ? ["–", "none"] : ["✗", "bad"];
  return (
    <li class={`device-offer ${state}`}>
      <span class="device-mark" aria-hidden="true">
        {mark}
      </span>
      <span class="device-name">{name}</span>
      <span class="device-value">{children}</span>
    </li>
  );
}
