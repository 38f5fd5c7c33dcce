import type { MathJson } from "../math/math-json.ts";

/** Deeper expressions are not read. */
const maxDepth = 60;

/**
 * Reads an expression as SymPy's parse_expr does with implicit multiplication: 2x, x(y), (a)(b), names as products of
 * their letters but for pi, sqrt and ln. `^` is a power.
 * @throws SyntaxError
 */
export function parsePythonExpression(text: string): MathJson {
  const parser = new Parser(text.match(/(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|\p{L}+|\*\*|\S/gu) ?? []);
  return parser.whole();
}

class Parser {
  #at = 0;
  #depth = 0;

  constructor(private readonly tokens: readonly string[]) {}

  whole(): MathJson {
    const node = this.#sum();
    if (this.#at < this.tokens.length) this.#fail();
    return node;
  }

  #take(...expected: readonly string[]): string | undefined {
    const token = this.tokens.at(this.#at);
    if (token === undefined || !expected.includes(token)) return undefined;
    this.#at++;
    return token;
  }

  #fail(): never {
    throw new SyntaxError(`got ${this.tokens.at(this.#at) ?? "the end"}`);
  }

  #sum(): MathJson {
    if (++this.#depth > maxDepth) this.#fail();
    let node = this.#product();
    for (let sign = this.#take("+", "-"); sign; sign = this.#take("+", "-")) {
      const right = this.#product();
      node = ["Add", node, sign === "-" ? ["Negate", right] : right];
    }
    this.#depth--;
    return node;
  }

  #product(): MathJson {
    let node = this.#signed();
    for (;;) {
      const sign = this.#take("*", "/");
      if (sign === undefined && !this.#beginsFactor()) return node;
      const right = sign === undefined ? this.#power() : this.#signed();
      node = [sign === "/" ? "Divide" : "Multiply", node, right];
    }
  }

  #beginsFactor(): boolean {
    const token = this.tokens.at(this.#at);
    if (token === undefined) return false;
    // Two numbers side by side are a mistake, as they are to Python.
    const afterNumber = /^[\d.]/.test(this.tokens[this.#at - 1] ?? "");
    return token === "(" || /^\p{L}/u.test(token) || (/^[\d.]/.test(token) && !afterNumber);
  }

  #signed(): MathJson {
    if (++this.#depth > maxDepth) this.#fail();
    const sign = this.#take("+", "-");
    const node: MathJson = sign === "-" ? ["Negate", this.#signed()] : sign ? this.#signed() : this.#power();
    this.#depth--;
    return node;
  }

  #power(): MathJson {
    const base = this.#atom();
    return this.#take("^", "**") ? ["Power", base, this.#signed()] : base;
  }

  #atom(): MathJson {
    const token = this.tokens.at(this.#at);
    if (token === undefined) this.#fail();
    this.#at++;
    if (/^(?:\d|\.\d)/.test(token)) return { num: token };
    if (token === "(") {
      const node = this.#sum();
      if (!this.#take(")")) this.#fail();
      return node;
    }
    if (!/^\p{L}/u.test(token)) {
      this.#at--;
      this.#fail();
    }
    return this.#name(token);
  }

  #name(token: string): MathJson {
    if ((token === "sqrt" || token === "ln") && this.tokens.at(this.#at) === "(")
      return [token === "ln" ? "Ln" : "Sqrt", this.#atom()];
    const nodes: MathJson[] = token === "pi" ? ["Pi"] : [...token].map((letter) => `symbol ${letter}`);
    if (nodes.length === 1) return nodes[0];
    // Of "xy^2" only the last letter is raised.
    const last = nodes[nodes.length - 1];
    const power: MathJson = this.#take("^", "**") ? ["Power", last, this.#signed()] : last;
    return ["Multiply", ...nodes.slice(0, -1), power];
  }
}
