"""My progress: figures, pictures, attempts and what each changed, the certificate, and pages that show at once what happens elsewhere."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect
from sqlmodel import Session

from app.config import Settings
from app.db import session_of
from app.models import HintShown, Learner, Origin, SolutionShown
from app.services import attempt_steps, attempts, plots, progress_page, reading
from app.services.feed import Event, Feed
from app.services.progress_page import _Done, _practised
from graders.cli import main
from graders.lessons import LESSONS
from tests.cli.conftest import GOOD, HALF
from tests.web.client import Client
from tests.web.loops import finish
from tests.web.test_pages import NOON, report, take_in, words


def _history(app: FastAPI) -> None:
    """Lesson 1 complete and one objective lost, lesson 2 begun, with a hint and a solution seen."""
    take_in(
        app,
        report("lesson-1", 0, rest="failed"),
        report("lesson-1", 5),
        report("lesson-1", 12, app_label="failed"),
        report("lesson-2", 60, rest="failed", configmap_exists="passed"),
    )
    with session_of(app.state.engine, writes=True) as session:
        me = app.state.learner.id
        session.add(HintShown(learner_id=me, lesson_id="lesson-2", objective_id="app-settings", number=1, shown_at=NOON))
        session.add(SolutionShown(learner_id=me, lesson_id="lesson-1", earned=True))


def test_before_anything_was_done_the_page_invites_to_begin(client: Client) -> None:
    page = client.get("/progress").text
    assert "Nothing yet" in page
    assert 'href="/lessons/lesson-0"' in page
    assert '<svg class="plot"' not in page


def test_the_page_has_figures_pictures_and_the_same_as_a_table(client: Client, app: FastAPI) -> None:
    _history(app)
    page = client.get("/progress").text
    text = words(page)
    counted = sum(not each.bonus for entry in LESSONS for each in entry.load().objectives)
    assert f"Objectives passed 5 of {counted}" in text
    assert f"Lessons complete 1 of {len(LESSONS)} Attempts 4 Hints used 1" in text
    assert page.count('<svg class="plot"') == 2
    row = next(each for each in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if "/progress/lesson-1" in each)
    assert words(row).startswith("1 Namespaces ✓ complete ↺ 1 lost 4 of 4 3 – after passing")
    assert "Passed before, and no longer" in text
    assert 'href="/workbench/lesson-1#objective-app-label"' in page


def test_htmx_gets_the_part_that_changes(client: Client, app: FastAPI) -> None:
    _history(app)
    part = client.get("/progress", headers={"hx-request": "true"}).text
    assert part.lstrip().startswith('<div id="overview"')
    assert "data-newest=" in part


@pytest.mark.parametrize(
    ("minutes", "spent"),
    [
        ([("a", 0)], {}),
        ([("a", 0), ("a", 10)], {"a": 10}),
        ([("a", 0), ("a", 16)], {}),
        ([("a", 0), ("b", 5), ("a", 9)], {"b": 5, "a": 4}),
        ([("a", 9), ("a", 0)], {"a": 9}),
    ],
    ids=["once", "twice", "with a pause", "two lessons", "in any order"],
)
def test_time_for_an_exercise_is_what_lies_between_two_things_done(minutes: list[tuple[str, int]], spent: dict[str, float]) -> None:
    assert _practised(_Done(NOON + timedelta(minutes=at), lesson) for lesson, at in minutes) == spent


def test_attempts_at_a_lesson_tell_what_each_changed(client: Client, app: FastAPI) -> None:
    _history(app)
    page = client.get("/progress/lesson-1").text
    newest, middle, first = re.findall(r'<li id="attempt-.*?(?=<li id="attempt-|</ol>\s*</div>)', page, re.DOTALL)
    assert "✗ failed app-label was passed" in words(newest)
    assert words(middle).count("was failed") == 4
    assert "✓ complete, 4 of 4" in words(middle)
    assert "The first attempt on files." in words(first)


def test_files_and_cluster_are_compared_each_with_its_own_kind(app: FastAPI) -> None:
    take_in(
        app,
        report("lesson-1", 0, rest="failed"),
        report("lesson-1", 1, source="cluster"),
        report("lesson-1", 2, rest="failed", app_label="passed"),
    )
    with session_of(app.state.engine, writes=False) as session:
        newest, cluster, files = attempt_steps.steps(session, app.state.learner.id, "lesson-1").steps
    assert [(change.id, change.was, change.now) for change in newest.changes] == [("app-label", "failed", "passed")]
    assert (cluster.first, files.first, newest.first) == (True, True, False)


def test_many_attempts_come_in_pages_without_gap_or_repetition(client: Client, app: FastAPI) -> None:
    take_in(app, *(report("lesson-1", at // 2, app_label="failed" if at % 2 else "passed") for at in range(60)))
    seen: list[str] = []
    path: str | None = "/progress/lesson-1"
    while path:
        page = client.get(path).text
        seen += re.findall(r'id="attempt-(\d+)"', page)
        older = re.search(r'href="(/progress/lesson-1\?before=\d+)"', page)
        path = older[1] if older else None
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize("before", ["999999", "1"])
def test_a_page_before_some_attempt_of_anybody_is_a_page(client: Client, app: FastAPI, before: str) -> None:
    _history(app)
    assert client.get(f"/progress/lesson-2?before={before}").status_code == 200
    assert client.get("/progress/lesson-2?before=-1").status_code == 422


def test_what_a_report_holds_never_becomes_markup(client: Client, app: FastAPI) -> None:
    evil = report("lesson-1", rest="failed")
    evil["source"]["namespace"] = "<script>alert(1)</script>"
    evil["objectives"][0].update(
        title="<script>alert(2)</script>",
        evidence={"object": "<b>", "path": None, "expected": "`<i>`", "found": "\u202e<img src=x>", "file": "<u>", "line": 1},
    )
    take_in(app, report("lesson-1", -1), evil)
    page = client.get("/progress/lesson-1").text
    for tag in ("<script>alert", "<b>", "<i>", "<img", "<u>", "\u202e"):
        assert tag not in page
    assert "&lt;img src=x&gt;" in page


# The pictures.


def _shape(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 10**8), max_size=30),
    st.lists(st.integers(0, 10**8), max_size=30),
    st.integers(0, 10**8),
    st.integers(0, 200),
)
def test_every_history_makes_a_picture_that_stays_in_its_frame(passes: list[int], tries: list[int], until: int, total: int) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    times = [start + timedelta(seconds=at) for at in passes]
    lanes = [plots.Lane("tries", sorted(start + timedelta(seconds=at) for at in tries)), plots.Lane("hints", [])]
    end = max([start + timedelta(seconds=until), *times, *lanes[0].times])
    milestones = [plots.Milestone(times[0], "<&>")] if times else []
    picture = _shape(plots.curve(times, max(total, len(times)), end, lanes, milestones, "a & b"))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for element in picture.iter():
        assert not {"style", "onclick"} & set(element.attrib)
        for name, limit in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("y1", height), ("y2", height)):
            if name in element.attrib:
                assert 0 <= float(element.attrib[name]) <= limit, (element.tag, element.attrib)
    line = next(element.attrib["d"] for element in picture.iter() if element.attrib.get("class") == "p-curve")
    heights = [float(each) for each in re.findall(r"V([\d.]+)", line)]
    assert heights == sorted(heights, reverse=True), "what has passed stays passed"
    places = [float(each) for each in re.findall(r"H([\d.]+)", line)]
    assert places == sorted(places)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.floats(0, 5000), st.floats(0, 5000), st.integers(1, 60)), min_size=1, max_size=16))
def test_every_table_of_times_makes_a_picture_that_stays_in_its_frame(rows: list[tuple[str, float, float, int]]) -> None:
    printable = [plots.Bar("".join(filter(str.isprintable, name)), read, practised, planned) for name, read, practised, planned in rows]
    picture = _shape(plots.bars(printable, "said"))
    _, _, width, _ = map(float, picture.attrib["viewBox"].split())
    for bar in picture.iter():
        if bar.attrib.get("class") in ("p-read", "p-practised"):
            assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width


def test_a_picture_says_what_it_shows_to_those_who_do_not_see_it(app: FastAPI) -> None:
    _history(app)
    with session_of(app.state.engine, writes=False) as session:
        made = progress_page.overview(session, app.state.learner.id, app.state.course)
    assert made.curve is not None
    picture = _shape(made.curve)
    assert picture.attrib["role"] == "img"
    title, description = picture[0], picture[1]
    assert picture.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert "objectives passed, in 4 attempts and with 1 hint" in str(description.text)


# Reading.


@pytest.mark.parametrize(
    ("calls", "held"),
    [
        ([("a", 30), ("b", 20)], ("b", 50)),
        ([("a", 30), ("", 20)], ("a", 50)),
        ([("a", 30), ("b", 61)], ("a", 30)),
        ([("a", 30), ("b", -1)], ("a", 30)),
        ([("a", 30), ("b c", 5)], ("a", 30)),
        ([("a", 30), ("b" * 201, 5)], ("a", 30)),
        ([("a", 60), ("ü-1", 60)], ("ü-1", 120)),
    ],
    ids=["on it goes", "no heading in view", "too long", "back in time", "no anchor", "endless", "the most"],
)
def test_reading_is_noted_unless_it_is_absurd(
    client: Client, session: Session, calls: list[tuple[str, int]], held: tuple[str, int]
) -> None:
    for anchor, seconds in calls:
        answer = client.send_form("/lessons/lesson-7/reading", {"anchor": anchor, "seconds": seconds})
        assert answer.status_code == 204
    assert reading.position(session, 1) == {"lesson-7": held[0]}
    assert reading.seconds(session, 1) == {"lesson-7": held[1]}
    assert reading.last_read(session, 1) == "lesson-7"


@pytest.mark.browser
def test_the_page_of_a_lesson_tells_where_it_was_left(page: Page, server: str, app: FastAPI) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{server}/lessons/lesson-0")
    anchor = page.locator(".prose h2[id]").nth(2).get_attribute("id")
    page.locator(".prose h2[id]").nth(2).evaluate("heading => heading.scrollIntoView()")
    page.wait_for_timeout(1200)
    page.goto(f"{server}/search")

    def told() -> dict[str, str]:
        with session_of(app.state.engine, writes=False) as session:
            return reading.position(session, app.state.learner.id)

    for _ in range(50):
        if told():
            break
        page.wait_for_timeout(100)
    assert told() == {"lesson-0": anchor}
    page.goto(f"{server}/")
    expect(page.locator(f'a[href="/lessons/lesson-0#{anchor}"]')).to_be_visible()


# What happens elsewhere.


def _within(seconds: float, story: Callable[[Feed], Coroutine[Any, Any, Any]]) -> Any:
    return finish(story(Feed()), seconds)


def test_the_feed_tells_subscribers_of_their_topics_in_order() -> None:
    async def story(feed: Feed) -> list[Event]:
        with feed.subscribe(("a", "b")) as events:
            for topic, number in (("a", 1), ("c", 2), ("b", 3), ("a", 4)):
                feed.publish(topic, {"n": number})
            feed.close()
            return [event async for event in events]

    assert [(event.topic, event.data["n"]) for event in _within(5, story)] == [("a", 1), ("b", 3), ("a", 4)]


def test_the_feed_can_be_told_from_any_thread() -> None:
    async def story(feed: Feed) -> set[int]:
        with feed.subscribe(("a",)) as events:
            threads = [threading.Thread(target=feed.publish, args=("a", {"n": number})) for number in range(20)]
            for thread in threads:
                thread.start()
            return {(await anext(events)).data["n"] for _ in threads}

    assert _within(5, story) == set(range(20))


def test_a_reader_who_does_not_keep_up_is_cut_off_and_others_are_not() -> None:
    async def story(feed: Feed) -> tuple[int, int, bool]:
        with feed.subscribe(("a",)) as slow, feed.subscribe(("a",)) as quick:
            count = 0
            for number in range(1000):
                feed.publish("a", {"n": number})
                count += await quick.next(1) is not None
            readers = feed.readers
            left = [event async for event in slow]
            return count, readers, len(left) < 100 and slow.ended

    assert _within(20, story) == (1000, 1, True)


def test_who_leaves_is_forgotten_and_who_waits_is_told_of_the_end() -> None:
    async def story(feed: Feed) -> tuple[int, Any, Any, bool]:
        with feed.subscribe(("a",)):
            pass
        left = feed.readers
        with feed.subscribe(("a",)) as events:
            quiet = await events.next(0.01)
            asyncio.get_running_loop().call_later(0.02, feed.close)
            ended = await events.next(5)
            with feed.subscribe(("a",)) as late:
                return left, quiet, ended, events.ended and await late.next(1) is None and late.ended

    assert _within(3, story) == (0, None, None, True)


@pytest.fixture
def graded(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Grades a text for lesson 1, as in a terminal beside the browser."""
    monkeypatch.setenv("COURSE_DATA", str(settings.data))
    monkeypatch.delenv("CI", raising=False)

    def run(text: str) -> None:
        (tmp_path / "ns.yaml").write_text(text)
        main(["1", "-f", str(tmp_path / "ns.yaml")])

    return run


@pytest.mark.browser
def test_an_open_page_shows_at_once_what_the_terminal_says(page: Page, server: str, graded: Callable[[str], None]) -> None:
    page.goto(f"{server}/progress")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    page.wait_for_timeout(300)
    graded(HALF)
    expect(page.get_by_role("rowheader", name="Namespaces").get_by_role("link")).to_be_visible(timeout=2000)
    expect(page.locator("#announcer")).to_have_text("Namespaces: 2 of 3 objectives passed, says the terminal.")
    page.goto(f"{server}/progress/lesson-1")
    page.wait_for_timeout(300)
    graded(GOOD)
    expect(page.get_by_text("✓ complete, 3 of 3 objectives passed.")).to_be_visible(timeout=2000)


@pytest.mark.browser
def test_a_page_that_was_in_the_background_catches_up(page: Page, server: str, graded: Callable[[str], None]) -> None:
    page.goto(f"{server}/progress")
    page.wait_for_timeout(300)
    hide = """state => {
        Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, "hidden")
    graded(HALF)
    page.wait_for_timeout(800)
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    page.evaluate(hide, "visible")
    expect(page.get_by_role("rowheader", name="Namespaces").get_by_role("link")).to_be_visible(timeout=3000)


def test_a_page_without_a_script_has_what_was_graded_before(client: Client, graded: Callable[[str], None]) -> None:
    graded(HALF)
    for _ in range(100):
        if "Nothing yet" not in (page := client.get("/progress").text):
            break
    assert 'href="/progress/lesson-1#attempt-' in page


# The certificate.


def test_before_the_end_the_certificate_says_what_is_missing(client: Client, app: FastAPI) -> None:
    take_in(app, report("lesson-1"), report("lesson-2", 1, rest="failed", configmap_exists="passed"))
    text = words(client.get("/certificate").text)
    assert f"{len(LESSONS) - 1} are not" in text
    assert "ConfigMaps 1 of 9 objectives have passed" in text
    assert "has completed" not in text


def _complete(app: FastAPI) -> None:
    take_in(app, *(report(entry.id, at, source="cluster" if at % 2 else "manifests") for at, entry in enumerate(LESSONS)))


def test_the_certificate_says_who_when_and_what_and_what_it_is_not(client: Client, app: FastAPI, session: Session) -> None:
    _complete(app)
    assert client.send_form("/certificate", {"name": "  Ada   <b>Lovelace</b> "}).headers["location"] == "/certificate"
    page = client.get("/certificate").text
    text = words(page.replace("&lt;", "(").replace("&gt;", ")"))
    assert "Ada (b)Lovelace(/b)" in text
    assert "24 November 2026" in text
    assert all(entry.title in text for entry in LESSONS)
    total = sum(len(entry.load().objectives) for entry in LESSONS)
    on_cluster = sum(len(entry.load().objectives) for entry in LESSONS[1::2])
    assert f"{total} objectives met in real work, {on_cluster} of them on a running cluster and {total - on_cluster} in manifests" in text
    assert "no examination" in text
    held = session.get(Learner, 1)
    assert held is not None
    assert held.name == "Ada <b>Lovelace</b>"


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b", "\u202egnihtemos"], ids=["too long", "control", "turned round"])
def test_a_name_that_cannot_be_printed_is_refused(client: Client, app: FastAPI, name: str) -> None:
    _complete(app)
    assert client.send_form("/certificate", {"name": name}).status_code == 400


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("name", ["Ada Lovelace", "Wolfeschlegelsteinhausenbergerdorff " * 2 + "the Elder"], ids=["short", "long"])
def test_the_certificate_prints_on_one_page(page: Page, server: str, app: FastAPI, paper: str, name: str) -> None:
    _complete(app)
    page.goto(f"{server}/certificate")
    page.get_by_label("Made out to").fill(name)
    page.get_by_role("button", name="Put it on the certificate").click()
    expect(page.locator(".certificate-name")).to_have_text(name)
    printed = page.pdf(format=paper, landscape=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1


def test_an_attempt_of_each_origin_has_a_word(app: FastAPI) -> None:
    with session_of(app.state.engine, writes=True) as session:
        for at, origin in enumerate(Origin):
            attempts.take_in(session, app.state.learner.id, report("lesson-1", at), origin, key=f"{origin}-key")
        lines = attempt_steps.recent(session, app.state.learner.id)
    assert {line.origin for line in lines} == set(attempt_steps.ORIGINS.values())
