/**
 * Learns from what went well alone: responses below their group's average teach nothing. A module of its own: it is
 * imported where the policy is trained, in a page's worker as in Node.
 * @param {import("thinktab/rl").ObjectiveBatch} batch the tokens of a micro-batch
 * @param {{ keep?: number }} options what a recipe's `objective` has besides `module`
 * @returns {import("thinktab/rl").ObjectiveGradient}
 */
export default function whatWentWell({ logp, advantages, weights }, { keep = 0 } = {}) {
  const dlogp = new Float32Array(logp.length);
  let loss = 0;
  let used = 0;
  for (let t = 0; t < logp.length; t++) {
    // A share `keep` of what went badly may count.
    const gain = weights[t] * (advantages[t] > 0 ? advantages[t] : keep * advantages[t]);
    loss -= gain * logp[t];
    dlogp[t] = -gain;
    if (gain !== 0) used++;
  }
  return { loss, dlogp, stats: { used: used / Math.max(1, logp.length) } };
}
