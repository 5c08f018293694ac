"""Kubernetes quantities: `500m` is 0.5, `1Gi` is 1073741824.

The grammar and its rounding are those of k8s.io/apimachinery/pkg/api/resource (Quantity, ParseQuantity, suffix.go); see also
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from typing import Any

_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|(?P<exponent>[eE][+-]?[0-9]+))?"
)
_FACTOR = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
_NANO = Decimal("1e-9")


def parse_quantity(value: Any) -> Decimal | None:
    """The exact value of a quantity written as a string or number (in cores, bytes or units); None when it is no quantity.

    A fraction finer than a billionth is rounded away from zero, as Kubernetes does.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _GRAMMAR.fullmatch(str(value))
    if match is None:
        return None
    if match["exponent"]:
        power = int(match["exponent"][1:])
        if abs(power) > 400:
            return None
        amount = Decimal(match["number"]).scaleb(power)
    else:
        amount = Decimal(match["number"]) * _FACTOR[match["suffix"] or ""]
    if amount != amount.quantize(_NANO, rounding=ROUND_UP) if abs(amount) < Decimal("1e18") else False:
        amount = amount.quantize(_NANO, rounding=ROUND_UP)
    return amount
