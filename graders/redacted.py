"""What was redacted elsewhere is not believed to be: the values of its Secrets must be facts, and everything else is masked once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graders.redaction import holds_settings, holds_values, is_facts, redact
from graders.semantics.credentials import MASK
from graders.snapshot import Path, show_path

_FIELDS = ("data", "stringData")


class NotReduced(ValueError):
    """A value of a Secret stands where facts about it belong. The message is a sentence, and tells no value."""


def redacted_again(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object as plain data of its own: what was redacted stays, facts about Secrets too. Raises NotReduced.

    The same for what `redact` has made, however often it is called. Takes time in proportion to the object.
    """
    bare, facts = _taken_apart(body, ())
    again = redact(bare)
    whole = _put_back(again, facts) if facts else again
    assert isinstance(whole, dict)  # `_taken_apart` has made one
    return whole


# Facts by the step that leads to them, or by the steps that lead to such a map.
_Facts = dict[Any, Any]


def _taken_apart(value: Any, path: Path) -> tuple[Any, _Facts]:
    """A plain copy with nothing in place of facts, and the facts."""
    found: _Facts = {}
    if isinstance(value, Mapping):
        secret, settings, plain = holds_values(value), holds_settings(value), {}
        for key, item in value.items():
            if settings and key != "metadata":
                plain[key] = _plain(item)
            elif secret and key in _FIELDS:
                plain[key] = _nothing(item, (*path, key))
                if isinstance(item, Mapping):
                    found[key] = _Values({name: dict(each) for name, each in item.items()})
            else:
                plain[key], inner = _taken_apart(item, (*path, key))
                if inner:
                    found[key] = inner
        return plain, found
    if isinstance(value, list | tuple):
        items = []
        for index, item in enumerate(value):
            each, inner = _taken_apart(item, (*path, index))
            items.append(each)
            if inner:
                found[index] = inner
        return items, found
    return value, found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


class _Values(dict[Any, Any]):
    """Facts of the values of one Secret, by key."""


def _nothing(values: Any, path: Path) -> Any:
    """What stands in place of facts. Raises NotReduced when they are none."""
    if isinstance(values, Mapping):
        for key, item in values.items():
            if not is_facts(item):
                where = show_path((*path, str(key)))
                raise NotReduced(f"`{where}` holds a value of a Secret, where only facts about it belong. No value may leave your machine.")
        return {}
    # What is no map at all was emptied when it was redacted.
    if values not in (None, True, False, 0, MASK) and not (isinstance(values, list | tuple) and not values):
        raise NotReduced(f"`{show_path(path)}` holds what a Secret holds. No value may leave your machine.")
    return list(values) if isinstance(values, tuple) else values


def _put_back(value: Any, facts: _Facts) -> Any:
    """The same with the facts at their places, where those are still there."""
    if isinstance(facts, _Values):
        return dict(facts)
    if isinstance(value, Mapping):
        return {key: _put_back(item, facts[key]) if key in facts else item for key, item in value.items()}
    if isinstance(value, list):
        return [_put_back(item, facts[index]) if index in facts else item for index, item in enumerate(value)]
    return value
