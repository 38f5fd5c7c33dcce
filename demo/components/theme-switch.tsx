import { settings, themes } from "../state/settings.ts";
import type { Theme } from "../state/settings.ts";
import { Segmented } from "./segmented.tsx";

const labels: Readonly<Record<Theme, string>> = { auto: "Auto", light: "Light", dark: "Dark" };
const options = themes.map((theme) => [theme, labels[theme]] as const);

export function ThemeSwitch() {
  return <Segmented label="Theme" value={settings.theme} options={options} />;
}
