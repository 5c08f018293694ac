"""A cohort with as many learners as wanted, and attempts as a class makes them: for trials by hand and for the other benchmarks.

python -m benchmarks.classroom_data DATABASE_URL [--learners 1000]        puts one into a database, which it makes if it is not there
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, insert
from sqlmodel import Session

from app.db import open_database, session_of
from app.models import (
    Account,
    Attempt,
    Cohort,
    DueDate,
    HintShown,
    Learner,
    Membership,
    ObjectiveResult,
    Origin,
    Role,
    Standing,
    utc_now,
)
from app.services.curriculum import asked
from app.services.standings import Told, derive
from graders.lessons import LESSONS
from graders.objective import Objective

_FIRST = (
    "Ada",
    "Grace",
    "Edsger",
    "Barbara",
    "Alan",
    "Radia",
    "Ken",
    "Frances",
    "Dennis",
    "Margaret",
    "Linus",
    "Hedy",
    "Łukasz",
    "Zoë",
    "Nguyễn",
)
_LAST = (
    "Lovelace",
    "Hopper",
    "Dijkstra",
    "Liskov",
    "Turing",
    "Perlman",
    "Thompson",
    "Allen",
    "Ritchie",
    "Hamilton",
    "O'Brien",
    "van der Berg",
)
_AT_ONCE = 50  # learners whose rows are stored together


@dataclass(frozen=True)
class Made:
    """What was made: the cohort's number, its instructor's, and its learners'."""

    cohort: int
    instructor: int
    learners: Sequence[int]


def fill(
    engine: Engine, learners: int, *, now: datetime | None = None, seed: int = 1, name: str = "Autumn", all_lessons: bool = False
) -> Made:
    """Put a cohort into the database; the same `seed` makes the same one. Some of its learners are at work at `now`; with `all_lessons`
    everybody has begun every lesson."""
    now = (now or utc_now()).replace(microsecond=0)
    dice = random.Random(seed)
    with session_of(engine, writes=True) as session:
        cohort = Cohort(name=name)
        session.add(cohort)
        session.flush()
        assert cohort.id is not None
        (instructor,) = _people(session, [f"Instructor of {name}"], cohort.id, Role.INSTRUCTOR, f"instructor-{cohort.id}")
        names = [f"{dice.choice(_FIRST)} {dice.choice(_LAST)} {number}" for number in range(1, learners + 1)]
        ids = _people(session, names, cohort.id, Role.LEARNER, f"learner-{cohort.id}")
        due = [
            DueDate(cohort_id=cohort.id, lesson_id=entry.id, due_at=now + timedelta(days=number - 5))
            for number, entry in enumerate(LESSONS)
        ]
        session.add_all(due)
    for start in range(0, learners, _AT_ONCE):
        with session_of(engine, writes=True) as session:
            _store(session, [(learner, dice.getrandbits(32)) for learner in ids[start : start + _AT_ONCE]], now, all_lessons)
    return Made(cohort.id, instructor, ids)


def report(lesson_id: str, statuses: dict[str, str], at: datetime, source: str = "manifests") -> dict[str, Any]:
    """A JSON report, schema 1, in which the objectives have these statuses; others are skipped."""
    entry = next(entry for entry in LESSONS if entry.id == lesson_id)
    objectives = [_told(each, statuses.get(each.id, "skipped")) for each in _objectives(lesson_id)]
    counted = [each["status"] for each in objectives if not each["bonus"] and each["status"] != "skipped"]
    return {
        "schema": 1,
        "lesson": lesson_id,
        "title": entry.title,
        "source": {
            "kind": source,
            "files": ["deployment.yaml"] if source == "manifests" else [],
            "context": None if source == "manifests" else "course",
            "namespace": "rag-engine",
        },
        "graded_at": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "complete": 0 < len(counted) == counted.count("passed"),
        "passed": counted.count("passed"),
        "counted": len(counted),
        "objectives": objectives,
        "problems": [],
    }


@lru_cache(maxsize=64)
def _objectives(lesson_id: str) -> tuple[Objective, ...]:
    return tuple(next(entry for entry in LESSONS if entry.id == lesson_id).load().objectives)


def _told(objective: Objective, status: str) -> dict[str, Any]:
    evidence = {
        "object": "Deployment/rag-engine-api",
        "path": "spec.replicas",
        "expected": "`3`",
        "found": "`1`",
        "file": "deployment.yaml",
        "line": 8,
        "command": None,
    }
    return {
        "id": objective.id,
        "title": objective.title.replace("{namespace}", "rag-engine"),
        "status": status,
        "bonus": objective.bonus,
        "live": objective.live,
        "advice": None,
        "evidence": evidence if status in ("failed", "pending") else None,
        "reason": None if status in ("passed", "failed", "pending") else "It shows on a cluster only.",
        "needs": list(objective.needs),
        "docs": objective.docs,
    }


def _people(session: Session, names: Sequence[str], cohort_id: int, role: Role, address: str) -> list[int]:
    made = insert(Learner).returning(Learner.id, sort_by_parameter_order=True)  # type: ignore[call-overload] # an attribute is a column
    since = {"created_at": utc_now()}
    ids = list(session.scalars(made, [{"name": name, **since} for name in names]))
    accounts = [
        {"learner_id": learner, "email": f"{address}-{number}@example.org", "role": role, "active": True, **since}
        for number, learner in enumerate(ids, 1)
    ]
    session.execute(insert(Account), accounts)
    session.execute(
        insert(Membership), [{"cohort_id": cohort_id, "learner_id": learner, "role": role, "joined_at": utc_now()} for learner in ids]
    )
    return ids


def _store(session: Session, learners: Sequence[tuple[int, int]], now: datetime, all_lessons: bool) -> None:
    rows: list[dict[str, Any]] = []
    hints: list[dict[str, Any]] = []
    for learner, seed in learners:
        dice = random.Random(seed)
        for made in _attempts(dice, now, all_lessons):
            rows.append(_row(learner, made, f"{seed:x}-{learner}-{len(rows)}"))
            if dice.random() < 0.1:
                objective = dice.choice(_objectives(made["lesson"])).id
                hint = {"learner_id": learner, "lesson_id": made["lesson"], "objective_id": objective, "number": 1}
                if not any(hint.items() <= each.items() for each in hints):
                    hints.append(hint | {"shown_at": datetime.fromisoformat(made["graded_at"])})
    if not rows:
        return
    made_ids = insert(Attempt).returning(Attempt.id, sort_by_parameter_order=True)  # type: ignore[call-overload] # an attribute is a column
    ids = list(session.scalars(made_ids, rows))
    results = [
        {"attempt_id": number, "objective_id": each["id"], "status": each["status"]}
        for number, row in zip(ids, rows, strict=True)
        for each in row["report"]["objectives"]
    ]
    session.execute(insert(ObjectiveResult), results)
    if hints:
        session.execute(insert(HintShown), hints)
    session.execute(insert(Standing), list(_standings(rows, ids)))


def _row(learner: int, made: dict[str, Any], key: str) -> dict[str, Any]:
    at = datetime.fromisoformat(made["graded_at"])
    return {
        "key": key,
        "learner_id": learner,
        "lesson_id": made["lesson"],
        "origin": Origin.WORKBENCH,
        "source": made["source"]["kind"],
        "checked_at": at,
        "received_at": at,
        "complete": made["complete"],
        "passed": made["passed"],
        "counted": made["counted"],
        "report": made,
    }


def _standings(rows: Sequence[dict[str, Any]], ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    told: dict[tuple[int, str], list[Told]] = {}
    for number, row in zip(ids, rows, strict=True):
        statuses = {each["id"]: each["status"] for each in row["report"]["objectives"]}
        key = row["learner_id"], row["lesson_id"]
        told.setdefault(key, []).append(Told(number, row["checked_at"], row["source"], row["complete"], statuses))
    for (learner, lesson_id), several in told.items():
        lesson = asked(lesson_id)
        assert lesson is not None
        several.sort(key=lambda each: (each.at, each.id))
        yield {"learner_id": learner, "lesson_id": lesson_id, **derive(lesson, several)}


def _attempts(dice: random.Random, now: datetime, all_lessons: bool) -> Iterator[dict[str, Any]]:
    """The reports of one learner: lesson after lesson, each in a few attempts, some of them in vain."""
    skill, reached = dice.uniform(0.25, 0.9), min(len(LESSONS), int(dice.gammavariate(5, 1.7)))
    reached = len(LESSONS) if all_lessons else reached
    plan: list[tuple[str, dict[str, str]]] = []
    for number, entry in enumerate(LESSONS[:reached]):
        last = number == reached - 1
        passed: set[str] = set()
        objectives = _objectives(entry.id)
        for _ in range(12):
            for each in objectives:
                if set(each.needs) <= passed and dice.random() < skill * (1.3 - 0.6 * len(passed) / len(objectives)):
                    passed.add(each.id)
            plan.append((entry.id, {each.id: _status(each, passed) for each in objectives}))
            if len(passed) == len(objectives) or (last and dice.random() < 0.25):
                break
        if len(passed) == len(objectives) and dice.random() < 0.04:
            plan.append((entry.id, {each.id: "failed" if each is objectives[-1] else "passed" for each in objectives}))
    at_work = dice.random() < 0.5
    at = now - (timedelta(seconds=dice.randint(5, 1500)) if at_work else timedelta(hours=dice.randint(1, 90)))
    times = []
    for _ in plan:
        times.append(at)
        at -= timedelta(seconds=dice.randint(40, 700)) if dice.random() < 0.9 else timedelta(hours=dice.randint(8, 40))
    for (lesson_id, statuses), when in zip(plan, reversed(times), strict=True):
        yield report(lesson_id, statuses, when)


def _status(objective: Objective, passed: set[str]) -> str:
    return "passed" if objective.id in passed else "failed" if set(objective.needs) <= passed else "blocked"


def main() -> int:
    """Fill a database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("database", metavar="DATABASE_URL")
    parser.add_argument("--learners", type=int, default=1000)
    options = parser.parse_args()
    engine = open_database(options.database)
    made = fill(engine, options.learners)
    print(f"cohort {made.cohort}, with {len(made.learners)} learners; its instructor is instructor-{made.cohort}-1@example.org")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
