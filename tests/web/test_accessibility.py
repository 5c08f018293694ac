"""Every page, in light and dark and at the width of a phone: axe-core finds nothing, nothing sticks out, no other host is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Request, ViewportSize

from graders.lessons import LESSONS
from tests.web.test_pages import report, take_in

pytestmark = pytest.mark.browser

DESK, PHONE, SMALL = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844), ViewportSize(width=320, height=640)
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
    "phone in the dark": {"viewport": PHONE, "color_scheme": "dark", "is_mobile": True, "has_touch": True},
    "without our scripts": {"viewport": DESK},  # axe-core is one itself, so they cannot be off altogether
}
PAGES = (
    "/",
    "/search?q=replicas",
    "/glossary",
    "/lessons/lesson-7/quiz",
    "/workbench/lesson-0",
    "/workbench/lesson-7",
    "/workbench/lesson-14",
    "/cluster",
    "/cluster/lesson-4",
    "/simulators",
    "/simulators/hpa?compare=1",
    "/simulators/hpa?load=own&points=1:x&rules=own",
    "/simulators/disruption?place=one&step=2",
    "/simulators/disruption?value=200%25",
    "/progress",
    "/progress/lesson-1",
    "/certificate",
    "/no-such-page",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(params=LOOKS)
def looked_at(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of a browser that is set up in one of these ways."""
    context = browser.new_context(**{"reduced_motion": "reduce", **LOOKS[request.param]})
    if request.param == "without our scripts":
        context.route(re.compile(r"\.js(\?|$)"), lambda route: route.abort())
    yield context.new_page()
    context.close()


@pytest.fixture
def server_in_use(server: str, app: FastAPI) -> str:
    """The app of a learner who is in the middle of the course."""
    take_in(app, report("lesson-1"), report("lesson-1", 1, rest="failed"), report("lesson-2", 2, rest="failed"), report("lesson-4", 3))
    return server


def violations(page: Page) -> list[str]:
    """What axe-core objects to, with the elements."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes']][:4]}" for each in found]


def faults(page: Page, server: str, path: str) -> list[str]:
    """All that is wrong with one page."""
    strangers: list[str] = []
    complaints: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith((server, "data:", "blob:")):
            strangers.append(request.url)

    page.on("request", asked)
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server + path, wait_until="load")
    page.wait_for_timeout(150)
    expected = ["net::ERR_FAILED", *(["status of 404"] if path == "/no-such-page" else [])]  # scripts that a test holds back
    wrong = [f"asks {url}" for url in strangers]
    wrong += [f"console: {text}" for text in complaints if not any(each in text for each in expected)]
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if width[0] > width[1]:
        wrong.append(f"is {width[0]} px wide in a window of {width[1]}")
    return [f"{path}: {each}" for each in (*wrong, *violations(page))]


def test_no_page_shuts_anybody_out(looked_at: Page, server_in_use: str) -> None:
    assert [fault for path in PAGES for fault in faults(looked_at, server_in_use, path)] == []


# All are made of the same pieces in the same colours, so some of them stand for all in other looks.
SOME = ("lesson-0", "lesson-7", "lesson-11", "lesson-14")


@pytest.mark.parametrize(("look", "lessons"), [("light", [entry.id for entry in LESSONS]), ("dark", SOME), ("phone", SOME)])
def test_no_lesson_shuts_anybody_out(browser: Browser, server: str, look: str, lessons: list[str]) -> None:
    with browser.new_context(**{"reduced_motion": "reduce", **LOOKS[look]}) as context:
        page = context.new_page()
        assert [fault for lesson in lessons for fault in faults(page, server, f"/lessons/{lesson}")] == []


@pytest.mark.parametrize("path", ["/", "/lessons/lesson-7", "/workbench/lesson-7", "/cluster/lesson-7", "/simulators/hpa", "/progress"])
def test_pages_fit_the_narrowest_screens_that_wcag_names(browser: Browser, server: str, path: str) -> None:
    with browser.new_context(viewport=SMALL) as context:
        page = context.new_page()
        page.goto(server + path)
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
