export function SynthesisTab() {
  return <h2>Synthesis</h2>;
}
