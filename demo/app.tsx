import { useSignalEffect } from "@preact/signals";
import { AskTab } from "./ask/ask-tab.tsx";
import { Footer } from "./components/footer.tsx";
import { Header } from "./components/header.tsx";
import { lazyPanel } from "./components/lazy-panel.tsx";
import { Tabs } from "./components/tabs.tsx";
import type { Tab } from "./components/tabs.tsx";
import { run } from "./state/run.ts";
import { session } from "./state/session.ts";
import { settings } from "./state/settings.ts";
import type { TabName } from "./state/settings.ts";

/** All tabs but the first. */
const later = {
  train: lazyPanel(async () => (await import("./train/train-tab.tsx")).TrainTab),
  rollouts: lazyPanel(async () => (await import("./rollouts/rollouts-tab.tsx")).RolloutsTab),
  compare: lazyPanel(async () => (await import("./compare/compare-tab.tsx")).CompareTab),
  data: lazyPanel(async () => (await import("./data/data-tab.tsx")).DataTab),
  synthesis: lazyPanel(async () => (await import("./synthesis/synthesis-tab.tsx")).SynthesisTab),
  evaluate: lazyPanel(async () => (await import("./evaluate/evaluate-tab.tsx")).EvaluateTab),
  device: lazyPanel(async () => (await import("./device/device-tab.tsx")).DeviceTab),
};

const tabs: readonly Tab<TabName>[] = [
  { name: "ask", label: "Ask", panel: AskTab },
  { name: "train", label: "Train", panel: later.train.panel },
  { name: "rollouts", label: "Rollouts", panel: later.rollouts.panel },
  { name: "compare", label: "Compare", panel: later.compare.panel },
  { name: "data", label: "Data", panel: later.data.panel },
  { name: "synthesis", label: "Synthesis", panel: later.synthesis.panel },
  { name: "evaluate", label: "Evaluate", panel: later.evaluate.panel },
  { name: "device", label: "Device", panel: later.device.panel },
];

export function App() {
  useSignalEffect(fetchPanels);
  useSignalEffect(showInTitle);
  return (
    <>
      <Header />
      <main>
        <Tabs
          label="Parts of the page"
          tabs={tabs}
          current={settings.tab.value}
          onChange={(name) => settings.open(name)}
        />
      </main>
      <Footer />
    </>
  );
}

/** The tab that is shown at once, the others when the engine has what it needs. */
function fetchPanels(): void {
  const { value: tab } = settings.tab;
  if (tab !== "ask") void later[tab].fetch();
  if (["ready", "unavailable"].includes(session.state.value))
    for (const panel of Object.values(later)) void panel.fetch();
}

/** How far a run is can be seen while another tab of the browser is shown. */
function showInTitle(): void {
  const going = !["idle", "planning"].includes(run.state.value);
  document.title = going ? `${run.done.value} of ${run.planned.value} steps · Thinktab` : "Thinktab";
}
