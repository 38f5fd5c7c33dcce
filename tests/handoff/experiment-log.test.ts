import { describe, expect, test } from "vitest";
import { metricsOfLog, readExperimentLog } from "../../src/handoff/experiment-log.ts";

const line = (step: number, reward: number, more = "") =>
  `{"step": ${step}, "reward": {"overall": ${reward}, "accuracy": ${reward / 2}}, "actor": {"kl_loss": 0.1}${more}}`;

describe("readExperimentLog", () => {
  test("flattens metrics; lines of one step are one", () => {
    const log = readExperimentLog(
      `{"step": 0, "val": {"reward_score": 0.2}}\n${line(1, 0.3)}\n{"step": 1, "val": {"reward_score": 0.4}}\n`,
    );
    expect(log).toEqual({
      steps: [
        { step: 0, metrics: { "val/reward_score": 0.2 } },
        {
          step: 1,
          metrics: {
            "reward/overall": 0.3,
            "reward/accuracy": 0.15,
            "actor/kl_loss": 0.1,
            "val/reward_score": 0.4,
          },
        },
      ],
      restarts: 0,
      broken: [],
    });
  });

  test("names lines that are cut or no steps, and takes the rest", () => {
    const log = readExperimentLog(
      `${line(1, 0.1)}\nnot json\n[1]\n{"no": 1}\n${line(2, 0.2)}\n{"step": 3, "rew`,
    );
    expect(log.steps.map(({ step }) => step)).toEqual([1, 2]);
    expect(log.broken).toEqual([2, 3, 4, 6]);
  });

  test("a resumed run's later steps replace those it did before", () => {
    const log = readExperimentLog([line(1, 0.1), line(2, 0.2), line(3, 0.3), line(2, 0.9)].join("\n"));
    expect(log.restarts).toBe(1);
    expect(log.steps.map(({ step, metrics }) => [step, metrics["reward/overall"]])).toEqual([
      [1, 0.1],
      [2, 0.9],
    ]);
    // EasyR1 empties the log when it starts anew: a log may begin anywhere.
    expect(readExperimentLog(line(40, 0.1)).steps[0].step).toBe(40);
  });

  test("numbers that are none are left out, as Python writes them", () => {
    const log = readExperimentLog(
      '{"step": 1, "a": NaN, "b": [1, -Infinity], "c": "NaN", "d": {"e": Infinity, "f": 2}}',
    );
    expect(log).toMatchObject({ broken: [], steps: [{ step: 1, metrics: { "d/f": 2 } }] });
    expect(Object.keys(log.steps[0].metrics)).toEqual(["d/f"]);
  });

  test("an empty log has no steps", () => {
    expect(readExperimentLog("\uFEFF\n")).toEqual({ steps: [], restarts: 0, broken: [] });
  });
});

test("metricsOfLog gives our names, and steps from 0", () => {
  const log = readExperimentLog(
    `{"step": 0, "val": {"reward_score": 0.2}}\n${line(1, 0.4, ', "response_length": {"mean": 12}, "actor_": 1')}`,
  );
  expect(metricsOfLog(log)).toEqual([
    expect.objectContaining({
      step: 0,
      reward: 0.4,
      "rewards/accuracy/mean": 0.2,
      kl: 0.1,
      "completions/mean_length": 12,
      "reward/overall": 0.4,
    }),
  ]);
});
