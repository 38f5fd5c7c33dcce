/** Which characters, commands and words mean the same: what the tokens of mathematics are spelled by. */

export const unicode: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "—": "-",
  "×": "\\cdot ",
  "·": "\\cdot ",
  "∙": "\\cdot ",
  "⋅": "\\cdot ",
  "÷": "/",
  "∕": "/",
  "⁄": "/",
  "≤": "\\le ",
  "⩽": "\\le ",
  "≥": "\\ge ",
  "⩾": "\\ge ",
  "≠": "\\ne ",
  "≈": "\\approx ",
  "±": "\\pm ",
  "∓": "\\mp ",
  "∞": "\\infty ",
  "√": "\\sqrt ",
  "∪": "\\cup ",
  "∩": "\\cap ",
  "∈": "\\in ",
  "∅": "\\emptyset ",
  ℝ: "\\mathbb{R} ",
  "°": "^\\circ ",
  º: "^\\circ ",
  π: "\\pi ",
  θ: "\\theta ",
  α: "\\alpha ",
  β: "\\beta ",
  λ: "\\lambda ",
  "…": "\\ldots ",
  "″": "''",
  "′": "'",
  "’": "'",
  "½": "\\frac{1}{2}",
  "¼": "\\frac{1}{4}",
  "¾": "\\frac{3}{4}",
  "⅓": "\\frac{1}{3}",
  "⅔": "\\frac{2}{3}",
  "％": "%",
  "\u00a0": " ",
  "\u202f": "\\,",
  "\u2009": "\\,",
};
export const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
export const subscripts = "₀₁₂₃₄₅₆₇₈₉";

/** Commands whose braces hold text. */
export const textCommands = new Set(
  "text mbox textbf textit textrm textnormal texttt textsf mathrm mathbf mathit mathsf mathtt operatorname hbox rm".split(
    " ",
  ),
);
/** Commands that only change the looks. */
export const invisible = new Set(
  (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits quad qquad ! , ; : > " +
    "hspace vphantom boldsymbol bm overline vec hat bar tilde mathcal underline"
  )
    .split(" ")
    .concat([" ", "\n", "\t"]),
);
/** Other names of a command. */
export const synonyms: Readonly<Record<string, string>> = {
  dfrac: "frac",
  tfrac: "frac",
  cfrac: "frac",
  dbinom: "binom",
  tbinom: "binom",
  lvert: "|",
  rvert: "|",
  vert: "|",
  mid: "|",
  mathopen: "",
  varnothing: "emptyset",
  arctg: "arctan",
  tg: "tan",
  ctg: "cot",
  cosec: "csc",
  inf: "infty",
  infinity: "infty",
  dots: "ldots",
  cdots: "ldots",
  land: "and",
  lor: "or",
  wedge: "and",
  vee: "or",
};
/** Commands that are operators, relations or separators, by the sign that stands for them all. */
export const operators: Readonly<Record<string, string>> = {
  cdot: "*",
  times: "*",
  ast: "*",
  div: "/",
  pm: "±",
  mp: "∓",
  le: "≤",
  leq: "≤",
  leqslant: "≤",
  leqq: "≤",
  ge: "≥",
  geq: "≥",
  geqslant: "≥",
  geqq: "≥",
  ne: "≠",
  neq: "≠",
  lt: "<",
  gt: ">",
  approx: "≈",
  simeq: "≈",
  sim: "≈",
  equiv: "≡",
  in: "∈",
  cup: "∪",
  bigcup: "∪",
  cap: "∩",
  bigcap: "∩",
  setminus: "∖",
  backslash: "∖",
  colon: ":",
  to: "→",
  rightarrow: "→",
  implies: "⇒",
  Rightarrow: "⇒",
  and: "and",
  or: "or",
  "%": "%",
  "|": "|",
  "&": "&",
  "\\": "\\\\",
  circ: "°",
  degree: "°",
};
/** Words that are commands when they are written without a backslash. */
export const plainCommands = new Set(
  (
    "sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg exp pi infty infinity inf frac " +
    "alpha beta gamma theta lambda"
  ).split(" "),
);
export const wordSigns: Readonly<Record<string, string>> = {
  and: "and",
  or: "or",
  percent: "%",
  percentage: "%",
  pct: "%",
  deg: "°",
  degree: "°",
  degrees: "°",
};
export const opening: Readonly<Record<string, string>> = { "(": "(", "[": "[", "{": "{" };
export const closing: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
export const bracketCommands: Readonly<Record<string, readonly ["open" | "close", string]>> = {
  "{": ["open", "\\{"],
  "}": ["close", "\\{"],
  lbrace: ["open", "\\{"],
  rbrace: ["close", "\\{"],
  langle: ["open", "\\langle"],
  rangle: ["close", "\\langle"],
  lfloor: ["open", "\\lfloor"],
  rfloor: ["close", "\\lfloor"],
  lceil: ["open", "\\lceil"],
  rceil: ["close", "\\lceil"],
};
