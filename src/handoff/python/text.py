# ---- Texts: patterns as JavaScript reads them, tags, normal forms ----------------------------------------------------

WHITE_SPACE = "\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_STRIPPED = "\t\n\x0b\x0c\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


@functools.lru_cache(maxsize=None)
def _letters():
    """All letters, as ranges of a character class."""
    ranges = []
    for code in range(0x32400):
        if not unicodedata.category(chr(code)).startswith("L"):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join("\\U%08x-\\U%08x" % (begin, end) for begin, end in ranges)


@functools.lru_cache(maxsize=None)
def rx(pattern, flags=""):
    """A pattern in JavaScript's notation: ASCII digits and word boundaries, its white space, \\p{L}, an honest $."""
    out = []
    index = 0
    in_class = False
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "\\":
            escaped = pattern[index]
            index += 1
            if escaped == "p":
                index = pattern.index("}", index) + 1
                found = _letters()
                out.append(found if in_class else "[" + found + "]")
            elif escaped == "d":
                out.append("0-9" if in_class else "[0-9]")
            elif escaped == "w":
                out.append("A-Za-z0-9_" if in_class else "[A-Za-z0-9_]")
            elif escaped == "s":
                out.append(WHITE_SPACE if in_class else "[" + WHITE_SPACE + "]")
            elif escaped == "S":
                out.append("[^" + WHITE_SPACE + "]")
            elif escaped == "b":
                out.append("(?a:\\b)")
            else:
                out.append("\\" + escaped)
        elif in_class:
            if char == "]":
                in_class = False
            out.append("\\[" if char == "[" else char)
        elif pattern.startswith("[^]", index - 1):
            out.append("(?s:.)")
            index += 2
        elif char == "[":
            in_class = True
            out.append(char)
            if pattern[index] == "^":
                out.append("^")
                index += 1
        elif char == "." and "s" not in flags:
            out.append("[^\\n\\r\\u2028\\u2029]")
        elif char == "$":
            out.append("\\Z")
        else:
            out.append(char)
    options = (re.IGNORECASE if "i" in flags else 0) | (re.DOTALL if "s" in flags else 0)
    return re.compile("".join(out), options)


def trim(text):
    return text.strip(_STRIPPED)


def length(text):
    """In units of UTF-16."""
    return len(text) + sum(1 for char in text if char > "\uffff")


def nfkc(text):
    return unicodedata.normalize("NFKC", text)


def normalise_answer(answer):
    folded = trim(rx(r"\s+").sub(" ", nfkc(answer).lower()))
    bare = trim(folded[:-1]) if folded.endswith(".") else folded
    return trim(bare[1:-1]) if rx(r"""^(["'`]).*\1$""").search(bare) and len(bare) > 1 else bare


def _block(text, tag, begin):
    if begin < 0:
        return None
    body = begin + len(tag) + 2
    end = text.find("</%s>" % tag, body)
    return None if end < 0 else (begin, end + len(tag) + 3, text[body:end])


def _last_block(text, tag):
    end = text.rfind("</%s>" % tag)
    begin = -1 if end < 0 else text[:end].rfind("<%s>" % tag)
    return None if begin < 0 else (begin, end + len(tag) + 3, text[begin + len(tag) + 2 : end])


def parse_think_answer(text):
    """(body of the answer block or None, strict, lenient)"""
    think = _block(text, "think", text.find("<think>"))
    last = _last_block(text, "answer")
    lenient = think is not None and last is not None and last[0] >= think[1]
    strict = False
    if lenient:
        around = (text[: think[0]], text[think[1] : last[0]], text[last[1] :])
        tags = re.compile("</?(?:think|answer)>")
        strict = all(trim(piece) == "" for piece in around) and not tags.search(think[2]) and not tags.search(last[2])
    return (None if last is None else trim(last[2])), strict, lenient


def extract_answer(text):
    """What a verifier reads: the last answer block's body, else what is behind the reasoning, else all of the text."""
    answer, _, _ = parse_think_answer(text)
    think_end = text.rfind("</think>")
    last_end = text.rfind("</answer>")
    begin = text.find("<think>")
    opening = text.rfind("<answer>", 0, max(last_end, 0) + len("<answer>"))
    thought = 0 <= begin < opening and last_end < think_end
    if answer is not None and not thought:
        return answer
    if think_end < 0 <= begin:
        return None
    rest = text[0 if think_end < 0 else think_end + len("</think>") :]
    return trim(re.sub("</?answer>", " ", rest))


def read_format(reading, text):
    """0 or 1."""
    if reading == "easyr1-r1v":
        return r1v_format(text)
    if reading == "easyr1-math":
        return math_format(text)
    _, strict, lenient = parse_think_answer(text)
    return int(lenient if reading == "lenient" else strict)
