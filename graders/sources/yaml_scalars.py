"""What a plain or tagged YAML scalar means to kubectl.

kubectl reads YAML through sigs.k8s.io/yaml, whose rules (resolve.go of its go-yaml fork) are neither YAML 1.1 nor 1.2: `y`, `on` and
`No` are booleans, `0o17` and `017` are 15, `1e3` is 1000, `1:30` and dates are strings. The result then becomes JSON, so a
float without a fraction is a whole number, and infinities do not exist.
"""

from __future__ import annotations

import re
from struct import pack, unpack

from graders.semantics.credentials import decode_base64

Scalar = str | int | float | bool | None

_PREFIX = "tag:yaml.org,2002:"
_TRUE = ("y", "yes", "true", "on")
_FALSE = ("n", "no", "false", "off")
_WORDS: dict[str, Scalar] = {"": None, "~": None}
for _value, _spellings in ((True, _TRUE), (False, _FALSE), (None, ("null",))):
    for _spelling in _spellings:
        _WORDS |= dict.fromkeys((_spelling, _spelling.capitalize(), _spelling.upper()), _value)
_NOT_JSON = frozenset(sign + word for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")) | {".nan", ".NaN", ".NAN"}
_NUMERIC = frozenset("0123456789+-.")

# The first characters after which a plain scalar may be something else than a string.
HINTS = frozenset(("", *"yYnNtTfFoO~")) | _NUMERIC

_DATE = re.compile(r"\d{4}-(\d\d?)-(\d\d?)(?:[Tt ]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?\Z", re.ASCII)
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|[1-9][0-9]*|0)\Z|0b[-+][01]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_FRACTION = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z")
_BASES = {"0x": 16, "0X": 16, "0o": 8, "0O": 8, "0b": 2, "0B": 2}
_INFINITE = (float("inf"), float("-inf"))
_LONGEST = 400  # characters of an integer; converting longer ones costs quadratic time, and only leading zeros make them fit


class NotJson(ValueError):
    """A scalar that cannot be carried over to JSON, so that kubectl refuses the document."""


def resolve(text: str) -> Scalar:
    """The value of a plain, untagged scalar. Raises NotJson for infinities and NaN."""
    if text[:1] in _NUMERIC:
        if text in _NOT_JSON:
            raise NotJson(text)
        number = _number(text)
        return whole(number) if isinstance(number, float) else number
    return _WORDS.get(text, text)


def _number(text: str) -> str | int | float:
    """The number that go-yaml sees, else the text itself."""
    is_fraction = text[0] == "."
    plain = text if is_fraction else text.replace("_", "")
    if len(plain) <= _LONGEST and _INTEGER.match(plain):
        number = _integer(plain)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if (_FRACTION if is_fraction else _FLOAT).match(plain):
        value = float(plain)
        return text if value in _INFINITE else value  # too large for a float: go-yaml leaves it a string
    return text


def _integer(plain: str) -> int:
    sign, digits = (-1, plain[1:]) if plain[0] == "-" else (1, plain.lstrip("+"))
    base = _BASES.get(digits[:2])
    if base:
        return sign * int(digits[2:], base)
    return sign * int(digits, 8 if digits[0] == "0" else 10)


def whole(number: float) -> int | float:
    """A float as JSON carries it on: without a fraction below 10^21 it is a whole number."""
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag. Raises NotJson when it does not fit the tag; unknown tags mean a string."""
    name = tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else None
    if name == "binary":
        content = decode_base64(text)
        if content is None:
            raise NotJson(text)
        return content.decode(errors="replace")
    if name not in ("bool", "int", "float", "null", "timestamp"):
        return text
    if name == "timestamp":
        if _DATE.match(text):
            return text
        raise NotJson(text)
    value = resolve(text)
    fits = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "null": value is None,
    }
    if not fits[name]:
        raise NotJson(text)
    return value


def resolve_key(text: str) -> str | None:
    """A plain, untagged scalar as the key of a map: the string that JSON needs. None for those that kubectl refuses, as `key_text`."""
    if text[:1] in _NUMERIC:
        return text.lstrip("+").lower() if text in _NOT_JSON else key_text(_number(text))
    return key_text(_WORDS.get(text, text))


def key_text(value: Scalar) -> str | None:
    """A map's key as the string that JSON needs; None for a null key and for one above 2^63, which kubectl refuses."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value < 1 << 63 else None  # go-yaml has another type for larger ones, which the conversion refuses
    return None if value is None else _single(value)


def _single(number: float) -> str:
    """The shortest text that reads back as the same 32-bit float, in Go's `g` format."""
    try:
        (single,) = unpack("f", pack("f", number))
    except OverflowError:
        single = _INFINITE[number < 0]
    if single in _INFINITE:
        return ".inf" if single > 0 else "-.inf"
    digits = next(digits for digits in range(17) if unpack("f", pack("f", float(f"{single:.{digits}e}")))[0] == single)
    mantissa, _, exponent = f"{single:.{digits}e}".partition("e")
    if -4 <= int(exponent) < 6:
        return f"{single:.{max(digits - int(exponent), 0)}f}"
    return f"{mantissa}e{exponent}"
