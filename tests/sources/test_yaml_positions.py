"""The line of every field of a document, held against the marks of PyYAML's own composer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graders.snapshot import Path
from graders.sources.yaml_loader import load
from graders.sources.yaml_positions import Lines, line_of, step_to

POD = """\
# a Pod
kind: Pod
metadata: {name: a,
  labels: {app: b}}
spec:
  containers:
  - name: api
    args: [--port,
      "80"]

  -
    name: sidecar
    env: &env
    - {name: A, value: "1"}
    command:
      - |
        sleep
        1
      - last
  initContainers:
    - env: *env
      name: first
"""
PLACES: dict[Path, int] = {
    (): 2,
    ("kind",): 2,
    ("metadata",): 3,
    ("metadata", "name"): 3,
    ("metadata", "labels"): 4,
    ("metadata", "labels", "app"): 4,
    ("spec", "containers"): 6,
    ("spec", "containers", 0): 7,
    ("spec", "containers", 0, "args"): 8,
    ("spec", "containers", 0, "args", 1): 9,
    ("spec", "containers", 1): 12,
    ("spec", "containers", 1, "command", 0): 16,
    ("spec", "containers", 1, "command", 1): 19,
    ("spec", "initContainers", 0, "env"): 21,
    ("spec", "initContainers", 0, "env", 0, "name"): 14,  # an alias: where it is written
    ("spec", "initContainers", 0, "name"): 22,
}
NOWHERE: list[Path] = [
    ("spec", "volumes"),
    ("kind", "name"),
    ("kind", 0),
    ("spec", "containers", 2),
    ("spec", "containers", -1),
    ("spec", "containers", "0"),
    ("metadata", 0),
    ("metadata", "name", "first"),
]


def lines(text: str, first_line: int = 1) -> Lines:
    return Lines(load(text.encode(), 100_000, first_line).place)


@pytest.mark.parametrize(("path", "line"), PLACES.items(), ids=str)
def test_line_is_where_the_key_or_the_item_begins(path: Path, line: int) -> None:
    assert lines(POD)[path] == line
    assert lines(POD, first_line=101)[path] == line + 100
    assert lines(POD.replace("\n", "\r\n"))[path] == line


@pytest.mark.parametrize("path", NOWHERE, ids=str)
def test_path_that_leads_nowhere_has_no_line(path: Path) -> None:
    found = lines(POD)
    assert path not in found
    assert found.get(path) is None
    with pytest.raises(KeyError):
        found[path]


def test_merged_fields_are_where_they_are_written() -> None:
    found = lines("base: &base\n  a: 1\n  b: 1\nnext:\n  b: 2\n  <<: *base\nlast:\n  <<: *base\n  b: 3\n")
    assert [found["next", "a"], found["next", "b"]] == [2, 3]  # the merge key comes after, and wins
    assert [found["last", "a"], found["last", "b"]] == [2, 9]


def test_step_to_a_place_goes_on_from_there() -> None:
    place = load(POD.encode(), 1000).place
    item = step_to(place, ("spec", "containers", 1))
    assert item is not None
    assert line_of(item) == 12
    assert Lines(item)["name",] == 12
    assert step_to(place, ()) is place
    assert step_to(7, ("a",)) is None


# Property: the same lines as the marks of another parser give

keys = st.text("ab yY1.~#:'\"-é\n", max_size=5)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text("ab\n :#'\"é", max_size=12)
trees: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


class Quoting(yaml.SafeDumper):
    """Writes every string in quotes, so that kubectl's other rules for plain scalars play no part."""


def _quoted(dumper: Quoting, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


Quoting.add_representer(str, _quoted)
Quoting.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]  # each place is to be written out


def dump(tree: Any, *, flow: bool) -> str:
    return str(yaml.dump(tree, Dumper=Quoting, default_flow_style=flow, sort_keys=False, width=20))


def marks(node: yaml.Node, path: Path = ()) -> Iterator[tuple[Path, int]]:
    """Path and line of all that is below a composed node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from marks(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from marks(item, (*path, index))


@given(trees, st.booleans())
def test_every_path_has_the_line_that_another_parser_gives(tree: Any, flow: bool) -> None:
    text = dump(tree, flow=flow)
    composed = yaml.compose(text, Loader=yaml.SafeLoader)
    assert composed is not None
    found = lines(text)
    assert dict(found) == {(): composed.start_mark.line + 1, **dict(marks(composed))}
    assert len(found) == len(list(found))
