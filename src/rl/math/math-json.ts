/**
 * An expression as MathJSON has it: a number, a symbol, or an operator and its arguments. Plain data, so that what reads
 * it needs no engine.
 */
export type MathJson = number | string | { num: string } | readonly MathJson[];

/**
 * What reads LaTeX. The verifiers are pure functions of it and of their texts: a test gives its own, a page loads the
 * computer algebra package only when a question needs it.
 */
export interface MathEngine {
  /**
   * @param latex one expression, its brackets balanced.
   * @returns its structure, not simplified; what cannot be read is an "Error" somewhere inside.
   */
  parse(latex: string): MathJson;
}

/** The operator and the arguments of a compound expression. */
export function parts(node: MathJson): { operator: string; operands: readonly MathJson[] } | null {
  if (!Array.isArray(node)) return null;
  const [operator, ...operands] = node as readonly MathJson[];
  return typeof operator === "string" ? { operator, operands } : null;
}

/** The part of the algebra package that is used. */
interface LatexParser {
  parse(
    latex: string,
    options: { canonical: false },
  ): { toMathJson(options: { fractionalDigits: "max" }): unknown };
}

/** Reads LaTeX by the algebra package, as it stands: nothing is simplified, and no digit dropped. */
export function mathEngineOf(parser: LatexParser): MathEngine {
  // The default has ten decimals: 6.6e-34 would be 0.
  return {
    parse: (latex) =>
      parser.parse(latex, { canonical: false }).toMathJson({ fractionalDigits: "max" }) as MathJson,
  };
}
