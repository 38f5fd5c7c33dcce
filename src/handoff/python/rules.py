# ---- Rules: choices, yes and no, numbers, boxes, lists, blanks -------------------------------------------------------
# Each gives 0 to 1, or None where the gold answer is of no use.

REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"


def choice_tokens(text):
    return [token for token in rx(r"[\s.()[\],:;!*#{}]+").split(text) if token != ""]


def extract_choice(text, options):
    """An option's letter, Z for a refusal, None when nothing can be inferred."""
    if any(refusal in text for refusal in REFUSALS):
        return "Z"
    tokens = choice_tokens(text)
    named = [letter for letter in options if letter in tokens]
    if len(named) == 1 and tokens.index(named[0]) >= len(tokens) - 4:
        return named[0]
    if not named and "Z" in tokens:
        return "Z"
    said = rx(r"\banswer\s+is:?\s*[*(]*([A-D])(?![\p{L}\d])", "iu").search(text)
    if said and said.group(1) in "ABCD" and said.group(1) in options:
        return said.group(1)
    lower = text.lower()
    entries = [(letter, option) for letter, option in options.items() if option != ""]
    total = sum(length(option) for _, option in entries)
    quoted = [letter for letter, option in entries if option.lower() in lower]
    return quoted[0] if len(quoted) == 1 and length(lower) <= 2 * total else None


def _in_sequence(entries):
    found = []
    for entry in entries:
        if len(found) < len(LETTERS) and entry[0] == LETTERS[len(found)]:
            found.append(entry)
    return found


def parse_options(problem):
    lines = []
    for line in re.split("\r?\n", problem):
        match = rx(r"^\s*(?:\(([A-Y])\)|([A-Y])\s?[.):、])\s*(\S.*)$").search(line)
        if match:
            lines.append((match.group(1) or match.group(2), trim(match.group(3))))
    listed = _in_sequence(lines)
    if len(listed) > 1:
        return dict(listed)
    marks = list(rx(r"(?<![\p{L}\d])(?:\(([A-Y])\)|([A-Y])[.)](?=\s))").finditer(problem))
    inline = []
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(problem)
        inline.append((mark.group(1) or mark.group(2), rx(r"[,;]$").sub("", trim(problem[mark.end() : end]))))
    found = _in_sequence(inline)
    return dict(found) if len(found) > 1 else {}


def options_of(options, problem):
    given = dict(zip(LETTERS, options)) if isinstance(options, list) else options
    return given or parse_options(problem)


def _gold_letters(answer, options):
    trimmed = trim(answer)

    def allowed(one):
        return not options or one in options

    exact = rx(r"^\(?([A-Y])[).:]?$").search(trimmed)
    if exact and allowed(exact.group(1)):
        return [exact.group(1)]
    by_text = [letter for letter, text in options.items() if normalise_answer(text) == normalise_answer(trimmed)]
    if len(by_text) == 1:
        return [by_text[0]]
    first = rx(r"^\(?[A-Y](?=\)|[.:、]|\s*$)").search(trimmed)
    several = rx(r"^\(?[A-Y]\)?(?:\s*(?:,|;|\band\b)\s*\(?[A-Y]\)?)+\.?$").search(trimmed)
    if several or rx(r"^[A-Y]{2,6}$").search(trimmed):
        every = re.findall("[A-Y]", trimmed.replace("and", ""))
        if all(allowed(one) for one in every) and len(set(every)) == len(every):
            return sorted(every)
    one = first.group(0).replace("(", "") if first else None
    if one is not None and allowed(one):
        return [one]
    lower = rx(r"^\(?([a-y])[.)]?$").search(trimmed)
    return [lower.group(1).upper()] if lower and allowed(lower.group(1).upper()) else None


def verify_multiple_choice(response, row):
    options = options_of(row.get("options"), row.get("question") or "")
    gold = _gold_letters(row["gold"], options)
    if gold is None:
        if options or trim(row["gold"]) == "":
            return None
        return float(normalise_answer(response) == normalise_answer(row["gold"]))
    choices = options or {letter: "" for letter in dict.fromkeys(["A", "B", "C", "D"] + gold)}
    if len(gold) == 1:
        return float(extract_choice(response, choices) == gold[0])
    tokens = []
    for token in choice_tokens(response):
        tokens += list(token) if rx(r"^[A-Y]{2,6}$").search(token) else [token]
    return float(sorted(letter for letter in choices if letter in tokens) == gold)


def extract_yes_no(text):
    plain = rx(r"""[;/[\]"{}()=+\\_><@`,?!-]|(?<!\d)\.|\.(?!\d)""").sub(" ", text.lower())
    words = set(rx(r"\s+").split(plain))
    if ("yes" in words) == ("no" in words):
        return None
    return "yes" in words


def verify_yes_no(response, row):
    gold = extract_yes_no(row["gold"])
    return None if gold is None else float(extract_yes_no(response) == gold)


UNIT_NAMES = (
    "cm centimeter centimetre|mm millimeter millimetre|km kilometer kilometre|m meter metre|in inch inches|ft foot feet|"
    "yd yard|mi mile|g gram gramme|kg kilogram kilogramme|mg milligram|lb pound lbs|s sec second secs|min minute mins|"
    "h hr hour hrs|ml milliliter millilitre|l liter litre L|degree deg degrees|dollar dollars usd|cent cents|n newton N|"
    "j joule J|w watt W|v volt V|mph miles/h mi/h|kph kmh km/h|unit units|person people"
)
UNITS = {name: line.split(" ")[0] for line in UNIT_NAMES.split("|") for name in line.split(" ")}


def normalise_unit(text):
    text = rx(r"\bper\b|÷", "i").sub("/", text)
    text = rx(r"\b(?:square|sq)\.?\s+(\p{L}+)", "iu").sub(r"\1^2", text)
    text = rx(r"\bcubic\s+(\p{L}+)", "iu").sub(r"\1^3", text)
    text = rx(r"(\p{L})\s+squared\b", "iu").sub(r"\1^2", text)
    text = rx(r"(\p{L})\s+cubed\b", "iu").sub(r"\1^3", text)
    text = rx(r"[{}.,*\s\\]+").sub(" ", text)
    names = []
    for word in rx(r"([\s/^]+|\d+)").split(text):
        if rx(r"\p{L}").search(word):
            lower = word.lower() if length(word) > 1 else word
            singular = lower[:-1] if length(lower) > 2 and lower.endswith("s") and not lower.endswith("ss") else lower
            word = UNITS.get(lower, UNITS.get(singular, singular))
        names.append(word)
    return trim(rx(r"\s+").sub(" ", rx(r"\s*([/^])\s*").sub(r"\1", "".join(names))))


SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
NUMBER = (
    r"(?<![\p{L}\d_.,])([-+]?)\s?[$€£¥]?\s?(\d{1,3}(?:[, ]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:e([-+]?\d{1,3})(?![\p{L}\d]))?(?:\s*\/\s*(\d+(?:\.\d+)?)|\s(\d{1,6})\/(\d{1,6}))?"
    r"(?:\s?(%|percent\b|pct\b)|\s?((?:square |cubic |sq )?[\p{L}°][\p{L}°^\d/]{0,24}))?"
)
NO_UNIT = (
    r"^(?:and|or|is|are|was|in|on|of|to|so|because|the|a|an|at|which|that|as|x|per|for|from|by|with|plus|minus|times)$"
)


def _plain_numbers(text):
    """LaTeX and typographic spellings as plain ones."""
    text = re.sub("[−–]", "-", text).replace("%", "% ")
    text = rx(r"\\(?:boxed|text|mbox|mathrm|textbf)\s*\{([^{}]*)\}").sub(r" \1 ", text)
    text = rx(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}").sub(r" \1/\2 ", text)
    text = rx(r"(\s\s)\s+").sub(r"\1", text)
    times = r"\s*(?:\\times|\\cdot|×|\*|(?:(?<=\d)|(?<=\d\s))x)\s*10\s?\^\s?\{?([-+]?\d{1,3})\}?"
    text = rx(times).sub(r"e\1", text)
    text = rx(r"\{,\}|,\\!").sub(",", text)
    text = text.replace("\\%", "%")
    text = rx(r"\^\\?\{?\\circ\}?|\^\{\\circ\}").sub("°", text)
    return rx(r"\\[,;:! ]|[{}$\\]|\*\*").sub(lambda mark: "" if mark.group(0) == "$" else " ", text)


def find_numbers(text):
    """(value, unit) of each number."""
    found = []
    for match in rx(NUMBER, "iu").finditer(_plain_numbers(text)):
        sign, digits, exponent, below, numerator, denominator, percent, word = match.groups()
        written = re.sub("[, ]", "", digits) + ("" if exponent is None else "e" + exponent)
        mantissa = parse_decimal(written)
        value = math.nan if mantissa is None else to_number(mantissa)
        if below is not None:
            divisor = parse_decimal(below)
            share = rational_divide(mantissa, divisor) if mantissa is not None and divisor is not None else None
            value = math.nan if share is None else to_number(share)
        if numerator is not None:
            value += quotient(float(numerator), float(denominator))
        if sign == "-":
            value = -value
        scale = 1 if word is None else SCALES.get(word.lower(), 1)
        value *= scale
        if scale > 1 or word is None or rx(NO_UNIT, "i").search(word):
            unit = ""
        else:
            unit = normalise_unit(word.replace("°", "degree ", 1))
        if percent is not None:
            value /= 100
        if math.isfinite(value):
            found.append((value, unit))
    return found


def parse_number(text):
    said = rx(r"^.*\banswer\b(?:[^\d\n]{0,40}?\bis\b|:)", "is").search(text)
    behind = find_numbers(text[said.end() :]) if said else []
    found = behind or find_numbers(text)
    return (behind[0] if behind else found[-1]) if found else None


def verify_number(response, row):
    settings = row.get("number") or {}
    relative, absolute = settings.get("relative", 1e-6), settings.get("absolute", 1e-9)
    gold = parse_number(row["gold"])
    if gold is None:
        return None
    found = parse_number(response)
    if found is None:
        return 0.0
    if gold[1] != "" and found[1] != "" and gold[1] != found[1]:
        return 0.0
    return float(abs(found[0] - gold[0]) <= max(absolute, relative * abs(gold[0])))


def read_json(text):
    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _box(values):
    return [list(map(float, values))] if len(values) == 4 and all(map(_is_number, values)) else []


def _boxes_in(value, depth=0):
    if depth > 4 or not isinstance(value, (list, dict)):
        return []
    if isinstance(value, list):
        pairs = len(value) == 2 and all(isinstance(item, list) and len(item) == 2 for item in value)
        box = _box(value[0] + value[1] if pairs else value)
        return box or [found for item in value for found in _boxes_in(item, depth + 1)]
    box = _box([value.get(name) for name in ("x1", "y1", "x2", "y2")])
    if box:
        return box
    for name in ("bbox_2d", "bbox", "box_2d", "box"):
        if name in value:
            return _boxes_in(value[name], depth + 1)
    return [found for item in value.values() for found in _boxes_in(item, depth + 1)]


def _numbers_in(text):
    found = rx(r"(?<![\p{L}\d_.])[-−]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,2})?").findall(text)
    return [float(one.replace("−", "-")) for one in found]


def parse_boxes(text):
    fence = rx(r"```(?:json)?\s*([^`]*)```").search(text)
    fenced = fence.group(1) if fence else text
    opening = re.search(r"[\[{]", fenced)
    begin = opening.start() if opening else -1
    end = max(fenced.rfind("]"), fenced.rfind("}"))
    if 0 <= begin < end:
        try:
            boxes = _boxes_in(read_json(fenced[begin : end + 1]))
            if boxes:
                return boxes
        except (ValueError, RecursionError, OverflowError):
            pass
    groups = [group for group in map(_numbers_in, rx(r"[[(][^[\]()]*[\])]").findall(fenced)) if group]
    flat = sum(groups, []) if all(len(group) in (2, 4) for group in groups) else []
    numbers = flat or _numbers_in(fenced)
    if not numbers or len(numbers) % 4 != 0:
        return []
    return [numbers[at : at + 4] for at in range(0, len(numbers), 4)]


def _area(box):
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(a, b):
    shared = _area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    together = _area(a) + _area(b) - shared
    return shared / together if together > 0 else 0.0


def verify_iou(response, row):
    settings = row.get("iou") or {}
    threshold = settings.get("threshold", 0.5)
    gold = parse_boxes(row["gold"])
    if not gold or any(_area(box) == 0 for box in gold):
        return None
    found = parse_boxes(response)
    if not found:
        return 0.0
    pairs = [(iou(a, b), i, j) for i, a in enumerate(gold) for j, b in enumerate(found)]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    taken = (set(), set())
    total = 0.0
    for value, i, j in pairs:
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            total += value
    value = total / max(len(gold), len(found))
    if not (value >= threshold and value > 0):
        return 0.0
    return value if settings.get("graded") else 1.0


def _plain_json(value):
    """JSON text as JavaScript writes it: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain_json(item) for name, item in value.items()}
    return value


def _json_list(text):
    opened = rx(r"^```(?:json)?\s*").sub("", text)
    body = opened[:-3].rstrip(_STRIPPED) if opened.endswith("```") else opened
    if not body.startswith("["):
        return None
    try:
        value = read_json(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    return [
        item if isinstance(item, str) else json.dumps(_plain_json(item), separators=(",", ":"), ensure_ascii=False)
        for item in value
    ]


def _plain_list(text):
    bare = _without_end(rx(r"^\s*(?:\\left)?(?:\\?\{|\[|\()").sub("", text))
    lines = [line for line in bare.split("\n") if trim(line) != ""]
    items = [rx(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+").sub("", line) for line in lines] if len(lines) > 1 else [bare]
    parts = rx(r",(?!\d{3}(?!\d))|, |;| (?:and|or|&) | ?\\text\{ ?(?:and|or) ?\} ?")
    return [item for line in items for item in parts.split(rx(r"\s+").sub(" ", line))]


def _without_end(text):
    """Without the closing bracket of a list, and a full stop behind it."""
    trimmed = text.rstrip(_STRIPPED)
    bare = trimmed[:-1].rstrip(_STRIPPED) if trimmed.endswith(".") else trimmed
    bracket = rx(r"(?:\\right)?(?:\\?\}|\]|\))$").search(bare[-10:])
    return bare[: -len(bracket.group(0))] if bracket else text


def parse_set(text):
    unboxed = trim(rx(r"^[^{]*\\boxed\{(.*)\}[^}]*$", "s").sub(r"\1", text))
    items = _json_list(unboxed)
    elements = []
    for item in _plain_list(unboxed) if items is None else items:
        bare = rx(r"^(?:and|or)\s+").sub("", trim(item))
        number = parse_decimal(bare.replace(",", "").replace("−", "-", 1))
        elements.append(normalise_text(bare) if number is None else "%d/%d" % (number.numerator, number.denominator))
    return list(dict.fromkeys(element for element in elements if element != ""))


def verify_set(response, row):
    gold = parse_set(row["gold"])
    if not gold:
        return None
    found = parse_set(response)
    hits = sum(1 for one in found if one in gold)
    if found and hits == len(gold) == len(found):
        return 1.0
    if not found or (row.get("set") or {}).get("score", "exact") == "exact":
        return 0.0
    return 2 * hits / (len(found) + len(gold))


def normalise_text(text):
    bare = rx(r"\*\*|__|[$`“”„«»\"]").sub("", rx(r"\\text\{([^{}]*)\}").sub(r"\1", text))
    boxed = rx(r"^\s*\\boxed\{([^{}]*)\}\s*$").search(bare)
    lead = normalise_answer(boxed.group(1) if boxed else bare)
    lead = rx(r"(?<=\p{L})[-‐‑_]+(?=\p{L})|\s+").sub(" ", lead)
    lead = rx(r"^(?:[\s,;:!?'()[\]]|\.(?!\d))+").sub("", re.sub("[‐‑−]", "-", lead))
    end = len(lead.rstrip(" .,;:!?'()[]"))
    if end > 0 and lead[end - 1] in "0123456789":
        while lead[end : end + 1] == "!":
            end += 1
    return rx(r"^(?:the|an?) (?=\S)").sub("", lead[:end])


def verify_fill_in_blank(response, row):
    answer = row["gold"]
    if trim(answer) == "":
        return None
    said = trim(response)
    if said == "":
        return 0.0
    gold = normalise_text(answer)
    if said == trim(answer) if gold == "" else normalise_text(said) == gold:
        return 1.0
    if rx(r"[\d\\=^+]").search(answer):
        return float(verify_math(response, row) == 1.0)
    return 0.0
