"""A class, as its people live it, in three browsers: a cohort, a link, somebody who is stuck, a comment, a pass, a gradebook."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from app.db import session_of
from app.services import one_time_links
from tests.cases import EXERCISES
from tests.web.classroom import Classroom

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

RIGHT = (EXERCISES / "lesson-01-namespaces" / "solution" / "namespace.yaml").read_text(encoding="utf-8")
WRONG = RIGHT.replace("app: rag-engine", "app: rag")
PASSWORD = "seven grey herons at noon"
TRIES = 6  # one for what passes at once, and five that change nothing


@pytest.fixture
def contexts(browser: Browser, classroom_server: Classroom) -> Iterator[list[BrowserContext]]:
    """Three browsers that know nothing of each other."""
    made = [browser.new_context(base_url=classroom_server.settings.url, accept_downloads=True) for _ in range(3)]
    yield made
    for context in made:
        context.close()


def test_a_class_from_the_link_to_the_gradebook(classroom_server: Classroom, contexts: list[BrowserContext]) -> None:
    teacher, ada, bob = (context.new_page() for context in contexts)
    complaints = [_complaints(page) for page in (teacher, ada, bob)]

    # The instructor sets the course up, makes a cohort and a link.
    with session_of(classroom_server.app.state.engine, writes=True) as session:
        link = one_time_links.setup_link(session)
    assert link is not None
    teacher.goto(link)
    teacher.get_by_label("Name").fill("Iris Instructor")
    teacher.get_by_label("E-mail address").fill("iris@example.org")
    _type_password(teacher)
    teacher.get_by_role("button", name="Set the password, and sign in").click()
    teacher.get_by_role("navigation", name="Main").get_by_role("link", name="Cohorts").click()
    teacher.get_by_label("Name of a new cohort").fill("Autumn <b>2026</b>")
    teacher.get_by_role("button", name="Make it").click()
    teacher.get_by_role("link", name="People", exact=True).last.click()
    teacher.get_by_role("button", name="Make a link").click()
    join = teacher.locator("th.link code").inner_text()

    # Two learners join, each with a browser of their own.
    for page, name in ((ada, "Ada"), (bob, "=Bob")):
        page.goto(join)
        page.get_by_label("Name").fill(name)
        page.get_by_label("E-mail address").fill(f"{name.strip('=').lower()}@example.org")
        _type_password(page)
        page.get_by_role("button", name="Make an account, and join").click()
        expect(page.get_by_role("link", name=re.compile(re.escape(name)))).to_be_visible()

    # The board shows both, and nothing done.
    teacher.goto(teacher.url.replace("/people", "/board").partition("?")[0])
    expect(_row(teacher, "Ada")).to_be_visible()
    expect(_row(teacher, "=Bob")).to_be_visible()
    expect(teacher.locator("#board-live")).to_have_text("Live")

    # Bob is through at once, and the board turns without a reload.
    teacher.evaluate("window.same = true")
    _write(bob, RIGHT)
    _check(bob)
    expect(bob.locator(".done")).to_contain_text("All 3 pass.")
    expect(_row(teacher, "=Bob")).to_contain_text("1 of 16 lessons complete", timeout=3_000)

    # Ada is not.
    _write(ada, WRONG)
    for _ in range(TRIES):
        _check(ada)
    expect(ada.locator("#objective-app-label")).to_contain_text("failed")
    expect(_row(teacher, "Ada")).to_contain_text("stuck in Namespaces", timeout=3_000)
    assert teacher.evaluate("window.same"), "the board was loaded anew"

    # The instructor looks what it is, and says so.
    _row(teacher, "Ada").get_by_role("link").first.click()
    expect(teacher.get_by_role("heading", name=re.compile("Stuck in lesson 1"))).to_be_visible()
    expect(teacher.locator("main")).to_contain_text("app: rag-engine")
    teacher.get_by_label("Your comment").fill("Look at the value of `app`. <script>alert(1)</script>")
    teacher.get_by_role("button", name="Send").click()

    # Ada, whose page is open, reads it and passes.
    ada.reload()
    expect(ada.locator("#objective-app-label .comment")).to_contain_text("Look at the value of app. <script>alert(1)</script>")
    expect(ada.locator("#objective-app-label .comment")).to_contain_text("Iris Instructor")
    teacher.goto(teacher.url.partition("/learners")[0] + "/board")
    expect(teacher.locator("#board-live")).to_have_text("Live")
    _write(ada, RIGHT)
    _check(ada)
    expect(ada.locator(".done")).to_contain_text("All 3 pass.")
    expect(_row(teacher, "Ada")).to_contain_text("1 of 16 lessons complete", timeout=3_000)

    # The gradebook opens in a spreadsheet, and nothing in it is a formula.
    teacher.get_by_role("link", name="Gradebook").click()
    with teacher.expect_download() as download:
        teacher.get_by_role("link", name="CSV, a line for each learner", exact=True).click()
    path: Path = download.value.path()
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 2
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "\t"))]
    assert {row["name"] for row in rows} == {"Ada", "'=Bob"}
    assert {row["lesson-1"] for row in rows} == {"100.0"}
    assert complaints == [[], [], []]


def _complaints(page: Page) -> list[str]:
    """What the browser complains of, as of a script that the policy refuses."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    return found


def _type_password(page: Page) -> None:
    for box in page.locator("input[type=password]").all():
        box.fill(PASSWORD)


def _row(page: Page, name: str) -> Locator:
    return page.locator("#board > li", has_text=name)


def _write(page: Page, text: str) -> None:
    """Have the text as namespace.yaml in the workbench's editor."""
    page.goto("/workbench/lesson-1")
    begin = page.get_by_role("button", name="Add it to my workspace")
    if begin.is_visible():
        begin.click()
    page.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")  # text that replaces other text takes over its style, which the policy refuses
    page.keyboard.insert_text(text)
    expect(page.locator("#saving")).to_have_text("Saved")


def _check(page: Page) -> None:
    with page.expect_response(lambda answer: answer.request.method == "POST" and "/workbench/" in answer.url):
        page.get_by_role("button", name="Check", exact=True).click()
