"""What a lesson asks: objectives, each a declaration around one pure function, and the lesson that lists them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from graders.snapshot import Field, K8sObject, Path, Problem, Snapshot
from graders.verdict import Verdict

Check = Callable[[Snapshot], Verdict]


_STEP = re.compile(r"\['(?P<quoted>[^']+)'\]|\[(?:(?P<key>[\w.]+)=(?P<value>[^\]]+))?\]|(?P<plain>[^.\[]+)")


class _Item(NamedTuple):
    """A step into a list: any item, or those whose field `key` is `value`."""

    key: str = ""
    value: str = ""

    def fits(self, item: Field) -> bool:
        return not self.key or item.at(self.key).value == self.value


@dataclass(frozen=True, slots=True)
class Owned:
    """A part of an object that an objective answers for: what the API server would reject there fails this objective.

    `name` may be `*`.
    """

    kind: str
    name: str
    steps: tuple[str | _Item, ...]

    def weight(self, item: K8sObject, path: Path) -> int:
        """How closely this part holds `path` of `item`: the number of its steps plus one, or 0 when it does not hold it."""
        if self.kind != item.kind or self.name not in ("*", item.name) or len(self.steps) > len(path):
            return 0
        for index, mine in enumerate(self.steps):
            step = path[index]
            if isinstance(mine, _Item) != isinstance(step, int):
                return 0
            if not (mine.fits(item.key(*path[: index + 1])) if isinstance(mine, _Item) else mine == step):
                return 0
        return len(self.steps) + 1


def owns(kind: str, name: str, *paths: str) -> tuple[Owned, ...]:
    """The parts of one object named by paths, `spec.containers[].image`; none given means the object as a whole.

    `[]` is any item of a list, `[resource.name=cpu]` those with that field; a key that holds dots is written as `['example.org/key']`.
    """
    return tuple(Owned(kind, name, _steps(path)) for path in paths or ("",))


def _steps(path: str) -> tuple[str | _Item, ...]:
    return tuple(match["quoted"] or match["plain"] or _Item(match["key"] or "", match["value"] or "") for match in _STEP.finditer(path))


@dataclass(frozen=True, slots=True)
class Objective:
    """One fact that a learner brings about.

    `title` may hold `{namespace}`. `needs` are ids of the same lesson. `live` can be judged on a cluster only. `bonus` never counts.
    `owned` are the parts of objects whose rejection by the API server fails this objective.
    """

    id: str
    title: str
    check: Check
    hints: tuple[str, str]
    docs: str
    needs: tuple[str, ...] = ()
    live: bool = False
    bonus: bool = False
    owned: tuple[Owned, ...] = ()

    def claim(self, item: K8sObject, path: Path) -> int:
        """How strongly this objective answers for a place of an object; 0 when it does not."""
        return max((part.weight(item, path) for part in self.owned), default=0)


def objective(
    id: str,
    title: str,
    *,
    hints: tuple[str, str],
    docs: str,
    needs: tuple[Objective, ...] = (),
    live: bool = False,
    bonus: bool = False,
    owned: Iterable[Owned] = (),
) -> Callable[[Check], Objective]:
    """Declare the objective that the decorated function judges. The id is permanent: stored results carry it."""

    def declare(check: Check) -> Objective:
        return Objective(id, title, check, hints, docs, tuple(need.id for need in needs), live, bonus, tuple(owned))

    return declare


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A lesson as the grader sees it: what it reads and what it asks, in teaching order.

    `reads` are the kinds that its checks look at; `live_reads` those that only live checks and their evidence need. On a cluster
    nothing else is listed. `everywhere` are those of them that may stand in any namespace, so that all are listed where that is allowed.
    """

    id: str
    title: str
    reads: tuple[str, ...]
    objectives: tuple[Objective, ...]
    live_reads: tuple[str, ...] = ()
    everywhere: tuple[str, ...] = ()

    def owner_of(self, item: K8sObject, problem: Problem) -> Objective | None:
        """The one objective that a rejected place fails: the closest claim, the first of equals."""
        best, weight = None, 0
        for candidate in self.objectives:
            claim = candidate.claim(item, problem.path)
            if claim > weight:
                best, weight = candidate, claim
        return best
