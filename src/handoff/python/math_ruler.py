# ---- EasyR1's own rewards: r1v and math, with MathRuler's verdicts ---------------------------------------------------

NAMED = _pairs(
    "alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ "
    "pi:π rho:ρ sigma:σ tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π "
    "Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω ell:ℓ hbar:ħ partial:∂ nabla:∇ infty:∞ emptyset:∅ varnothing:∅ leq:≤ le:≤ "
    "leqslant:⩽ geq:≥ ge:≥ geqslant:⩾ neq:≠ ne:≠ approx:≈ equiv:≡ sim:∼ perp:⊥ parallel:∥ pm:± mp:∓ cdot:· times:× div:÷ "
    "ast:∗ star:⋆ bullet:∙ circ:∘ cup:∪ cap:∩ setminus:∖ in:∈ notin:∉ subset:⊂ subseteq:⊆ to:→ rightarrow:→ leftarrow:← "
    "Rightarrow:⇒ Leftarrow:⇐ ldots:… dots:… cdots:⋯ angle:∠ square:□ because:∵ therefore:∴ forall:∀ exists:∃ sum:∑ "
    "prod:∏ int:∫ langle:⟨ rangle:⟩ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ sin:sin cos:cos tan:tan cot:cot sec:sec csc:csc "
    "arcsin:arcsin arccos:arccos arctan:arctan sinh:sinh cosh:cosh tanh:tanh log:log ln:ln exp:exp max:max min:min "
    "lim:lim det:det deg:deg prime:'"
)
SYMBOLS = {"\\": "\n", "!": "", "quad": "  ", "qquad": "    ", **{c: c for c in "{}%$&#_"}, **{c: " " for c in ",;: "}}
STYLES = ("mathbf", "mathit", "mathbb", "mathcal", "mathfrak", "vec", "hat", "bar", "tilde")
DROPPED = ("mbox", "hspace", "vspace", "phantom", "label")


class _TooDeep(Exception):
    pass


class _PlainText:
    """LaTeX as the plain text that MathRuler compares."""

    def __init__(self, latex):
        # In units of UTF-16.
        self.latex = "".join(map(chr, memoryview(latex.encode("utf-16-le", "surrogatepass")).cast("H")))
        self.at = 0
        self.depth = 0

    def text(self, end=""):
        self.depth += 1
        if self.depth > 50:
            raise _TooDeep
        text = []
        while self.at < len(self.latex):
            if end != "" and self.latex.startswith(end, self.at):
                self.at += len(end)
                break
            text.append(self._next())
        self.depth -= 1
        return "".join(text)

    def _next(self):
        char = self.latex[self.at]
        if char == "\\":
            return self._command()
        if char == "{":
            return self._argument()
        for pair, mark in (("--", "–"), ("''", "”"), ("``", "“")):
            if self.latex.startswith(pair, self.at):
                self.at += 2
                return mark
        self.at += 1
        return "" if char == "}" else " " if char in "~&" else char

    def _spaces(self):
        while self.latex[self.at : self.at + 1] and self.latex[self.at] in _STRIPPED:
            self.at += 1

    def _argument(self):
        self._spaces()
        if self.latex[self.at : self.at + 1] == "{":
            self.at += 1
            return self.text("}")
        return self._next() if self.at < len(self.latex) else ""

    def _command(self):
        match = rx(r"^\\([a-zA-Z]+\s*|[^]?)").search(self.latex[self.at : self.at + 40])
        self.at += match.end()
        name = match.group(1)
        bare = trim(name) if len(name) > 1 else name
        if bare in ("frac", "nicefrac"):
            numerator = self._argument()
            return "%s/%s" % (numerator, self._argument())
        if bare == "sqrt":
            self._spaces()
            if self.latex[self.at : self.at + 1] == "[":
                self.at += 1
                self.text("]")
            return "√(%s)" % self._argument()
        if bare == "begin":
            environment = self._argument()
            body = self.text("\\end{%s}" % environment)
            if not re.search("matrix|array", environment):
                return body
            rows = [rx(r"\s+").sub(" ", trim(row)) for row in body.split("\n")]
            return "[ %s ]" % "; ".join(rows)
        if bare == "not":
            return unicodedata.normalize("NFC", self._argument() + "\u0338")
        if bare in STYLES:
            mark = chr(0xE000 + STYLES.index(bare))
            return "".join(mark + char for char in self._argument())
        if bare in DROPPED:
            self._argument()
            return ""
        return SYMBOLS.get(bare, NAMED.get(bare, "") if rx(r"^[a-zA-Z]+$").search(bare) else "")


class _PythonExpression:
    """An expression as SymPy reads it with implicit multiplication."""

    def __init__(self, text):
        self.tokens = rx(r"(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|\p{L}+|\*\*|\S").findall(text)
        self.at = 0
        self.depth = 0

    def whole(self):
        node = self._sum()
        if self.at < len(self.tokens):
            raise Unreadable(self.tokens[self.at])
        return node

    def _peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *expected):
        found = self._peek()
        if found == "" or found not in expected:
            return None
        self.at += 1
        return found

    def _deeper(self):
        self.depth += 1
        if self.depth > 60:
            raise Unreadable("too deep")

    def _sum(self):
        self._deeper()
        node = self._product()
        sign = self._take("+", "-")
        while sign:
            right = self._product()
            node = ["Add", node, ["Negate", right] if sign == "-" else right]
            sign = self._take("+", "-")
        self.depth -= 1
        return node

    def _begins_factor(self):
        found = self._peek()
        before = self.tokens[self.at - 1] if self.at > 0 else ""
        after_number = bool(rx(r"^[\d.]").search(before))
        return found == "(" or bool(rx(r"^\p{L}").search(found)) or (
            bool(rx(r"^[\d.]").search(found)) and not after_number
        )

    def _product(self):
        node = self._signed()
        while True:
            sign = self._take("*", "/")
            if sign is None and not self._begins_factor():
                return node
            right = self._power() if sign is None else self._signed()
            node = ["Divide" if sign == "/" else "Multiply", node, right]

    def _signed(self):
        self._deeper()
        sign = self._take("+", "-")
        node = ["Negate", self._signed()] if sign == "-" else self._signed() if sign else self._power()
        self.depth -= 1
        return node

    def _power(self):
        base = self._atom()
        return ["Power", base, self._signed()] if self._take("^", "**") else base

    def _atom(self):
        found = self._peek()
        self.at += 1
        if rx(r"^(?:\d|\.\d)").search(found):
            value = parse_decimal(found)
            if value is None:
                raise Unreadable(found)
            return value
        if found == "(":
            node = self._sum()
            if not self._take(")"):
                raise Unreadable(")")
            return node
        if not rx(r"^\p{L}").search(found):
            raise Unreadable(found)
        if found in ("sqrt", "ln") and self._peek() == "(":
            return ["Ln" if found == "ln" else "Sqrt", self._atom()]
        nodes = ["Pi"] if found == "pi" else ["symbol " + letter for letter in found]
        if len(nodes) == 1:
            return nodes[0]
        power = ["Power", nodes[-1], self._signed()] if self._take("^", "**") else nodes[-1]
        return ["Multiply"] + nodes[:-1] + [power]


def last_boxed(text):
    begin = text.rfind("\\boxed{")
    if begin < 0:
        return "None"
    begin += len("\\boxed{")
    end = _closing_brace(text, begin)
    return "None" if end < 0 else trim(text[begin:end])


def _unwrap_text(text):
    match = rx(r"^\\text\{(.+?)\}$").search(text)
    return match.group(1) if match else None


def _math_normalised(answer):
    trimmed = trim(answer)
    inner = _unwrap_text(trimmed)
    text = trimmed if inner is None else trim(inner)
    found = _stripped_answer(text)
    return text if found is None else found


def _stripped_answer(given):
    text = given.replace("\n", "").replace("\\!", "").replace("\\\\", "\\")
    text = re.sub("[td]frac", "frac", text)
    text = rx(r"\\left|\\right").sub("", text)
    text = rx(r"\^\{\\circ\}|\^\\circ").sub("", text).replace("\\$", "")
    amount = text.split("\\text{ ")
    if len(amount) > 2:
        return None
    text = rx(r"\\%|%").sub("", amount[0]).replace(" .", " 0.").replace("{.", "{0.")
    if text == "":
        return text
    if text.startswith("."):
        text = "0" + text
    sides = text.split("=")
    if len(sides) == 2 and length(sides[0]) <= 2:
        text = sides[1]
    rooted = _with_braces(text, "\\sqrt", 1)
    if rooted is None:
        return None
    fractions = _with_braces(rooted.replace(" ", ""), "\\frac", 2)
    if fractions is None:
        return None
    text = "\\frac{1}{2}" if fractions == "0.5" else fractions
    slash = rx(r"^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$").search(text)
    return "\\frac{%s}{%s}" % slash.groups() if slash else text


def _with_braces(text, command, count):
    first, *rest = text.split(command)
    result = first
    for piece in rest:
        if piece == "":
            return None
        result += command
        if piece.startswith("{"):
            result += piece
        elif count == 1:
            result += "{%s}%s" % (piece[0], piece[1:])
        elif len(piece) < 2:
            return text
        elif piece[1] == "{":
            result += "{%s}%s" % (piece[0], piece[1:])
        else:
            result += "{%s}{%s}%s" % (piece[0], piece[1], piece[2:])
    return result


RULER_UNITS = "degree cm centimeter meter mile second minute hour day week month year foot feet inch yard"


def _ruler_normalised(given):
    inner = _unwrap_text(given)
    text = given if inner is None else inner
    text = rx(r"\\?[$%]").sub("", text).replace(" or ", " , ").replace(" and ", " , ")
    text = text.replace("million", "*10^6").replace("billion", "*10^9").replace("trillion", "*10^12")
    for unit in RULER_UNITS.split(" "):
        text = rx(unit + r"(?:es)?s? *(?:\^[0-9]+)?").sub("", text)
    text = rx(r"\^ *\\circ").sub("", text)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = rx(r",\\! *").sub("", text)
    text = _whole_number(text) or text
    if "\\" in text:
        text = _latex_as_text(text)
    text = re.sub("- *", "-", text)
    text = re.sub("([0-9]) +([0-9])", r"\1+\2", text)
    text = re.sub("[ {}]", "", text).lower()
    return _whole_number(_without_thousands(text)) or text


def _latex_as_text(text):
    fractions = rx(r"\\[td]frac").sub(lambda _: "\\frac", text).replace("\\frac", " \\frac")
    try:
        units = _PlainText(fractions).text()
    except _TooDeep:
        return fractions
    plain = units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    for mark, name in (("√", "sqrt"), ("π", "pi"), ("∞", "inf"), ("∪", "U")):
        plain = plain.replace(mark, name)
    return trim(re.sub("[·×]", "*", plain))


def _whole_number(text):
    if not rx(r"^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?\s*$", "i").search(text):
        return None
    value = float(trim(text))
    if not math.isfinite(value):
        return None
    rounded = math.floor(value) if abs(value) >= 2.0**52 else math.floor(value + 0.5)
    return str(rounded) if abs(value - rounded) <= 1e-7 else None


def _without_thousands(text):
    while True:
        following = rx(r"(\d),(\d\d\d)(?!\d)").sub(r"\1\2", text)
        if following == text:
            return text
        text = following


def _elements_of(given):
    text = _without_thousands(given)
    inner = text[1:-1]
    bracketed = len(text) > 2 and text[0] in "()[]" and text[-1] in "()[]" and not re.search(r"[()\[\]]", inner)
    return [trim(element) for element in inner.split(",")] if bracketed else [text]


def _same_element(gold, given):
    fraction = rx(r"^-?[0-9]+.?\/0*[1-9][0-9]*.?$")
    if fraction.search(gold) and fraction.search(given):
        return gold == given
    whole = [_whole_number(_without_thousands(text)) is not None for text in (gold, given)]
    return whole[0] == whole[1] and _difference_is_zero(gold, given)


def _difference_is_zero(gold, given):
    difference = "(%s)-(%s)" % (gold, given)
    letters = set(rx(r"\p{L}").findall(re.sub("sqrt|frac", "", difference)))
    if len(letters) > 2 or rx(r"\^\{|\^\(|\^[0-9]+\^|\^[0-9][0-9]+").search(difference):
        return False
    try:
        a, b = _PythonExpression(gold).whole(), _PythonExpression(given).whole()
        return same_scalar(_scalar_value(a, False, ""), _scalar_value(b, False, ""))
    except (Unreadable, RecursionError):
        return False


def grade_answer(given, gold):
    if _math_normalised(gold) == _math_normalised(given):
        return True
    a, b = _ruler_normalised(gold), _ruler_normalised(given)
    if a == b:
        return True
    if b == "" or length(a) > 2000 or length(b) > 2000:
        return False
    golds, elements = _elements_of(a), _elements_of(b)
    if len(golds) > 1 and (a[0], a[-1]) != (b[0], b[-1]):
        return False
    return len(golds) == len(elements) and all(map(_same_element, golds, elements))


EASY_SPACE = r"[\s\x1c-\x1f\x85]"


def _easy_trim(text):
    return text.strip(_STRIPPED + "\x1c\x1d\x1e\x1f\x85")


def r1v_format(response):
    if not response.startswith("<think>") or not response.endswith("</answer>"):
        return 0
    last = len(response) - len("</answer>")
    end = response.find("</think>", len("<think>"))
    while end >= 0:
        behind = end + len("</think>")
        opening = response.find("<answer>", behind)
        if opening < 0:
            return 0
        if opening + len("<answer>") <= last and _easy_trim(response[behind:opening]) == "":
            return 1
        end = response.find("</think>", end + 1)
    return 0


def _r1v_answer(response):
    begin = response.find("<answer>")
    while begin >= 0:
        line, end = response.find("\n", begin), response.find("</answer>", begin)
        if end < 0:
            break
        if line < 0 or end < line:
            return _easy_trim(response[begin + len("<answer>") : end])
        begin = response.find("<answer>", begin + 1)
    return _easy_trim(response)


def _without_space_at_tags(text):
    text = rx("(?<!" + EASY_SPACE + ")" + EASY_SPACE + "+(?=[<>/])").sub("", text)
    return rx("([<>/])" + EASY_SPACE + "+").sub(r"\1", text)


def math_format(response):
    text = _without_space_at_tags(response)
    if not text.startswith("<think>"):
        return 0
    end = text.find("</think>", len("<think>"))
    opening = -1 if end < 0 else text.find("\\boxed{", end + len("</think>"))
    return int(opening >= 0 and "}" in text[opening + len("\\boxed{") :])


def easy_r1(kind, response, gold):
    """(overall, accuracy, format) of EasyR1's examples/reward_function/r1v.py and math.py."""
    if kind == "easyr1-math":
        accuracy = int(grade_answer(last_boxed(_without_space_at_tags(response)), gold))
        form, weight = math_format(response), 0.1
    else:
        accuracy = int(grade_answer(_r1v_answer(response), _easy_trim(gold)))
        form, weight = r1v_format(response), 0.5
    return (1 - weight) * accuracy + weight * form, accuracy, form
