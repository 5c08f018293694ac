"""What an objective can answer: a verdict, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graders.snapshot import Field, K8sObject, Problem, Wanted


class Status(StrEnum):
    """The outcome of one objective. The values are part of the JSON report and permanent."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"  # the cluster is still converging
    BLOCKED = "blocked"  # another objective must pass first
    SKIPPED = "skipped"  # cannot be judged on this source; does not count
    UNKNOWN = "unknown"  # access denied, API missing, timeout, or our own bug: never the learner's fault


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where we looked, what we expected there and what we found, in words for a learner.

    `object` is `Kind/name`; `path` a field path as kubectl's jsonpath writes it, without the braces; `file` and `line` (from 1) are
    set when the object was read from YAML; `command` only reads, and shows the same thing: kubectl on a cluster, or `grade` where a whole
    lesson is meant.
    """

    object: str
    path: str | None
    expected: str
    found: str
    file: str | None = None
    line: int | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of one objective. Make one with `passed()`, `failed()`, `pending()`, `blocked()`, `skipped()` or `unknown()`."""

    status: Status
    evidence: Evidence | None = None
    advice: tuple[str, ...] = ()
    reason: str | None = None

    def advising(self, *advice: str) -> Verdict:
        """The same verdict with further advice; advice rides on a pass only, so any other verdict is returned as it is."""
        if self.status is not Status.PASSED:
            return self
        return replace(self, advice=self.advice + advice)


def passed(*advice: str) -> Verdict:
    """The objective is met. Each `advice` is one sentence on what a practitioner would still change."""
    return Verdict(Status.PASSED, advice=advice)


def failed(where: Field | K8sObject | Wanted | Problem, *, expected: str, found: str, command: str | None = None) -> Verdict:
    """The objective is not met: `where` says in which object (and field), `expected` and `found` say why.

    `command` replaces the kubectl command that shows `where`.
    """
    return Verdict(Status.FAILED, where.evidence(expected, found, command))


def pending(where: Field | K8sObject | Wanted, *, expected: str, found: str, command: str | None = None) -> Verdict:
    """The cluster is on its way; look again soon."""
    return Verdict(Status.PENDING, where.evidence(expected, found, command))


def blocked(need: str) -> Verdict:
    """Another objective of the lesson, `need`, has to pass first."""
    return Verdict(Status.BLOCKED, reason=f"First: {need}.")


def skipped(reason: str) -> Verdict:
    """It cannot be judged on this source, and does not count."""
    return Verdict(Status.SKIPPED, reason=reason)


def unknown(reason: str) -> Verdict:
    """We could not find out, through no fault of the learner. `reason` ends in what to do next."""
    return Verdict(Status.UNKNOWN, reason=reason)
