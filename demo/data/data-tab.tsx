export function DataTab() {
  return <h2>Data</h2>;
}
