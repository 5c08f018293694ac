"""The report: what a lesson's objectives answered, as a value. `graders.render` gives it its stable forms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from graders.objective import Objective
from graders.snapshot import Problem, Source
from graders.verdict import Status, Verdict


@dataclass(frozen=True, slots=True)
class Result:
    """One objective and its verdict. `title` has the namespace filled in, `namespace` is the one that was graded."""

    objective: Objective
    title: str
    verdict: Verdict
    namespace: str

    @property
    def status(self) -> Status:
        """The verdict's status."""
        return self.verdict.status

    @property
    def open(self) -> bool:
        """Whether there is still something to do about it: neither passed nor skipped."""
        return self.status not in (Status.PASSED, Status.SKIPPED)

    @property
    def hints(self) -> tuple[str, ...]:
        """The objective's hints, with the namespace filled in."""
        return tuple(hint.replace("{namespace}", self.namespace) for hint in self.objective.hints)

    @property
    def counts(self) -> bool:
        """Whether the lesson's completion depends on it: neither bonus nor skipped."""
        return not self.objective.bonus and self.status is not Status.SKIPPED


@dataclass(frozen=True, slots=True)
class Report:
    """All of a lesson's results over one snapshot, in teaching order."""

    lesson_id: str
    title: str
    source: Source
    graded_at: datetime
    results: tuple[Result, ...]
    problems: tuple[Problem, ...]

    @property
    def counted(self) -> int:
        """How many objectives count."""
        return sum(result.counts for result in self.results)

    @property
    def passed(self) -> int:
        """How many of those that count have passed."""
        return sum(result.counts and result.status is Status.PASSED for result in self.results)

    @property
    def complete(self) -> bool:
        """Whether every counted objective passed, and there was one."""
        return self.counted > 0 and self.passed == self.counted

    @property
    def waiting(self) -> bool:
        """Whether the cluster is still converging on something."""
        return any(result.status is Status.PENDING for result in self.results)

    @property
    def first_open(self) -> Result | None:
        """What to do next: the first objective that counts and is not blocked by another, else the first open one that counts."""
        todo = [result for result in self.results if result.counts and result.open]
        return next((result for result in todo if result.status is not Status.BLOCKED), todo[0] if todo else None)

    @property
    def exit_code(self) -> int:
        """0 complete; 1 something is not done yet; 3 the only thing missing is that we could not judge it."""
        if self.complete:
            return 0
        open_ = [result.status for result in self.results if result.counts and result.status is not Status.PASSED]
        return 3 if open_ and all(status is Status.UNKNOWN for status in open_) else 1
