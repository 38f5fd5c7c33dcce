# ---- Comparing: numbers, expressions of unknowns, sets, intervals, relations -----------------------------------------

SAMPLES = (0.7310585, 1.3247179, -0.6180339, 2.2360679, -1.7320508, 0.2614972, 3.3598856, -2.5029078)
ENOUGH_POINTS = 3


def normalise_words(text):
    plain = trim(rx(r"[\s\\{}$]+").sub(" ", nfkc(text).lower()))
    bare = trim(plain[:-1]) if plain.endswith(".") else plain
    return trim(bare[1:-1]) if rx(r"^\([^()]*\)$").search(bare) else bare


def is_same(gold, predicted):
    kinds = (gold["kind"], predicted["kind"])
    if "relation" in kinds:
        return _same_with_relation(gold, predicted)
    if "text" in kinds:
        return _same_text(gold, predicted)
    if kinds == ("scalar", "scalar"):
        return same_scalar(gold, predicted)
    only = (_only_item(gold), _only_item(predicted))
    if only[0] or only[1]:
        return is_same(only[0] or gold, only[1] or predicted)
    if kinds == ("matrix", "matrix"):
        return _same_matrix(gold["rows"], predicted["rows"])
    if kinds == ("group", "group") and _same_group(gold, predicted):
        return True
    if gold["kind"] == "group" and any(item["kind"] == "relation" for item in gold["items"]):
        region = region_of(predicted)
        return region is not None and _satisfies(gold, region)
    return _same_regions(gold, predicted)


def _unordered(group):
    return group["brackets"] in ("bare", "\\{\\{")


def _is_set(value):
    return value["kind"] == "group" and _unordered(value)


def _only_item(value):
    if not _is_set(value) or len(value["items"]) != 1:
        return None
    return None if _is_set(value["items"][0]) else value["items"][0]


def _same_text(gold, predicted):
    if gold["kind"] != "text" or predicted["kind"] != "text":
        a, b = [value["product"] if value["kind"] == "text" else value for value in (gold, predicted)]
        return bool(a and b and a["kind"] == b["kind"] == "scalar" and same_scalar(a, b))
    if normalise_words(gold["text"]) == normalise_words(predicted["text"]):
        return True
    return bool(gold["product"] and predicted["product"] and same_scalar(gold["product"], predicted["product"]))


def _in_order(a, b):
    return len(a) == len(b) and all(is_same(x, y) for x, y in zip(a, b))


def _same_matrix(a, b):
    return len(a) == len(b) and all(_in_order(x, y) for x, y in zip(a, b))


def _same_group(gold, predicted):
    a, b = _carry_names(_flat(gold)), _carry_names(_flat(predicted))
    if _unordered(gold) and _unordered(predicted):
        return _same_set(_without_repeats(a), _without_repeats(b))
    if _unordered(gold) or _unordered(predicted):
        ordered = predicted if _unordered(gold) else gold
        return ordered["brackets"] in ("((", "<>") and _in_order(a, b)

    def is_tuple(group):
        return group["brackets"] == "<>" or not _may_be_interval(group["items"])

    both = (gold, predicted)
    alike = gold["brackets"] == predicted["brackets"] or (
        any(map(is_tuple, both)) and all(is_tuple(one) or one["brackets"] == "((" for one in both)
    )
    return alike and _in_order(a, b)


def _may_be_interval(items):
    ends = [real_value(item) if item["kind"] == "scalar" else None for item in items]
    return len(items) == 2 and (ends[0] is None or ends[1] is None or ends[0] < ends[1])


def _flat(group):
    if not _unordered(group):
        return group["items"]
    items = []
    for item in group["items"]:
        if _is_set(item) and item["items"]:
            items += _flat(item)
        elif item["kind"] == "relation" and item["assignment"] and _is_set(item["operands"][-1]):
            for value in _flat(item["operands"][-1]):
                items.append({**item, "operands": [item["operands"][0], value], "signs": ["="]})
        else:
            items.append(item)
    return items


def _carry_names(items):
    """n = 1, 2, 3"""
    first = items[0] if items else None
    if not first or first["kind"] != "relation" or not first["assignment"]:
        return items
    return [
        {**first, "operands": [first["operands"][0], item], "signs": ["="]}
        if item["kind"] == "scalar" or (item["kind"] == "group" and not _unordered(item))
        else item
        for item in items
    ]


def _without_repeats(items):
    kept = []
    for item in items:
        if not any(is_same(other, item) for other in kept):
            kept.append(item)
    return kept


def _same_set(a, b):
    return len(a) == len(b) and _each_has_a_partner(a, b, is_same)


def _each_has_a_partner(a, b, fits):
    left = list(b)
    for item in a:
        for at, other in enumerate(left):
            if fits(item, other):
                del left[at]
                break
        else:
            return False
    return True


def _same_regions(gold, predicted):
    a, b = region_of(gold), region_of(predicted)
    if a is not None and b is not None:
        return _same_region(a, b)
    return (
        gold["kind"] == predicted["kind"] == "region"
        and gold["sign"] == predicted["sign"]
        and is_same(gold["left"], predicted["left"])
        and is_same(gold["right"], predicted["right"])
    )


def _six_decimals(x):
    if not math.isfinite(x) or abs(x) >= 1e21:
        return x
    with decimal.localcontext() as context:
        context.prec = 60
        return float(decimal.Decimal(x).quantize(decimal.Decimal("0.000001"), rounding=decimal.ROUND_HALF_UP))


def _near(x, y):
    return x == y or abs(x - y) <= 1e-9 * max(abs(x), abs(y)) or _six_decimals(x) == _six_decimals(y)


def _same_with_relation(gold, predicted):
    if gold["kind"] == predicted["kind"]:
        return _same_relation(gold, predicted)
    if gold["kind"] == "relation":
        value = _assigned_value(gold)
        if value:
            return is_same(value, predicted)
        region = region_of(predicted)
        return _is_inequality(gold) and region is not None and _satisfies(gold, region)
    value = _assigned_value(predicted)
    return value is not None and is_same(gold, value)


def _assigned_value(relation):
    return relation["operands"][-1] if relation["assignment"] else None


def _is_inequality(relation):
    return all(sign in "<>≤≥≠" for sign in relation["signs"])


def _same_relation(gold, predicted):
    if _is_inequality(gold) and _is_inequality(predicted):
        return _same_inequality(gold, predicted)
    if _is_inequality(gold):
        region = region_of(predicted)
        return region is not None and _satisfies(gold, region)
    if _is_inequality(predicted):
        return False
    a, b = _assigned_value(gold), _assigned_value(predicted)
    if a and b and gold["name"] == predicted["name"] and is_same(a, b):
        return True
    x, y = _difference_of(gold), _difference_of(predicted)
    return x is not None and y is not None and _proportion(x, y) is not None


def _difference_of(relation):
    first, last = relation["operands"][0], relation["operands"][-1]
    if any(sign != "=" for sign in relation["signs"]) or not first["kind"] == last["kind"] == "scalar":
        return None
    return ["Add", first["node"], ["Negate", last["node"]]]


def _conditions_of(relation):
    conditions = []
    for index, sign in enumerate(relation["signs"]):
        left, right = relation["operands"][index : index + 2]
        if left["kind"] != "scalar" or right["kind"] != "scalar":
            return None
        big, small = (right["node"], left["node"]) if sign in "<≤" else (left["node"], right["node"])
        strict = "≠" if sign == "≠" else ">" if sign in "<>" else "≥"
        conditions.append((["Add", big, ["Negate", small]], strict))
    return conditions


def _same_inequality(gold, predicted):
    a, b = _conditions_of(gold), _conditions_of(predicted)
    if not a or not b or len(a) != len(b):
        return False

    def fits(condition, other):
        if condition[1] != other[1]:
            return False
        factor = _proportion(condition[0], other[0])
        return factor is not None and (condition[1] == "≠" or factor > 0)

    return _each_has_a_partner(a, b, fits)


def _satisfies(gold, region):
    relations = [gold] if gold["kind"] == "relation" else gold["items"]
    bounded = _bounds_of(gold) if gold["kind"] == "relation" else None
    if bounded is not None and _same_region(bounded, region):
        return True
    conditions = []
    for relation in relations:
        inequality = relation["kind"] == "relation" and _is_inequality(relation)
        found = _conditions_of(relation) if inequality else None
        if found is None:
            return False
        conditions.append(found)
    every = gold["kind"] == "relation" or not gold["alternatives"]
    symbols = _symbols_of(*[difference for found in conditions for difference, _ in found])
    if len(symbols) != 1:
        return False

    def holds(condition, x):
        value = evaluate(condition[0], {symbols[0]: real(x)})
        zero = abs(value[0]) <= 64 * value[2]
        if condition[1] == "≠":
            return not zero
        return value[0] > 0 and not zero if condition[1] == ">" else value[0] > 0 or zero

    try:
        for x in _probes(region):
            each = [all(holds(condition, x) for condition in found) for found in conditions]
            if _contains(region, x) != (all(each) if every else any(each)):
                return False
        return True
    except Unreadable:
        return False


def _bounds_of(relation):
    operands, signs = relation["operands"], relation["signs"]
    if len(operands) != 3 or "≠" in signs:
        return None
    left, right = [real_value(one) if one["kind"] == "scalar" else None for one in (operands[0], operands[2])]
    if left is None or right is None:
        return None
    rising = all(sign in "<≤" for sign in signs)
    if not rising and not all(sign in ">≥" for sign in signs):
        return None
    closed = [sign in "≤≥" for sign in signs]
    return [(left, right, closed[0], closed[1])] if rising else [(right, left, closed[1], closed[0])]


def same_scalar(gold, predicted):
    if gold["unit"] != "" and predicted["unit"] != "" and gold["unit"] != predicted["unit"]:
        return False
    a, b = evaluate_exactly(gold["node"]), evaluate_exactly(predicted["node"])
    rounded = gold["decimal"] or predicted["decimal"]
    if a is not None and b is not None:
        return _same_rounded(a, b) if rounded else a == b
    symbols = _symbols_of(gold["node"], predicted["node"])
    if symbols:
        return _same_function(gold["node"], predicted["node"], symbols)
    x, y = evaluate(gold["node"], {}), evaluate(predicted["node"], {})
    if not finite(x) or not finite(y):
        return x[0] == y[0]
    if not rounded:
        return c_same(x, y)
    return _six_decimals(x[0]) == _six_decimals(y[0]) and _six_decimals(x[1]) == _six_decimals(y[1])


def _same_rounded(a, b):
    x, y = round_to(a, 6), round_to(b, 6)
    if x != y or x != 0:
        return x == y
    p, q = to_number(a), to_number(b)
    return abs(p - q) <= 1e-6 * max(abs(p), abs(q))


def _symbols_of(*nodes):
    found = set()
    for node in nodes:
        free_symbols(node, found)
    return sorted(found)


def _values_at(point, symbols):
    return {
        symbol: real(SAMPLES[(point + 3 * index) % len(SAMPLES)] * (1 + index / 16))
        for index, symbol in enumerate(symbols)
    }


def _same_function(a, b, symbols):
    agreed = 0
    for point in range(len(SAMPLES)):
        values = _values_at(point, symbols)
        x, y = evaluate(a, values), evaluate(b, values)
        if not finite(x) and not finite(y):
            continue
        if not c_same(x, y):
            return False
        agreed += 1
    return agreed >= ENOUGH_POINTS


def _proportion(a, b):
    symbols = _symbols_of(a, b)
    if not symbols:
        return None
    factor = None
    agreed = 0
    try:
        for point in range(len(SAMPLES)):
            values = _values_at(point, symbols)
            ratio = c_divide(evaluate(a, values), evaluate(b, values))
            if not finite(ratio):
                continue
            factor = factor or ratio
            if not c_same(factor, ratio):
                return None
            agreed += 1
    except Unreadable:
        return None
    enough = factor is not None and agreed >= ENOUGH_POINTS
    return factor[0] if enough and is_real(factor) and factor[0] != 0 else None


# A region is a list of intervals (from, to, from_closed, to_closed), in order, none touching the next.


def region_of(value):
    kind = value["kind"]
    if kind == "reals":
        return [(-math.inf, math.inf, False, False)]
    if kind == "region":
        left, right = region_of(value["left"]), region_of(value["right"])
        if left is None or right is None:
            return None
        if value["sign"] == "∪":
            return _union(left + right)
        return _intersection(left, right if value["sign"] == "∩" else _complement(right))
    if kind == "relation":
        return region_of(value["operands"][1]) if value["signs"] == ["∈"] else None
    if kind != "group":
        return None
    ends = [real_value(item) if item["kind"] == "scalar" else None for item in value["items"]]
    if any(end is None for end in ends):
        return None
    brackets = value["brackets"]
    if brackets == "\\{\\{":
        return _union([(end, end, True, True) for end in ends])
    if brackets in ("bare", "<>") or len(ends) != 2:
        return None
    begin, end = ends
    closed = [brackets[index] == "[" and abs(ends[index]) != math.inf for index in (0, 1)]
    return _union([(begin, end, closed[0], closed[1])]) if begin <= end else None


def real_value(scalar):
    try:
        value = evaluate(scalar["node"], {})
    except Unreadable:
        return None
    return None if math.isnan(value[0]) or (math.isfinite(value[0]) and not is_real(value)) else value[0]


def _union(intervals):
    kept = [one for one in intervals if one[0] < one[1] or (one[0] == one[1] and one[2] and one[3])]
    merged = []
    for begin, end, begin_closed, end_closed in sorted(kept, key=lambda one: (one[0], not one[2])):
        last = merged[-1] if merged else None
        if not last or not (begin < last[1] or (begin == last[1] and (begin_closed or last[3]))):
            merged.append((begin, end, begin_closed, end_closed))
        elif end > last[1] or (end == last[1] and end_closed):
            merged[-1] = (last[0], end, last[2], end_closed)
    return merged


def _complement(region):
    gaps = []
    begin, closed = -math.inf, False
    for one in region:
        gaps.append((begin, one[0], closed, not one[2]))
        begin, closed = one[1], not one[3]
    gaps.append((begin, math.inf, closed, False))
    return _union([(a, b, c and a != -math.inf, d and b != math.inf) for a, b, c, d in gaps])


def _intersection(a, b):
    pieces = []
    for x in a:
        for y in b:
            begin, end = max(x[0], y[0]), min(x[1], y[1])
            closed = [_contains([x], at) and _contains([y], at) for at in (begin, end)]
            pieces.append((begin, end, closed[0], closed[1]))
    return _union(pieces)


def _contains(region, x):
    return any((x > a or (x == a and c)) and (x < b or (x == b and d)) for a, b, c, d in region)


def _same_region(a, b):
    return len(a) == len(b) and all(
        x[2:] == y[2:] and _near(x[0], y[0]) and _near(x[1], y[1]) for x, y in zip(a, b)
    )


def _probes(region):
    centres = [end for one in region for end in one[:2] if math.isfinite(end)] or [0.0]
    around = [2.0 ** (index - 20) for index in range(41)]
    return [x for end in centres for x in [end] + [y for d in around for y in (end - d, end + d)]]
