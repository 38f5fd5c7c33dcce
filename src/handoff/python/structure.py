# ---- Structure: what tokens mean -------------------------------------------------------------------------------------
# A value is a dictionary with a kind: scalar (node, decimal, unit), text (text, product), group (brackets, items,
# alternatives), region (sign, left, right), reals, relation (operands, signs, name, assignment), matrix (rows).

LIST_SIGNS = (",", ";", "and", "or")
RELATION_SIGNS = ("=", "≈", "≡", "<", ">", "≤", "≥", "≠", "∈")
FILLERS = _words("about approximately approx around roughly nearly exactly is equals the a an only")
PRODUCT_WORD = r"^[a-df-hj-np-z]{2,3}(?:_\w+)?$"
UNIT_WORDS = _words("cm mm km kg mg ml ft yd hr rad kph")


def _is_sign(one, signs):
    return one[0] == "sign" and one[1] in signs


def _step(one):
    return 1 if one[0] == "open" else -1 if one[0] == "close" else 0


def _depths(tokens):
    """The depth in front of each token."""
    depths, depth = [], 0
    for one in tokens:
        depths.append(depth)
        depth += _step(one)
    return depths


def _split_at(tokens, signs):
    pieces, depth = [[]], 0
    for one in tokens:
        depth += _step(one)
        if depth == 0 and _is_sign(one, signs):
            pieces.append([])
        else:
            pieces[-1].append(one)
    return pieces


def _enclosed(tokens):
    """(bracket, closing, body) when one pair of brackets holds all of it."""
    if not tokens or tokens[0][0] != "open" or tokens[-1][0] != "close":
        return None
    if any(depth == 0 for depth in _depths(tokens)[1 : len(tokens) - 1]):
        return None
    return tokens[0][1], tokens[-1][1], tokens[1:-1]


def _trim_signs(tokens):
    trimmed = LIST_SIGNS + (":",)
    begin, end = 0, len(tokens)
    while begin < end and _is_sign(tokens[begin], trimmed):
        begin += 1
    while end > begin and _is_sign(tokens[end - 1], trimmed):
        end -= 1
    return tokens[begin:end]


def _is_word(one):
    return one[0] in ("word", "text")


def _words_only(tokens):
    return any(map(_is_word, tokens)) and all(_is_word(one) or one[0] == "letter" for one in tokens)


def _word_of(one):
    return "" if one[0] in ("open", "close") and one[1] == "{" else one[1]


def _without_fillers(tokens):
    begin = 0
    while begin < len(tokens) - 1 and _is_word(tokens[begin]) and _word_of(tokens[begin]).lower() in FILLERS:
        begin += 1
    return tokens[begin:]


def _unit_at(tokens):
    depths = _depths(tokens)
    for index in range(1, len(tokens)):
        kind, text, extra = one = tokens[index]
        if depths[index] != 0:
            continue
        degrees_of = _is_sign(one, ("°",)) and len(tokens) == index + 2 and _word_of(tokens[index + 1]) in "CF"
        is_unit = kind == "word" and (
            not rx(PRODUCT_WORD).search(text) or normalise_unit(text) != text or text in UNIT_WORDS
        )
        if not (kind == "text" or is_unit or (kind == "letter" and extra and text not in "ei") or degrees_of):
            continue
        rest = tokens[index:]

        def belongs(at, part):
            if _is_word(part) or part[0] in ("letter", "open", "close"):
                return True
            if part[0] == "number":
                return any(char in "^{-" for char in (_word_of(rest[at - 1]) or "{"))
            return _is_sign(part, ("^", "/", "*", "-", "°", "."))

        return index if all(belongs(at, part) for at, part in enumerate(rest)) else -1
    return -1


def _is_number_tokens(tokens):
    return bool(tokens) and all(one[0] in ("number", "open", "close") or _is_sign(one, ("+", "-")) for one in tokens)


def _names(tokens):
    """Whether an equation's left side only names something."""
    bare = _trim_signs(tokens)
    if not any(one[0] == "letter" or _is_word(one) for one in bare):
        return False
    fraction = bare[0][:2] == ("command", "frac")
    for depth, one in zip(_depths(bare), bare):
        if depth > 0 and not fraction:
            continue
        if one[0] == "number" or _is_sign(one, ("+", "-", "*", "^", "!")):
            return False
    return True


def _name_of(tokens):
    depths = _depths(tokens)
    kept = [one for i, one in enumerate(tokens) if i == 0 or depths[i] == 0 or tokens[0][0] == "open"]
    return "".join(_word_of(one) for one in kept if one[0] not in ("open", "close"))


def _group_value(brackets, items, alternatives=False):
    return {"kind": "group", "brackets": brackets, "items": items, "alternatives": alternatives}


def _scalar_value(node, decimal, unit):
    return {"kind": "scalar", "node": node, "decimal": decimal, "unit": unit}


def read_value(tokens):
    if len(tokens) > 400:
        raise Unreadable("too long")
    opened = []
    for kind, bracket, _ in tokens:
        same = "(" if bracket == "[" else bracket
        if kind == "open":
            opened.append(same)
        if len(opened) > 20:
            raise Unreadable("too deep")
        if kind == "close" and (not opened or opened.pop() != same):
            raise Unreadable("brackets")
    if opened:
        raise Unreadable("brackets")
    return _value(tokens)


def _value(given):
    tokens = _trim_signs(_split_at(given, ("⇒", "→"))[-1])
    if not tokens:
        raise Unreadable("nothing")
    inner = _enclosed(tokens)
    if inner and inner[0] == "{":
        if len(_split_at(inner[2], LIST_SIGNS)) > 1:
            return _group(inner[2], "\\{\\{")
        return _value(inner[2])
    listed = [item for item in _split_at(tokens, LIST_SIGNS) if _trim_signs(item)]
    if len(listed) > 1:
        either = any(_is_sign(one, ("or",)) and depth == 0 for depth, one in zip(_depths(tokens), tokens))
        return _group_value("bare", [_value(item) for item in listed], either)
    tokens = _trim_signs(listed[0])
    related = _split_at(tokens, RELATION_SIGNS)
    if len(related) > 1:
        return _relation(tokens, related)
    return _region(tokens) or _bracketed(tokens) or _plus_minus(tokens) or _leaf(tokens)


def _group(body, brackets):
    return _group_value(brackets, [_value(item) for item in _split_at(body, LIST_SIGNS) if _trim_signs(item)])


def _relation(tokens, related):
    signs = [one[1] for depth, one in zip(_depths(tokens), tokens) if depth == 0 and _is_sign(one, RELATION_SIGNS)]
    signs = ["=" if sign == "≡" else sign for sign in signs]
    exact = signs.index("≈") if "≈" in signs else -1
    end = exact + 1 if exact > 0 else len(related)
    operands = related[:end]
    used = ["=" if sign == "≈" else sign for sign in signs[: end - 1]]
    if not _trim_signs(operands[0]) and used == ["="]:
        return _value(operands[1])
    swapped = bool(used) and used[0] == "=" and _is_number_tokens(operands[0]) and len(operands) == 2
    ordered = [operands[1], operands[0]] if swapped else operands
    assignment = all(sign in ("=", "∈") for sign in used) and _names(ordered[0])
    values = [
        _named(operand) if index == 0 and assignment else _value(operand) for index, operand in enumerate(ordered)
    ]
    name = _name_of(ordered[0])
    return {"kind": "relation", "operands": values, "signs": used, "name": name, "assignment": assignment}


def _named(tokens):
    try:
        return _value(tokens)
    except Unreadable:
        return {"kind": "text", "text": _name_of(tokens), "product": None}


def _region(tokens):
    for sign in ("∪", "∩", "∖"):
        operands = _split_at(tokens, (sign,))
        if len(operands) < 2:
            continue
        values = [_value(operand) for operand in operands]
        joined = values[0]
        for value in values[1:]:
            joined = {"kind": "region", "sign": sign, "left": joined, "right": value}
        return joined
    return None


def _bracketed(tokens):
    kind, text, environment = tokens[0]
    if len(tokens) == 1 and kind == "command":
        if text == "emptyset":
            return _group_value("\\{\\{", [])
        if text == "mathbb{R}":
            return {"kind": "reals"}
        if text.startswith("mathbb"):
            return {"kind": "text", "text": text, "product": None}
    inner = _enclosed(tokens)
    if not inner:
        return None
    bracket, closing, body = inner
    if bracket == "\\begin":
        return _matrix(body, environment or "")
    if bracket == "\\{":
        parts = _split_at(body, ("|", ":"))
        return _value(parts[1]) if len(parts) > 1 else _group(body, "\\{\\{")
    if bracket == "\\langle":
        return _group(body, "<>")
    if bracket in ("(", "["):
        if len(_split_at(body, (",", ";"))) > 1:
            return _group(body, bracket + closing)
        is_matrix = bool(body) and body[0][:2] == ("open", "\\begin")
        return _value(body) if is_matrix or _enclosed(body) or _words_only(body) else None
    return None


def _matrix(body, environment):
    if not rx(r"^(?:[pbvBV]?matrix\*?|smallmatrix|array)$").search(environment):
        raise Unreadable(environment)
    rows = []
    for row in _split_at(body, ("\\\\",)):
        if row:
            bare = [one for one in row if one[:2] != ("command", "hline")]
            rows.append([_value(entry) for entry in _split_at(bare, ("&",))])
    if any(len(row) != len(rows[0]) for row in rows):
        raise Unreadable("a matrix of uneven rows")
    return _determinant(rows) if environment == "vmatrix" else {"kind": "matrix", "rows": rows}


def _determinant(rows):
    if any(entry["kind"] != "scalar" for row in rows for entry in row):
        raise Unreadable("a determinant")
    if not 0 < len(rows) <= 4 or len(rows[0]) != len(rows):
        raise Unreadable("a determinant")

    def expand(left):
        if len(left) == 1:
            return left[0][0]["node"]
        terms = []
        for column, entry in enumerate(left[0]):
            term = ["Multiply", entry["node"], expand([row[:column] + row[column + 1 :] for row in left[1:]])]
            terms.append(term if column % 2 == 0 else ["Negate", term])
        return ["Add"] + terms

    return _scalar_value(expand(rows), any(entry["decimal"] for row in rows for entry in row), "")


def _plus_minus(tokens):
    if not any(_is_sign(one, ("±", "∓")) for one in tokens):
        return None

    def chosen(plus, minus):
        signs = {"±": plus, "∓": minus}
        return [token("sign", signs[one[1]]) if _is_sign(one, signs) else one for one in tokens]

    return _group_value("\\{\\{", [_value(chosen("+", "-")), _value(chosen("-", "+"))])


def _leaf(given):
    tokens = _without_fillers(given)
    if _words_only(tokens):
        is_product = len(tokens) == 1 and tokens[0][0] == "word" and rx(PRODUCT_WORD).search(tokens[0][1])
        product = _scalar(tokens, "") if is_product else None
        return {"kind": "text", "text": " ".join(map(_word_of, tokens)), "product": product}
    ratio = _split_at(tokens, (":",))
    if len(ratio) > 2:
        return _group_value("((", [_value(item) for item in ratio])
    if len(ratio) == 2:
        left, right = [_value(item) for item in ratio]
        if left["kind"] != "scalar" or right["kind"] != "scalar":
            return {"kind": "text", "text": _name_of(tokens), "product": None}
        return {**right, "node": ["Divide", left["node"], right["node"]], "decimal": left["decimal"] or right["decimal"]}
    at = _unit_at(tokens)
    unit = "" if at < 0 else normalise_unit(" ".join(map(_word_of, tokens[at:])))
    return _scalar(tokens if at < 0 else tokens[:at], unit)


def _scalar(tokens, unit):
    degrees = any(_is_sign(one, ("°",)) for one in tokens)
    latex = Renderer(tokens).all()
    node = Parser(latex).whole()
    decimal = any(one[0] == "number" and one[2] for one in tokens)
    return _scalar_value(node, decimal, unit or ("degree" if degrees and "circ" not in latex else ""))
