"""Snapshot in, report out. Pure: the same snapshot always gets the same report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from graders.kinds import KINDS
from graders.objective import Lesson, Objective
from graders.report import Report, Result
from graders.snapshot import K8sObject, NotReadable, NotThere, Problem, Snapshot, show_path
from graders.verdict import Status, Verdict, blocked, failed, skipped, unknown

_LIVE_ONLY = "It shows on a cluster only. Apply your manifests and grade without -f."


def evaluate(lesson: Lesson, snapshot: Snapshot) -> Report:
    """Judge every objective of `lesson`, in order. Never raises: a check that breaks is `unknown`, not the learner's fault.

    A lesson is judged once for a snapshot, however often it is asked for: the capstone asks for those that `grade all` reports, too.
    """
    return snapshot.once(lesson, partial(_evaluate, lesson))


def _evaluate(lesson: Lesson, snapshot: Snapshot) -> Report:
    rejected = _rejections(lesson, snapshot)
    verdicts: dict[str, Verdict] = {}
    results = []
    for objective in lesson.objectives:
        verdict = _judge(objective, snapshot, verdicts, rejected)
        verdicts[objective.id] = verdict
        title = objective.title.replace("{namespace}", snapshot.namespace)
        results.append(Result(objective, title, verdict, snapshot.namespace))
    problems = snapshot.problems + tuple(problem for item in snapshot.objects for problem in item.problems)
    return Report(lesson.id, lesson.title, snapshot.source, snapshot.taken_at, tuple(results), problems)


def _judge(
    objective: Objective,
    snapshot: Snapshot,
    verdicts: dict[str, Verdict],
    rejected: dict[str, tuple[K8sObject, Problem]],
) -> Verdict:
    if objective.live and not snapshot.is_live:
        return skipped(_LIVE_ONLY)
    for need in objective.needs:
        status = verdicts[need].status
        if status in (Status.UNKNOWN, Status.SKIPPED):
            return verdicts[need]
        if status is not Status.PASSED:
            return blocked(need)
    verdict = _checked(objective, snapshot)
    if objective.id not in rejected:
        return verdict
    item, problem = rejected[objective.id]
    if verdict.status is Status.FAILED and not _explains(problem, verdict):
        return verdict  # it says the same in words that fit the lesson
    return Verdict(Status.FAILED, replace(problem, object=item.ref).evidence())


def _explains(problem: Problem, verdict: Verdict) -> bool:
    """Whether a problem is the reason for what the check found: a field that is not known, or one above that is of the wrong shape."""
    place = verdict.evidence.path if verdict.evidence else None
    above = show_path(problem.path)
    return problem.unknown_field or (place is not None and place.startswith((f"{above}.", f"{above}[")))


def _checked(objective: Objective, snapshot: Snapshot) -> Verdict:
    try:
        return objective.check(snapshot)
    except NotReadable as error:
        return unknown(error.reason)
    except NotThere as error:
        wanted = error.wanted
        if not snapshot.is_live:
            return skipped(f"It relates to {wanted.ref}, which was not submitted. Add its manifest with another -f.")
        return failed(wanted, expected=f"{wanted.kind} `{wanted.name}` in namespace `{snapshot.namespace}`", found="none")
    except Exception as error:
        return unknown(
            f"The check itself broke ({type(error).__name__}); this is a fault of the course, not of your work. "
            f"Please report it with the objective's name, {objective.id}."
        )


def _rejections(lesson: Lesson, snapshot: Snapshot) -> dict[str, tuple[K8sObject, Problem]]:
    """For each objective, the first problem of an object that it answers for. Of two equal objects only the last counts."""
    last = {(item.kind, item.group, item.namespace, item.name): item for item in snapshot.objects}
    found: dict[str, tuple[K8sObject, Problem]] = {}
    for item in last.values():
        if not _concerns(item, snapshot.namespace):
            continue
        for problem in item.problems:
            owner = lesson.owner_of(item, problem) if problem.rejected else None
            if owner is not None:
                found.setdefault(owner.id, (item, problem))
    return found


def _concerns(item: K8sObject, namespace: str) -> bool:
    """Whether an object is of the namespace being graded, or about it."""
    if item.kind == "Namespace":
        return item.name == namespace
    return item.namespace in ("", namespace) or (item.kind in KINDS and KINDS[item.kind].everywhere)
