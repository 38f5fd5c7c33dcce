/** The tab “Train”. */
export function TrainTab() {
  return (
    <section class="card">
      <h2>Train</h2>
    </section>
  );
}
