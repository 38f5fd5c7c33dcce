/** What Python's literals hold that JSON can hold, too; a tuple is a list. */
export type Literal = null | boolean | number | string | Literal[] | { [key: string]: Literal };

/** Deeper literals are not read. */
const maxDepth = 20;

/** A value as a benchmark's cell writes it, by JSON's rules or Python's; undefined for anything else. */
export function parseLiteral(text: string): Literal | undefined {
  try {
    const reader = new LiteralReader(text);
    const value = reader.value(0);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The texts of a cell that holds a list of them, or one; what is no literal is one text. */
export function textsOf(cell: string): string[] {
  const literal = parseLiteral(cell);
  if (Array.isArray(literal)) return literal.filter((item) => item !== null).map(String);
  return [typeof literal === "string" ? literal : cell];
}

const words: Readonly<Record<string, Literal>> = {
  True: true,
  true: true,
  False: false,
  false: false,
  None: null,
  null: null,
};

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", "\n": "" };

class LiteralReader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): Literal {
    if (depth > maxDepth) throw new SyntaxError("too deep");
    this.#space();
    const first = this.text[this.#at];
    if (first === "[") return this.#list("]", depth);
    if (first === "(") return this.#list(")", depth);
    if (first === "{") return this.#record(depth);
    if (first === "'" || first === '"') return this.#strings();
    return this.#word();
  }

  end(): void {
    this.#space();
    if (this.#at < this.text.length) throw new SyntaxError("more behind the value");
  }

  #space(): void {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #take(sign: string): boolean {
    this.#space();
    if (this.text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #list(close: string, depth: number): Literal {
    this.#at++;
    const items: Literal[] = [];
    let commas = 0;
    while (!this.#take(close)) {
      if (items.length > commas) throw new SyntaxError("a comma is missing");
      items.push(this.value(depth + 1));
      if (this.#take(",")) commas++;
    }
    return close === ")" && items.length === 1 && commas === 0 ? items[0] : items;
  }

  #record(depth: number): Literal {
    this.#at++;
    const entries: [string, Literal][] = [];
    let commas = 0;
    while (!this.#take("}")) {
      if (entries.length > commas) throw new SyntaxError("a comma is missing");
      const key = this.value(depth + 1);
      if (!this.#take(":") || typeof key === "object") throw new SyntaxError("no key");
      entries.push([String(key), this.value(depth + 1)]);
      if (this.#take(",")) commas++;
    }
    return Object.fromEntries(entries);
  }

  /** One, or several side by side, which Python joins. */
  #strings(): string {
    let text = "";
    for (;;) {
      text += this.#string();
      const behind = this.#at;
      this.#space();
      if (this.text[this.#at] !== "'" && this.text[this.#at] !== '"') {
        this.#at = behind;
        return text;
      }
    }
  }

  #string(): string {
    const quote = this.text[this.#at++];
    let text = "";
    for (;;) {
      const sign = this.text[this.#at];
      if (sign === undefined) throw new SyntaxError("a quote is missing");
      this.#at++;
      if (sign === quote) return text;
      text += sign === "\\" ? this.#escape() : sign;
    }
  }

  #escape(): string {
    const code = /^(?:u([\da-fA-F]{4})|x([\da-fA-F]{2}))/.exec(this.text.slice(this.#at, this.#at + 5));
    if (code) {
      this.#at += code[0].length;
      return String.fromCharCode(parseInt(code[1] ?? code[2], 16));
    }
    const sign = this.text[this.#at++] ?? "";
    if (Object.hasOwn(escapes, sign)) return escapes[sign];
    // Python keeps the backslash of an escape that it does not know: LaTeX in a list.
    return /['"\\/]/.test(sign) ? sign : `\\${sign}`;
  }

  #word(): Literal {
    const [word] = /^[-+\w.]+/.exec(this.text.slice(this.#at, this.#at + 400)) ?? [""];
    this.#at += word.length;
    if (Object.hasOwn(words, word)) return words[word];
    if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(word)) throw new SyntaxError("no value");
    return Number(word);
  }
}
