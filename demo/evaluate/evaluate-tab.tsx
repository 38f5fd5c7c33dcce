export function EvaluateTab() {
  return <h2>Evaluate</h2>;
}
