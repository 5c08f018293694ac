"""Good objects by name, and one changed in one place: what the tables of this folder are made of."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

import pytest

from graders.snapshot import show_path
from graders.validation import Finding, validate
from tests.validation.mutants import manifests

GONE = object()  # stands for a field that is left out
_STEP = re.compile(r"\['([^']+)'\]|\[(\d+)\]|([^.\[\]]+)")

Row = tuple[str, str, Any] | tuple[str, str, Any, str]


def good(name: str) -> dict[str, Any]:
    """A copy of the good object of that name, such as `Pod/full`."""
    return copy.deepcopy(next(body for body in manifests() if f"{body['kind']}/{body['metadata']['name']}" == name))


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    """A good object with another value at a path such as `spec.containers[0].image`."""
    body = good(name)
    steps = [int(index) if index else key or quoted for quoted, index, key in _STEP.findall(path)]
    place: Any = body
    for step in steps[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is GONE:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
    return body


def rows(*table: Row) -> pytest.MarkDecorator:
    """Parametrize a test with `(object, path, value)` or `(object, path, value, where it is found)`."""
    cases = []
    for name, path, value, *where in table:
        shown = "left out" if value is GONE else repr(value)[:40]
        cases.append(pytest.param(name, path, value, where[0] if where else path, id=f"{name} {path} {shown}"))
    return pytest.mark.parametrize(("name", "path", "value", "where"), cases)


def judged(name: str, path: str, value: Any) -> tuple[Finding, ...]:
    """What is found in a good object with one change."""
    return validate(changed(name, path, value))


def places(found: Iterable[Finding]) -> list[str]:
    """The paths of findings, as reports show them."""
    return [show_path(finding.path) for finding in found]
