import { evaluate } from "../../rl/math/evaluate.ts";
import { parsePythonExpression } from "../../rl/math-ruler/python-expression.ts";

/** Longer texts are no numbers. */
const maxCharacters = 400;

/** The integer that Python's int() reads from a text; null for what it refuses. */
export function pythonInt(text: string): number | null {
  const trimmed = text.trim();
  return /^[-+]?\d+(?:_\d+)*$/.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : null;
}

/** The number that Python's float() reads from a text, infinities left out; null for what it refuses. */
export function pythonFloat(text: string): number | null {
  const trimmed = text.trim();
  const digits = /^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+)(?:[eE][-+]?\d+)?$/;
  return digits.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : null;
}

/** The value of an expression without variables, as Python or as LaTeX writes it; null where there is none. */
export function numericValue(text: string): number | null {
  if (text.length > maxCharacters) return null;
  try {
    const { re, im } = evaluate(parsePythonExpression(plainExpression(text)), new Map());
    return Number.isFinite(re) && Math.abs(im) < 1e-12 ? re : null;
  } catch {
    return null; // words, a variable, an equation: no number
  }
}

/** A group without groups inside; the replacements go from the innermost outwards. */
const group = String.raw`\{([^{}]*)\}`;
const rules: readonly [RegExp, string][] = [
  [/\\(?:left|right|displaystyle|,|!|;|:)/g, ""],
  [/\\(?:text|mathrm|mbox|boxed)(?=\{)/g, ""],
  [/[−–]/g, "-"],
  [/\\(?:cdot|times)(?![a-zA-Z])|[×·]/g, "*"],
  [/\\div(?![a-zA-Z])|÷/g, "/"],
  [/\\pi(?![a-zA-Z])|π/g, " pi "],
  [/√\(/g, "sqrt("],
  [/√(\d+(?:\.\d+)?)/g, "sqrt($1)"],
  [/\\[td]?frac(\d)(\d)/g, "\\frac{$1}{$2}"],
  [/\\sqrt(\d)/g, "sqrt($1)"],
];
const nested: readonly [RegExp, string][] = [
  [new RegExp(`\\\\[td]?frac\\s*${group}\\s*${group}`), "(($1)/($2))"],
  [new RegExp(`\\\\sqrt\\s*\\[(\\d+)\\]\\s*${group}`), "(($2)**(1/$1))"],
  [new RegExp(`\\\\sqrt\\s*${group}`), "sqrt($1)"],
  [new RegExp(`\\^\\s*${group}`), "**($1)"],
  [new RegExp(group), "($1)"],
];

/** LaTeX as an expression of Python; what is no LaTeX stays as it is. */
function plainExpression(text: string): string {
  let plain = text
    .trim()
    .replace(/^\$+|\$+$/g, "")
    .replace(/\.$/, "");
  for (const [pattern, replacement] of rules) plain = plain.replaceAll(pattern, replacement);
  for (let before = ""; before !== plain;) {
    before = plain;
    // A fraction's two groups must both be innermost before the plain group's rule may take one of them.
    const rule = nested.find(([pattern], index) => pattern.test(plain) && (index < 4 || !/\\[td]?frac|\\sqrt|\^\s*\{/.test(plain))); // prettier-ignore
    if (rule) plain = plain.replace(rule[0], rule[1]);
  }
  return plain;
}

/**
 * MathVision's equality (vlmeval/dataset/utils/mathv.py): the same text in lower case, or numbers, as Python or LaTeX
 * writes them, that differ by less than 10⁻⁶.
 */
export function isEqualAnswer(given: string, gold: string): boolean {
  const a = given.trim().toLowerCase();
  const b = gold.trim().toLowerCase();
  if (a === b) return true;
  const x = numericValue(a);
  const y = numericValue(b);
  return x !== null && y !== null && Math.abs(x - y) < 1e-6;
}
