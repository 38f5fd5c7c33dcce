import type { DeviceInfo } from "../../workers/client.ts";
import { session } from "../state/session.ts";

export function Footer() {
  const device = session.device.value;
  return (
    <footer class="page-footer note">
      <p>
        {device ? `GPU: ${nameOf(device)}.` : "GPU: not opened."} Nothing leaves this tab unless you name an
        endpoint or a module.
      </p>
      {/* A file of the built page. */}
      {import.meta.env.PROD && (
        <p>
          <a href="./THIRD-PARTY-LICENSES.txt">Licences of the libraries in it</a>
        </p>
      )}
    </footer>
  );
}

function nameOf({ description, vendor, architecture, f16, subgroups }: DeviceInfo): string {
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed";
  return `${name} (${f16 ? "f16" : "no f16"}, ${subgroups ? "subgroups" : "no subgroups"})`;
}
