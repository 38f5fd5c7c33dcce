/** The tab “Rollouts”. */
export function RolloutsTab() {
  return (
    <section class="card">
      <h2>Rollouts</h2>
    </section>
  );
}
