"""What a Velero backup takes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.backup_filters import conflict, includes, plurals


@pytest.mark.parametrize(
    ("included", "excluded", "taken"),
    [
        pytest.param([], [], True, id="no lists"),
        pytest.param(["*"], [], True, id="star"),
        pytest.param(["rag-engine"], [], True, id="by name"),
        pytest.param(["other", "rag-*"], [], True, id="by a pattern"),
        pytest.param(["rag-engin?"], [], True, id="one character"),
        pytest.param(["[a-r]ag-engine"], [], True, id="one of some characters"),
        pytest.param(["other"], [], False, id="others only"),
        pytest.param(["rag-engine-*"], [], False, id="a pattern for others"),
        pytest.param(["Rag-Engine"], [], False, id="upper case"),
        pytest.param([""], [], False, id="the empty name"),
        pytest.param([], ["rag-engine"], False, id="excluded"),
        pytest.param(["rag-engine"], ["rag-*"], False, id="an exclusion wins"),
        pytest.param(["*"], ["other"], True, id="others are excluded"),
    ],
)
def test_includes(included: list[str], excluded: list[str], taken: bool) -> None:
    assert includes(included, excluded, "rag-engine") is taken


@pytest.mark.parametrize(
    ("resource", "plural"),
    [
        *(
            ("secrets", "secrets"),
            ("secret", "secrets"),
            ("Secret", "secrets"),
            ("cm", "configmaps"),
            ("CM", "CM"),
            ("pvc", "persistentvolumeclaims"),
        ),
        *(
            ("PersistentVolume", "persistentvolumes"),
            ("deployments.apps", "deployments.apps"),
            ("secrets.example.org", "secrets.example.org"),
        ),
    ],
)
def test_plurals(resource: str, plural: str) -> None:
    assert plurals([resource]) == (plural,)


@pytest.mark.parametrize(
    ("included", "excluded", "words"),
    [
        (["*", "a"], [], "`*` beside other names"),
        (["*", "*"], [], None),
        (["a"], ["*"], "`*`, which would leave nothing"),
        (["a", "b"], ["c", "b"], "`b`, included and excluded at once"),
        (["a"], ["a*"], None),
        ([], [], None),
    ],
)
def test_conflict(included: list[str], excluded: list[str], words: str | None) -> None:
    assert conflict(included, excluded) == words


def test_the_newer_lists_may_exclude_everything_when_they_do_nothing_else() -> None:
    assert conflict([], ["*"], scoped=True) is None
    assert conflict(["a"], ["*"], scoped=True) == conflict([], ["*", "a"], scoped=True) == "`*`, which would leave nothing"


NAMES = st.lists(st.sampled_from(["a", "b", "ab", "*", "a*", "?"]), max_size=4)


@given(NAMES, NAMES, st.sampled_from(["a", "b", "ab"]))
def test_more_exclusions_never_take_in_more(included: list[str], excluded: list[str], name: str) -> None:
    assert includes(included, excluded, name) <= includes(included, [], name)
    assert includes(included, [*excluded, name], name) is False
