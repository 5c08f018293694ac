"""What a lesson asks: objectives, each a declaration around one pure function, and the lesson that lists them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from graders.snapshot import Path, Problem, Snapshot
from graders.verdict import Verdict

Check = Callable[[Snapshot], Verdict]


@dataclass(frozen=True, slots=True)
class Owned:
    """A part of an object that an objective answers for: what the API server would reject there fails this objective.

    `steps` is a path in which `[]` stands for any index; `name` may be `*`.
    """

    kind: str
    name: str
    steps: tuple[str, ...]

    def weight(self, kind: str, name: str, path: Path) -> int:
        """How closely this part holds `path`: the number of its steps plus one, or 0 when it does not hold it."""
        if self.kind != kind or self.name not in ("*", name) or len(self.steps) > len(path):
            return 0
        for mine, step in zip(self.steps, path, strict=False):
            if mine != ("[]" if isinstance(step, int) else step):
                return 0
        return len(self.steps) + 1


def owns(kind: str, name: str, *paths: str) -> tuple[Owned, ...]:
    """The parts of one object named by dotted paths, `spec.containers[].image`; none given means the object as a whole.

    A key that holds dots is written in brackets: `metadata.annotations['example.org/key']`.
    """
    return tuple(Owned(kind, name, _steps(path)) for path in paths or ("",))


def _steps(path: str) -> tuple[str, ...]:
    head, _, quoted = path.partition("['")
    steps = [step for step in head.replace("[]", ".[]").split(".") if step]
    return (*steps, quoted.removesuffix("']")) if quoted else tuple(steps)


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

    def claim(self, problem_kind: str, problem_name: str, path: Path) -> int:
        """How strongly this objective answers for a place; 0 when it does not."""
        return max((part.weight(problem_kind, problem_name, path) for part in self.owned), default=0)


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


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as the grader sees it: what it reads and what it asks, in teaching order.

    `reads` are the kinds that its checks look at; `live_reads` those that only live checks and their evidence need. On a cluster
    nothing else is listed.
    """

    id: str
    title: str
    reads: tuple[str, ...]
    objectives: tuple[Objective, ...]
    live_reads: tuple[str, ...] = ()

    def owner_of(self, kind: str, name: str, problem: Problem) -> Objective | None:
        """The one objective that a rejected place fails: the closest claim, the first of equals."""
        best, weight = None, 0
        for candidate in self.objectives:
            claim = candidate.claim(kind, name, problem.path)
            if claim > weight:
                best, weight = candidate, claim
        return best
