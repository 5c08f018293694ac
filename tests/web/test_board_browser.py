"""The board while a class is at work: what its stream tells, and what a browser makes of it, in every look."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import delete, select

from app.db import session_of
from app.models import Account, DueDate, Membership, Role, SignIn, WorkspaceFile
from app.services import board_stream, stuck
from app.services.sign_ins import Person
from tests.web.board_data import ago, all_of, tried
from tests.web.classroom import Classroom
from tests.web.test_accessibility import LOOKS, SMALL, faults

SOON = 1.0  # seconds within which an open board follows


class Taught(NamedTuple):
    """A cohort with two learners, on a real server."""

    classroom: Classroom
    instructor: Person
    ada: Person
    ben: Person
    cohort: int

    @property
    def address(self) -> str:
        """That of its pages."""
        return f"{self.classroom.settings.url}/cohorts/{self.cohort}"


@pytest.fixture
def taught(classroom_server: Classroom) -> Taught:
    """The cohort, on each database."""
    room = classroom_server
    iris, ada, ben = room.person("Iris", Role.INSTRUCTOR), room.person("Ada Lovelace"), room.person("Ben")
    return Taught(room, iris, ada, ben, room.cohort("Autumn", [iris], [ada, ben]))


class Told(NamedTuple):
    """One event of a stream."""

    kind: str
    id: str
    data: Any
    after: float  # seconds since the stream was opened


@contextmanager
def stream(taught: Taught, *, since: int = 0, last: str = "") -> Iterator[Iterator[Told]]:
    """The events of an open board, as its browser has them."""
    name, value, _ = taught.classroom.cookie(taught.instructor)
    headers = {"cookie": f"{name}={value}", **({"last-event-id": last} if last else {})}
    with httpx2.stream("GET", f"{taught.address}/board/events?since={since}", headers=headers, timeout=5) as answer:
        assert answer.status_code == 200
        yield _events(answer.iter_lines(), time.monotonic())


def _events(lines: Iterator[str], opened: float) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Told(fields.get("event", ""), fields.get("id", ""), data, time.monotonic() - opened)
            fields = {}


def rows(events: Iterator[Told]) -> Told:
    """The next event that brings rows."""
    return next(each for each in events if each.kind == "rows")


def test_a_stream_begins_with_what_was_missed_and_follows(taught: Taught) -> None:
    seen = tried(taught.classroom, taught.ben, "lesson-1", 1)
    with stream(taught, since=seen - 1) as events:
        assert set(rows(events).data["rows"]) == {str(taught.ben.id)}
        before = time.monotonic()
        tried(taught.classroom, taught.ada, "lesson-1", 2, publish=True)
        told = rows(events)
        assert time.monotonic() - before < SOON
        assert set(told.data["rows"]) == {str(taught.ada.id)}
        assert f"Namespaces: begun, 2 of {all_of('lesson-1')}" in "".join(told.data["cells"].values())
        assert told.data["words"] == {str(taught.ada.id): "Ada Lovelace: 2 objectives passed, 0 lessons complete."}
    missed = tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"))
    with stream(taught, since=0, last=told.id) as events:
        caught_up = rows(events)
        assert "1 of 16 lessons complete" in caught_up.data["rows"][str(taught.ada.id)]
        assert caught_up.id == str(missed)


def test_a_stream_that_nobody_reads_any_more_ends(taught: Taught) -> None:
    feed = taught.classroom.app.state.feed
    others = feed.readers
    with stream(taught) as events:
        next(events)
        assert feed.readers == others + 1
    deadline = time.monotonic() + 5
    while feed.readers > others and time.monotonic() < deadline:
        time.sleep(0.02)
    assert feed.readers == others


def test_who_has_missed_too_much_fetches_the_page_again(taught: Taught, monkeypatch: pytest.MonkeyPatch) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    newest = tried(taught.classroom, taught.ben, "lesson-1", 1)
    monkeypatch.setattr(board_stream, "_MOST_ROWS", 1)
    with stream(taught) as events:
        told = next(each for each in events if each.kind)
        assert (told.kind, told.id) == ("reload", str(newest))
    monkeypatch.setattr(board_stream, "_MOST_ROWS", 100)
    monkeypatch.setattr(board_stream, "_MOST_BEHIND", 1)
    with stream(taught) as events:
        assert next(each for each in events if each.kind).kind == "reload"


def test_getting_nowhere_is_told_though_nothing_happens(taught: Taught, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_stream, "_HEARTBEAT", 0.3)
    tried(taught.classroom, taught.ada, "lesson-1", 1, 16)
    seen = tried(taught.classroom, taught.ada, "lesson-1", 1, 8)
    with session_of(taught.classroom.app.state.engine, writes=False) as session:
        assert stuck.find(session, taught.cohort, ago(6.5)) == {}
    monkeypatch.setattr(board_stream, "utc_now", lambda: ago(6.5))
    with stream(taught, since=seen) as events:
        assert "stuck" not in str(rows(events).data), "told again, for it came just before"
        monkeypatch.undo()
        assert f"Namespaces: stuck, 1 of {all_of('lesson-1')}" in str(rows(events).data["cells"])


def test_a_stream_tells_of_no_other_cohort(taught: Taught) -> None:
    stranger = taught.classroom.person("Zoe")
    taught.classroom.cohort("Spring", [], [stranger])
    with stream(taught) as events:
        tried(taught.classroom, stranger, "lesson-1", 1, publish=True)
        time.sleep(0.5)  # or the two would be told together
        tried(taught.classroom, taught.ada, "lesson-1", 1, publish=True)
        told = rows(events)
        assert set(told.data["rows"]) == {str(taught.ada.id)}
        assert "Zoe" not in json.dumps(told.data)


def test_much_at_once_is_told_in_few_words(taught: Taught) -> None:
    with stream(taught) as events:
        next(events)  # it listens now
        begun = time.monotonic()
        for number in range(60):
            tried(taught.classroom, (taught.ada, taught.ben)[number % 2], "lesson-1", number % 4, publish=True)
        took = time.monotonic() - begun
        last = tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), publish=True)
        count = 0
        for told in events:
            count += told.kind == "rows"
            if told.kind == "rows" and told.id == str(last) and "1 of 16 lessons" in told.data["rows"].get(str(taught.ada.id), ""):
                break
        assert count <= 4 * (took + 1) + 1


@pytest.mark.parametrize("how", ["signed out", "no longer teaches", "deactivated"])
def test_a_stream_ends_when_whoever_reads_may_no_longer_see_it(taught: Taught, how: str) -> None:
    with stream(taught) as events:
        next(events)
        with session_of(taught.classroom.app.state.engine, writes=True) as session:
            if how == "signed out":
                session.exec(delete(SignIn))
            elif how == "deactivated":
                account = session.get(Account, taught.instructor.id)
                assert account is not None
                account.active = False
            else:
                session.delete(session.exec(select(Membership).where(Membership.learner_id == taught.instructor.id)).one())
        tried(taught.classroom, taught.ada, "lesson-1", 1, publish=True)
        assert [each for each in events if each.kind == "rows"] == []


def opened(browser: Browser, taught: Taught, **look: Any) -> BrowserContext:
    """A browser in which the instructor is signed in."""
    context = browser.new_context(**look)
    name, value, _ = taught.classroom.cookie(taught.instructor)
    context.add_cookies([{"name": name, "value": value, "url": taught.classroom.settings.url}])
    return context


@pytest.mark.browser
def test_an_open_board_turns_as_learners_work(taught: Taught, browser: Browser) -> None:
    with opened(browser, taught) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{taught.address}/board")
        row = page.locator(f"#learner-{taught.ada.id}")
        expect(page.locator("#board-live")).to_have_text("Live")
        row.locator("a.b-name").focus()
        for _ in range(stuck.ATTEMPTS):
            tried(taught.classroom, taught.ada, "lesson-1", 0, publish=True)
        expect(row.locator(".b-name")).to_contain_text("stuck in Namespaces")
        expect(page.locator("#stuck")).to_contain_text("Ada Lovelace in Namespaces", timeout=6000)
        assert page.evaluate("document.activeElement.closest('li')?.id") == f"learner-{taught.ada.id}", "who reads it is not thrown out"
        before = time.monotonic()
        tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), publish=True)
        row.locator(".b-name", has_text="1 of 16").wait_for()
        assert time.monotonic() - before < SOON
        uses = row.locator("use").evaluate_all("all => all.map(each => Boolean(document.querySelector(each.getAttribute('href'))))")
        assert uses == [True] * 16, "every cell is drawn"
        assert row.locator("use").nth(1).evaluate("each => each.getBoundingClientRect().width") > 30
        expect(page.locator("#stuck")).to_contain_text("Nobody", timeout=6000)
        assert complaints == []


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_board_that_lost_its_stream_catches_up(taught: Taught, browser: Browser) -> None:
    with opened(browser, taught) as context:
        page = context.new_page()
        page.goto(f"{taught.address}/board")
        expect(page.locator("#board-live")).to_have_text("Live")
        taught.classroom.app.state.feed.cut()  # as a replica does that has lost the others
        tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"))
        expect(page.locator(f"#learner-{taught.ada.id}")).to_contain_text("1 of 16 lessons complete", timeout=8000)
        expect(page.locator("#board-live")).to_have_text("Live")


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_row_leads_to_the_learner_by_mouse_and_by_keyboard(taught: Taught, browser: Browser) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1)
    with opened(browser, taught) as context:
        page = context.new_page()
        page.goto(f"{taught.address}/board")
        page.locator(f"#learner-{taught.ada.id} .b-cells").click()
        expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
        page.go_back()
        page.get_by_role("link", name="Ben : 0 of").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Ben")).to_be_visible()


@pytest.fixture
def pages(taught: Taught) -> tuple[str, ...]:
    """All pages of a cohort that has everything in it."""
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        session.add(DueDate(cohort_id=taught.cohort, lesson_id="lesson-2", due_at=ago(60)))
        session.add(WorkspaceFile(learner_id=taught.ada.id, name="namespace.yaml", content="kind: Namespace\napiVersion: v1\n"))
    tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), 3000)
    tried(taught.classroom, taught.ada, "lesson-1", 2, 30)
    tried(taught.classroom, taught.ben, "lesson-0", all_of("lesson-0"), 30)
    for minutes in range(8):
        attempt = tried(taught.classroom, taught.ada, "lesson-4", 3, minutes)
    kinds = ("board", "board?as=table", "board?q=nobody", "stuck?hours=24", "objectives", "completion")
    learner = f"learners/{taught.ada.id}"
    return tuple(f"/cohorts/{taught.cohort}/{page}" for page in (*kinds, learner, f"{learner}/attempts/{attempt}"))


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("look", [look for look in LOOKS if look != "without our scripts"])
def test_no_page_shuts_anybody_out(taught: Taught, browser: Browser, pages: tuple[str, ...], look: str) -> None:
    with opened(browser, taught, reduced_motion="reduce", **LOOKS[look]) as context:
        page = context.new_page()
        assert [fault for path in pages for fault in faults(page, taught.classroom.settings.url, path)] == []


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pages_fit_the_narrowest_screens(taught: Taught, browser: Browser, pages: tuple[str, ...]) -> None:
    with opened(browser, taught, viewport=SMALL) as context:
        page = context.new_page()
        widths = {path: _width(page, taught.classroom.settings.url + path) for path in pages}
        assert {path: width for path, width in widths.items() if width > SMALL["width"]} == {}


def _width(page: Page, address: str) -> int:
    page.goto(address)
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width
