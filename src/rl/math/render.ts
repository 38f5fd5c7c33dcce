import { Unreadable } from "./evaluate.ts";
import type { Token } from "./tokens.ts";
import { wordSet } from "./word-set.ts";

/** Commands that are passed on as they are. */
const functions = /* @__PURE__ */ wordSet(
  "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg max min pi infty sum prod lfloor lceil",
);
const trigonometric = /* @__PURE__ */ wordSet("sin cos tan cot sec csc");

/**
 * One expression in the LaTeX that the engine reads: arguments in braces, letters by names of our own.
 * @throws Unreadable for a command or a sign that no expression has.
 */
export function renderLatex(tokens: readonly Token[], letter: (name: string) => string): string {
  return new Renderer(tokens, letter).all();
}

class Renderer {
  #at = 0;
  readonly #inRadians: boolean;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly letter: (name: string) => string,
  ) {
    this.#inRadians = tokens.some((token) => token.type === "command" && trigonometric.has(token.name));
    const bars = tokens.filter((token) => token.type === "sign" && token.sign === "|").length;
    if (bars % 2 !== 0) throw new Unreadable("|");
  }

  all(): string {
    let latex = "";
    while (this.#at < this.tokens.length) latex += this.#next();
    return latex;
  }

  #next(): string {
    const token = this.tokens[this.#at++];
    switch (token.type) {
      case "number":
        return this.#number(token.digits);
      case "letter":
        // Euler's number and the imaginary unit are the engine's. To it "2e+5" would be a number.
        if (token.name === "e") return "\\exponentialE ";
        return token.name === "i" ? "i " : this.letter(token.name);
      case "word":
        return [...token.text.split("_")[0]].map((name) => this.letter(name)).join("");
      case "text":
        throw new Unreadable(token.text);
      case "command":
        return this.#command(token.name);
      case "open":
        return this.#group();
      case "close":
        throw new Unreadable("a bracket that closes nothing");
      case "sign":
        return this.#sign(token.sign);
    }
  }

  #number(digits: string): string {
    const [mantissa, exponent] = digits.split("e");
    const number = exponent === undefined ? mantissa : `${mantissa}\\cdot10^{${exponent.replace("+", "")}}`;
    const next = this.tokens[this.#at];
    if (next?.type !== "number") return number;
    // "3 1/2"
    const [, slash, below] = this.tokens.slice(this.#at, this.#at + 3);
    if (slash?.type !== "sign" || slash.sign !== "/" || below?.type !== "number")
      throw new Unreadable("two numbers side by side");
    this.#at += 3;
    return `${number}\\frac{${next.digits}}{${below.digits}}`;
  }

  /** The bracket was read; up to its partner. */
  #group(): string {
    const opening = this.tokens[this.#at - 1];
    const bracket = opening.type === "open" ? opening.bracket : "(";
    const body = this.#body();
    switch (bracket) {
      case "{":
        return `{${body}}`;
      case "\\lfloor":
        return `\\lfloor ${body}\\rfloor `;
      case "\\lceil":
        return `\\lceil ${body}\\rceil `;
      case "(":
      case "[":
      case "\\{":
        return `(${body})`;
      default:
        throw new Unreadable(bracket);
    }
  }

  #body(): string {
    let latex = "";
    for (;;) {
      const token = this.tokens.at(this.#at);
      if (!token) throw new Unreadable("a bracket that is not closed");
      if (token.type === "close") break;
      latex += this.#next();
    }
    this.#at++;
    if (latex === "") throw new Unreadable("empty brackets");
    return latex;
  }

  /** What follows \frac, ^ or _: a group, or one digit, letter or command. */
  #argument(): string {
    const token = this.tokens.at(this.#at);
    if (!token) throw new Unreadable("a missing argument");
    if (token.type === "open" && (token.bracket === "{" || token.bracket === "(")) {
      this.#at++;
      return `{${this.#body()}}`; // x^(n+1) is not LaTeX, but what it means is clear
    }
    if (token.type === "number" && token.digits.length > 1) {
      const rest: Token = { ...token, digits: token.digits.slice(1) };
      const tokens = [...this.tokens.slice(0, this.#at), { ...token, digits: token.digits[0] }, rest];
      Object.assign(this, { tokens: [...tokens, ...this.tokens.slice(this.#at + 1)] });
      this.#at++;
      return `{${token.digits[0]}}`;
    }
    if (token.type === "number") {
      this.#at++;
      return `{${token.digits}}`;
    }
    return `{${this.#next()}}`;
  }

  #command(name: string): string {
    switch (name) {
      case "frac":
        return `\\frac${this.#argument()}${this.#argument()}`;
      case "binom":
        return `\\mathrm{Choose}(${this.#argument()},${this.#argument()})`;
      case "sqrt":
        return this.#root();
      case "exp":
        return `\\exponentialE^{${this.#next()}}`;
      default:
        if (!functions.has(name)) throw new Unreadable(`\\${name}`);
        return `\\${name} `;
    }
  }

  #root(): string {
    const token = this.tokens.at(this.#at);
    if (token?.type === "open" && token.bracket === "[") {
      this.#at++;
      return `\\sqrt[${this.#body()}]${this.#argument()}`;
    }
    if (token?.type === "open" && token.bracket === "(") {
      this.#at++;
      return `\\sqrt{${this.#body()}}`;
    }
    // \sqrt 12 of LaTeX would be √1·2, which nobody means
    if (token?.type === "number") {
      this.#at++;
      return `\\sqrt{${token.digits}}`;
    }
    return `\\sqrt${this.#argument()}`;
  }

  #sign(sign: string): string {
    switch (sign) {
      case "*":
        return "\\cdot ";
      case "^":
      case "_":
        return `${sign}${this.#argument()}`;
      case "%":
        return "\\cdot\\frac{1}{100}";
      case "°":
        return this.#inRadians ? "^{\\circ}" : "";
      case "+":
      case "-":
      case "/":
      case "|":
      case "!":
        return sign;
      case "=": // the lower limit of a sum
        return this.tokens.some((token) => token.type === "command" && /^(?:sum|prod)$/.test(token.name)) ? "=" : this.#refuse(sign); // prettier-ignore
      default:
        return this.#refuse(sign);
    }
  }

  #refuse(sign: string): never {
    throw new Unreadable(sign);
  }
}
