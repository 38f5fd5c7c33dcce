export function curvesSvg(runs: readonly { metrics: readonly object[] }[]): string {
  return `<svg>${runs.length}</svg>`;
}
