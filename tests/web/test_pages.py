"""Course map, lessons, search, glossary and errors, as a browser without JavaScript has them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.db import session_of
from app.models import Origin
from app.services import attempts, progress, reading
from app.services.curriculum import MINUTES
from app.services.lesson_texts import Course
from graders.lessons import LESSONS
from tests.web.client import Client

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def report(lesson: str, minutes: int = 0, *, source: str = "manifests", **statuses: str) -> dict[str, Any]:
    """A JSON report in which the lesson's objectives passed, but for those named (with `_` for `-`)."""
    (entry,) = (entry for entry in LESSONS if entry.id == lesson)
    given = {name.replace("_", "-"): status for name, status in statuses.items()}
    objectives = [{"id": each.id, "status": given.get(each.id, given.get("rest", "passed"))} for each in entry.load().objectives]
    passed = sum(each["status"] == "passed" for each in objectives)
    return {
        "lesson": lesson,
        "source": {"kind": source},
        "graded_at": (NOON + timedelta(minutes=minutes)).isoformat(),
        "complete": passed == len(objectives),
        "passed": passed,
        "counted": len(objectives),
        "objectives": objectives,
    }


def take_in(app: FastAPI, *reports: dict[str, Any]) -> None:
    """Put attempts into the app's database."""
    with session_of(app.state.engine, writes=True) as session:
        for number, each in enumerate(reports):
            attempts.take_in(session, app.state.learner.id, each, Origin.TERMINAL, key=f"{each['graded_at']}-{number}")


def words(html: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_a_new_learner_is_led_to_the_first_lesson(client: Client) -> None:
    text = words(client.get("/").text)
    assert "Begin here: Kubernetes fundamentals" in text
    hours, minutes = divmod(sum(MINUTES.values()), 60)
    assert f"{hours} h {minutes} min left in all" in text
    assert [entry.title for entry in LESSONS if entry.title not in text] == []


def test_the_map_leads_back_to_where_one_was(client: Client, app: FastAPI) -> None:
    take_in(app, report("lesson-1"), report("lesson-2", 1, rest="failed"))
    text = words(client.get("/").text)
    assert "Continue where you were: ConfigMaps" in text
    assert "✓ complete 20 min 4 of 4" in text
    with session_of(app.state.engine, writes=True) as session:
        reading.note(session, app.state.learner.id, "lesson-8", "summary", 30)
    assert 'href="/lessons/lesson-8#summary"' in client.get("/").text


def test_when_all_is_complete_the_map_shows_the_certificate(client: Client, app: FastAPI) -> None:
    take_in(app, *(report(entry.id, number) for number, entry in enumerate(LESSONS)))
    text = client.get("/").text
    assert "The course is complete" in words(text)
    assert 'href="/certificate"' in text


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.id)
def test_every_lesson_has_its_page(client: Client, entry: Any) -> None:
    answer = client.get(f"/lessons/{entry.id}")
    assert answer.status_code == 200
    assert f"<h1>{entry.title}</h1>" in answer.text
    for objective in entry.load().objectives:
        assert f"{entry.id}#objective-{objective.id}" in answer.text
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids)), "an id stands twice"


def test_a_lesson_in_another_namespace_shows_that_one(app: FastAPI, client: Client) -> None:
    from app.deps import Learner

    app.state.learner = Learner(app.state.learner.id, "team-blue")
    shown = client.get("/lessons/lesson-1").text
    assert "team-blue" in shown
    assert not re.search(r"-n rag-engine(?![-\w])", shown)


def test_a_regression_is_told_while_the_lesson_stays_complete(client: Client, app: FastAPI) -> None:
    take_in(app, report("lesson-1"), report("lesson-1", 1, namespace_exists="failed"))
    text = words(client.get("/lessons/lesson-1").text)
    assert "✓ complete" in text
    assert "1 passed before and no longer does" in text


REGRESSIONS = {
    "files failed after files passed": ([("manifests", "passed"), ("manifests", "failed")], True),
    "the cluster says nothing of files": ([("manifests", "passed"), ("cluster", "failed")], False),
    "and files nothing of the cluster": ([("cluster", "passed"), ("manifests", "failed")], False),
    "mended again": ([("cluster", "passed"), ("cluster", "failed"), ("cluster", "passed")], False),
    "not judged is not lost": ([("cluster", "passed"), ("cluster", "unknown")], False),
    "nor is blocked": ([("cluster", "passed"), ("cluster", "blocked")], False),
    "lost before it could not be judged": ([("cluster", "passed"), ("cluster", "failed"), ("cluster", "unknown")], True),
    "never passed": ([("cluster", "failed"), ("cluster", "failed")], False),
}


@pytest.mark.parametrize(("history", "regressed"), REGRESSIONS.values(), ids=REGRESSIONS.keys())
def test_what_counts_as_a_regression(app: FastAPI, history: list[tuple[str, str]], regressed: bool) -> None:
    take_in(app, *(report("lesson-1", at, source=source, rest=status) for at, (source, status) in enumerate(history)))
    with session_of(app.state.engine, writes=False) as session:
        made = progress.of_lesson(session, app.state.learner.id, "lesson-1")
    assert bool(made.regressed) is regressed
    assert bool(made.passed) is any(status == "passed" for _, status in history)
    assert made.attempts == len(history)


def test_a_lesson_complete_stays_complete_from_its_first_time(app: FastAPI) -> None:
    take_in(app, report("lesson-1", 0, rest="failed"), report("lesson-1", 5), report("lesson-1", 9), report("lesson-1", 20, rest="failed"))
    with session_of(app.state.engine, writes=False) as session:
        made = progress.of_course(session, app.state.learner.id)
    lesson = made.lessons["lesson-1"]
    assert (lesson.complete, lesson.complete_at, lesson.last_at) == (True, NOON + timedelta(minutes=5), NOON + timedelta(minutes=20))
    assert made.minutes_left == sum(MINUTES.values()) - MINUTES["lesson-1"]
    assert not made.complete


def test_an_attempt_is_taken_in_once(app: FastAPI) -> None:
    for _ in range(3):
        take_in(app, report("lesson-1"))
    with session_of(app.state.engine, writes=False) as session:
        assert progress.of_lesson(session, app.state.learner.id, "lesson-1").attempts == 1


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("stabilization window", "/lessons/lesson-7"),
        ("objective scale-down-policy", None),
        ("scale-down-policy", "/workbench/lesson-7#objective-scale-down-policy"),
    ],
)
def test_search_finds_lessons_and_objectives(client: Client, asked: str, first: str | None) -> None:
    shown = client.get("/search", params={"q": asked}).text
    if first is None:
        assert "Nothing holds" in words(shown)
    else:
        assert f'href="{first}' in shown


@pytest.mark.parametrize("asked", ['"', "AND", "a OR", "NEAR(", "*", "(", "-", "title:pod", "\x00", "ä" * 200, "' OR 1=1 --", "<script>"])
def test_no_words_break_the_search_or_become_markup(client: Client, asked: str) -> None:
    answer = client.get("/search", params={"q": asked})
    assert answer.status_code == 200
    assert "<script>" not in answer.text.replace('<script src="', "")


def test_htmx_gets_the_piece_and_everybody_else_the_page(client: Client) -> None:
    piece = client.get("/search", params={"q": "pod"}, headers={"hx-request": "true"})
    assert piece.text.lstrip().startswith('<section id="hits"')
    assert "HX-Request" in piece.headers["vary"]
    restored = client.get("/search", params={"q": "pod"}, headers={"hx-request": "true", "hx-history-restore-request": "true"})
    assert "<!doctype html>" in restored.text


def test_the_glossary_holds_every_term_for_readers_and_for_pop_ups(client: Client, app: FastAPI) -> None:
    course = app.state.course
    assert isinstance(course, Course)
    page, data = client.get("/glossary").text, client.get("/api/glossary").json()
    assert set(data) == set(course.glossary)
    assert all(f'id="{term}"' in page for term in course.glossary)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/lessons/lesson-99", 404, f"{LESSONS[0].id} to {LESSONS[-1].id}"),
        ("/lessons/hpa", 404, "lesson-7"),
        ("/nothing", 404, "course map"),
        ("/lessons/%3Cscript%3E", 404, "&lt;script&gt;"),
        ("/search?q=" + "a" * 300, 422, "at most 200"),
        ("/static/../pyproject.toml", 404, "course map"),
    ],
)
def test_errors_are_pages_that_say_what_to_do(client: Client, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert says in answer.text or says in words(answer.text)
    assert "Traceback" not in answer.text


def test_programs_get_errors_as_data(client: Client) -> None:
    answer = client.get("/lessons/lesson-99", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "help"}


def test_a_broken_route_is_told_as_our_fault(app: FastAPI, settings: Any) -> None:
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    app.add_api_route("/broken", broken)
    with Client(app, base_url=f"http://127.0.0.1:{settings.port}", raise_server_exceptions=False) as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert "no fault of yours" in answer.text
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_kept(client: Client, theme: str) -> None:
    client.send_form("/theme", {"theme": theme})
    assert f'data-theme="{theme}"' in client.get("/").text
    client.send_form("/theme", {"theme": "system"})
    assert "data-theme" not in client.get("/").text


def test_files_are_kept_by_browsers_until_they_change(client: Client) -> None:
    page = client.get("/").text
    (address,) = re.findall(r'href="(/static/css/app\.css\?v=\w+)"', page)
    assert "immutable" in client.get(address).headers["cache-control"]
    assert "immutable" not in client.get("/static/css/app.css").headers.get("cache-control", "")


@pytest.mark.parametrize("path", ["/", "/lessons/lesson-1", "/workbench/lesson-1", "/progress"])
def test_a_database_that_broke_is_told_in_a_sentence(client: Client, app: FastAPI, path: str) -> None:
    with session_of(app.state.engine, writes=True) as session:
        session.execute(text("DROP TABLE objective_results"))
    answer = client.get(path)
    assert answer.status_code == 503
    assert "cannot be used: no such table: objective_results" in answer.text
    assert "--data DIR" in answer.text
