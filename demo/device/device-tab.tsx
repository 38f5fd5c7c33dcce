/** The tab “Device”. */
export function DeviceTab() {
  return (
    <section class="card">
      <h2>Device</h2>
    </section>
  );
}
