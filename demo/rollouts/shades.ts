/** By what tokens are shaded, and what that tells. */

export const shadeNames = ["advantage", "change", "sampled"] as const;
export type Shade = (typeof shadeNames)[number];

export const shades: Readonly<
  Record<
    Shade,
    {
      name: string;
      legend: string;
      /** The value of the full shade: the same for all cards, so that they compare. */
      range: number;
      scale: "diverging" | "sequential";
      /** A sentence or two for those who see it the first time. */
      more: string;
    }
  >
> = {
  advantage: {
    name: "advantage",
    legend: "advantage",
    range: 2,
    scale: "diverging",
    more: "Reward minus the group's mean, over its spread. Above 0 the step makes the completion likelier, below 0 less likely.",
  },
  change: {
    name: "log-prob change since",
    legend: "log-prob now minus then, nats",
    range: 1,
    scale: "diverging",
    more: "What training has done to these tokens since they were drawn: likelier or less likely under the weights in use now.",
  },
  sampled: {
    name: "surprise when drawn",
    legend: "surprise, −log-prob, nats",
    range: 3,
    scale: "sequential",
    more: "How unlikely the policy found the token that it drew: strong where it was undecided.",
  },
};
