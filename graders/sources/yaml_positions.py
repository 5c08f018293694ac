"""Where each field of a parsed document was written: recorded beside the data while parsing, looked up by path afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graders.snapshot import Path

# A place is its line, or its line and the places inside it: those of a map by key, those of a list by index.
Place = int | tuple[int, "dict[str, Place] | list[Place]"]


class Lines(Mapping[Path, int]):
    """The line of every path of one object, from 1: the line of its key, or of the list item. Holds keys and numbers, no values."""

    __slots__ = ("_root",)

    def __init__(self, root: Place) -> None:
        self._root = root

    def __getitem__(self, path: Path) -> int:
        place = step_to(self._root, path)
        if place is None:
            raise KeyError(path)
        return line_of(place)

    def __iter__(self) -> Iterator[Path]:
        pending: list[tuple[Path, Place]] = [((), self._root)]
        while pending:
            path, place = pending.pop()
            yield path
            if isinstance(place, tuple):
                inside = place[1]
                steps = inside.items() if isinstance(inside, dict) else enumerate(inside)
                pending += [((*path, step), child) for step, child in steps]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def line_of(place: Place) -> int:
    """The line of a place."""
    return place[0] if isinstance(place, tuple) else place


def step_to(place: Place, path: Path) -> Place | None:
    """The place that `path` leads to; None when there is none."""
    for step in path:
        inside = place[1] if isinstance(place, tuple) else None
        if isinstance(inside, dict) and isinstance(step, str):
            found = inside.get(step)
        elif isinstance(inside, list) and isinstance(step, int) and 0 <= step < len(inside):
            found = inside[step]
        else:
            return None
        if found is None:
            return None
        place = found
    return place
