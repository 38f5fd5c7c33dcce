import { seedFrom, uniformAt, type Seed } from "../src/util/rng.ts";

/** A rollout, and what the exported answer column holds of its record. */
export interface RewardCase {
  kind: string;
  gold: string;
  response: string;
  question?: string;
  options?: Record<string, string> | string[];
  /** Of accuracy and format. */
  weights?: [number, number];
  format?: string;
  number?: { relative?: number; absolute?: number };
  iou?: { threshold?: number; graded?: boolean };
  set?: { score?: "exact" | "f1" };
}

/** Numbers drawn for one case. */
class Draw {
  #drawn = 0;
  constructor(
    private readonly seed: Seed,
    private readonly number: number,
  ) {}

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(uniformAt(this.seed, this.number, this.#drawn++) * end);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  chance(share: number): boolean {
    return this.below(1000) < 1000 * share;
  }
}

type Content = Omit<RewardCase, "kind" | "response"> & { said: string };
type Maker = (draw: Draw) => Content;

const words = "red blue green round wooden small bird boat tower window left right seven three".split(" ");

const makers: Readonly<Record<string, Maker>> = {
  "multiple-choice": (draw) => {
    const options = Object.fromEntries(
      ["A", "B", "C", "D"].map((letter) => [letter, `${draw.of(words)} ${draw.of(words)}`]),
    );
    const listed = draw.chance(0.5);
    const gold = draw.of(["A", "B", "C", "D"]);
    const chosen = draw.chance(0.5) ? gold : draw.of(["A", "B", "C", "D", "E", "Z"]);
    const text = options[chosen] ?? "none of them";
    const said = draw.of([
      chosen,
      `(${chosen})`,
      `${chosen}. ${text}`,
      `The answer is ${chosen}.`,
      text,
      `A ${text}`,
      `${chosen} or ${draw.of(["A", "B"])}`,
      chosen.toLowerCase(),
      "Cannot determine the answer",
      `\\boxed{${chosen}}`,
    ]);
    const lines = Object.entries(options).map(([letter, option]) => `${letter}. ${option}`);
    return {
      gold: draw.of([gold, `(${gold})`, `${gold}. ${options[gold]}`, options[gold], `${gold}, ${chosen}`]),
      said,
      ...(listed ? { options } : { question: `What is it?\n${lines.join("\n")}` }),
    };
  },
  "fill-in-blank": (draw) => {
    const gold = draw.of([
      draw.of(words),
      `the ${draw.of(words)} ${draw.of(words)}`,
      "1/2",
      "-5",
      "5!",
      "3 cm",
    ]);
    const dressed = [gold, gold.toUpperCase(), `“${gold}.”`, `  ${gold}!`, `an ${gold}`, `**${gold}**`];
    return { gold, said: draw.of([...dressed, draw.of(words), "0.5", "120", ".5", `\\text{${gold}}`, ""]) };
  },
  number: (draw) => {
    const value = draw.of([5, 12.5, 1234, -3, 0.25, 1e6, 7]);
    const gold = draw.of([`${value}`, `${value} cm`, `${value}%`, `$${value}`, value.toLocaleString("en")]);
    const near = draw.of([value, value * (1 + 1e-7), value + 1, -value, value / 100]);
    const said = draw.of([
      `${near}`,
      `about ${near} cm`,
      `${near}%`,
      `The answer is ${near} square meters, not 3.`,
      near.toExponential(3),
      `$\\frac{${near}}{1}$`,
      `${near} \\times 10^{2}`,
      "none",
      `x = ${near} million`,
    ]);
    return { gold, said, ...(draw.chance(0.3) && { number: { relative: 0.05 } }) };
  },
  math: (draw) => {
    const gold = expression(draw, 3);
    const other = draw.chance(0.5) ? respelled(draw, gold) : expression(draw, 2);
    return {
      gold: draw.chance(0.5) ? `$${gold}$` : gold,
      said: draw.of([other, `$${other}$`, `So it is $x$. \\boxed{${other}}`, `The answer is ${other}.`]),
    };
  },
  "yes-no": (draw) => ({
    gold: draw.of(["Yes", "no", "Yes.", "maybe"]),
    said: draw.of(["yes", "No.", "Yes, there is no doubt", "**Yes**", "(no)", "not sure", "NO!", "nope"]),
  }),
  iou: (draw) => {
    const box = [draw.below(50), draw.below(50), 60 + draw.below(50), 60 + draw.below(50)];
    const moved = box.map((side) => side + (draw.chance(0.5) ? draw.below(20) : 0));
    const said = draw.of([
      JSON.stringify(moved),
      `{"bbox_2d": ${JSON.stringify(moved)}, "label": "cat"}`,
      `<box>(${moved[0]},${moved[1]}),(${moved[2]},${moved[3]})</box>`,
      `\`\`\`json\n[${JSON.stringify(moved)}, ${JSON.stringify(box)}]\n\`\`\``,
      moved.join(" "),
      `x1: ${moved[0]}, y1: ${moved[1]}`,
      "[1, 2, 3",
    ]);
    return {
      gold: JSON.stringify(box),
      said,
      ...(draw.chance(0.5) && { iou: { graded: true, threshold: 0.1 } }),
    };
  },
  set: (draw) => {
    const items = Array.from({ length: 1 + draw.below(4) }, () => draw.of([...words, "1,000", "2.0", "1/3"]));
    const others = draw.chance(0.6) ? [...items].reverse() : [...items.slice(1), draw.of(words)];
    const said = draw.of([
      others.join(", "),
      JSON.stringify(others),
      others.map((item) => `- ${item}`).join("\n"),
      `{${others.join(", ")}}`,
      `\\boxed{${others.join(" and ")}}`,
      `[${others.join("; ")}]`,
    ]);
    return { gold: items.join(", "), said, ...(draw.chance(0.5) && { set: { score: "f1" as const } }) };
  },
  "easyr1-r1v": (draw) => ruled(draw),
  "easyr1-math": (draw) => ruled(draw),
};

/** What MathRuler grades: plain answers, and boxes. */
function ruled(draw: Draw): Content {
  const gold = draw.of([
    "\\frac{1}{2}",
    "12",
    "(1,2)",
    "2\\sqrt{2}",
    "x+1",
    "50\\%",
    "1,234",
    expression(draw, 2),
  ]);
  const said = draw.of([
    gold,
    respelled(draw, gold),
    "0.5",
    "12 cm",
    "1+x",
    "\\sqrt{8}",
    expression(draw, 2),
  ]);
  return { gold, said: draw.chance(0.7) ? `\\boxed{${said}}` : said };
}

/** A formula, a set, an interval or a relation. */
function expression(draw: Draw, depth: number): string {
  const inner = () => sum(draw, depth);
  const number = () => draw.of(["1", "2", "3.5", "-4", "\\frac{1}{3}", "\\infty", "\\pi"]);
  switch (draw.below(12)) {
    case 0:
      return `${draw.of(["(", "["])}${number()}, ${number()}${draw.of([")", "]"])}`;
    case 1:
      return `\\{${number()}, ${number()}, ${inner()}\\}`;
    case 2:
      return `${draw.of(["x", "y", "f(x)"])} = ${inner()}`;
    case 3:
      return `${inner()} ${draw.of(["<", "\\le", ">", "\\ne"])} ${number()}`;
    case 4:
      return `${number()} \\pm ${inner()}`;
    case 5:
      return `${draw.below(200)}${draw.of(["\\%", " \\text{ cm}", "^\\circ", "", "\\text{ cm}^2"])}`;
    case 6:
      return `(-\\infty, ${number()}) \\cup (${number()}, \\infty)`;
    case 7:
      return `\\begin{pmatrix} ${number()} & ${inner()} \\\\ ${number()} & 1 \\end{pmatrix}`;
    default:
      return inner();
  }
}

function sum(draw: Draw, depth: number): string {
  if (depth <= 0) return draw.of(["x", "y", "2", "3", "0.5", "\\pi", "e", "n", "10", "\\alpha"]);
  const one = () => sum(draw, depth - 1 - draw.below(2));
  switch (draw.below(14)) {
    case 0:
      return `${one()} + ${one()}`;
    case 1:
      return `${one()} - ${one()}`;
    case 2:
      return `${one()} \\cdot ${one()}`;
    case 3:
      return `\\frac{${one()}}{${one()}}`;
    case 4:
      return `${draw.below(9)}(${one()})`;
    case 5:
      return `(${one()})^{${draw.of(["2", "-1", "x", "\\frac{1}{2}"])}}`;
    case 6:
      return `\\sqrt{${one()}}`;
    case 7:
      return `\\${draw.of(["sin", "cos", "tan", "ln", "log", "arctan"])}${draw.of([" ", "^2 ", "^{-1} "])}${draw.of(["x", "2x", `(${one()})`])}`;
    case 8:
      return `|${one()}|`;
    case 9:
      return `${one()} / ${one()}`;
    case 10:
      return `${1 + draw.below(9)}\\frac{${1 + draw.below(9)}}{${1 + draw.below(9)}}`;
    case 11:
      return `${draw.below(9)}!`;
    case 12:
      return `\\sqrt[3]{${one()}}`;
    default:
      return `\\sum_{k=1}^{${1 + draw.below(6)}} k ${draw.of(["", "+ 1", "x"])}`;
  }
}

/** The same formula as others would write it. */
function respelled(draw: Draw, latex: string): string {
  return draw.of([
    latex,
    latex.replaceAll("\\frac", "\\dfrac"),
    latex.replaceAll(" ", ""),
    latex.replaceAll("\\cdot", "\\times"),
    latex.replaceAll("(", "\\left(").replaceAll(")", "\\right)"),
    `${latex} + 0`,
    `0 + ${latex}`,
    latex.replaceAll("x", "y"),
    latex.replaceAll("+", "-"),
    latex.replaceAll("\\", ""),
    latex.replaceAll(/[{}]/g, ""),
  ]);
}

function wrapped(draw: Draw, said: string): string {
  return draw.of([
    `<think>because</think><answer>${said}</answer>`,
    `<think>because\n12</think>\n<answer>\n${said}\n</answer>`,
    `<think>7</think> ${said}`,
    `<think>no end ${said}`,
    `<answer>1</answer><think>a</think><answer>${said}</answer>`,
    `<think>a</think><answer>${said}</answer>\n`,
    said,
  ]);
}

/** Cases over all kinds in turn: the same for the same seed. */
export function rewardCases(count: number, seed: number): RewardCase[] {
  const kinds = Object.keys(makers);
  return Array.from({ length: count }, (_, index): RewardCase => {
    const draw = new Draw(seedFrom(seed), index);
    const kind = kinds[index % kinds.length];
    const { said, ...rest } = makers[kind](draw);
    return {
      kind,
      ...rest,
      response: wrapped(draw, said),
      ...(draw.chance(0.2) && { weights: [0.9, 0.1] as [number, number] }),
      ...(draw.chance(0.2) && { format: draw.of(["lenient", "easyr1-r1v", "easyr1-math"]) }),
    };
  });
}
