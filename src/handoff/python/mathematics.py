# ---- Mathematics: where a text's answer stands, and whether it is the gold one ---------------------------------------


def _closing_brace(text, begin):
    depth = 1
    for index in range(begin, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return -1


def find_answer(text):
    """Its expressions; several are the elements of a set. None when there is none."""
    boxes, end = _boxed_pieces(text)
    final = _behind_anchor(text[end:]) if rx(r"final answer\b", "i").search(text[end:]) else None
    found = None if final is None else _first_of(final)
    if found is not None:
        return found
    if boxes:
        return boxes
    if trim(text) != "" and not is_prose(text):
        return [_unwrapped(text)]
    anchored = _behind_anchor(text)
    found = None if anchored is None else _first_of(anchored)
    if found is not None:
        return found
    formulas = _formula_pieces(text)
    numbers = _numbers_of(text)
    if numbers and numbers[-1][0] >= (formulas[-1][2] if formulas else 0):
        return [numbers[-1][1]]
    return _last_run(formulas, text) if formulas else None


# A piece is (body, begin, end).


def _boxed_pieces(text):
    boxes = []
    at = 0
    while True:
        match = rx(r"\\(?:boxed|fbox)\s*\{").search(text, at)
        end = _closing_brace(text, match.end()) if match else -1
        if end < 0:
            break
        boxes.append((text[match.end() : end], match.start(), end + 1))
        at = end + 1
    if boxes and rx(r"^\s*\$?\s*(?:\\?%|percent|pct)").search(text[boxes[-1][2] : boxes[-1][2] + 20]):
        boxes[-1] = (boxes[-1][0] + "\\%",) + boxes[-1][1:]
    return list(dict.fromkeys(_last_run(boxes, text))), (boxes[-1][2] if boxes else 0)


def _last_run(pieces, text):
    first = len(pieces) - 1
    while first > 0 and _joins(text, pieces[first - 1], pieces[first]):
        first -= 1
    return [piece[0] for piece in pieces[max(first, 0) :]]


def _joins(text, before, after):
    if after[1] - before[2] > 70:
        return False
    between = text[before[2] : after[1]]
    if rx(r"^\\(?:boxed|fbox)").search(text[after[1] : after[1] + 7]):
        return len(between) < 10 or bool(rx(r"\b(?:and|or)\b|[,;]").search(between))
    return bool(rx(r"^[\s,;]*(?:and|or)?[\s,;]*$").search(between)) and trim(between) != ""


def _formula_pieces(text):
    pieces = []
    closings = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
    at = 0
    while True:
        match = rx(r"\$\$|(?<!\\)\$|\\\(|\\\[").search(text, at)
        if not match:
            return pieces
        at = match.end()
        end = text.find(closings[match.group(0)], match.end())
        if end < 0:
            continue
        body = text[match.end() : end]
        percent = "\\%" if rx(r"^\S{1,2}\s*(?:%|percent\b|pct\b)").search(text[end : end + 20]) else ""
        at = end + len(match.group(0))
        if trim(body) != "":
            pieces.append((body + percent, match.start(), at))


def _behind_anchor(text):
    tail = None
    for match in rx(r"\banswer\s*(?:is|:|=|to\b[^.:\n]{0,80}?\bis)[\s:]*", "i").finditer(text):
        tail = text[match.end() :]
    return tail


def _first_of(tail):
    rest = trim(tail)
    sentence = rx(r"\.(?=\s|$)|\n").split(rest)[0]
    match = rx(r"^.*\b(?:is|are)\b:?\s*(?=\S)").search(sentence)
    said = match.end() if match else 0
    rest = rest[said:]
    formulas = _formula_pieces(rest)
    if formulas and formulas[0][1] <= len(sentence) - said:
        count = 1
        while count < len(formulas) and _joins(rest, formulas[count - 1], formulas[count]):
            count += 1
        return [formula[0] for formula in formulas[:count]]
    words = sentence[said:]
    if trim(words) != "" and not is_prose(words):
        return [_unwrapped(words)]
    numbers = _numbers_of(words)
    return [numbers[0][1]] if numbers else None


def _numbers_of(text):
    pattern = (
        r"(?<![\w.,])[-−+]?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
        r"(?:[eE][-+]?\d{1,3}|\s?\/\s?\d+(?!\d|\.\d))?(?:\s?(?:%|percent\b|pct\b))?"
    )
    return [(match.start(), match.group(0)) for match in rx(pattern).finditer(text)]


def is_prose(text):
    plain = rx(r"\\(?:text|mbox|mathrm|textbf|textnormal|operatorname)\s*\{[^{}]*\}").sub(" ", text)
    plain = rx(r"\\[a-zA-Z]+").sub(" ", plain)
    words = rx(r"[\p{L}']{2,}").findall(plain)
    mathematics = rx(
        r"^(?:and|or|sin|cos|tan|sqrt|log|ln|pi|percent|pct|percentage|frac|exp|infinity|square|cubic|per)$", "i"
    )
    actual = [word for word in words if not mathematics.search(word)]
    formulas = _formula_pieces(text)
    if _unwrapped(text) != rx(r"(?<=[^.\s])\.$").sub("", trim(text)):
        return False
    if formulas and actual:
        return len(actual) > 2 or len(formulas) > 1 or formulas[0][1] > 0
    if rx(r"\banswer\b", "i").search(plain):
        return True
    sentence = rx(r"\b(?:is|are|was|equals|therefore|thus|hence|so|because|it's)\b", "i")
    if sentence.search(plain) and len(words) > 1:
        return True
    return len(actual) > 3 and length(normalise_words(text)) > 24


def _unwrapped(text):
    emphasis = rx(r"^\s*(\*\*|`|__)([^]*)\1\s*\.?\s*$").search(text)
    trimmed = rx(r"(?<=[^.\s])\.$").sub("", trim(emphasis.group(2) if emphasis else text))
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        body = trimmed[len(opening) : max(len(trimmed) - len(closing), 0)]
        longer = len(trimmed) > len(opening) + len(closing)
        if longer and trimmed.startswith(opening) and trimmed.endswith(closing):
            if opening not in body and closing not in body:
                return trim(body)
    return trimmed


def _readings(pieces):
    comma = rx(r"^(\s*[-+−]?\d+),(\d+)(?=[^\d,]*$)").search(pieces[0]) if len(pieces) == 1 else None
    if not comma:
        return [pieces]
    return [pieces, [comma.group(1) + "." + comma.group(2) + pieces[0][comma.end() :]]]


def _read_pieces(pieces):
    try:
        values = []
        for piece in pieces:
            tokens = tokenize(piece)
            if tokens is None:
                raise Unreadable("too long")
            values.append(read_value(tokens))
    except (Unreadable, RecursionError):
        return []
    return values if len(values) == 1 else [_group_value("bare", values)]


def _compare(gold, value):
    try:
        return is_same(gold, value)
    except (Unreadable, RecursionError):
        return False


def _canonical_text(text):
    text = nfkc(text).lower()
    text = rx(r"\\(?:left|right|,|;|!|displaystyle)(?![a-z])").sub("", text)
    text = rx(r"\\[dt]frac").sub(lambda _: "\\frac", text)
    text = rx(r"\\(?:text|mbox|mathrm|mathbf|textbf|textnormal)\s*\{([^{}]*)\}").sub(r" \1 ", text)
    text = rx(r"\s+").sub(" ", text)
    text = trim(rx(r"(?<![\p{L}\d\s])\s|\s(?![\p{L}\d\s])").sub("", text))
    return rx(r"^\((\p{L}+)\)$").sub(r"\1", text)


def verify_math(response, row):
    gold = find_answer(row["gold"])
    if gold is None:
        return None
    found = find_answer(response)
    if found is None:
        return 0.0
    if _canonical_text(", ".join(gold)) == _canonical_text(", ".join(found)):
        return 1.0
    golds = [value for pieces in _readings(gold) for value in _read_pieces(pieces)]
    values = [value for pieces in _readings(found) for value in _read_pieces(pieces)]
    return float(any(_compare(one, other) for one in golds for other in values))
