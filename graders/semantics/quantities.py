"""Kubernetes quantities: `500m` is 0.5, `1Gi` is 1073741824.

The grammar and its rounding are those of k8s.io/apimachinery/pkg/api/resource (ParseQuantity and parseQuantityString in quantity.go,
suffix.go), with what Quantity.UnmarshalJSON does before: it trims white space and takes JSON numbers. See also
https://kubernetes.io/docs/reference/kubernetes-api/definitions/quantity-resource/.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Context, Decimal
from typing import Any

# Every part may be empty (`m` alone is 0, as the API server has it), but not all of them at once.
_GRAMMAR = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_ESCAPED = re.compile('[\x00-\x1f"\\\\\u2028\u2029]')  # what JSON carries as an escape, which is not undone before it is parsed
_DECIMAL = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO = Decimal("1e-9")
_BINARY_MAX = Decimal(2**63 - 1)  # a binary quantity is capped there, a decimal one is not
_MAX_POWER = 10_000  # beyond any use; apimachinery wraps around at 32 bits
_MAX_LENGTH = 1_000


def parse_quantity(value: Any) -> Decimal | None:
    """The exact value of a quantity written as a string or number (in cores, bytes or units); None when it is no quantity.

    A fraction finer than a billionth is rounded away from zero, as Kubernetes does. `1E` is an exa, `1E3` a thousand, `1e3m` nothing.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = str(value)
    except ValueError:  # an integer of more digits than Python prints
        return None
    if _ESCAPED.search(text):
        return None
    text = text.strip()
    match = _GRAMMAR.fullmatch(text) if 0 < len(text) <= _MAX_LENGTH else None
    if match is None or not text.isascii():
        return None
    power = int(match["exponent"]) if match["exponent"] else _DECIMAL.get(match["suffix"] or "", 0)
    if abs(power) > _MAX_POWER:
        return None
    fraction = match["fraction"] or ""
    digits = int((match["whole"] or "0") + fraction)
    binary = _BINARY.get(match["suffix"] or "", 0)
    amount = _round(Decimal(digits << binary).scaleb(power - len(fraction), _context(digits << binary)))
    if binary:
        amount = min(amount, _BINARY_MAX)
    return amount.copy_negate() if match["sign"] == "-" and amount else amount


def _context(digits: int) -> Context:
    """Arithmetic that keeps every digit of a number, and those down to a billionth."""
    return Context(prec=digits.bit_length() // 3 + 20, Emax=10 * _MAX_POWER, Emin=-10 * _MAX_POWER)


def _round(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -9:
        return amount
    return amount.quantize(_NANO, rounding=ROUND_UP, context=_context(10 ** (max(amount.adjusted(), 0) + 10)))
