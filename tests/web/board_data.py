"""Attempts for tests of the instructor's pages, made straight in the database."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from app.db import session_of
from app.models import Origin, Role, utc_now
from app.services import attempts
from app.services.curriculum import asked
from app.services.sign_ins import Person
from benchmarks.classroom_data import report
from tests.web.classroom import Classroom
from tests.web.client import Client

_NUMBERS = itertools.count(1)


def ago(minutes: float) -> datetime:
    """So many minutes before now, as reports have it: to the second."""
    return (utc_now() - timedelta(minutes=minutes)).replace(microsecond=0)


def statuses(lesson: str, passing: int) -> dict[str, str]:
    """The first so many objectives of a lesson that count pass, the others fail."""
    found = asked(lesson)
    assert found is not None
    return {objective: "passed" if index < passing else "failed" for index, objective in enumerate(found.counted)}


def all_of(lesson: str) -> int:
    """How many objectives of a lesson count."""
    found = asked(lesson)
    assert found is not None
    return len(found.counted)


def tried(
    classroom: Classroom,
    person: Person,
    lesson: str,
    passing: int,
    minutes: float = 0,
    *,
    origin: Origin = Origin.WORKBENCH,
    changes: Mapping[str, str] | None = None,
    cluster: str = "",
    digest: str = "",
    publish: bool = False,
) -> int:
    """An attempt at a lesson so many minutes ago in which that many objectives passed; gives its id. `publish` tells the feed of it."""
    told = report(lesson, statuses(lesson, passing) | dict(changes or {}), ago(minutes))
    key = f"test-{next(_NUMBERS)}"
    with session_of(classroom.app.state.engine, writes=True, learner_id=person.id) as session:
        made = attempts.take_in(session, person.id, told, origin, key=key, cluster=cluster, digest=digest)
        assert made is not None
        assert made.id is not None
    if publish:
        facts = {"lesson": lesson, "origin": str(origin), "complete": told["complete"], "passed": passing, "counted": told["counted"]}
        classroom.app.state.feed.publish_attempts(person.id, {**facts, "count": 1})
    return made.id


class Class(NamedTuple):
    """A cohort with an instructor and two learners, and another one with the same."""

    classroom: Classroom
    instructor: Person
    ada: Person
    ben: Person
    cohort: int
    stranger: Person
    other: int
    browser: Client

    def get(self, page: str) -> str:
        """A page of the cohort, as the instructor's browser has it."""
        answer = self.browser.get(f"/cohorts/{self.cohort}/{page}")
        assert answer.status_code == 200, answer.text
        return answer.text


def a_class(classroom: Classroom) -> Class:
    """Iris teaches Ada and Ben in Autumn; Otto teaches Zoe in Spring."""
    iris, ada, ben = classroom.person("Iris", Role.INSTRUCTOR), classroom.person("Ada"), classroom.person("Ben")
    otto, zoe = classroom.person("Otto", Role.INSTRUCTOR), classroom.person("Zoe")
    cohort, other = classroom.cohort("Autumn", [iris], [ada, ben]), classroom.cohort("Spring", [otto], [zoe])
    return Class(classroom, iris, ada, ben, cohort, zoe, other, classroom.client(iris))


def cells(page: str, person: Person) -> list[str]:
    """What the cells of somebody's row stand for, by their titles."""
    row = re.search(rf'<li id="learner-{person.id}".*?</li>', page, re.DOTALL)
    assert row is not None
    titles = dict(re.findall(r'<g id="([^"]+)"[^>]*><title>([^<]+)</title>', page))
    return [titles[name] for name in re.findall(r'<use href="#([^"]+)"/>', row[0])]


def board_objective(lesson: str, number: int) -> str:
    """The id of a lesson's objective."""
    known = asked(lesson)
    assert known is not None
    return known.counted[number]
