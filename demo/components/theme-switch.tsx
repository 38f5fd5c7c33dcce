import { settings, themes } from "../state/settings.ts";
import type { Theme } from "../state/settings.ts";

const labels: Readonly<Record<Theme, string>> = { auto: "Auto", light: "Light", dark: "Dark" };

/** Three radio buttons in the form of a switch. */
export function ThemeSwitch() {
  return (
    <fieldset class="segmented">
      <legend class="visually-hidden">Theme</legend>
      {themes.map((theme) => (
        <label key={theme}>
          <input
            type="radio"
            name="theme"
            value={theme}
            checked={settings.theme.value === theme}
            onChange={() => (settings.theme.value = theme)}
          />
          {labels[theme]}
        </label>
      ))}
    </fieldset>
  );
}
