"""IntOrString: a whole number, or a percentage of a total as a string.

The rules are those of k8s.io/apimachinery/pkg/util/intstr (GetScaledValueFromIntOrPercent) with the validation that the API server puts
in front of it (ValidatePositiveIntOrPercent in pkg/apis/apps/validation): a string must be a percentage, so `"2"` is no value and `2` is.
"""

from __future__ import annotations

import math
import re
from typing import Any

_PERCENT = re.compile(r"0*([0-9]{1,10})%")
_INT32_MAX = 2**31 - 1


def percentage(value: Any) -> int | None:
    """The number of percent when `value` is a percentage such as `"30%"`; None otherwise, also for a sign, a fraction or a space."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else None


def scaled(value: Any, total: int, round_up: bool) -> int | None:
    """What `value` stands for among `total`: the number itself, or the percentage of `total`, rounded up or down.

    None when the API server would refuse it: negative, beyond 32 bits, a string that is no percentage, any other type.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _INT32_MAX else None
    percent = percentage(value)
    if percent is None:
        return None
    exact = float(percent) * float(total) / 100
    return math.ceil(exact) if round_up else math.floor(exact)
