import { session } from "../state/session.ts";

export function Footer() {
  const device = session.device.value;
  return (
    <footer class="page-footer note">
      <p>
        {device
          ? `GPU: ${device.description || [device.vendor, device.architecture].filter(Boolean).join(" ") || "unnamed"} (${device.f16 ? "f16" : "no f16"}, ${device.subgroups ? "subgroups" : "no subgroups"}).`
          : "GPU: not opened."}{" "}
        Pictures and questions never leave this tab.
      </p>
    </footer>
  );
}
