/** The tab “Compare”. */
export function CompareTab() {
  return (
    <section class="card">
      <h2>Compare</h2>
    </section>
  );
}
