# ---- LaTeX: tokens, and expressions made of them ---------------------------------------------------------------------
# A token is (type, text, extra): number (digits, decimal), letter (name, upright), word, text, command, open and close
# (bracket, environment), sign.

UNICODE = dict(
    item.split(" ", 1)
    for item in (
        "− -|– -|— -|× \\cdot |· \\cdot |∙ \\cdot |⋅ \\cdot |÷ /|∕ /|⁄ /|≤ \\le |⩽ \\le |≥ \\ge |⩾ \\ge |≠ \\ne |"
        "≈ \\approx |± \\pm |∓ \\mp |∞ \\infty |√ \\sqrt |∪ \\cup |∩ \\cap |∈ \\in |∅ \\emptyset |ℝ \\mathbb{R} |"
        "° ^\\circ |º ^\\circ |π \\pi |θ \\theta |α \\alpha |β \\beta |λ \\lambda |… \\ldots |″ ''|′ '|’ '|"
        "½ \\frac{1}{2}|¼ \\frac{1}{4}|¾ \\frac{3}{4}|⅓ \\frac{1}{3}|⅔ \\frac{2}{3}|％ %"
    ).split("|")
)
UNICODE.update({"\u00a0": " ", "\u202f": "\\,", "\u2009": "\\,"})
RAISED, LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"


def _words(text):
    return frozenset(text.split(" "))


def _pairs(text):
    return dict(item.split(":", 1) for item in text.split(" "))


TEXT_COMMANDS = _words(
    "text mbox textbf textit textrm textnormal texttt textsf mathrm mathbf mathit mathsf mathtt operatorname hbox rm"
)
INVISIBLE = _words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits nolimits quad qquad ! , ; : > "
    "hspace vphantom boldsymbol bm overline vec hat bar tilde mathcal underline"
)
SYNONYMS = _pairs(
    "dfrac:frac tfrac:frac cfrac:frac dbinom:binom tbinom:binom lvert:| rvert:| vert:| mid:| mathopen: "
    "varnothing:emptyset arctg:arctan tg:tan ctg:cot cosec:csc inf:infty infinity:infty dots:ldots cdots:ldots land:and "
    "lor:or wedge:and vee:or"
)
OPERATORS = _pairs(
    "cdot:* times:* ast:* div:/ pm:± mp:∓ le:≤ leq:≤ leqslant:≤ leqq:≤ ge:≥ geq:≥ geqslant:≥ geqq:≥ ne:≠ neq:≠ lt:< gt:> "
    "approx:≈ simeq:≈ sim:≈ equiv:≡ in:∈ cup:∪ bigcup:∪ cap:∩ bigcap:∩ setminus:∖ backslash:∖ colon:: to:→ rightarrow:→ "
    "implies:⇒ Rightarrow:⇒ and:and or:or %:% |:| &:& \\:\\\\ circ:° degree:°"
)
PLAIN_COMMANDS = _words(
    "sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg exp pi infty infinity inf frac "
    "alpha beta gamma theta lambda"
)
WORD_SIGNS = _pairs("and:and or:or percent:% percentage:% pct:% deg:° degree:° degrees:°")
BRACKETS = {
    "{": ("open", "\\{"),
    "}": ("close", "\\{"),
    "lbrace": ("open", "\\{"),
    "rbrace": ("close", "\\{"),
    "langle": ("open", "\\langle"),
    "rangle": ("close", "\\langle"),
    "lfloor": ("open", "\\lfloor"),
    "rfloor": ("close", "\\lfloor"),
    "lceil": ("open", "\\lceil"),
    "rceil": ("close", "\\lceil"),
}
GREEK = (
    r"^(?:[aA]lpha|[bB]eta|[gG]amma|[dD]elta|(?:var)?epsilon|zeta|eta|(?:var)?[tT]heta|iota|kappa|[lL]ambda|mu|nu|xi|rho|"
    r"[sS]igma|tau|upsilon|(?:var)?[pP]hi|chi|[pP]si|[oO]mega|ell|hbar)$"
)
DOUBLE = {"<=": "≤", "=<": "≤", ">=": "≥", "=>": "⇒", "!=": "≠", "**": "^", "==": "=", "->": "→"}


def token(kind, text, extra=None):
    return (kind, text, extra)


def _plain_characters(text):
    out = []
    open_ = ""
    for char in text:
        script = "^" if char in RAISED else "_" if char in LOWERED else ""
        if open_ != "" and script != open_:
            out.append("}")
        if script != "":
            digits = RAISED if script == "^" else LOWERED
            out.append(("" if script == open_ else script + "{") + str(digits.index(char)))
        elif char < "\x80":
            out.append(char)
        else:
            out.append(UNICODE.get(char, nfkc(char)))
        open_ = script
    return "".join(out) + ("}" if open_ else "")


def tokenize(source):
    """None: it is too long, or a brace is missing."""
    if length(source) > 4000:
        return None
    text = source if "\\begin" in source else rx(r"\\\\(?=[a-zA-Z{}])").sub(lambda _: "\\", source)
    return Scanner(_plain_characters(text)).run()


def _with_degrees(tokens):
    result = []
    for one in tokens:
        result.append(one)
        last = [each[1] if each[0] == "sign" else each[0] if each[0] in ("open", "close") else "" for each in result[-4:]]
        if last == ["^", "open", "°", "close"]:
            result[-4:] = [token("sign", "°")]
        elif last[-2:] == ["^", "°"]:
            result[-2:] = [token("sign", "°")]
    return result


class Scanner:
    def __init__(self, text):
        self.text = text
        self.at = 0
        self.depth = 0
        self.tokens = []
        self.plain = "\\" not in text

    def run(self):
        while self.at < len(self.text):
            self._next()
        return _with_degrees(self.tokens)

    def _next(self):
        char = self.text[self.at]
        following = self.text[self.at + 1 : self.at + 2]
        if char in _STRIPPED or char in "$~€£¥₹":
            self.at += 1
        elif char == "\\":
            self._command()
        elif char in "0123456789" or (char == "." and following != "" and following in "0123456789"):
            self._number()
        elif char < "\U00010000" and rx(r"\p{L}").search(char):
            self._letters()
        elif char in "([{":
            self._bracket("open", char)
        elif char in ")]}":
            self._bracket("close", {")": "(", "]": "[", "}": "{"}[char])
        elif char == "_":
            self._subscript()
        elif char == "'":
            self._prime()
        else:
            self._sign()

    def _push(self, kind, text, extra=None):
        self.tokens.append(token(kind, text, extra))

    def _bracket(self, kind, bracket):
        self.at += 1
        if bracket != "{":
            self.depth += 1 if kind == "open" else -1
        self._push(kind, bracket)

    def _number(self):
        rest = self.text[self.at : self.at + 400]
        if self.depth == 0:
            grouped = rx(
                r"^[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\{,\}\d{3})+|(?:,?\\[!,; ]\s?\d{3})+|(?: \d{3})+|(?:'\d{3})+)(?!\d)"
                r"(?:\.\d+)?"
            ).search(rest)
            european = rx(r"^(?:0,\d+|\d+\{,\}\d+)(?![\d,])").search(rest)
        else:
            grouped = rx(r"^[1-9]\d{0,2}(?:(?:\{,\}\d{3})+|(?:,?\\!\s?\d{3})+)(?!\d)(?:\.\d+)?").search(rest)
            european = None
        found = grouped or european or rx(r"^(?:\d+(?:\.\d+)?|\.\d+)").search(rest)
        if not found:
            self.at += 1
            return
        written = found.group(0)
        self.at += len(written)
        digits = rx(r"[^\d.]").sub("", written) if grouped else rx(r"\{,\}|,").sub(".", written)
        power = rx(r"^[eE]([-+]?\d{1,3})(?![\d.\p{L}])").search(self.text[self.at : self.at + 8])
        if power:
            self.at += power.end()
            digits += "e" + power.group(1)
        repeated = rx(r"^(\.?)\\overline\{(\d{1,18})\}").search(self.text[self.at : self.at + 40])
        if repeated and ("." in digits) != (repeated.group(1) == ".") and "e" not in digits:
            self.at += repeated.end()
            self._repeating(digits + repeated.group(1), repeated.group(2))
        else:
            self._push("number", digits, "." in digits or "e" in digits)

    def _repeating(self, digits, repeated):
        places = len(digits) - digits.index(".") - 1
        before = int(digits.replace(".", "", 1))
        every = int(digits.replace(".", "", 1) + repeated)
        self._push("command", "frac")
        for part in (str(every - before), "9" * len(repeated) + "0" * places):
            self.tokens += [token("open", "{"), token("number", part, False), token("close", "{")]

    def _letters(self):
        run = rx(r"^\p{L}+").search(self.text[self.at :]).group(0)
        self.at += len(run)
        lower = run.lower()
        if lower in WORD_SIGNS:
            self._push("sign", WORD_SIGNS[lower])
        elif lower in PLAIN_COMMANDS and len(run) > 1:
            self._named(lower)
        elif len(run) == 1:
            self._letter(run)
        else:
            self._push("word", run)

    def _letter(self, name):
        before = self.text[self.at - 2] if self.at >= 2 else ""
        apart = self.plain and before == " " and bool(self.tokens) and self.tokens[-1][0] == "number"
        self._push("letter", name, apart and name in "mgsLlhNJVWKA")

    def _sign(self):
        two = self.text[self.at : self.at + 2]
        if two in DOUBLE:
            self.at += 2
            self._push("sign", DOUBLE[two])
            return
        char = self.text[self.at]
        self.at += 1
        if char in ".?":
            return
        if char == "^" and self.plain:
            self._plain_exponent()
        else:
            self._push("sign", char)

    def _plain_exponent(self):
        self._push("sign", "^")
        number = rx(r"^\s*-?\d+(?:\.\d+)?").search(self.text[self.at : self.at + 60])
        if not number:
            return
        self.at += number.end()
        digits = trim(number.group(0))
        self._push("open", "{")
        if digits.startswith("-"):
            self._push("sign", "-")
        self._push("number", digits.replace("-", "", 1), "." in digits)
        self._push("close", "{")

    def _subscript(self):
        self.at += 1
        last = self.tokens[-1] if self.tokens else token("", "")
        if last[0] not in ("letter", "number", "word"):
            self._push("sign", "_")
            return
        name = rx(r"[\s{}\\]").sub("", self._argument())
        if last[0] == "number":
            if name != "10":
                self.tokens[-1] = token("letter", last[1] + "_" + name)
        else:
            self.tokens[-1] = token(last[0], last[1] + "_" + name, last[2])

    def _prime(self):
        self.at += 1
        last = self.tokens[-1] if self.tokens else token("", "")
        if last[0] == "letter":
            self.tokens[-1] = token("letter", last[1] + "'", last[2])
        else:
            self._push("sign", "'")

    def _argument(self):
        while self.text[self.at : self.at + 1] and self.text[self.at] in _STRIPPED:
            self.at += 1
        if self.text[self.at : self.at + 1] != "{":
            single = rx(r"^(?:\\[a-zA-Z]+|[^])").search(self.text[self.at : self.at + 40])
            self.at += single.end() if single else 0
            return single.group(0) if single else ""
        begin = self.at + 1
        depth = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            depth += 1 if char == "{" else -1 if char == "}" else 0
            self.at += 1
            if depth == 0:
                return self.text[begin : self.at - 1]
        return self.text[begin:]

    def _command(self):
        found = rx(r"^\\(q?quad|[a-zA-Z]+|[^])").search(self.text[self.at : self.at + 40])
        name = found.group(1) if found else ""
        self.at += len(name) + 1
        if name == "":
            return
        if name in TEXT_COMMANDS:
            self._text()
        elif name in ("begin", "end"):
            self._environment(name)
        elif name in ("mathbb", "R"):
            self._push("command", "mathbb{%s}" % ("R" if name == "R" else trim(self._argument())))
        elif name not in ("boxed", "fbox", "$", "#") and name not in _STRIPPED and name not in INVISIBLE:
            self._named(name)

    def _named(self, given):
        name = SYNONYMS.get(given, given)
        if name == "":
            return
        if name in BRACKETS:
            kind, bracket = BRACKETS[name]
            self.depth += 1 if kind == "open" else -1
            self._push(kind, bracket)
        elif name in OPERATORS:
            self._push("sign", OPERATORS[name])
        elif rx(GREEK).search(name):
            self._push("letter", "\\" + name)
        else:
            self._push("command", name)

    def _text(self):
        text = trim(self._argument())
        lower = rx(r"[\s,;.]+$").sub("", rx(r"^[\s,;]+").sub("", text.lower()))
        if lower == "":
            return
        if lower in WORD_SIGNS:
            self._push("sign", WORD_SIGNS[lower])
        elif lower in ("%", "\\%"):
            self._push("sign", "%")
        elif lower in PLAIN_COMMANDS and len(lower) > 1:
            self._named(lower)
        elif rx(r"^[a-zA-Z]$").search(text):
            self._push("letter", text, True)
        elif rx(r"^[\d.,]+$").search(text):
            self.tokens += Scanner(text).run()
        else:
            self._push("text", text)

    def _environment(self, name):
        environment = trim(self._argument())
        if name == "begin" and environment == "array" and self.text[self.at : self.at + 1] == "{":
            self._argument()
        self.depth += 1 if name == "begin" else -1
        self._push("open" if name == "begin" else "close", "\\begin", environment)


COMMANDS = _words(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log lg max min pi infty sum prod lfloor lceil"
)
DEGREE_FUNCTIONS = _words("sin cos tan cot sec csc")


class Renderer:
    """Tokens of one expression as LaTeX in one spelling; \\q{name} is a letter."""

    def __init__(self, tokens):
        self.tokens = list(tokens)
        self.at = 0
        self.in_radians = any(one[0] == "command" and one[1] in DEGREE_FUNCTIONS for one in tokens)
        self.has_series = any(one[0] == "command" and one[1] in ("sum", "prod") for one in tokens)
        if sum(1 for one in tokens if one[:2] == ("sign", "|")) % 2 != 0:
            raise Unreadable("|")

    def all(self):
        latex = []
        while self.at < len(self.tokens):
            latex.append(self._next())
        return "".join(latex)

    def _next(self):
        if self.at >= len(self.tokens):
            raise Unreadable("a missing argument")
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return self._number(text)
        if kind == "letter":
            return text + " " if text in ("e", "i") else self._letter(text)
        if kind == "word":
            return "".join(self._letter(name) for name in text.split("_")[0])
        if kind == "command":
            return self._command(text)
        if kind == "open":
            return self._group(text)
        if kind == "sign":
            return self._sign(text)
        raise Unreadable(text)

    def _letter(self, name):
        return "\\q{%s}" % "".join("%x." % ord(char) for char in name)

    def _number(self, digits):
        mantissa, _, exponent = digits.partition("e")
        number = mantissa if exponent == "" else "%s\\cdot10^{%s}" % (mantissa, exponent.replace("+", "", 1))
        following = self.tokens[self.at : self.at + 3]
        if not following or following[0][0] != "number":
            return number
        if len(following) < 3 or following[1][:2] != ("sign", "/") or following[2][0] != "number":
            raise Unreadable("two numbers side by side")
        self.at += 3
        return "%s\\frac{%s}{%s}" % (number, following[0][1], following[2][1])

    def _group(self, bracket):
        body = self._body()
        if bracket == "{":
            return "{%s}" % body
        if bracket in ("\\lfloor", "\\lceil"):
            return "%s %s%s " % (bracket, body, bracket.replace("\\l", "\\r"))
        if bracket in ("(", "[", "\\{"):
            return "(%s)" % body
        raise Unreadable(bracket)

    def _body(self):
        latex = []
        while True:
            if self.at >= len(self.tokens):
                raise Unreadable("a bracket that is not closed")
            if self.tokens[self.at][0] == "close":
                break
            latex.append(self._next())
        self.at += 1
        if "".join(latex) == "":
            raise Unreadable("empty brackets")
        return "".join(latex)

    def _argument(self):
        if self.at >= len(self.tokens):
            raise Unreadable("a missing argument")
        kind, text, extra = self.tokens[self.at]
        if kind == "open" and text in ("{", "("):
            self.at += 1
            return "{%s}" % self._body()
        if kind == "number":
            if len(text) > 1:
                self.tokens[self.at : self.at + 1] = [(kind, text[0], extra), (kind, text[1:], extra)]
            self.at += 1
            return "{%s}" % text[0]
        return "{%s}" % self._next()

    def _command(self, name):
        if name == "frac":
            return "\\frac%s%s" % (self._argument(), self._argument())
        if name == "binom":
            return "\\choose%s%s" % (self._argument(), self._argument())
        if name == "sqrt":
            return self._root()
        if name == "exp":
            return "e^{%s}" % self._next()
        if name not in COMMANDS:
            raise Unreadable("\\" + name)
        return "\\%s " % name

    def _root(self):
        kind, text, _ = self.tokens[self.at] if self.at < len(self.tokens) else token("", "")
        if kind == "open" and text in ("[", "("):
            self.at += 1
            body = self._body()
            return "\\sqrt{%s}" % body if text == "(" else "\\sqrt[%s]%s" % (body, self._argument())
        if kind == "number":
            self.at += 1
            return "\\sqrt{%s}" % text
        return "\\sqrt" + self._argument()

    def _sign(self, sign):
        if sign == "*":
            return "\\cdot "
        if sign in ("^", "_"):
            return sign + self._argument()
        if sign == "%":
            return "\\cdot\\frac{1}{100}"
        if sign == "°":
            return "^{\\circ}" if self.in_radians else ""
        if sign in ("+", "-", "/", "|", "!") or (sign == "=" and self.has_series):
            return sign
        raise Unreadable(sign)


LEXEMES = (
    r"\\cdot|\\q\{[0-9a-f.]+\}|\\[a-z]+|(?:\d+(?:\.\d+)?|\.\d+)(?:\s*\\cdot\s*10\s*\^\s*\{[-+]?\d+\})?|--|\+\+|\S"
)
TRIGONOMETRIC = _words("\\sin \\cos \\tan \\cot \\sec \\csc \\arcsin \\arccos \\arctan \\sinh \\cosh \\tanh")
CALLED = TRIGONOMETRIC | _words("\\ln \\log \\lg")
BEGINS = CALLED | _words("( { | e i \\pi \\infty \\frac \\choose \\sqrt \\lfloor \\lceil \\max \\min \\sum \\prod")


class Parser:
    """Rendered LaTeX as an expression, with the precedences and quirks of the package that Thinktab reads it by."""

    def __init__(self, latex):
        self.lexemes = rx(LEXEMES).findall(latex)
        self.at = 0

    def whole(self):
        node = self._sum(False, False)
        if self.at < len(self.lexemes):
            raise Unreadable(self.lexemes[self.at])
        return node

    def _peek(self):
        return self.lexemes[self.at] if self.at < len(self.lexemes) else ""

    def _take(self, expected):
        if self._peek() != expected:
            raise Unreadable("expected %s" % expected)
        self.at += 1

    def _takes(self, expected):
        found = self._peek() == expected
        self.at += found
        return found

    @staticmethod
    def _is_symbol(lexeme):
        return lexeme.startswith("\\q{") or lexeme in ("e", "i")

    def _begins(self, in_bars, in_call):
        lexeme = self._peek()
        if lexeme == "|":
            return not in_bars
        if in_call and lexeme in TRIGONOMETRIC:
            return False
        if lexeme == "_":
            return False
        return lexeme in BEGINS or lexeme.startswith("\\q{") or lexeme[:1] in tuple("0123456789.")

    def _sum(self, in_bars, in_call):
        node = self._terms(in_bars, in_call)
        flat = False
        while self._peek() in ("+", "-", "--", "++"):
            sign = self._peek()
            self.at += 1
            right = self._terms(in_bars, in_call)
            if sign in ("--", "++"):
                right = ["Negate", right] if sign == "--" else right
            if sign != "+" and sign != "++":
                right = ["Negate", right]
            if flat or (sign in ("+", "++") and isinstance(node, list) and node[0] == "Add"):
                node = node + [right]
            else:
                node = ["Add", node, right]
            flat = flat or sign in ("+", "++")
        return node

    def _terms(self, in_bars, in_call):
        node = self._operand(in_bars, in_call)
        operator = ""
        while self._peek() in ("\\cdot", "/"):
            sign = "Multiply" if self._peek() == "\\cdot" else "Divide"
            self.at += 1
            right = self._operand(in_bars, in_call)
            if sign == "Multiply" and operator == "Multiply":
                node = node + [right]
            else:
                node = [sign, node, right]
            operator = sign
        return node

    def _operand(self, in_bars, in_call):
        """A factor, and what stands right behind it."""
        lexeme = self._peek()
        if lexeme in ("-", "+", "--", "++"):
            self.at += 1
            if lexeme in ("--", "++") and self._is_symbol(self._peek()):
                return ["Decrement", self._operand(in_bars, in_call)]
            inner = self._operand(in_bars, in_call)
            if lexeme == "-":
                return ["Negate", inner]
            return ["Negate", ["Negate", inner]] if lexeme == "--" else inner
        node = self._factor(in_bars, in_call)
        if not self._begins(in_bars, in_call):
            return node
        rest = self._terms(in_bars, in_call)
        is_product = isinstance(rest, list) and rest[0] == "InvisibleOperator"
        return ["InvisibleOperator", node] + (rest[1:] if is_product else [rest])

    def _factor(self, in_bars, in_call):
        lexeme = self._peek()
        if lexeme in CALLED:
            return self._postfix(self._call(in_bars, in_call), True)
        if lexeme in ("\\sum", "\\prod"):
            return self._series(in_bars, in_call)
        node = self._primary(in_bars)
        if self._peek() in ("--", "++") and self._is_symbol(lexeme):
            self.at += 1
            return ["Decrement", node]
        return self._postfix(node, False)

    def _postfix(self, node, called):
        marks = 0
        while self._takes("!"):
            marks += 1
        if marks > 1:
            node = ["Factorial2", node]
        elif marks == 1:
            node = ["Factorial", node]
        raised = 0
        while self._peek() in ("^", "_"):
            sign = self._peek()
            self.at += 1
            if sign == "^" and self.lexemes[self.at : self.at + 3] == ["{", "\\circ", "}"]:
                self.at += 3
                exponent = None
            else:
                exponent = self._braced()
            raised += 1
            if sign == "_" or raised > 1:
                node = ["Script", node]
            else:
                node = ["Degrees", node] if exponent is None else ["Power", node, exponent]
        if self._peek() == "!":
            if raised and not called:
                raise Unreadable("!")
            self.at += 1
            node = ["Factorial", node]
        return node

    def _braced(self):
        self._take("{")
        node = self._sum(False, False)
        self._take("}")
        return node

    def _primary(self, in_bars):
        lexeme = self._peek()
        self.at += 1
        if lexeme[:1] != "" and lexeme[0] in ".0123456789":
            return self._number(lexeme)
        if lexeme.startswith("\\q{") or lexeme in ("e", "i"):
            return lexeme
        if lexeme == "_":
            return lexeme
        if lexeme in ("\\pi", "\\infty"):
            return "Pi" if lexeme == "\\pi" else "PositiveInfinity"
        if lexeme == "(":
            node = self._sum(False, False)
            self._take(")")
            return ["Delimiter", node]
        if lexeme == "{":
            self.at -= 1
            return self._braced()
        if lexeme in ("\\frac", "\\choose"):
            return ["Divide" if lexeme == "\\frac" else "Choose", self._braced(), self._braced()]
        if lexeme == "\\sqrt":
            if self._takes("["):
                degree = self._sum(False, False)
                self._take("]")
                return ["Root", self._braced(), degree]
            return ["Sqrt", self._braced()]
        if lexeme in ("\\lfloor", "\\lceil"):
            node = self._sum(False, False)
            self._take(lexeme.replace("\\l", "\\r"))
            return ["Floor" if lexeme == "\\lfloor" else "Ceil", node]
        if lexeme == "|" and self._peek() != "|":
            node = self._sum(True, False)
            self._take("|")
            return ["Abs", node]
        if lexeme in ("\\max", "\\min"):
            name = "Max" if lexeme == "\\max" else "Min"
            if not self._takes("("):
                return name
            node = self._sum(False, False)
            self._take(")")
            return [name, node]
        raise Unreadable(lexeme)

    @staticmethod
    def _number(lexeme):
        mantissa, _, exponent = rx(r"\s").sub("", lexeme).partition("\\cdot10^{")
        if len(exponent) > 5:
            raise Unreadable(lexeme)
        value = parse_decimal(mantissa + ("e" + exponent[:-1] if exponent else ""))
        if value is None:
            raise Unreadable(lexeme)
        return value

    def _call(self, in_bars, in_call):
        lexeme = self._peek()
        self.at += 1
        name = lexeme[1:].capitalize()
        scripts = {}
        while self._peek() in ("^", "_") and self.lexemes[self.at + 1 : self.at + 3] != ["{", "\\circ"]:
            sign = self._peek()
            self.at += 1
            if sign in scripts:
                raise Unreadable(sign)
            scripts[sign] = self._braced()
        exponent, base = scripts.get("^"), scripts.get("_")
        trigonometric = lexeme in TRIGONOMETRIC
        if exponent is not None and not trigonometric:
            return ["Power", "Lg" if name == "Lg" else [name] + ([] if base is None else [base]), exponent]
        if base is not None and trigonometric:
            raise Unreadable("_")
        argument = self._call_argument(in_bars, in_call or trigonometric)
        if not trigonometric:
            arguments = ([] if argument is None else [argument]) + ([] if base is None else [base])
            if name == "Ln":
                return ["Ln" if base is None else "Log"] + arguments
            return ["Log"] + arguments + ([Fraction(10)] if name == "Lg" else [])
        if argument is None:
            return name if exponent is None else ["Power", name, exponent]
        if exponent == ["Negate", Fraction(1)]:
            return ["Inverse", name, argument]
        return [name, argument] if exponent is None else ["Power", [name, argument], exponent]

    def _call_argument(self, in_bars, in_call):
        if self._takes("("):
            node = self._sum(False, False)
            self._take(")")
            return node
        if self._peek() == "|" and not in_bars:
            return self._primary(in_bars)
        if self._begins(in_bars, in_call) or self._peek() in ("-", "+"):
            return self._terms(in_bars, in_call)
        return None

    def _series(self, in_bars, in_call):
        lexeme = self._peek()
        self.at += 1
        lower = upper = None
        while self._peek() in ("^", "_"):
            sign = self._peek()
            self.at += 1
            if sign == "^":
                upper = self._braced()
                continue
            self._take("{")
            name = self._peek()
            self.at += 1
            if not self._is_symbol(name):
                raise Unreadable(lexeme)
            lower = (name, self._sum(False, False) if self._takes("=") else Fraction(1))
            self._take("}")
        if lower is None or upper is None or not (self._begins(in_bars, in_call) or self._peek() in ("-", "+")):
            raise Unreadable(lexeme)
        body = self._terms(in_bars, in_call)
        while lexeme == "\\sum" and self._takes("-"):
            body = ["Add", body, ["Negate", self._terms(in_bars, in_call)]]
        return ["Sum" if lexeme == "\\sum" else "Product", body, (lower[0], lower[1], upper)]
