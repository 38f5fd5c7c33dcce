import { AskTab } from "./ask/ask-tab.tsx";
import { CompareTab } from "./compare/compare-tab.tsx";
import { Footer } from "./components/footer.tsx";
import { Header } from "./components/header.tsx";
import { Tabs } from "./components/tabs.tsx";
import type { Tab } from "./components/tabs.tsx";
import { DeviceTab } from "./device/device-tab.tsx";
import { RolloutsTab } from "./rollouts/rollouts-tab.tsx";
import { settings } from "./state/settings.ts";
import type { TabName } from "./state/settings.ts";
import { TrainTab } from "./train/train-tab.tsx";

const tabs: readonly Tab<TabName>[] = [
  { name: "ask", label: "Ask", panel: AskTab },
  { name: "train", label: "Train", panel: TrainTab },
  { name: "rollouts", label: "Rollouts", panel: RolloutsTab },
  { name: "compare", label: "Compare", panel: CompareTab },
  { name: "device", label: "Device", panel: DeviceTab },
];

export function App() {
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
