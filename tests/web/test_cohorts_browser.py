"""A cohort's pages in a real browser, in every look; and what an instructor does there, as it reaches a learner."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.db import session_of
from app.models import Cohort, LatePolicy, Role, utc_now
from app.services import comments, due_dates, join_links
from app.services.audit import Actor
from app.services.sign_ins import Person
from tests.web.classroom import Classroom
from tests.web.test_accessibility import LOOKS, SMALL, faults

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
PAGES = ("/cohorts", "{}/people", "{}/people?q=nobody", "{}/due", "{}/gradebook", "{}/gradebook?checked=true", "{}/audit", "/audit")
LEARNERS_PAGES = ("/", "/workbench/lesson-1", "/progress")
HARMFUL = 'Zoë "O\'Neil" <script>alert(1)</script> =1+1 verylongnamewithoutanyspaceswhatsoever'


class Autumn:
    """A cohort with something in everything."""

    def __init__(self, classroom: Classroom) -> None:
        self.classroom = classroom
        self.root = classroom.person("Root", Role.ADMIN)
        self.ada = classroom.person("Ada", Role.INSTRUCTOR)
        self.ben = classroom.person("Ben", Role.INSTRUCTOR)
        self.lea, self.zoe = classroom.person("Lea"), classroom.person(HARMFUL.replace('"', ""))
        self.number = classroom.cohort("Autumn <b>2026</b>", [self.ada, self.ben], [self.lea, self.zoe])
        actor = Actor(self.ada.id, self.ada.email, "192.0.2.7")
        with session_of(classroom.app.state.engine, writes=True) as session:
            cohort = session.get(Cohort, self.number)
            assert cohort is not None
            soon, past = utc_now() + timedelta(days=3), utc_now() - timedelta(days=3)
            due_dates.set_dates(session, actor, cohort, {"lesson-1": past, "lesson-2": soon})
            due_dates.set_policy(session, actor, cohort, LatePolicy.DAILY, 10)
            due_dates.extend(session, actor, cohort, self.lea.email, "lesson-1", soon, "was ill")
            join_links.make(session, actor, self.number, timedelta(days=7))
            join_links.revoke(session, actor, self.number, 1)
            join_links.make(session, actor, self.number, timedelta(days=7))
            text = f"{HARMFUL}\n\nLook at `rag-engine`."
            for objective in ("namespace-exists", ""):
                comments.write(session, actor, self.number, self.lea.id, lesson_id="lesson-1", objective_id=objective, text=text)

    @property
    def server(self) -> str:
        """Its address."""
        return self.classroom.settings.url

    @property
    def address(self) -> str:
        """That of the cohort's pages."""
        return f"{self.server}/cohorts/{self.number}"


@pytest.fixture
def autumn(classroom_server: Classroom) -> Autumn:
    """The cohort, on a real server."""
    return Autumn(classroom_server)


@pytest.fixture
def contexts(browser: Browser) -> Iterator[list[BrowserContext]]:
    """Browsers that end with the test."""
    made: list[BrowserContext] = []
    yield made
    for each in made:
        each.close()


def opened(browser: Browser, autumn: Autumn, contexts: list[BrowserContext], person: Person, **looks: Any) -> Page:
    """A browser in which that person is signed in."""
    context = browser.new_context(timezone_id="Europe/Berlin", reduced_motion="reduce", **looks)
    contexts.append(context)
    name, value, _ = autumn.classroom.cookie(person)
    context.add_cookies([{"name": name, "value": value, "url": autumn.server}])
    return context.new_page()


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_a_cohort_can_be_used_by_everybody(
    browser: Browser, autumn: Autumn, contexts: list[BrowserContext], look: str
) -> None:
    wrong = []
    for person, paths in ((autumn.root, PAGES), (autumn.lea, LEARNERS_PAGES)):
        context = opened(browser, autumn, contexts, person, **LOOKS[look]).context
        if look == "without our scripts":
            context.route(re.compile(r"\.js(\?|$)"), lambda route: route.abort())
        for path in paths:
            page = context.new_page()
            wrong += faults(page, autumn.server, path.format(f"/cohorts/{autumn.number}"))
            page.close()
    assert wrong == []


def test_nothing_sticks_out_of_a_small_screen(browser: Browser, autumn: Autumn, contexts: list[BrowserContext]) -> None:
    too_wide = []
    for person, paths in ((autumn.root, PAGES), (autumn.lea, LEARNERS_PAGES)):
        page = opened(browser, autumn, contexts, person, viewport=SMALL)
        for path in paths:
            page.goto(autumn.server + path.format(f"/cohorts/{autumn.number}"))
            page.wait_for_timeout(150)
            too_wide += [path] if page.evaluate("document.documentElement.scrollWidth") > SMALL["width"] else []
    assert too_wide == []


def test_a_roster_is_brought_confirmed_and_its_invitations_are_saved(
    browser: Browser, autumn: Autumn, contexts: list[BrowserContext], tmp_path: Path
) -> None:
    page = opened(browser, autumn, contexts, autumn.ada)
    page.goto(f"{autumn.address}/people")
    page.get_by_label("Or the lines themselves").fill("Max Mustermann;max@example.org\n=1+1;one@example.org\nBad;bad")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.get_by_role("alert")).to_contain_text("“bad” is no e-mail address")
    expect(page.get_by_role("button", name=re.compile("Take in"))).to_have_count(0)
    page.get_by_role("link", name="bring the roster again").click()
    page.get_by_label("Or the lines themselves").fill("Max Mustermann;max@example.org\n=1+1;one@example.org")
    page.get_by_role("button", name="See what it would do").click()
    page.get_by_role("button", name="Take in 2 learners").click()
    expect(page.get_by_role("status").first).to_contain_text("2 new")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save all 2 as CSV").click()
    assert re.fullmatch(rf"invitations-{autumn.number}-[\d-]+\.csv", saved.value.suggested_filename)
    saved.value.save_as(tmp_path / "invitations.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "invitations.csv").read_text(encoding="utf-8-sig"))))
    assert [row[:2] for row in rows[1:]] == [["Max Mustermann", "max@example.org"], ["'=1+1", "one@example.org"]]
    stranger = browser.new_context()
    contexts.append(stranger)
    door = stranger.new_page()
    door.goto(rows[1][2])
    expect(door.locator("main")).to_contain_text("Max Mustermann")


def test_dates_are_shown_in_the_browsers_own_zone_and_stored_from_it(
    browser: Browser, autumn: Autumn, contexts: list[BrowserContext]
) -> None:
    page = opened(browser, autumn, contexts, autumn.ada)
    page.goto(f"{autumn.address}/due")
    page.wait_for_url("**/due?zone=Europe%2FBerlin")
    expect(page.get_by_label("All times on this page are those of")).to_have_value("Europe/Berlin")
    page.get_by_label("3 Secrets").fill("2027-07-01T23:59")
    page.get_by_role("button", name="Store the dates").click()
    expect(page.get_by_role("status").first).to_contain_text("stored")
    expect(page.get_by_label("3 Secrets")).to_have_value("2027-07-01T23:59")
    learner = opened(browser, autumn, contexts, autumn.lea)
    learner.goto(autumn.server)
    assert learner.locator('time[datetime^="2027-07-01T21:59:00"]').count() == 1


def test_a_comment_reaches_the_pages_that_are_open(browser: Browser, autumn: Autumn, contexts: list[BrowserContext]) -> None:
    autumn.classroom.client(autumn.lea).send_form("/workbench/lesson-2", {"do": "check"})  # who has not begun is not commented on
    learner, instructor = (opened(browser, autumn, contexts, person) for person in (autumn.lea, autumn.ada))

    def say(text: str) -> None:
        instructor.goto(f"{autumn.address}/learners/{autumn.lea.id}")
        lesson = instructor.locator("#lesson-2")
        if not lesson.evaluate("details => details.open"):
            lesson.locator("summary").click()
        lesson.locator("textarea").fill(text)
        lesson.get_by_role("button", name="Send").click()
        instructor.wait_for_url("**#l-comments")

    learner.goto(autumn.server)
    learner.wait_for_timeout(500)  # until it listens
    say("Well begun, <b>Lea</b>!")
    link = learner.get_by_role("link", name=re.compile("1 new comment on lesson 2"))
    expect(link).to_be_visible()
    expect(learner.locator("#announcer")).to_have_text("A new comment from your instructor.")
    link.click()
    expect(learner.locator("#comments")).to_contain_text("Well begun, <b>Lea</b>!")
    learner.wait_for_timeout(500)
    say("And go on.")
    expect(learner.locator("#comments")).to_contain_text("And go on.", timeout=2_000)
    expect(learner.locator("#announcer")).to_have_text("A new comment from your instructor.")
