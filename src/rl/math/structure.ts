import { freeSymbols, Unreadable } from "./evaluate.ts";
import { parts, type MathEngine, type MathJson } from "./math-json.ts";
import { renderLatex } from "./render.ts";
import type { Token } from "./tokens.ts";
import { normaliseUnit, type Group, type Scalar, type Value } from "./value.ts";
import { wordSet } from "./word-set.ts";

/** Longer or deeper expressions are no answers. */
const maxTokens = 400;
export const maxNesting = 20;

const listSigns = [",", ";", "and", "or"];
const relationSigns = ["=", "≈", "≡", "<", ">", "≤", "≥", "≠", "∈"];
const regionSigns = ["∪", "∩", "∖"] as const;
/** Words in front of an answer that say nothing of it. */
const fillers = /* @__PURE__ */ wordSet(
  "about approximately approx around roughly nearly exactly is equals the a an only",
);
/** Words that are products of their letters, rather than words. */
const productWord = /^[a-df-hj-np-z]{2,3}(?:_\w+)?$/;

/** Finds out what tokens mean: numbers, sets, intervals, tuples, relations, matrices; scalars are read by the engine. */
export class Reader {
  /** Letters by the names that the engine sees: it takes some letters for functions or constants of its own. */
  readonly #letters = new Map<string, string>();

  constructor(private readonly engine: MathEngine) {}

  /** @throws Unreadable */
  read(tokens: readonly Token[]): Value {
    if (tokens.length > maxTokens) throw new Unreadable("too long");
    checkBrackets(tokens);
    return this.#value(tokens);
  }

  #value(given: readonly Token[]): Value {
    let tokens = trimSigns(lastOf(splitAt(given, ["⇒", "→"])));
    if (tokens.length === 0) throw new Unreadable("nothing");
    const inner = enclosed(tokens);
    if (inner?.bracket === "{") {
      if (splitAt(inner.body, listSigns).length > 1) return this.#group(inner.body, "\\{\\{");
      return this.#value(inner.body);
    }
    const listed = splitAt(tokens, listSigns).filter((item) => trimSigns(item).length > 0);
    if (listed.length > 1) {
      const alternatives = tokens.some(
        (token, index) => isSign(token, ["or"]) && depthAt(tokens, index) === 0,
      );
      return {
        kind: "group",
        brackets: "bare",
        items: this.#values(listed),
        ...(alternatives && { alternatives }),
      };
    }
    tokens = trimSigns(listed[0]);
    const related = splitAt(tokens, relationSigns);
    if (related.length > 1) return this.#relation(tokens, related);
    return this.#region(tokens) ?? this.#bracketed(tokens) ?? this.#plusMinus(tokens) ?? this.#leaf(tokens);
  }

  #values(items: readonly (readonly Token[])[]): Value[] {
    return items.map((item) => this.#value(item));
  }

  #group(body: readonly Token[], brackets: Group["brackets"]): Value {
    const items = splitAt(body, listSigns).filter((item) => trimSigns(item).length > 0);
    return { kind: "group", brackets, items: this.#values(items) };
  }

  #relation(tokens: readonly Token[], related: readonly (readonly Token[])[]): Value {
    const signs: string[] = [];
    tokens.forEach((token, index) => {
      if (isSign(token, relationSigns) && depthAt(tokens, index) === 0 && token.type === "sign")
        signs.push(token.sign === "≡" ? "=" : token.sign);
    });
    // "x = 1/3 ≈ 0.33" is exact, "x ≈ 0.33" all that is there.
    const exact = signs.indexOf("≈");
    const end = exact > 0 ? exact + 1 : related.length;
    const operands = related.slice(0, end);
    const used = signs.slice(0, end - 1).map((sign) => (sign === "≈" ? "=" : sign));
    if (trimSigns(operands[0]).length === 0 && used.length === 1 && used[0] === "=")
      return this.#value(operands[1]); // "= 5", the end of a chain
    const first =
      used[0] === "=" && isNumber(operands[0]) && operands.length === 2 ? operands[1] : operands[0];
    const ordered = first === operands[0] ? operands : [operands[1], operands[0]];
    const assignment = used.every((sign) => sign === "=" || sign === "∈") && names(first);
    return {
      kind: "relation",
      // What is named need not make sense as an expression: an angle, a segment, a tuple of letters.
      operands: ordered.map((operand, index) =>
        index === 0 && assignment ? this.#named(operand) : this.#value(operand),
      ),
      signs: used,
      name: nameOf(first),
      assignment,
    };
  }

  #named(tokens: readonly Token[]): Value {
    try {
      return this.#value(tokens);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return { kind: "text", text: nameOf(tokens) };
    }
  }

  #region(tokens: readonly Token[]): Value | undefined {
    for (const sign of regionSigns) {
      const operands = splitAt(tokens, [sign]);
      if (operands.length < 2) continue;
      const [first, ...rest] = this.#values(operands);
      return rest.reduce<Value>((left, right) => ({ kind: "region", sign, left, right }), first);
    }
    return undefined;
  }

  #bracketed(tokens: readonly Token[]): Value | undefined {
    const [first] = tokens;
    if (tokens.length === 1 && first.type === "command") {
      if (first.name === "emptyset") return { kind: "group", brackets: "\\{\\{", items: [] };
      if (first.name === "mathbb{R}") return { kind: "reals" };
      if (first.name.startsWith("mathbb")) return { kind: "text", text: first.name };
    }
    const inner = enclosed(tokens);
    if (!inner) return undefined;
    const { bracket, closing, body } = inner;
    switch (bracket) {
      case "\\begin":
        return this.#matrix(body, first.type === "open" ? (first.name ?? "") : "");
      case "\\{": {
        const [, condition] = splitAt(body, ["|", ":"]);
        return condition ? this.#value(condition) : this.#group(body, "\\{\\{");
      }
      case "\\langle":
        return this.#group(body, "<>");
      case "(":
      case "[":
        if (splitAt(body, [",", ";"]).length > 1)
          return this.#group(body, `${bracket}${closing}` as Group["brackets"]);
        return isMatrixBody(body) || enclosed(body) || wordsOnly(body) ? this.#value(body) : undefined;
      default:
        return undefined;
    }
  }

  #matrix(body: readonly Token[], environment: string): Value {
    if (!/^(?:[pbvBV]?matrix\*?|smallmatrix|array)$/.test(environment)) throw new Unreadable(environment);
    const rows = splitAt(body, ["\\\\"])
      .filter((row) => row.length > 0)
      .map((row) => splitAt(row.filter(notRule), ["&"]).map((entry) => this.#value(entry)));
    const columns = rows[0]?.length ?? 0;
    if (rows.some((row) => row.length !== columns)) throw new Unreadable("a matrix of uneven rows");
    return environment === "vmatrix" ? determinant(rows) : { kind: "matrix", rows };
  }

  /** a ± b is the set of both. */
  #plusMinus(tokens: readonly Token[]): Value | undefined {
    if (!tokens.some((token) => isSign(token, ["±", "∓"]))) return undefined;
    const chosen = (plus: string, minus: string) =>
      tokens.map((token): Token => {
        if (isSign(token, ["±"])) return { type: "sign", sign: plus };
        return isSign(token, ["∓"]) ? { type: "sign", sign: minus } : token;
      });
    const items = [chosen("+", "-"), chosen("-", "+")].map((each) => this.#value(each));
    return { kind: "group", brackets: "\\{\\{", items };
  }

  #leaf(given: readonly Token[]): Value {
    const tokens = withoutFillers(given);
    if (wordsOnly(tokens)) {
      const text = tokens.map(wordOf).join(" ");
      const [only] = tokens;
      const isProduct = tokens.length === 1 && only.type === "word" && productWord.test(only.text);
      return { kind: "text", text, ...(isProduct && { product: this.#scalar(tokens, "") }) };
    }
    const ratio = splitAt(tokens, [":"]);
    if (ratio.length > 2) return { kind: "group", brackets: "((", items: this.#values(ratio) };
    if (ratio.length === 2) {
      const [left, right] = this.#values(ratio);
      if (left.kind !== "scalar" || right.kind !== "scalar") return { kind: "text", text: nameOf(tokens) };
      return { ...right, node: ["Divide", left.node, right.node], decimal: left.decimal || right.decimal };
    }
    const at = unitAt(tokens);
    const unit = at < 0 ? "" : normaliseUnit(tokens.slice(at).map(wordOf).join(" "));
    return this.#scalar(at < 0 ? tokens : tokens.slice(0, at), unit);
  }

  #scalar(tokens: readonly Token[], unit: string): Scalar {
    const degrees = tokens.some((token) => isSign(token, ["°"]));
    const latex = renderLatex(tokens, (name) => this.#letter(name));
    const node = this.engine.parse(latex);
    if (hasError(node)) throw new Unreadable(latex);
    freeSymbols(node); // refuses sums without limits
    const decimal = tokens.some((token) => token.type === "number" && token.decimal);
    return {
      kind: "scalar",
      node,
      decimal,
      unit: unit || (degrees && !latex.includes("circ") ? "degree" : ""),
    };
  }

  #letter(name: string): string {
    let known = this.#letters.get(name);
    if (known === undefined) {
      const index = this.#letters.size;
      known = `\\mathrm{q${String.fromCharCode(97 + Math.floor(index / 26))}${String.fromCharCode(97 + (index % 26))}}`;
      this.#letters.set(name, known);
    }
    return known;
  }
}

/** Every bracket has its partner, and they are not too deep: the engine's parser takes exponential time otherwise. */
function checkBrackets(tokens: readonly Token[]): void {
  const open: string[] = [];
  for (const token of tokens) {
    if (token.type === "open") open.push(kindOf(token.bracket));
    if (open.length > maxNesting) throw new Unreadable("too deep");
    if (token.type === "close" && open.pop() !== kindOf(token.bracket)) throw new Unreadable("brackets");
  }
  if (open.length > 0) throw new Unreadable("brackets");
}

/** Round and square brackets close each other: [0, 1). */
const kindOf = (bracket: string) => (bracket === "[" ? "(" : bracket);

export function isSign(token: Token, signs: readonly string[]): boolean {
  return token.type === "sign" && signs.includes(token.sign);
}

/** Splits at signs that stand in no bracket. */
export function splitAt(tokens: readonly Token[], signs: readonly string[]): Token[][] {
  const pieces: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.type === "open") depth++;
    if (token.type === "close") depth--;
    if (depth === 0 && isSign(token, signs)) pieces.push([]);
    else pieces.at(-1)?.push(token);
  }
  return pieces;
}

function depthAt(tokens: readonly Token[], index: number): number {
  return tokens
    .slice(0, index)
    .reduce((depth, { type }) => depth + (type === "open" ? 1 : type === "close" ? -1 : 0), 0);
}

/** The body, when one pair of brackets holds all of it. */
function enclosed(tokens: readonly Token[]): { bracket: string; closing: string; body: Token[] } | undefined {
  const [first] = tokens;
  const last = tokens.at(-1);
  if (first?.type !== "open" || last?.type !== "close") return undefined;
  for (let index = 1; index < tokens.length - 1; index++) {
    if (depthAt(tokens, index) === 0) return undefined;
  }
  return { bracket: first.bracket, closing: last.bracket, body: tokens.slice(1, -1) };
}

const lastOf = <T>(items: readonly T[]): T => items[items.length - 1];

function trimSigns(tokens: readonly Token[]): readonly Token[] {
  const trimmed = [...listSigns, ":"];
  let begin = 0;
  let end = tokens.length;
  while (begin < end && isSign(tokens[begin], trimmed)) begin++;
  while (end > begin && isSign(tokens[end - 1], trimmed)) end--;
  return tokens.slice(begin, end);
}

function withoutFillers(tokens: readonly Token[]): readonly Token[] {
  let begin = 0;
  while (
    begin < tokens.length - 1 &&
    fillers.has(wordOf(tokens[begin]).toLowerCase()) &&
    isWord(tokens[begin])
  )
    begin++;
  return tokens.slice(begin);
}

const isWord = ({ type }: Token) => type === "word" || type === "text";
const wordsOnly = (tokens: readonly Token[]) =>
  tokens.some(isWord) && tokens.every((token) => isWord(token) || token.type === "letter");

function wordOf(token: Token): string {
  switch (token.type) {
    case "number":
      return token.digits;
    case "letter":
    case "command":
      return token.name;
    case "word":
    case "text":
      return token.text;
    case "sign":
      return token.sign;
    default:
      return token.bracket === "{" ? "" : token.bracket;
  }
}

/** Where a unit begins behind a number: words or upright letters, and nothing but what units are made of behind them. */
function unitAt(tokens: readonly Token[]): number {
  for (let index = 1; index < tokens.length; index++) {
    if (depthAt(tokens, index) !== 0) continue;
    const token = tokens[index];
    const degreesOf =
      isSign(token, ["°"]) && tokens.length === index + 2 && "CF".includes(wordOf(tokens[index + 1]));
    const begins =
      token.type === "text" ||
      (token.type === "word" && (!productWord.test(token.text) || normaliseUnit(token.text) !== token.text || isUnit(token.text))) ||
      (token.type === "letter" && token.upright === true && !"ei".includes(token.name)) ||
      degreesOf; // prettier-ignore
    if (!begins) continue;
    const rest = tokens.slice(index);
    const units = rest.every(
      (part, at) =>
        isWord(part) ||
        part.type === "letter" ||
        isSign(part, ["^", "/", "*", "-", "°", "."]) ||
        part.type === "open" ||
        part.type === "close" ||
        (part.type === "number" && /[\^{-]/.test(wordOf(rest[at - 1]) || "{")),
    );
    return units ? index : -1;
  }
  return -1;
}

const isUnit = (word: string) =>
  ["cm", "mm", "km", "kg", "mg", "ml", "ft", "yd", "hr", "rad", "kph"].includes(word);

const isNumber = (tokens: readonly Token[]) =>
  tokens.length > 0 &&
  tokens.every((token) => token.type === "number" || isSign(token, ["+", "-"]) || token.type === "open" || token.type === "close"); // prettier-ignore

/** Whether an equation's left side only names something: no sum, no number of its own. */
function names(tokens: readonly Token[]): boolean {
  const bare = trimSigns(tokens);
  if (!bare.some((token) => token.type === "letter" || isWord(token))) return false;
  return bare.every((token, index) => {
    if (depthAt(bare, index) > 0 && !isFraction(bare)) return true;
    return token.type !== "number" && !isSign(token, ["+", "-", "*", "^", "!"]);
  });
}

const isFraction = ([first]: readonly Token[]) => first.type === "command" && first.name === "frac";

/** An operand as it is written, without the arguments in its round brackets. */
function nameOf(tokens: readonly Token[]): string {
  return tokens
    .filter((_token, index) => index === 0 || depthAt(tokens, index) === 0 || tokens[0].type === "open")
    .filter(({ type }) => type !== "open" && type !== "close")
    .map(wordOf)
    .join("");
}

const isMatrixBody = (tokens: readonly Token[]) =>
  tokens[0]?.type === "open" && tokens[0].bracket === "\\begin";
const notRule = (token: Token) => !(token.type === "command" && token.name === "hline");

function determinant(rows: readonly (readonly Value[])[]): Scalar {
  const entries = rows.map((row) =>
    row.map((entry) => {
      if (entry.kind !== "scalar") throw new Unreadable("a determinant");
      return entry;
    }),
  );
  if (entries.length === 0 || entries.length > 4 || entries[0].length !== entries.length)
    throw new Unreadable("a determinant");
  const expand = (left: readonly (readonly Scalar[])[]): MathJson => {
    if (left.length === 1) return left[0][0].node;
    const terms = left[0].map((entry, column): MathJson => {
      const minor = left.slice(1).map((row) => row.filter((_, index) => index !== column));
      const term: MathJson = ["Multiply", entry.node, expand(minor)];
      return column % 2 === 0 ? term : ["Negate", term];
    });
    return ["Add", ...terms];
  };
  return {
    kind: "scalar",
    node: expand(entries),
    decimal: entries.flat().some(({ decimal }) => decimal),
    unit: "",
  };
}

function hasError(node: MathJson): boolean {
  if (typeof node === "string") return node === "Nothing" || node.startsWith("'");
  const compound = parts(node);
  if (!compound) return Array.isArray(node);
  return compound.operator === "Error" || compound.operands.some(hasError);
}
