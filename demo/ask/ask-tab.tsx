/** The tab “Ask”. */
export function AskTab() {
  return (
    <section class="card">
      <h2>Ask</h2>
    </section>
  );
}
