"""The gradebook: what counts, how late it is, what that costs, and the files it is saved in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from app.db import session_of
from app.models import Attempt, Cohort, HintShown, LatePolicy, Origin, Role
from app.services import attempts, due_dates, gradebook
from app.services.assurance import Assurance
from app.services.audit import Actor
from app.services.gradebook import Gradebook, Mark, Passes, Rules, Work
from app.services.sign_ins import Person
from graders.lessons import LESSONS
from tests.cases import ROOT
from tests.web.classroom import Classroom

ACTOR = Actor(None, "a test")
DUE = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
REPORT = json.loads((ROOT / "tests" / "golden" / "json-on-files.json").read_text(encoding="utf-8"))
COUNTED = {entry.id: [each.id for each in entry.load().objectives if not each.bonus] for entry in LESSONS}
BONUS = {entry.id: [each.id for each in entry.load().objectives if each.bonus] for entry in LESSONS}
NONE, DAILY, CLOSED = (Rules(policy, 10) for policy in LatePolicy)


# Four objectives, of which one passes in time and three at the time that the case names.
LATENESS = [
    pytest.param(DUE, NONE, 0, 100.0, id="exactly at the due time is in time"),
    pytest.param(DUE, DAILY, 0, 100.0, id="exactly at the due time costs nothing"),
    pytest.param(DUE, CLOSED, 0, 100.0, id="exactly at the due time it is not closed"),
    pytest.param(DUE + SECOND, NONE, 1, 100.0, id="a second later is a day late"),
    pytest.param(DUE + SECOND, DAILY, 1, 92.5, id="a second later costs a day"),
    pytest.param(DUE + SECOND, CLOSED, 1, 25.0, id="a second later it is closed"),
    pytest.param(DUE + SECOND / 1000, DAILY, 1, 92.5, id="a thousandth of a second is late as well"),
    pytest.param(DUE + DAY, DAILY, 1, 92.5, id="a whole day is one day"),
    pytest.param(DUE + DAY + SECOND, DAILY, 2, 85.0, id="a day and a second are two"),
    pytest.param(DUE + 10 * DAY, DAILY, 10, 25.0, id="after ten days nothing is left"),
    pytest.param(DUE + 300 * DAY, DAILY, 300, 25.0, id="it never costs more than there is"),
    pytest.param(DUE - DAY, DAILY, 0, 100.0, id="earlier is no merit"),
]


@pytest.mark.parametrize(("at", "rules", "late", "final"), LATENESS)
def test_lateness_is_counted_in_days_begun(at: datetime, rules: Rules, late: int, final: float) -> None:
    work = Work((Passes(DUE - DAY, 1, 0, True), Passes(at, 3, 0, True)), attempts=2)
    made = gradebook.mark(rules, "lesson-1", 4, work, DUE)
    assert (made.points, made.late, made.final) == (100.0, late, final)


@given(
    st.lists(st.tuples(st.integers(-(10**7), 10**7), st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=6),
    st.sampled_from(LatePolicy),
    st.integers(1, 100),
)
def test_points_stay_between_nothing_and_a_hundred_and_never_grow_by_lateness(
    passes: list[tuple[int, int, int, bool]], policy: LatePolicy, percent: int
) -> None:
    counted = sum(each[1] for each in passes) + 1
    work = Work([Passes(DUE + timedelta(seconds=at), some, bonus, by_server) for at, some, bonus, by_server in passes])
    made = gradebook.mark(Rules(policy, percent), "lesson-1", counted, work, DUE)
    assert 0 <= made.final <= made.points <= 100
    later = Work([each._replace(at=each.at + timedelta(hours=1)) for each in work.passes])
    assert gradebook.mark(Rules(policy, percent), "lesson-1", counted, later, DUE).final <= made.final
    assert gradebook.mark(Rules(policy, percent), "lesson-1", counted, work, None).final == made.points


# Four objectives that count, one of which shows on a cluster only.
LIVE = [
    pytest.param(3, True, 3, 100.0, id="complete on files"),
    pytest.param(3, False, 4, 75.0, id="on a cluster, where the fourth is open"),
    pytest.param(4, True, 4, 100.0, id="complete on a cluster"),
    pytest.param(2, True, 3, 66.67, id="complete because less was submitted"),
]


@pytest.mark.parametrize(("passed", "complete", "counted", "points"), LIVE)
def test_what_no_file_can_show_is_not_held_against_files(passed: int, complete: bool, counted: int, points: float) -> None:
    work = Work((Passes(DUE, passed, 0, True),), attempts=1, complete_at=DUE if complete else None)
    made = gradebook.mark(NONE, "lesson-1", 4, work, DUE, live=1)
    assert (made.passed, made.counted, made.final) == (passed, counted, points)


def test_bonus_objectives_are_told_apart_and_cost_nothing(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _rule(classroom, number, LatePolicy.CLOSED, {"lesson-7": DUE})
    _attempt(classroom, lea, "lesson-7", [*COUNTED["lesson-7"], *BONUS["lesson-7"]], DUE)
    _attempt(classroom, lea, "lesson-12", BONUS["lesson-12"], DUE + DAY)
    assert BONUS["lesson-7"]
    seven, twelve = (_mark(classroom, number, lea, lesson) for lesson in ("lesson-7", "lesson-12"))
    assert (seven.passed, seven.counted, seven.bonus, seven.final) == (len(COUNTED["lesson-7"]),) * 2 + (len(BONUS["lesson-7"]), 100.0)
    assert (twelve.passed, twelve.bonus, twelve.final, twelve.assurance) == (0, len(BONUS["lesson-12"]), 0.0, None)


def test_it_is_the_servers_clock_that_counts_and_the_first_pass(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _rule(classroom, number, LatePolicy.CLOSED, {"lesson-1": DUE})
    one, two, *rest = COUNTED["lesson-1"]
    # The learner's clock says that both were early; the server got them before and after the due time.
    _attempt(classroom, lea, "lesson-1", [one], DUE, checked=DUE - 9 * DAY)
    _attempt(classroom, lea, "lesson-1", [one, two], DUE + SECOND, checked=DUE - 9 * DAY)
    made = _mark(classroom, number, lea, "lesson-1")
    share = 100 / (2 + len(rest))
    assert (made.passed, made.late, made.final) == (2, 1, round(share, 2))
    assert made.points == round(2 * share, 2)
    assert made.attempts == 2


def test_what_passed_once_stays_passed(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _rule(classroom, number, LatePolicy.CLOSED, {"lesson-1": DUE})
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE - DAY)
    _attempt(classroom, lea, "lesson-1", [], DUE + DAY)
    made = _mark(classroom, number, lea, "lesson-1")
    assert (made.final, made.late, made.complete_at) == (100.0, 0, DUE - DAY)


def test_an_extension_is_the_learners_own_and_dates_are_the_cohorts_own(classroom: Classroom) -> None:
    lea, max_ = classroom.person("Lea"), classroom.person("Max")
    first, second = classroom.cohort("Autumn", [], [lea, max_]), classroom.cohort("Evening", [], [lea])
    _rule(classroom, first, LatePolicy.CLOSED, {"lesson-1": DUE})
    _rule(classroom, second, LatePolicy.DAILY, {"lesson-1": DUE - DAY})
    with session_of(classroom.app.state.engine, writes=True) as session:
        cohort = session.get(Cohort, first)
        assert cohort is not None
        due_dates.extend(session, ACTOR, cohort, lea.email, "lesson-1", DUE + DAY, "was ill")
    for person in (lea, max_):
        _attempt(classroom, person, "lesson-1", COUNTED["lesson-1"], DUE + DAY)
    assert [(each.final, each.late, each.extended) for each in (_mark(classroom, first, who, "lesson-1") for who in (lea, max_))] == [
        (100.0, 0, True),
        (0.0, 1, False),
    ]
    evening = _mark(classroom, second, lea, "lesson-1")
    assert (evening.final, evening.late, evening.extended) == (80.0, 2, False)


def test_what_a_terminal_has_reported_is_told_apart_and_can_be_left_out(classroom: Classroom) -> None:
    lea, max_ = classroom.person("Lea"), classroom.person("Max")
    number = classroom.cohort("Autumn", [], [lea, max_])
    _rule(classroom, number, LatePolicy.DAILY, {"lesson-1": DUE})
    one, *rest = COUNTED["lesson-1"]
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE, origin=Origin.SUBMITTED)
    _attempt(classroom, lea, "lesson-1", [one], DUE + SECOND, origin=Origin.CLUSTER)
    _attempt(classroom, max_, "lesson-1", COUNTED["lesson-1"], DUE, origin=Origin.SUBMITTED)
    _attempt(classroom, max_, "lesson-1", COUNTED["lesson-1"], DUE + DAY, origin=Origin.WORKBENCH)
    marks = [_mark(classroom, number, who, "lesson-1") for who in (lea, max_)]
    assert [(each.final, each.assurance) for each in marks] == [(100.0, Assurance.REPORTED), (100.0, Assurance.CHECKED)]
    checked = [_mark(classroom, number, who, "lesson-1", checked_only=True) for who in (lea, max_)]
    share = 100 / (1 + len(rest))
    assert [(each.passed, each.final, each.late, each.assurance) for each in checked] == [
        (1, round(share * 0.9, 2), 1, Assurance.CHECKED),
        (1 + len(rest), 90.0, 1, Assurance.CHECKED),
    ]
    assert [each.complete_at for each in checked] == [None, DUE + DAY]


def test_the_total_is_the_mean_of_the_lessons_that_have_a_due_date(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE)
    assert _total(classroom, number) == round(100 / len(LESSONS), 2)
    _rule(classroom, number, LatePolicy.NONE, {"lesson-1": DUE, "lesson-2": DUE})
    assert _total(classroom, number) == 50.0


def test_attempts_of_before_the_server_kept_its_own_time_count_by_the_reports(classroom: Classroom) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _rule(classroom, number, LatePolicy.CLOSED, {"lesson-1": DUE})
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], None, checked=DUE + SECOND)
    assert _mark(classroom, number, lea, "lesson-1").final == 0.0


# Files


def test_files_say_the_same_in_every_form(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("=HYPERLINK(1)")
    number = classroom.cohort("Autumn", [ada], [lea, classroom.person("Max")])
    _rule(classroom, number, LatePolicy.DAILY, {"lesson-1": DUE})
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE + SECOND, origin=Origin.SUBMITTED)
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.add(HintShown(learner_id=lea.id, lesson_id="lesson-1", objective_id=COUNTED["lesson-1"][0], number=1))
    browser = classroom.client(ada)
    base = f"/cohorts/{number}/gradebook"
    wide = _rows(browser.get(f"{base}.csv").content)
    assert [row["name"] for row in wide] == ["'=HYPERLINK(1)", "Max"]
    first = wide[0]
    assert {key: first[key] for key in ("total", "lesson-1", "lesson-1 days late", "lesson-1 assurance", "lesson-1 hints")} == {
        "total": "90.0",
        "lesson-1": "90.0",
        "lesson-1 days late": "1",
        "lesson-1 assurance": "reported by the learner",
        "lesson-1 hints": "1",
    }
    assert first["lesson-1 completed (UTC)"] == "2026-12-01 22:59:01"
    long = [row for row in _rows(browser.get(f"{base}.csv?layout=long").content) if row["lesson"] == "lesson-1"]
    assert [(row["points"], row["points after policy"], row["due (UTC)"]) for row in long] == [
        ("100.0", "90.0", "2026-12-01 22:59:00"),
        ("0.0", "0.0", "2026-12-01 22:59:00"),
    ]
    answer = browser.get(f"{base}.json")
    assert answer.headers["content-type"] == "application/json"
    data: dict[str, Any] = answer.json()
    assert data["schema"] == 1
    assert data["rules"]["late_policy"] == "daily"
    assert data["total_of"] == ["lesson-1"]
    assert [each["total"] for each in data["learners"]] == [90.0, 0.0]
    assert data["learners"][0]["lessons"]["lesson-1"] == {
        "passed": len(COUNTED["lesson-1"]),
        "counted": len(COUNTED["lesson-1"]),
        "bonus": 0,
        "points": 100.0,
        "points_after_policy": 90.0,
        "days_late": 1,
        "due_at": "2026-12-01T22:59:00Z",
        "extended": False,
        "completed_at": "2026-12-01T22:59:01Z",
        "assurance": "reported by the learner",
        "attempts": 1,
        "hints": 1,
    }
    only = browser.get(f"{base}.json?checked=true").json()
    assert [each["total"] for each in only["learners"]] == [0.0, 0.0]


def test_the_page_says_the_rules_in_words_and_shows_what_the_files_hold(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea <script>")
    number = classroom.cohort("Autumn", [ada], [lea])
    browser = classroom.client(ada)
    assert "all 16 lessons" in browser.get(f"/cohorts/{number}/gradebook").text
    _rule(classroom, number, LatePolicy.CLOSED, {"lesson-1": DUE})
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE + SECOND)
    page = browser.get(f"/cohorts/{number}/gradebook").text
    assert "What passed after the due time counts nothing." in page
    assert "1 lesson that has a due date" in page
    assert "1 d late" in page
    assert "Lea &lt;script&gt;" in page
    assert browser.get(f"/cohorts/{number}/gradebook?page=99").status_code == 200
    assert browser.get(f"/cohorts/{number}/gradebook.csv?layout=tall").status_code == 422


def test_a_gradebook_of_somebody_elses_cohort_is_not_there(classroom: Classroom) -> None:
    ben, lea = classroom.person("Ben", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    for person in (ben, lea):
        for ending in ("", ".csv", ".json"):
            assert classroom.client(person).get(f"/cohorts/{number}/gradebook{ending}").status_code == 404


@pytest.mark.usefixtures("on_the_server")
def test_the_command_exports_it(classroom: Classroom, capsys: pytest.CaptureFixture[str]) -> None:
    lea = classroom.person("Lea")
    number = classroom.cohort("Autumn", [], [lea])
    _attempt(classroom, lea, "lesson-1", COUNTED["lesson-1"], DUE)
    assert main(["cohort", "export", str(number), "--format", "csv"]) == 0
    assert _rows(capsys.readouterr().out.encode())[0]["lesson-1"] == "100.0"
    assert main(["cohort", "export", "Autumn", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["learners"][0]["email"] == "lea@example.org"


def _attempt(
    classroom: Classroom,
    person: Person,
    lesson: str,
    passed: list[str],
    received: datetime | None,
    *,
    checked: datetime | None = None,
    origin: Origin = Origin.WORKBENCH,
) -> None:
    """An attempt in which these objectives passed, which the server got at that time."""
    every = [*COUNTED[lesson], *BONUS[lesson]]
    counted = [each for each in passed if each in COUNTED[lesson]]
    report: Mapping[str, Any] = {
        **REPORT,
        "lesson": lesson,
        "graded_at": (checked or received or DUE).isoformat(),
        "complete": len(counted) == len(COUNTED[lesson]),
        "passed": len(counted),
        "counted": len(COUNTED[lesson]),
        "objectives": [{**REPORT["objectives"][0], "id": each, "status": "passed" if each in passed else "failed"} for each in every],
    }
    with session_of(classroom.app.state.engine, writes=True, learner_id=person.id) as session:
        key = f"{person.id}-{lesson}-{received}-{checked}-{origin}-{len(passed)}"[:64]
        made = attempts.take_in(session, person.id, report, origin, key=key)
        assert isinstance(made, Attempt)
        made.received_at = received


def _rule(classroom: Classroom, number: int, policy: LatePolicy, dates: Mapping[str, datetime | None]) -> None:
    with session_of(classroom.app.state.engine, writes=True) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        due_dates.set_policy(session, ACTOR, cohort, policy, 10)
        due_dates.set_dates(session, ACTOR, cohort, dates)


def _mark(classroom: Classroom, number: int, person: Person, lesson: str, *, checked_only: bool = False) -> Mark:
    with session_of(classroom.app.state.engine, writes=False) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        rows = Gradebook(session, cohort, checked_only=checked_only).rows()
        return next(mark for row in rows if row.learner_id == person.id for mark in row.marks if mark.lesson_id == lesson)


def _total(classroom: Classroom, number: int) -> float:
    with session_of(classroom.app.state.engine, writes=False) as session:
        cohort = session.get(Cohort, number)
        assert cohort is not None
        return next(Gradebook(session, cohort).rows()).total


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
