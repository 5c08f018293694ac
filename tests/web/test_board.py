"""The board as an instructor's browser without JavaScript has it: who stands where, who is stuck, and who may see it."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest

from app.db import session_of
from app.models import DueDate, Extension, Membership, Role, utc_now
from app.services import board, board_picture, packing, stuck
from app.services.board import Cell, State
from graders.lessons import LESSONS
from tests.web.board_data import Class, a_class, ago, all_of, cells, tried
from tests.web.classroom import Classroom
from tests.web.test_pages import words

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def taught(classroom: Classroom) -> Class:
    """A cohort, and another one, on each database."""
    return a_class(classroom)


def test_the_map_shows_where_everybody_is(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), 40)
    tried(taught.classroom, taught.ada, "lesson-2", 3, 1)
    page = taught.get("board")
    assert cells(page, taught.ada)[:4] == [
        "Kubernetes fundamentals: not begun",
        "Namespaces: complete",
        f"ConfigMaps: begun, 3 of {all_of('lesson-2')}",
        "Secrets: not begun",
    ]
    assert {each.partition(": ")[2] for each in cells(page, taught.ben)} == {"not begun"}
    text = words(page)
    assert "Learners 2 Active in the last 15 minutes 1 Stuck 0" in text
    assert f"Ada : 1 of {len(LESSONS)} lessons complete" in text
    assert "Zoe" not in text


def test_the_table_says_the_same_in_words(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), 4)
    tried(taught.classroom, taught.ada, "lesson-1", 2, 3)
    page = taught.get("board?as=table")
    assert "<svg id=" not in page
    row = re.search(r"<tr><th scope=\"row\"><a [^>]+>Ada</a>.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert f"complete, {all_of('lesson-1') - 2} lost since" in words(row[0])
    assert words(row[0]).count("not begun") == len(LESSONS) - 1


def test_what_is_due_is_late_but_for_who_has_more_time(taught: Class) -> None:
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        session.add(DueDate(cohort_id=taught.cohort, lesson_id="lesson-1", due_at=ago(5)))
        session.add(DueDate(cohort_id=taught.cohort, lesson_id="lesson-2", due_at=utc_now() + timedelta(hours=1)))
        session.add(DueDate(cohort_id=taught.cohort, lesson_id="lesson-3", due_at=ago(5)))
        more = utc_now() + timedelta(days=1)
        session.add(Extension(cohort_id=taught.cohort, lesson_id="lesson-1", learner_id=taught.ben.id, due_at=more, reason="ill"))
        session.add(Extension(cohort_id=taught.cohort, lesson_id="lesson-2", learner_id=taught.ben.id, due_at=ago(1), reason="less"))
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    page = taught.get("board")
    late = f"Secrets: late, 0 of {all_of('lesson-3')}"
    assert cells(page, taught.ada)[1:4] == [f"Namespaces: late, 1 of {all_of('lesson-1')}", "ConfigMaps: not begun", late]
    assert cells(page, taught.ben)[1:4] == ["Namespaces: not begun", "ConfigMaps: not begun", late], (
        "an extension never makes the time shorter"
    )
    tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"))
    assert cells(taught.get("board"), taught.ada)[1] == "Namespaces: complete"


def test_the_board_can_be_narrowed_and_put_in_order(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1, 50)
    tried(taught.classroom, taught.ben, "lesson-1", all_of("lesson-1"), 30)
    for _ in range(stuck.ATTEMPTS):
        tried(taught.classroom, taught.ada, "lesson-2", 0, 2)

    def shown(query: str) -> list[str]:
        return re.findall(r'class="b-name" href="[^"]+">(\w+)', taught.get(f"board?{query}"))

    assert shown("") == ["Ada", "Ben"]
    assert shown("sort=-progress") == ["Ben", "Ada"]
    assert shown("sort=progress") == ["Ada", "Ben"]
    assert shown("sort=last") == ["Ada", "Ben"]
    assert shown("sort=-last") == ["Ben", "Ada"]
    assert shown("sort=stuck") == ["Ada", "Ben"]
    assert shown("q=BEN") == ["Ben"]
    assert shown("q=ada%40example.org") == ["Ada"]
    assert shown("q=ada+ben") == []
    assert shown("state=stuck") == ["Ada"]
    assert shown("state=stuck&lesson=lesson-1") == []
    assert shown("state=complete&lesson=lesson-1") == ["Ben"]
    assert shown("lesson=lesson-1") == ["Ada"], "who has begun it, and is not through"
    assert shown("lesson=lesson-99&state=odd&sort=odd") == ["Ada", "Ben"], "what makes no sense narrows nothing"
    assert "Nobody fits" in taught.get("board?q=nobody")


def test_a_large_cohort_has_pages(taught: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "A_PAGE", 1)
    assert "Page 1 of 2" in words(taught.get("board"))
    assert cells(taught.get("board?page=2"), taught.ben)
    assert "learner-" not in taught.get("board?page=3").partition('<ul class="b-rows"')[2].partition("</ul>")[0]


def test_a_cohort_without_learners_says_what_to_do(taught: Class) -> None:
    empty = taught.classroom.cohort("Empty", [taught.instructor])
    for page in ("board", "board?as=table", "stuck", "objectives", "completion"):
        answer = taught.browser.get(f"/cohorts/{empty}/{page}")
        assert answer.status_code == 200
    assert "Hand out a join link" in words(taught.browser.get(f"/cohorts/{empty}/board").text)


HOSTILE = "\"><script>alert(1)</script>'&<b>"


def test_a_name_is_never_markup(taught: Class) -> None:
    mallory = taught.classroom.person(HOSTILE)
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        session.add(Membership(cohort_id=taught.cohort, learner_id=mallory.id))
    for _ in range(stuck.ATTEMPTS):
        attempt = tried(taught.classroom, mallory, "lesson-1", 1)
    pages = ("board", "board?as=table", "stuck", f"learners/{mallory.id}", f"learners/{mallory.id}/attempts/{attempt}", "objectives")
    for page in pages:
        assert "<script>alert" not in taught.get(page), page
        assert "<b>" not in taught.get(page).replace("<body", ""), page
    assert "&lt;script&gt;alert(1)" in taught.get("board")


class Pages(NamedTuple):
    """Pages of a cohort, about one of its learners and one of that learner's attempts."""

    cohort: int
    learner: int
    attempt: int

    def __iter__(self):  # type: ignore[no-untyped-def] # the addresses
        base = f"/cohorts/{self.cohort}"
        yield from (f"{base}/{page}" for page in ("board", "board?as=table", "board/events", "stuck", "objectives", "completion"))
        yield f"{base}/learners/{self.learner}"
        yield f"{base}/learners/{self.learner}/attempts/{self.attempt}"


def test_only_those_who_teach_a_cohort_see_it(taught: Class) -> None:
    attempt = tried(taught.classroom, taught.ada, "lesson-1", 1)
    for page in Pages(taught.cohort, taught.ada.id, attempt):
        assert taught.classroom.client().get(page).status_code == 303, page
        for person in (taught.ada, taught.ben, taught.stranger):
            assert taught.classroom.client(person).get(page).status_code == 404, page
    theirs = taught.classroom.person("Ivo", Role.INSTRUCTOR)
    for page in Pages(taught.cohort, taught.ada.id, attempt):
        assert taught.classroom.client(theirs).get(page).status_code == 404, page
    root = taught.classroom.client(taught.classroom.person("Root", Role.ADMIN))
    assert root.get(f"/cohorts/{taught.cohort}/board").status_code == 200


def test_a_learner_or_an_attempt_of_somebody_else_is_not_there(taught: Class) -> None:
    mine, hers = tried(taught.classroom, taught.ada, "lesson-1", 1), tried(taught.classroom, taught.stranger, "lesson-1", 1)
    base = f"/cohorts/{taught.cohort}/learners"
    missing = (
        f"{base}/{taught.stranger.id}",
        f"{base}/{taught.instructor.id}",
        f"{base}/{taught.stranger.id}/attempts/{hers}",
        f"{base}/{taught.ada.id}/attempts/{hers}",
        f"{base}/{taught.ben.id}/attempts/{mine}",
        f"{base}/{taught.ada.id}/attempts/99999999",
        f"{base}/99999999",
    )
    assert {page: taught.browser.get(page).status_code for page in missing} == dict.fromkeys(missing, 404)
    assert taught.browser.get(f"{base}/{taught.ada.id}/attempts/{mine}").status_code == 200


def test_each_state_is_drawn_in_its_own_way() -> None:
    headings = [board.Heading("lesson-1", "1", "Namespaces", 4, None)]
    lines = [
        board.Line(number, "x", "", (Cell(state, 1, state is State.LATE, int(state is State.LOST)),), 0, 0, None, None)
        for number, state in enumerate(State)
    ]
    drawn = board_picture.symbols(headings, lines)
    assert len(drawn) == len(State)
    shapes = [re.sub(r"<title>.*?</title>|id=\"[^\"]+\"|k-(new|begun|late|stuck|complete|lost)\b", "", svg) for svg in drawn.values()]
    assert len(set(shapes)) == len(State), "they differ by more than their colour"
    assert sorted(str(svg).partition("<title>")[2].partition("</title>")[0] for svg in drawn.values()) == [
        "Namespaces: begun, 1 of 4",
        "Namespaces: complete",
        "Namespaces: complete, 1 lost since",
        "Namespaces: late, 1 of 4",
        "Namespaces: not begun",
        "Namespaces: stuck, 1 of 4",
    ]


GONE = [(30, "just now"), (61, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (3600 * 47, "47 h ago"), (86400 * 3, "3 days ago")]


@pytest.mark.parametrize(("seconds", "said"), GONE)
def test_how_long_ago(seconds: int, said: str) -> None:
    assert board_picture.ago(NOON - timedelta(seconds=seconds), NOON) == said


def test_only_the_middle_of_a_packed_page_is_compressed() -> None:
    before, middle, after = b"token 0123456789abcdef", b"row " * 5000, b"the end"
    packed = packing.gzipped(before, middle, after)
    assert gzip.decompress(packed) == before + middle + after
    assert before in packed, "stored as it is"
    assert after in packed
    assert len(packed) < 300


def test_the_page_comes_compressed_to_who_asks_for_it(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    address = f"/cohorts/{taught.cohort}/board"
    plain = taught.browser.get(address, headers={"accept-encoding": "identity"})
    packed = taught.browser.get(address, headers={"accept-encoding": "gzip"})
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    without = [re.sub(r'"[A-Za-z0-9_-]{16}"', '""', answer.text) for answer in (plain, packed)]  # the nonce of each answer
    assert without[0] == without[1]


def test_reading_one_row_asks_as_much_as_reading_it_with_all(taught: Class) -> None:
    for minutes in (25, 14, 4):
        tried(taught.classroom, taught.ada, "lesson-2", 2, minutes)
    now = utc_now()
    with session_of(taught.classroom.app.state.engine, writes=False) as session:
        everybody = board.lines_of(session, taught.cohort, now)
        assert board.lines_of(session, taught.cohort, now, [taught.ada.id]) == everybody[:1]
        assert board.lines_of(session, taught.cohort, now, [taught.stranger.id, taught.instructor.id]) == []
    assert all(one.id < other.id for one, other in pairwise(everybody))
