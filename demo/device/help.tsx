import { Fold } from "../components/fold.tsx";
import { CopyButton } from "../components/copy-button.tsx";
import { describeBrowser, helpFor, statusPage } from "./browser.ts";
import type { Browser, HelpSection } from "./browser.ts";
import type { Capabilities } from "./capabilities.ts";

/** What to do where WebGPU is missing: for this browser, and then for the others. */
export function WebGpuHelp(props: {
  browser: Browser;
  capabilities: Capabilities;
  /** The engine, which is a worker, got no device. */
  refused: boolean;
}) {
  const { browser, capabilities, refused } = props;
  const { own, others } = helpFor(browser);
  const missing = refused || capabilities.adapter === null;
  const folded = missing && capabilities.secure ? others : [...(own ? [own] : []), ...others];
  return (
    <section class="card stack" aria-labelledby="device-help">
      <h2 id="device-help">How to get WebGPU</h2>
      <p>{diagnosis(capabilities, refused)}</p>
      {capabilities.secure && <p>This looks like {describeBrowser(browser)}.</p>}
      {missing && capabilities.secure && own && <Section section={own} />}
      <div class="stack tight">
        {folded.map((section) => (
          <Fold key={section.id} summary={section.title}>
            <Steps section={section} />
          </Fold>
        ))}
      </div>
      <p class="note">
        Which versions have it, day by day:{" "}
        <a href={statusPage} rel="noreferrer">
          WebGPU implementation status
        </a>
        . The pages with “chrome://” and “about:” have to be typed into the address bar. On a computer,{" "}
        <code>npx thinktab toy</code> trains the same policy without a browser.
      </p>
    </section>
  );
}

/** What of it is missing, in words. */
function diagnosis({ secure, origin, webgpu, adapter }: Capabilities, refused: boolean): string {
  if (!secure)
    return (
      `This page came over plain http, from ${origin}. Browsers give WebGPU to secure pages only: ` +
      "open it from https, or from localhost on this machine. Everything else may well be in order."
    );
  if (!webgpu) return "This browser has no WebGPU, or it is switched off.";
  if (!adapter)
    return (
      "This browser has WebGPU, but offers no GPU for it. As a rule the GPU’s driver is blocked or too old, " +
      "graphics acceleration is switched off, or this is a virtual machine or a remote desktop."
    );
  if (refused)
    return "This page gets a GPU, its worker does not: the browser is too old for that, or ran out of GPUs. Update it, or close other tabs.";
  return "WebGPU is here. Should it be missing elsewhere, this is what to do.";
}

function Section({ section }: { section: HelpSection }) {
  return (
    <div class="notice">
      <h3>{section.title}</h3>
      <Steps section={section} />
    </div>
  );
}

function Steps({ section: { steps, code } }: { section: HelpSection }) {
  return (
    <>
      <ul>
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ul>
      {code !== undefined && (
        <div class="stack tight">
          <pre class="device-command" tabIndex={0} aria-label="Command">
            {code}
          </pre>
          <div class="row">
            <CopyButton text={() => code} label="Copy command" />
          </div>
        </div>
      )}
    </>
  );
}
