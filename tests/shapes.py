"""Objects of odd shapes, for the property that no check crashes whatever a learner writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from graders.objective import Lesson
from graders.snapshot import NotReadable, NotThere, Snapshot
from graders.verdict import Status

Draw = Callable[[st.SearchStrategy[Any]], Any]
_KEPT = (("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace"), ())


def shapes(scalars: st.SearchStrategy[Any], keys: Iterable[str]) -> st.SearchStrategy[Any]:
    """Values of any JSON shape, made of `scalars`, null and booleans; its maps have some of `keys`."""
    names = st.sampled_from(list(keys))
    return st.recursive(
        st.none() | st.booleans() | scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
        max_leaves=6,
    )


@st.composite
def spoilt(draw: Draw, body: dict[str, Any], odd: st.SearchStrategy[Any]) -> dict[str, Any]:
    """`body` with something odd in one place or two, its kind and name kept."""
    body = deepcopy(body)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.sampled_from([place for place in _places(body) if place not in _KEPT]))
        reduce(lambda inner, step: inner[step], place[:-1], body)[place[-1]] = draw(odd)
    return body


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in below for place in _places(item, (*path, key)))]


def assert_no_check_crashes(lesson: Lesson, snapshot: Snapshot) -> None:
    """Every objective, asked by itself, gives a verdict that has evidence exactly when it is failed or pending."""
    for objective in lesson.objectives:
        try:
            verdict = objective.check(snapshot)
        except (NotReadable, NotThere):
            continue
        assert (verdict.evidence is not None) == (verdict.status in (Status.FAILED, Status.PENDING))
