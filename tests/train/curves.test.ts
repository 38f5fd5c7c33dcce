import { describe, expect, it } from "vitest";
import { curvesSvg } from "../../src/train/curves.ts";
import type { CurveRun } from "../../src/train/curves.ts";

/** A run whose metrics all climb from `from` by a tenth a step. */
function run(from: number, change: Partial<CurveRun> = {}): CurveRun {
  const metrics = [0, 1, 2, 3].map((step) => {
    const value = from + step / 10;
    return {
      step,
      digest: "d",
      reward: value,
      "rewards/accuracy/mean": value,
      "rewards/thinking/mean": value,
      "completions/mean_length": 10 * value,
      kl: value / 100,
    };
  });
  const at = (accuracy: number) => ({
    accuracy,
    count: 64,
    interval: [accuracy - 0.1, accuracy + 0.1] as [number, number],
  });
  return { metrics, before: at(0.5), after: at(0.75), ...change };
}

const titles = (svg: string) => [...svg.matchAll(/font-weight="600">([^<]*)</g)].map(([, text]) => text);
/** Coordinates of the lines, a path each. */
const lines = (svg: string) =>
  [...svg.matchAll(/<path d="M([^"Zhv]*)" fill="none"/g)].map(([, path]) =>
    path.split("L").map((point) => point.split(" ").map(Number)),
  );
const bands = (svg: string) => [...svg.matchAll(/<path d="M([^"]*)Z"/g)].map(([, path]) => path.split("L"));

describe("curvesSvg", () => {
  it("draws four panels with their titles, on a ground of its own", () => {
    const svg = curvesSvg([run(0.5)], { title: "a <b> & c" });
    expect(titles(svg)).toEqual([
      "a &lt;b&gt; &amp; c",
      "Right answers",
      "Responses that think",
      "Mean response length, tokens",
      "KL from the policy at first, nats a token",
    ]);
    expect(svg).toMatch(/<rect width="860" height="\d+" fill="#fff"\/>/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|<script|href/);
    expect(lines(svg)).toHaveLength(4);
    expect(bands(svg)).toHaveLength(0);
    expect(curvesSvg([run(0.5)], { title: "a <b> & c" })).toBe(svg);
  });

  it("puts values where the axes say", () => {
    const [accuracy] = lines(curvesSvg([run(0.5)]));
    // 360 wide for 4 steps, 170 high from 100% to 0%.
    expect(accuracy).toEqual([
      [0, 85],
      [90, 68],
      [180, 51],
      [270, 34],
    ]);
  });

  it("marks the greedy accuracy before and after, with its interval", () => {
    const svg = curvesSvg([run(0.5)]);
    expect(svg).toContain('<path d="M0 102V68" stroke="#333"/><circle cx="0" cy="85"');
    expect(svg).toContain('<path d="M360 59.5V25.5" stroke="#333"/><circle cx="360" cy="42.5"');
    expect(svg).toContain("greedy on 64 held-out examples before and after, with the 95% interval");
    expect(curvesSvg([run(0.5, { before: null, after: null })])).not.toMatch(/circle|greedy/);
  });

  it("draws the mean of several runs in a band from lowest to highest, and labels apart", () => {
    const svg = curvesSvg([run(0.4), run(0.5), run(0.6)]);
    expect(lines(svg)[0].map(([, y]) => y)).toEqual([85, 68, 51, 34]);
    expect(bands(svg)[0].slice(0, 2)).toEqual(["0 68", "90 51"]);
    expect(bands(svg)[0].slice(-1)).toEqual(["0 102"]);
    expect(svg).toContain("mean of 3 runs; band: lowest to highest");
    const labelled = curvesSvg([
      run(0.4, { label: "low" }),
      run(0.5, { label: "high" }),
      run(0.6, { label: "high" }),
    ]);
    expect(lines(labelled)).toHaveLength(8);
    expect(bands(labelled)).toHaveLength(4);
    expect(labelled).toMatch(/>low<[\s\S]*>high: mean of 2 runs; band: lowest to highest</);
  });

  it("shows what there is where a task has no accuracy or thinking, gaps as gaps, and no empty panel", () => {
    const metrics: Record<string, number>[] = [
      { step: 0, reward: -0.5, entropy: 2 },
      { step: 2, reward: 1.5, entropy: 1, grad_norm: NaN },
    ];
    const svg = curvesSvg([{ metrics }]);
    expect(titles(svg)).toEqual(["Reward", "Entropy, nats a token"]);
    expect(lines(svg)[0]).toHaveLength(2);
    expect(svg).toContain(">-0.5<");
    expect(svg).not.toMatch(/NaN|circle/);
  });

  it("shows the loss of a supervised run, and its accuracy as dots where it was evaluated", () => {
    const metrics = [0, 1].map((step) => ({ step, loss: 1 - step, entropy: 1, grad_norm: 2 }));
    const svg = curvesSvg([run(0.5, { metrics })]);
    const others = ["Entropy, nats a token", "Loss, nats a token", "Gradient norm"];
    expect(titles(svg)).toEqual(["Right answers", ...others]);
    expect(lines(svg)).toHaveLength(3);
    expect(svg).toContain("with the 95% interval<");
    expect(titles(curvesSvg([{ metrics }]))).toEqual(others);
  });

  it("draws empty panels for a run without steps", () => {
    expect(curvesSvg([])).not.toMatch(/NaN|Infinity/);
    expect(lines(curvesSvg([{ metrics: [] }]))).toEqual([]);
  });

  it.each([
    [0.0004, ["0.0000", "0.0001", "0.0004"]],
    [7, ["0", "2", "8"]],
    [1200, ["0", "500", "1500"]],
  ])("chooses round ticks up to %d", (most, expected) => {
    const svg = curvesSvg([{ metrics: [{ step: 0, "completions/mean_length": most }] }]);
    for (const tick of expected) expect(svg).toContain(`text-anchor="end">${tick}<`);
  });
});
