# ---- Numbers: exact fractions, and complex numbers with a bound of their error ---------------------------------------

MAX_BITS = 16384


class Unreadable(Exception):
    """It is no mathematics that this file reads."""


def _fits(n, d):
    return len("%x" % abs(n)) + (1 if n < 0 else 0) + len("%x" % d) <= MAX_BITS // 4


def rational(n, d=1):
    if d == 0:
        return None
    value = Fraction(n, d)
    return value if _fits(value.numerator, value.denominator) else None


def rational_divide(a, b):
    return rational(a.numerator * b.denominator, a.denominator * b.numerator)


def rational_power(base, exponent):
    if exponent.denominator != 1:
        return None
    times = abs(exponent.numerator)
    size = max(len(bin(abs(base.numerator))) - 2 + (base < 0), len(bin(base.denominator)) - 2)
    if times > 8192 or size * times > MAX_BITS:
        return None
    if base == 0 and exponent <= 0:
        return None
    raised = Fraction(base.numerator**times, base.denominator**times)
    return rational(raised.denominator, raised.numerator) if exponent < 0 else raised


def rational_binomial(n, k):
    if n.denominator != 1 or k.denominator != 1 or k < 0 or n < k or n > 500:
        return None
    return Fraction(math.comb(int(n), int(k)))


def parse_decimal(text):
    match = rx(r"^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?$").search(trim(text))
    if not match or (match.group(2) == "" and (match.group(3) or "") == ""):
        return None
    sign, whole, fraction, exponent = match.groups()
    fraction = fraction or ""
    if len(whole) + len(fraction) > MAX_BITS // 4:
        return None
    digits = int(whole + fraction) * (-1 if sign == "-" else 1)
    places = int(exponent or "0") - len(fraction)
    if abs(places) > MAX_BITS // 4:
        return None
    return rational(digits * 10**places) if places >= 0 else rational(digits, 10**-places)


def to_number(value):
    n, d = value.numerator, value.denominator
    try:
        # Both as doubles first, and the quotient of these: the last bit is JavaScript's.
        direct = float(n) / float(d)
        if math.isfinite(direct) and direct != 0:
            return direct
    except (OverflowError, ZeroDivisionError):
        pass
    try:
        return n / d
    except OverflowError:
        return math.inf if n > 0 else -math.inf


def round_to(value, decimals):
    """In units of the last decimal, half to even."""
    return round(value * 10**decimals)


def quotient(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def _total(function):
    """Infinite or not a number, where Python raises."""

    def total(*values):
        try:
            return function(*values)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.nan

    return total


_exp, _cosh, _sin, _cos = _total(math.exp), _total(math.cosh), _total(math.sin), _total(math.cos)
_tan_h = _total(math.sinh)


def _sinh(x):
    return -_tan_h(-x) if x < 0 else _tan_h(x)


def _log(x):
    return -math.inf if x == 0 else _total(math.log)(x)


def _pow(base, exponent):
    if abs(base) == 1 and math.isinf(exponent):
        return math.nan
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan


# A complex number is (re, im, error): a bound of its absolute error, to first order.
EPSILON = 2.0**-52
NAN = (math.nan, math.nan, math.nan)
I = (0.0, 1.0, 0.0)


def made(re_, im, inherited):
    return (re_, im, inherited + EPSILON * math.hypot(re_, im))


def real(value):
    return made(value, 0.0, 0.0)


def size(z):
    return math.hypot(z[0], z[1])


def finite(z):
    return math.isfinite(z[0]) and math.isfinite(z[1])


def is_real(z):
    return abs(z[1]) <= 64 * z[2]


def c_add(a, b):
    return made(a[0] + b[0], a[1] + b[1], a[2] + b[2])


def c_negate(a):
    return (-a[0], -a[1], a[2])


def c_multiply(a, b):
    error = size(a) * b[2] + size(b) * a[2]
    return made(a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0], error)


def c_divide(a, b):
    square = b[0] * b[0] + b[1] * b[1]
    x = quotient(a[0] * b[0] + a[1] * b[1], square)
    y = quotient(a[1] * b[0] - a[0] * b[1], square)
    return made(x, y, quotient(a[2] + math.hypot(x, y) * b[2], math.sqrt(square)))


def _lift(function):
    def lifted(z):
        x, y = function(z[0], z[1])
        x2, y2 = function(z[0] + z[2], z[1])
        moved = math.hypot(x2 - x, y2 - y)
        return made(x, y, 2 * moved if math.isfinite(moved) else 0.0)

    return lifted


def _times(a, b):
    return (a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])


def _over(a, b):
    square = b[0] * b[0] + b[1] * b[1]
    return (quotient(a[0] * b[0] + a[1] * b[1], square), quotient(a[1] * b[0] - a[0] * b[1], square))


def _exp_of(x, y):
    return (_exp(x), 0.0) if y == 0 else (_exp(x) * _cos(y), _exp(x) * _sin(y))


def _ln_of(x, y):
    return (_log(math.hypot(x, y)), math.atan2(y, x))


def _sqrt_of(x, y):
    if y == 0:
        return (math.sqrt(x), 0.0) if x >= 0 else (0.0, _total(math.sqrt)(-x))
    modulus = math.hypot(x, y)
    root = _total(math.sqrt)((modulus + abs(x)) / 2)
    other = quotient(abs(y), 2 * root)
    a, b = (root, other) if x >= 0 else (other, root)
    return (a, -b if y < 0 else b)


def _sin_of(x, y):
    return (_sin(x) * _cosh(y), _cos(x) * _sinh(y))


def _cos_of(x, y):
    return (_cos(x) * _cosh(y), -_sin(x) * _sinh(y))


def _sinh_of(x, y):
    a, b = _sin_of(-y, x)
    return (b, -a)


def _cosh_of(x, y):
    return _cos_of(-y, x)


def _asin_of(x, y):
    if y == 0 and abs(x) <= 1:
        return (math.asin(x), 0.0)
    square = _times((x, y), (x, y))
    root = _sqrt_of(1 - square[0], -square[1])
    a, b = _ln_of(-y + root[0], x + root[1])
    return (b, -a)


def _acos_of(x, y):
    if y == 0 and abs(x) <= 1:
        return (math.acos(x), 0.0)
    a, b = _asin_of(x, y)
    return (math.pi / 2 - a, -b)


def _atan_of(x, y):
    if y == 0:
        return (math.atan(x), 0.0)
    u, v = -y, x
    a, b = _ln_of(1 - u, -v), _ln_of(1 + u, v)
    return (-(a[1] - b[1]) / 2, (a[0] - b[0]) / 2)


def _real_only(function):
    def only(x, y):
        if y != 0 or not math.isfinite(x):
            return (x, 0.0) if y == 0 else (math.nan, math.nan)
        return (float(function(x)), 0.0)

    return only


def _inverse_of(function):
    return lambda x, y: _over((1.0, 0.0), function(x, y))


def _of_inverse(function):
    return lambda x, y: function(*_over((1.0, 0.0), (x, y)))


FUNCTIONS = {
    name: _lift(function)
    for name, function in {
        "Exp": _exp_of,
        "Ln": _ln_of,
        "Sqrt": _sqrt_of,
        "Sin": _sin_of,
        "Cos": _cos_of,
        "Tan": lambda x, y: _over(_sin_of(x, y), _cos_of(x, y)),
        "Cot": lambda x, y: _over(_cos_of(x, y), _sin_of(x, y)),
        "Sec": _inverse_of(_cos_of),
        "Csc": _inverse_of(_sin_of),
        "Sinh": _sinh_of,
        "Cosh": _cosh_of,
        "Tanh": lambda x, y: _over(_sinh_of(x, y), _cosh_of(x, y)),
        "Arcsin": _asin_of,
        "Arccos": _acos_of,
        "Arctan": _atan_of,
        "Arccot": _of_inverse(_atan_of),
        "Arcsec": _of_inverse(_acos_of),
        "Arccsc": _of_inverse(_asin_of),
        "Floor": _real_only(math.floor),
        "Ceil": _real_only(math.ceil),
        "Abs": lambda x, y: (math.hypot(x, y), 0.0),
    }.items()
}


def c_power(base, exponent, odd_root):
    """odd_root: the numerator of an exponent p/q with an odd q above 1: the odd root of a negative number is real."""
    if size(base) == 0:
        return real(0.0) if exponent[0] > 0 else NAN
    if odd_root is not None and base[1] == 0 and base[0] < 0:
        positive = c_power(c_negate(base), exponent, None)
        return positive if odd_root % 2 == 0 else c_negate(positive)
    whole = exponent[1] == 0 and exponent[0].is_integer()
    if base[1] == 0 and exponent[1] == 0 and (base[0] > 0 or whole):
        value = _pow(base[0], exponent[0])
        relative = abs(exponent[0]) * (base[2] / abs(base[0])) + abs(_log(abs(base[0]))) * exponent[2]
        return made(value, 0.0, abs(value) * relative)
    if whole and abs(exponent[0]) <= 64:
        result = real(1.0)
        for _ in range(int(abs(exponent[0]))):
            result = c_multiply(result, base)
        return c_divide(real(1.0), result) if exponent[0] < 0 else result
    return FUNCTIONS["Exp"](c_multiply(exponent, FUNCTIONS["Ln"](base)))


def c_same(a, b):
    if not finite(a) or not finite(b):
        return False
    bound = 1e-6 * max(1.0, size(a), size(b))
    return math.hypot(a[0] - b[0], a[1] - b[1]) <= min(64 * (a[2] + b[2]), bound)


# ---- Expressions: a Fraction, a symbol's name, or [operator, *operands] ----------------------------------------------

CONSTANTS = {"Pi": real(math.pi), "e": real(math.e), "i": I}
MAX_DEPTH = 64
MAX_TERMS = 1000


def free_symbols(node, found):
    if isinstance(node, str):
        if node not in CONSTANTS and node != "PositiveInfinity":
            found.add(node)
    elif isinstance(node, list):
        if node[0] in ("Sum", "Product"):
            name, begin, end = node[2]
            inner = set()
            free_symbols(node[1], inner)
            found |= inner - {name}
            free_symbols(begin, found)
            free_symbols(end, found)
        else:
            for operand in node[1:]:
                free_symbols(operand, found)
    return found


def _fold(values, step):
    total = values[0]
    for value in values[1:]:
        total = None if total is None else step(total, value)
    return total


def _checked(value):
    return rational(value.numerator, value.denominator)


def _digits(node):
    return isinstance(node, Fraction) and node.denominator == 1 and 0 <= node < 2**53


def _mixed(operands):
    """3½"""
    if len(operands) != 2 or not _digits(operands[0]):
        return False
    other = operands[1]
    return isinstance(other, list) and other[0] == "Divide" and all(map(_digits, other[1:]))


def evaluate_exactly(node, depth=0):
    if depth > MAX_DEPTH:
        raise Unreadable("too deep")
    if isinstance(node, Fraction):
        return node
    if isinstance(node, str):
        return None
    operator, operands = node[0], node[1:]
    if operator in ("Sum", "Product"):
        return None
    values = []
    for operand in operands:
        value = evaluate_exactly(operand, depth + 1)
        if value is None:
            return None
        values.append(value)
    if not values:
        return None
    a = values[0]
    if operator == "Add" or (operator == "InvisibleOperator" and _mixed(operands)):
        return _fold(values, lambda x, y: _checked(x + y))
    if operator == "Negate":
        return -a
    if operator in ("Multiply", "InvisibleOperator"):
        return _fold(values, lambda x, y: _checked(x * y))
    if operator == "Divide":
        return rational_divide(a, values[1])
    if operator == "Power":
        return rational_power(a, values[1])
    if operator == "Factorial":
        return Fraction(math.factorial(int(a))) if a.denominator == 1 and 0 <= a <= 500 else None
    if operator == "Choose":
        return rational_binomial(a, values[1])
    if operator == "Abs":
        return abs(a)
    if operator == "Floor":
        return Fraction(math.floor(a))
    if operator == "Ceil":
        return Fraction(math.ceil(a))
    return a if operator == "Delimiter" else None


def _odd_root(exponent):
    value = evaluate_exactly(exponent)
    return value.numerator if value is not None and value.denominator > 1 and value.denominator % 2 == 1 else None


def _has_series(node):
    if not isinstance(node, list):
        return False
    return node[0] in ("Sum", "Product") or any(map(_has_series, node[1:]))


def _evaluate_series(node, environment, depth):
    operator, term, (name, begin, end) = node
    first, last = evaluate_exactly(begin), evaluate_exactly(end)
    if _has_series(term) or first is None or last is None or first.denominator != 1 or last.denominator != 1:
        raise Unreadable(operator)
    if last - first > MAX_TERMS:
        raise Unreadable(operator)
    result = real(0.0 if operator == "Sum" else 1.0)
    for k in range(int(first), int(last) + 1):
        value = evaluate(term, {**environment, name: real(float(k))}, depth + 1)
        result = c_add(result, value) if operator == "Sum" else c_multiply(result, value)
    return result


def _logarithm(a, base):
    return c_divide(FUNCTIONS["Ln"](a), FUNCTIONS["Ln"](base))


def evaluate(node, environment, depth=0):
    if depth > MAX_DEPTH:
        raise Unreadable("too deep")
    if isinstance(node, Fraction):
        return real(to_number(node))
    if isinstance(node, str):
        if node == "PositiveInfinity":
            return real(math.inf)
        value = environment.get(node, CONSTANTS.get(node))
        if value is None:
            raise Unreadable(node)
        return value
    operator, operands = node[0], node[1:]
    if operator in ("Sum", "Product"):
        return _evaluate_series(node, environment, depth)
    if operator == "Inverse":
        arc = "Arc" + operands[0].lower()
        if arc not in FUNCTIONS:
            raise Unreadable(operator)
        return FUNCTIONS[arc](evaluate(operands[1], environment, depth + 1))
    values = [evaluate(operand, environment, depth + 1) for operand in operands]
    if not values:
        raise Unreadable(operator)
    a = values[0]
    if operator == "Add" or (operator == "InvisibleOperator" and _mixed(operands)):
        return functools.reduce(c_add, values)
    if operator == "Negate":
        return c_negate(a)
    if operator in ("Multiply", "InvisibleOperator"):
        return functools.reduce(c_multiply, values)
    if operator == "Degrees":
        return c_multiply(a, real(math.pi / 180))
    if operator == "Delimiter":
        return a
    if operator in ("Max", "Min"):
        return real(a[0]) if is_real(a) else NAN
    if operator == "Factorial":
        if a[1] != 0 or not a[0].is_integer() or not 0 <= a[0] <= 170:
            raise Unreadable(operator)
        product = 1.0
        for factor in range(2, int(a[0]) + 1):
            product *= factor
        return real(product)
    if operator == "Log":
        return _logarithm(a, values[1] if len(values) > 1 else real(10.0))
    if len(values) == 1 and operator in FUNCTIONS:
        return FUNCTIONS[operator](a)
    if operator == "Divide":
        return c_divide(a, values[1])
    if operator == "Power":
        return c_power(a, values[1], _odd_root(operands[1]))
    if operator == "Root":
        return c_power(a, c_divide(real(1.0), values[1]), _odd_root(["Divide", Fraction(1), operands[1]]))
    raise Unreadable(operator)
