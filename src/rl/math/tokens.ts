import {
  bracketCommands,
  closing,
  invisible,
  opening,
  operators,
  plainCommands,
  subscripts,
  superscripts,
  synonyms,
  textCommands,
  unicode,
  wordSigns,
} from "./latex-tables.ts";

/** LaTeX and plain mathematics as tokens, spelled in one way. Every step takes time linear in the text. */

export type Token =
  /** digits: as written, without separators of thousands; decimal: it has a decimal point. */
  | { type: "number"; digits: string; decimal: boolean }
  /** A letter that stands for a number, with its subscript and primes: "x", "x_1", "\\alpha". upright: may be a unit. */
  | { type: "letter"; name: string; upright?: boolean }
  /** Several letters that are no command: a word, a unit, or a product of letters. */
  | { type: "word"; text: string }
  /** What `\text{…}` and its like hold. */
  | { type: "text"; text: string }
  /** A command by its name: "frac", "sqrt", "sin", "infty". */
  | { type: "command"; name: string }
  /** ( [ { \{ < as "(", "[", "{", "\\{", "\\langle"; "\\begin" has the environment's name. */
  | { type: "open" | "close"; bracket: string; name?: string }
  /** Operators, relations, separators: see {@link operators}. */
  | { type: "sign"; sign: string };

/** Longer texts are no answers. */
export const maxCharacters = 4000;

/** One spelling for characters that have several. */
function plainCharacters(text: string): string {
  let plain = "";
  /** The script that the last character was in: a run of raised digits is one exponent. */
  let open = "";
  for (const character of text) {
    const script = superscripts.includes(character) ? "^" : subscripts.includes(character) ? "_" : "";
    if (open !== "" && script !== open) plain += "}";
    if (script !== "") {
      const digits = script === "^" ? superscripts : subscripts;
      plain += `${script === open ? "" : `${script}{`}${digits.indexOf(character)}`;
    } else if (character < "\u0080") plain += character;
    else plain += unicode[character] ?? character.normalize("NFKC");
    open = script;
  }
  return open === "" ? plain : `${plain}}`;
}

/** Tokens of a text. null: it is too long, or a brace is missing. */
export function tokenize(source: string): Token[] | null {
  if (source.length > maxCharacters) return null;
  // "\\frac" of a text that was escaped twice; in a matrix two backslashes end a row.
  const text = source.includes("\\begin") ? source : source.replaceAll(/\\\\(?=[a-zA-Z{}])/g, "\\");
  return new Scanner(plainCharacters(text)).run();
}

/** 30^\circ and 30^{\circ} as 30°. */
function withDegrees(tokens: readonly Token[]): Token[] {
  const result: Token[] = [];
  for (const token of tokens) {
    result.push(token);
    const last = result.slice(-4).map((one) => ("sign" in one ? one.sign : "bracket" in one ? one.type : ""));
    if (last.join(" ") === "^ open ° close") result.splice(-4, 4, { type: "sign", sign: "°" });
    else if (last.slice(-2).join(" ") === "^ °") result.splice(-2, 2, { type: "sign", sign: "°" });
  }
  return result;
}

class Scanner {
  readonly #tokens: Token[] = [];
  /** Open brackets other than braces: a comma in them parts elements, never thousands. */
  #depth = 0;
  #at = 0;
  readonly #plain: boolean;

  constructor(private readonly text: string) {
    this.#plain = !text.includes("\\");
  }

  run(): Token[] | null {
    while (this.#at < this.text.length) if (!this.#next()) return null;
    return withDegrees(this.#tokens);
  }

  #next(): boolean {
    const character = this.text[this.#at];
    if (/[\s$~€£¥₹]/.test(character)) this.#at++;
    else if (character === "\\") return this.#command();
    else if (/\d/.test(character) || (character === "." && /\d/.test(this.text[this.#at + 1] ?? "")))
      this.#number();
    else if (/\p{L}/u.test(character)) this.#letters();
    else if (character in opening) this.#bracket("open", opening[character]);
    else if (character in closing) this.#bracket("close", closing[character]);
    else if (character === "_") this.#subscript();
    else if (character === "'") this.#prime();
    else this.#sign();
    return true;
  }

  #bracket(type: "open" | "close", bracket: string): void {
    this.#at++;
    if (bracket !== "{") this.#depth += type === "open" ? 1 : -1;
    this.#tokens.push({ type, bracket });
  }

  /** Digits, with what parts thousands, a decimal point or comma, and what repeats. */
  #number(): void {
    const rest = this.text.slice(this.#at, this.#at + 400);
    const grouped =
      this.#depth === 0
        ? /^[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\{,\}\d{3})+|(?:,?\\[!,; ]\s?\d{3})+|(?: \d{3})+|(?:'\d{3})+)(?!\d)(?:\.\d+)?/.exec(rest)
        : /^[1-9]\d{0,2}(?:(?:\{,\}\d{3})+|(?:,?\\!\s?\d{3})+)(?!\d)(?:\.\d+)?/.exec(rest); // prettier-ignore
    const european = this.#depth === 0 ? /^(?:0,\d+|\d+\{,\}\d+)(?![\d,])/.exec(rest) : null;
    const found = grouped ?? european ?? /^(?:\d+(?:\.\d+)?|\.\d+)/.exec(rest);
    if (!found) {
      this.#at++;
      return;
    }
    this.#at += found[0].length;
    let digits = grouped ? found[0].replaceAll(/[^\d.]/g, "") : found[0].replaceAll(/\{,\}|,/g, ".");
    // A zero in front alone, so that 1e5 below is read from the text and not from "e" as a letter.
    const power = /^[eE]([-+]?\d{1,3})(?![\d.\p{L}])/u.exec(this.text.slice(this.#at, this.#at + 8));
    if (power) {
      this.#at += power[0].length;
      digits += `e${power[1]}`;
    }
    const repeated = /^(\.?)\\overline\{(\d{1,18})\}/.exec(this.text.slice(this.#at, this.#at + 40));
    if (repeated && digits.includes(".") !== (repeated[1] === ".")) {
      this.#at += repeated[0].length;
      this.#repeating(digits + repeated[1], repeated[2]);
    } else this.#tokens.push({ type: "number", digits, decimal: /[.e]/.test(digits) });
  }

  /** 0.1(6) is (16 − 1)/90: the digits before the bar, and behind it as many nines as it covers. */
  #repeating(digits: string, repeated: string): void {
    const places = digits.length - digits.indexOf(".") - 1;
    const before = BigInt(digits.replace(".", ""));
    const all = BigInt(digits.replace(".", "") + repeated);
    const denominator = `${"9".repeat(repeated.length)}${"0".repeat(places)}`;
    const number = (text: string): Token => ({ type: "number", digits: text, decimal: false });
    this.#tokens.push({ type: "command", name: "frac" });
    for (const part of [String(all - before), denominator])
      this.#tokens.push({ type: "open", bracket: "{" }, number(part), { type: "close", bracket: "{" });
  }

  #letters(): void {
    const [run] = /^\p{L}+/u.exec(this.text.slice(this.#at)) ?? [""];
    this.#at += run.length;
    const lower = run.toLowerCase();
    if (Object.hasOwn(wordSigns, lower)) this.#tokens.push({ type: "sign", sign: wordSigns[lower] });
    else if (plainCommands.has(lower) && run.length > 1) this.#named(lower);
    else if (run.length === 1) this.#letter(run);
    else this.#tokens.push({ type: "word", text: run });
  }

  /** "5 m" of plain text has a unit, "5m" and "5 x" have not. */
  #letter(name: string): void {
    const apart = this.#plain && this.text[this.#at - 2] === " " && this.#tokens.at(-1)?.type === "number";
    this.#tokens.push({
      type: "letter",
      name,
      ...(apart && "mgsLlhNJVWKA".includes(name) && { upright: true }),
    });
  }

  #sign(): void {
    const two = this.text.slice(this.#at, this.#at + 2);
    const double: Readonly<Record<string, string>> = {
      "<=": "≤",
      "=<": "≤",
      ">=": "≥",
      "=>": "⇒",
      "!=": "≠",
      "**": "^",
      "==": "=",
      "->": "→",
    };
    if (Object.hasOwn(double, two)) {
      this.#at += 2;
      this.#tokens.push({ type: "sign", sign: double[two] });
      return;
    }
    const [character] = this.text.slice(this.#at);
    this.#at++;
    if (character === "." || character === "?") return; // the end of a sentence
    // x^(n+1) and 10^12 of plain text: LaTeX would take the first character alone.
    if (character === "^" && this.#plain) this.#plainExponent();
    else this.#tokens.push({ type: "sign", sign: character });
  }

  #plainExponent(): void {
    this.#tokens.push({ type: "sign", sign: "^" });
    const number = /^\s*-?\d+(?:\.\d+)?/.exec(this.text.slice(this.#at, this.#at + 60));
    if (!number) return;
    this.#at += number[0].length;
    const digits = number[0].trim();
    this.#tokens.push({ type: "open", bracket: "{" });
    if (digits.startsWith("-")) this.#tokens.push({ type: "sign", sign: "-" });
    this.#tokens.push({ type: "number", digits: digits.replace("-", ""), decimal: digits.includes(".") });
    this.#tokens.push({ type: "close", bracket: "{" });
  }

  /** Makes the subscript a part of the letter's name. */
  #subscript(): void {
    this.#at++;
    const last = this.#tokens.at(-1);
    if (last?.type !== "letter" && last?.type !== "number" && last?.type !== "word") {
      this.#tokens.push({ type: "sign", sign: "_" }); // a base, a limit
      return;
    }
    const body = this.#argument();
    const name = body.replaceAll(/[\s{}\\]/g, "");
    if (last.type === "letter") last.name += `_${name}`;
    else if (last.type === "word") last.text += `_${name}`;
    // 1101_2 is a number by its digits and base; base ten is the number itself.
    else if (name !== "10") this.#tokens.splice(-1, 1, { type: "letter", name: `${last.digits}_${name}` });
  }

  #prime(): void {
    this.#at++;
    const last = this.#tokens.at(-1);
    if (last?.type === "letter") last.name += "'";
    else this.#tokens.push({ type: "sign", sign: "'" });
  }

  /** The text of a braced group, or of the next character; moves behind it. */
  #argument(): string {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
    if (this.text[this.#at] !== "{") {
      const [single] = /^(?:\\[a-zA-Z]+|[^])/.exec(this.text.slice(this.#at, this.#at + 40)) ?? [""];
      this.#at += single.length;
      return single;
    }
    const begin = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.text.length; this.#at++) {
      if (this.text[this.#at] === "{") depth++;
      else if (this.text[this.#at] === "}" && --depth === 0) {
        this.#at++;
        return this.text.slice(begin, this.#at - 1);
      }
    }
    return this.text.slice(begin);
  }

  #command(): boolean {
    // "\quadx" is a slip that readers forgive.
    const [, name = ""] = /^\\(q?quad|[a-zA-Z]+|[^])/.exec(this.text.slice(this.#at, this.#at + 40)) ?? [];
    this.#at += name.length + 1;
    if (name === "") return true;
    if (textCommands.has(name)) return this.#text();
    if (name === "begin" || name === "end") return this.#environment(name);
    if (name === "mathbb" || name === "R") {
      const set = name === "R" ? "R" : this.#argument();
      this.#tokens.push({ type: "command", name: `mathbb{${set.trim()}}` });
      return true;
    }
    if (
      name === "boxed" ||
      name === "fbox" ||
      /^\s$/.test(name) ||
      invisible.has(name) ||
      name === "$" ||
      name === "#"
    )
      return true;
    this.#named(name);
    return true;
  }

  #named(given: string): void {
    const name = synonyms[given] ?? given;
    if (name === "") return;
    if (Object.hasOwn(bracketCommands, name)) {
      const [type, bracket] = bracketCommands[name];
      this.#depth += type === "open" ? 1 : -1;
      this.#tokens.push({ type, bracket });
    } else if (Object.hasOwn(operators, name)) this.#tokens.push({ type: "sign", sign: operators[name] });
    else if (
      /^(?:[aA]lpha|[bB]eta|[gG]amma|[dD]elta|(?:var)?epsilon|zeta|eta|(?:var)?[tT]heta|iota|kappa|[lL]ambda|mu|nu|xi|rho|[sS]igma|tau|upsilon|(?:var)?[pP]hi|chi|[pP]si|[oO]mega|ell|hbar)$/.test(
        name,
      )
    )
      // prettier-ignore
      this.#tokens.push({ type: "letter", name: `\\${name}` });
    else this.#tokens.push({ type: "command", name });
  }

  /** `\text{…}`: signs in words become signs, one letter or a number is read as if it were not text. */
  #text(): boolean {
    const text = this.#argument().trim();
    const lower = text.toLowerCase().replace(/^[\s,;]+/, "").replace(/[\s,;.]+$/, ""); // prettier-ignore
    if (lower === "") return true;
    if (Object.hasOwn(wordSigns, lower)) this.#tokens.push({ type: "sign", sign: wordSigns[lower] });
    else if (lower === "%" || lower === "\\%") this.#tokens.push({ type: "sign", sign: "%" });
    else if (plainCommands.has(lower) && lower.length > 1) this.#named(lower);
    else if (/^[a-zA-Z]$/.test(text)) this.#tokens.push({ type: "letter", name: text, upright: true });
    else if (/^[\d.,]+$/.test(text)) this.#tokens.push(...(new Scanner(text).run() ?? []));
    else this.#tokens.push({ type: "text", text });
    return true;
  }

  #environment(name: "begin" | "end"): boolean {
    const environment = this.#argument().trim();
    if (name === "begin" && environment === "array") {
      if (this.text[this.#at] === "{") this.#argument(); // the columns' alignment
    }
    this.#depth += name === "begin" ? 1 : -1;
    this.#tokens.push({
      type: name === "begin" ? "open" : "close",
      bracket: "\\begin",
      name: environment,
    });
    return true;
  }
}
