"""What an instructor says to a learner: written, seen where it belongs, told to open pages, taken back, and never more than text."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import Session, select

from app.models import AuditEvent, Comment, Role
from app.routes.progress import _told
from tests.web.classroom import Classroom
from tests.web.loops import finish

OBJECTIVE = "namespace-exists"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "`<script>alert(1)</script>` and `",
    "{{ 7 * 7 }} {% include 'base.html' %}",
    "</div></li></main><h1>Mine</h1>",
    "javascript:alert(1) [x](javascript:alert(1))",
]


def test_a_comment_stands_beside_its_objective_until_it_has_been_read_it_is_new(classroom: Classroom) -> None:
    ada, lea, max_ = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea"), classroom.person("Max")
    number = classroom.cohort("Autumn", [ada], [lea, max_])
    said = {"lesson_id": "lesson-1", "objective_id": OBJECTIVE, "text": "Look at `rag-engine`\r\nonce more.\r\n\r\nThen check."}
    sent = classroom.client(ada).send_form(f"/cohorts/{number}/learners/{lea.id}/comments", said)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/cohorts/{number}/learners/{lea.id}#l-comments")
    leas = classroom.client(lea)
    leas.send_form("/workbench/lesson-1", {"do": "check"})  # otherwise the page of progress has nothing to show
    assert "1 new comment" in leas.get("/").text
    assert "1 new comment" in leas.get("/progress").text
    ahead = leas.get("/workbench/lesson-1", headers={"sec-purpose": "prefetch"})
    assert ahead.status_code == 200
    first = leas.get("/workbench/lesson-1").text
    place = first.index(f'id="objective-{OBJECTIVE}"')
    assert "Look at <code>rag-engine</code>\nonce more.</p>" in first[place:]
    assert '<span class="tag">new</span>' in first
    assert '<span class="tag">new</span>' not in leas.get("/workbench/lesson-1").text
    for page in ("/", "/progress"):
        assert "new comment" not in leas.get(page).text
    assert "once more" in leas.get("/workbench/lesson-1", headers={"hx-request": "true"}).text, "and in what scripts fetch"
    for other in (classroom.client(max_), classroom.client(ada)):
        assert "once more" not in other.get("/workbench/lesson-1").text
    with Session(classroom.app.state.engine) as session:
        event = session.exec(select(AuditEvent).where(AuditEvent.action == "comment.written")).one()
        assert event.subject == lea.email
        assert "once more" not in str(event.facts)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_comment_is_text_whatever_is_in_it(classroom: Classroom, text: str) -> None:
    ada, lea = classroom.person("Ada <script>", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("</title><script>", [ada], [lea])
    for objective in (OBJECTIVE, ""):
        said = {"lesson_id": "lesson-1", "objective_id": objective, "text": text}
        assert classroom.client(ada).send_form(f"/cohorts/{number}/learners/{lea.id}/comments", said).status_code == 303
    pages = classroom.client(lea).get("/workbench/lesson-1").text, classroom.client(ada).get(f"/cohorts/{number}/learners/{lea.id}").text
    for page in pages:
        for harm in ("<script>alert", "<img src=x", "<h1>Mine", "</title><script>", "Ada <script>", ">49<"):
            assert harm not in page
        assert page.count("</main>") == 1


def test_what_cannot_be_seen_is_left_out(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    said = {"lesson_id": "lesson-1", "objective_id": "", "text": "\x00a\x07b\u202ec\td\r\ne "}
    assert classroom.client(ada).send_form(f"/cohorts/{number}/learners/{lea.id}/comments", said).status_code == 303
    with Session(classroom.app.state.engine) as session:
        assert session.exec(select(Comment.text)).one() == "abc\td\ne"


REFUSED = [
    pytest.param({"text": ""}, 422, "empty", id="nothing said"),
    pytest.param({"text": " \x00\r\n"}, 422, "empty", id="nothing to be seen"),
    pytest.param({"text": "x" * 4001}, 422, "4001 characters", id="too much"),
    pytest.param({"lesson_id": "lesson-99"}, 404, "no such objective", id="no lesson"),
    pytest.param({"objective_id": "app-settings"}, 404, "no such objective", id="an objective of another lesson"),
    pytest.param({"objective_id": "\x00"}, 404, "no such objective", id="no objective"),
]


@pytest.mark.parametrize(("change", "status", "told"), REFUSED)
def test_what_is_no_comment_is_refused_in_a_sentence(classroom: Classroom, change: dict[str, str], status: int, told: str) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    said = {"lesson_id": "lesson-1", "objective_id": OBJECTIVE, "text": "Well."} | change
    refused = classroom.client(ada).send_form(f"/cohorts/{number}/learners/{lea.id}/comments", said)
    assert (refused.status_code, told in refused.text) == (status, True)


def test_only_who_teaches_somebody_may_speak_to_them_and_only_the_author_may_take_it_back(classroom: Classroom) -> None:
    ada, ben, cleo = (classroom.person(name, Role.INSTRUCTOR) for name in ("Ada", "Ben", "Cleo"))
    root = classroom.person("Root", Role.ADMIN)
    lea, sam = classroom.person("Lea"), classroom.person("Sam")
    number, other = classroom.cohort("Autumn", [ada, ben], [lea]), classroom.cohort("Another", [cleo], [sam])
    said = {"lesson_id": "lesson-1", "objective_id": OBJECTIVE, "text": "Well."}
    for person, cohort, learner in ((cleo, number, lea), (lea, number, lea), (ada, number, sam), (ada, other, sam), (ada, number, ada)):
        path = f"/cohorts/{cohort}/learners/{learner.id}/comments"
        assert classroom.client(person).send_form(path, said).status_code == 404, (person.name, cohort, learner.name)
    assert classroom.client(ada).send_form(f"/cohorts/{number}/learners/{lea.id}/comments", said).status_code == 303
    for person, cohort in ((ben, number), (cleo, number), (cleo, other), (root, number), (lea, number), (root, other)):
        assert classroom.client(person).send_form(f"/cohorts/{cohort}/comments/1/delete").status_code == 404
    assert classroom.client(ada).send_form(f"/cohorts/{number}/comments/1/delete").status_code == 303
    with Session(classroom.app.state.engine) as session:
        assert session.exec(select(Comment)).all() == []
    assert "Well." not in classroom.client(lea).get("/workbench/lesson-1").text


def test_open_pages_of_the_learner_are_told_once_it_is_stored(classroom: Classroom) -> None:
    ada, lea = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Lea")
    number = classroom.cohort("Autumn", [ada], [lea])
    browser, feed, engine = classroom.client(ada), classroom.app.state.feed, classroom.app.state.engine

    async def heard() -> list[str]:
        stream = _told(feed, engine, lea.id)
        lines = [await anext(stream)]
        said = {"lesson_id": "lesson-1", "objective_id": "", "text": "Well."}
        await asyncio.to_thread(browser.send_form, f"/cohorts/{number}/learners/{lea.id}/comments", said)
        lines.append(await asyncio.wait_for(anext(stream), 10))
        with Session(engine) as session:
            assert session.exec(select(Comment)).one().text == "Well."
        await stream.aclose()  # type: ignore[attr-defined] # an async generator has it
        return lines

    _, told = finish(heard())
    assert told.startswith("event: comment\n")
    assert '"lesson": "lesson-1"' in told
    assert "Well." not in told
