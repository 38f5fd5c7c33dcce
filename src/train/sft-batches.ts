/** Limits of a micro-batch; 0: none. */
export interface MicroBatchLimits {
  tokens: number;
  examples: number;
}

/**
 * Packs a step's examples into micro-batches: best fit, longest first, so that few places stay empty (Johnson 1973). The
 * examples of a micro-batch follow each other without padding, and do not see each other. Without a limit of tokens they
 * stay in their order.
 * @param length an example's tokens, of which no example has more than a micro-batch
 */
export function packExamples<E>(
  examples: readonly E[],
  length: (example: E) => number,
  { tokens, examples: most }: MicroBatchLimits,
): E[][] {
  const capacity = most > 0 ? most : Math.max(1, examples.length);
  if (tokens === 0) {
    return Array.from({ length: Math.ceil(examples.length / capacity) }, (_, i) =>
      examples.slice(i * capacity, (i + 1) * capacity),
    );
  }
  const lengths = examples.map(length);
  const longestFirst = examples.map((_, index) => index).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const bins: { left: number; indexes: number[] }[] = [];
  for (const index of longestFirst) {
    const fitting = bins.filter(({ left, indexes }) => left >= lengths[index] && indexes.length < capacity);
    let bin = fitting.reduce<(typeof bins)[number] | undefined>(
      (best, other) => (best && best.left <= other.left ? best : other),
      undefined,
    );
    if (!bin) bins.push((bin = { left: tokens, indexes: [] }));
    bin.indexes.push(index);
    bin.left -= lengths[index];
  }
  return bins.map(({ indexes }) => indexes.sort((a, b) => a - b).map((index) => examples[index]));
}
