"""A lesson in the browser: search, glossary, copying, contents, colours; and the whole way from reading to a lesson that is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session, select

from app.db import session_of
from app.models import QuizAnswer
from app.services import progress

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SOLUTION = ROOT / "exercises" / "lesson-07-hpa" / "solution"


def test_slash_leads_to_the_search_and_hits_come_while_typing(page: Page, server: str) -> None:
    page.goto(f"{server}/lessons/lesson-7")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the lessons", exact=True)).to_be_focused()
    page.keyboard.type("stabilization")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=stabilization$"))
    field = page.get_by_role("searchbox", name="Words that a place must hold")
    field.fill("")
    field.press_sequentially("evict")
    expect(page.locator("#hits a[href^='/lessons/lesson-8']").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/search\?q=evict$"))


def test_a_slash_that_is_typed_into_a_field_stays_there(page: Page, server: str) -> None:
    page.goto(f"{server}/search")
    field = page.get_by_role("searchbox", name="Words that a place must hold")
    field.press_sequentially("a/b")
    expect(field).to_have_value("a/b")


def test_a_term_is_explained_in_place_and_by_keyboard(page: Page, server: str) -> None:
    page.goto(f"{server}/lessons/lesson-7")
    term = page.locator("a.term").first
    term.focus()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog")
    expect(card).to_be_visible()
    expect(card.get_by_role("link", name="Documentation")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(term).to_be_focused()
    expect(page).to_have_url(f"{server}/lessons/lesson-7")


def test_a_term_is_a_link_without_javascript(browser: Browser, server: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{server}/lessons/lesson-7")
        page.locator("a.term").first.click()
        expect(page).to_have_url(re.compile(r"/glossary#[a-z-]+$"))


def test_copying_takes_the_commands_and_nothing_else(browser: Browser, server: str) -> None:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(f"{server}/lessons/lesson-7")
        listing = page.locator(".listing-console", has=page.locator(".output")).first
        listing.get_by_role("button", name="Copy").click()
        expect(listing.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        commands = listing.locator(".command").all_inner_texts()
        assert copied.strip().split("\n") == [command.removeprefix("$").strip() for command in "\n".join(commands).split("\n")]
        assert "$" not in copied.split()[0]


def test_the_contents_follow_the_reader(page: Page, server: str) -> None:
    page.goto(f"{server}/lessons/lesson-7#summary")
    current = page.locator(".contents a[aria-current]")
    expect(current).to_have_text("Summary")
    page.keyboard.press("Home")
    page.evaluate("window.scrollTo(0, 0)")
    expect(current).not_to_have_text("Summary")


def test_colours_can_be_chosen_by_keyboard_and_stay(page: Page, server: str) -> None:
    page.goto(f"{server}/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    button = page.get_by_role("button", name="Dark colours")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{server}/lessons/lesson-1")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_the_first_stop_of_the_keyboard_skips_to_the_content(page: Page, server: str) -> None:
    page.goto(f"{server}/lessons/lesson-7")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_lesson_weighs_little(page: Page, server: str) -> None:
    """What a lesson loads: 25 kB of scripts and 20 kB of styles at most, as they are compressed."""
    import gzip

    weights = {"script": 0, "stylesheet": 0}
    page.on(
        "response",
        lambda answer: (
            weights.__setitem__(answer.request.resource_type, weights[answer.request.resource_type] + len(gzip.compress(answer.body(), 9)))
            if answer.request.resource_type in weights
            else None
        ),
    )
    page.goto(f"{server}/lessons/lesson-7", wait_until="load")
    page.wait_for_timeout(300)
    assert 0 < weights["script"] <= 25_000
    assert 0 < weights["stylesheet"] <= 20_000


def test_from_reading_to_a_lesson_that_is_complete(page: Page, server: str, app: FastAPI) -> None:
    """A learner reads lesson 7, answers its quiz, writes a wrong and then the right HPA, and finds the lesson complete on the map."""
    page.goto(f"{server}/lessons/lesson-7")
    expect(page.get_by_role("heading", level=1)).to_have_text("Horizontal Pod Autoscaling")
    question = page.locator("form.question").first
    question.get_by_role("radio").first.check()
    question.get_by_role("button").click()
    expect(page.locator("form.question").first.locator(".said")).to_be_visible()
    page.get_by_role("link", name="Open the workbench").click()
    page.get_by_role("button", name=re.compile("^Add it to my workspace")).click()
    editor = page.locator(".cm-content")
    expect(editor).to_be_visible()

    right = (SOLUTION / "hpa.yaml").read_text(encoding="utf-8")
    editor.fill(right.replace("name: rag-engine-api-hpa", "name: another-name"))
    exists = page.locator("#objective-hpa-exists")
    expect(exists).to_contain_text("failed")
    editor.fill(right)
    expect(exists).to_contain_text("passed")
    # The Deployment comes from the disk, as a file that is chosen.
    page.locator("summary", has_text="Files").click()
    page.get_by_label(re.compile("^Files from your disk")).set_input_files(SOLUTION / "deployment.yaml")
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#objectives")).to_contain_text("complete")

    page.get_by_role("link", name="Course", exact=True).click()
    stop = page.locator(".stop", has_text="Horizontal Pod Autoscaling")
    expect(stop).to_contain_text("✓ complete")
    with session_of(app.state.engine, writes=False) as session:
        assert progress.of_lesson(session, app.state.learner.id, "lesson-7").complete
        assert _answers(session) == 1


def _answers(session: Session) -> int:
    return len(session.exec(select(QuizAnswer)).all())
