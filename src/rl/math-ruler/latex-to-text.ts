/**
 * LaTeX as the plain text that MathRuler compares: the part of pylatexenc's latex2text (2.10) that answers use. Braces go,
 * fractions become a/b without brackets of their own, roots √(x) whatever their degree, unknown commands nothing.
 */

/** Commands of letters and what they become. */
const named =
  "alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ " +
  "pi:π rho:ρ sigma:σ tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π " +
  "Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω ell:ℓ hbar:ħ partial:∂ nabla:∇ infty:∞ emptyset:∅ varnothing:∅ " +
  "leq:≤ le:≤ leqslant:⩽ geq:≥ ge:≥ geqslant:⩾ neq:≠ ne:≠ approx:≈ equiv:≡ sim:∼ perp:⊥ parallel:∥ pm:± mp:∓ " +
  "cdot:· times:× div:÷ ast:∗ star:⋆ bullet:∙ circ:∘ cup:∪ cap:∩ setminus:∖ in:∈ notin:∉ subset:⊂ subseteq:⊆ " +
  "to:→ rightarrow:→ leftarrow:← Rightarrow:⇒ Leftarrow:⇐ ldots:… dots:… cdots:⋯ angle:∠ square:□ because:∵ " +
  "therefore:∴ forall:∀ exists:∃ sum:∑ prod:∏ int:∫ langle:⟨ rangle:⟩ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ " +
  "sin:sin cos:cos tan:tan cot:cot sec:sec csc:csc arcsin:arcsin arccos:arccos arctan:arctan sinh:sinh cosh:cosh " +
  "tanh:tanh log:log ln:ln exp:exp max:max min:min lim:lim det:det deg:deg prime:'";

const symbols: Readonly<Record<string, string>> = {
  "{": "{",
  "}": "}",
  "%": "%",
  $: "$",
  "&": "&",
  "#": "#",
  _: "_",
  "\\": "\n",
  ",": " ",
  ";": " ",
  ":": " ",
  " ": " ",
  "!": "",
  quad: "  ",
  qquad: "    ",
};

/** A letter in another style is another letter: a mark in front of it. */
const styles = ["mathbf", "mathit", "mathbb", "mathcal", "mathfrak", "vec", "hat", "bar", "tilde"];
const dropped = ["mbox", "hspace", "vspace", "phantom", "label"];

/** Deeper braces are no answers. */
const maxDepth = 50;

export function latexToText(latex: string): string {
  return new Reader(latex).text();
}

class Reader {
  #at = 0;
  #depth = 0;

  constructor(private readonly latex: string) {}

  text(end = ""): string {
    if (++this.#depth > maxDepth) throw new RangeError("latexToText: too deep");
    let text = "";
    while (this.#at < this.latex.length) {
      if (end !== "" && this.latex.startsWith(end, this.#at)) {
        this.#at += end.length;
        break;
      }
      text += this.#next();
    }
    this.#depth--;
    return text;
  }

  #next(): string {
    const character = this.latex[this.#at];
    if (character === "\\") return this.#command();
    if (character === "{") return this.#argument();
    this.#at++;
    if (character === "}") return "";
    if (character === "~" || character === "&") return " ";
    if (this.#follows("--", -1)) return "–";
    if (this.#follows("''", -1)) return "”";
    return this.#follows("``", -1) ? "“" : character;
  }

  /** Whether a pair stands here; moves behind it. */
  #follows(pair: string, offset: number): boolean {
    if (!this.latex.startsWith(pair, this.#at + offset)) return false;
    this.#at += pair.length + offset;
    return true;
  }

  /** A group, or the next character or command. */
  #argument(): string {
    while (/\s/.test(this.latex[this.#at] ?? "")) this.#at++;
    if (this.latex[this.#at] === "{") {
      this.#at++;
      return this.text("}");
    }
    return this.#at < this.latex.length ? this.#next() : "";
  }

  #optional(): void {
    while (/\s/.test(this.latex[this.#at] ?? "")) this.#at++;
    if (this.latex[this.#at] !== "[") return;
    this.#at++;
    this.text("]");
  }

  #command(): string {
    const [all, name] = /^\\([a-zA-Z]+\s*|[^]?)/.exec(this.latex.slice(this.#at, this.#at + 40)) ?? [
      "\\",
      "",
    ];
    this.#at += all.length;
    const bare = name.length > 1 ? name.trim() : name;
    switch (bare) {
      case "frac":
      case "nicefrac": {
        const numerator = this.#argument();
        return `${numerator}/${this.#argument()}`;
      }
      case "sqrt":
        this.#optional();
        return `√(${this.#argument()})`;
      case "begin":
        return this.#environment();
      case "not":
        return `${this.#argument()}\u0338`.normalize("NFC");
    }
    if (styles.includes(bare)) {
      const mark = String.fromCharCode(0xe000 + styles.indexOf(bare));
      return [...this.#argument()].map((character) => mark + character).join("");
    }
    if (dropped.includes(bare)) {
      this.#argument();
      return "";
    }
    if (Object.hasOwn(symbols, bare)) return symbols[bare];
    const at = /^[a-zA-Z]+$/.test(bare) ? ` ${named}`.indexOf(` ${bare}:`) : -1;
    return at < 0 ? "" : named.slice(at + bare.length + 1).split(" ", 1)[0];
  }

  #environment(): string {
    const name = this.#argument();
    const body = this.text(`\\end{${name}}`);
    if (!/matrix|array/.test(name)) return body;
    const rows = body.split("\n").map((row) => row.trim().replaceAll(/\s+/g, " "));
    return `[ ${rows.join("; ")} ]`;
  }
}
