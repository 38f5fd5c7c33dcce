import type { PublishedFigure } from "./benchmark.ts";

/** The two models of the boards that WeThink shows. */
const models = ["WeThink-Qwen2.5VL-7B", "Qwen2.5-VL-7B"] as const;
type Both = readonly [weThink: number, base: number];

/** Where figures come from, and of when they are. */
const sources = {
  reasoning: { source: "OpenCompass reasoning board, shown by WeThink", date: "2025-05-30" },
  academic: { source: "OpenCompass academic board, shown by WeThink", date: "2025-05-30" },
  sail: { source: "tables reproduced from SAIL-VL2 (arXiv:2509.14033)", date: "2025-09-17" },
  pointThinker: { source: "PointThinker", date: null },
  hyper: { source: "hyper.ai", date: null },
} as const;

const of = (model: string, value: number, from: keyof typeof sources, more: Partial<PublishedFigure> = {}): PublishedFigure => ({ model, value, ...sources[from], ...more }); // prettier-ignore

const both = (values: Both, from: keyof typeof sources, more?: Partial<PublishedFigure>): PublishedFigure[] =>
  models.map((model, at) => of(model, values[at], from, more));

const dynaMath = {
  figure: "Worst case",
  note: "the board does not say which of the two figures it is; another paper heads this column “Worst”",
};

/** Published figures by benchmark. Sources differ by 0.5 to 2 points for the same weights. */
export const published: Readonly<Record<string, readonly PublishedFigure[]>> = {
  MMBench: both([81.8, 82.2], "academic"),
  MMStar: both([64.2, 64.1], "academic"),
  MMMU: both([61.0, 58.0], "academic"),
  HallusionBench: [...both([55.3, 51.9], "academic"), ...both([55.8, 52.9], "pointThinker")],
  AI2D: both([84.0, 84.3], "academic"),
  OCRBench: both([890, 888], "academic"),
  MMVet: [...both([73.2, 69.7], "academic"), ...both([71.7, 67.1], "pointThinker")],
  MathVista: [
    ...both([71.6, 68.1], "reasoning", { note: "the academic board shows the same" }),
    of(models[0], 70.9, "sail", { note: "two other sources give it, too" }),
    ...both([71.6, 69.1], "pointThinker"),
  ],
  MathVision: [
    ...both([26.0, 25.4], "reasoning"),
    of(models[0], 27.2, "sail"),
    ...both([26.7, 25.9], "pointThinker"),
  ],
  MathVerse: [
    ...both([44.2, 41.1], "reasoning"),
    of(models[0], 44.7, "sail"),
    ...both([45.1, 41.1], "pointThinker"),
  ],
  DynaMath: [...both([24.8, 21.8], "reasoning", dynaMath), of(models[0], 24.4, "sail", dynaMath)],
  WeMath: [...both([48.0, 36.2], "reasoning"), of(models[0], 48.0, "sail")],
  LogicVista: [...both([51.2, 47.9], "reasoning"), of(models[0], 53.0, "sail")],
  OCRBench_v2: [of(models[0], 55.8, "hyper", { figure: "Chinese overall" })],
};
