"""Who may ask for what: every route of the app, as six kinds of people, each time about the same learner's things.

A route without a row here fails, and so does a row without a route: whoever adds a route says who it is for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from fastapi.routing import APIRoute
from sqlmodel import Session, select

from app.access import LOCAL, PUBLIC
from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.models import Comment, JoinLink, Origin, Purpose, Role, SignIn, TerminalToken, WorkspaceFile, utc_now
from app.routes import CLASSROOM, ROUTERS
from app.services import accounts, attempts, join_links, one_time_links
from app.services.audit import Actor
from app.services.lesson_texts import Course
from app.services.sign_ins import Person
from graders.engine import evaluate
from graders.lessons import LESSONS
from graders.report import Report
from graders.snapshot import Snapshot
from tests.web.classroom import KEY, Classroom
from tests.web.conftest import free_port, serving

NOBODY, LEARNER, OTHER, STRANGER, INSTRUCTOR, ADMIN = (
    "nobody",
    "learner",
    "other learner",
    "instructor of another cohort",
    "instructor",
    "admin",
)
WHO = (NOBODY, LEARNER, OTHER, STRANGER, INSTRUCTOR, ADMIN)

YES, DOOR, NO, HIDDEN = "yes", "sign in first", "refused", "not there"


class Outcome(NamedTuple):
    """What each kind of person gets."""

    nobody: str
    learner: str
    other: str
    stranger: str
    instructor: str
    admin: str

    def of(self, who: str) -> str:
        return self[WHO.index(who)]


OPEN = Outcome(YES, YES, YES, YES, YES, YES)
SIGNED_IN = Outcome(DOOR, YES, YES, YES, YES, YES)  # each sees and changes their own; the address names nobody's
OWNER = Outcome(DOOR, YES, HIDDEN, HIDDEN, HIDDEN, HIDDEN)  # the address names something of the learner's
TEACHERS = Outcome(DOOR, HIDDEN, HIDDEN, HIDDEN, YES, YES)  # of the cohort that the address names
INSTRUCTORS = Outcome(DOOR, NO, NO, YES, YES, YES)  # of any cohort
ADMINS = Outcome(DOOR, NO, NO, NO, NO, YES)
AUTHOR = Outcome(DOOR, HIDDEN, HIDDEN, HIDDEN, YES, HIDDEN)  # what the instructor has said, or is
NOT_HERE = Outcome(DOOR, NO, NO, NO, NO, NO)  # on a learner's own machine only


@dataclass(frozen=True)
class Row:
    """Who may, and what a form must have for the request to get as far as that."""

    outcome: Outcome
    form: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    terminal: bool = False


def _lesson(outcome: Outcome = SIGNED_IN, **form: Any) -> Row:
    return Row(outcome, {"lesson": "lesson-1", **form})


ROWS: dict[str, Row] = {
    "course:map": Row(SIGNED_IN),
    "course:theme": Row(OPEN, {"theme": "dark"}),
    "lessons:show": Row(SIGNED_IN),
    "search:show": Row(SIGNED_IN),
    "glossary:show": Row(SIGNED_IN),
    "glossary:all": Row(SIGNED_IN),
    "transfer:export": Row(SIGNED_IN),
    "transfer:import": Row(NOT_HERE),
    "certificate:show": Row(SIGNED_IN),
    "certificate:name": Row(SIGNED_IN, {"name": "A"}),
    "progress:show": Row(SIGNED_IN),
    "progress:events": Row(SIGNED_IN),
    "progress:lesson": Row(SIGNED_IN),
    "progress:read": Row(SIGNED_IN),
    "live:current": Row(SIGNED_IN),
    "live:show": Row(SIGNED_IN),
    "live:check": Row(SIGNED_IN),
    "live:choose": _lesson(NOT_HERE),
    "live:again": _lesson(),
    "live:start": _lesson(NOT_HERE),
    "live:events": Row(SIGNED_IN, query="lesson=lesson-1"),
    "quiz:show": Row(SIGNED_IN),
    "quiz:answer": Row(SIGNED_IN),
    "workbench:current": Row(SIGNED_IN),
    "workbench:zip": Row(SIGNED_IN),
    "workbench:download": Row(OWNER),
    "workbench:show": Row(SIGNED_IN),
    "workbench:write": Row(SIGNED_IN),
    "workbench:file": Row(OWNER),
    "workbench:begin": Row(SIGNED_IN),
    "workbench:new": Row(SIGNED_IN, {"name": "new.yaml"}),
    "workbench:upload": Row(SIGNED_IN),
    "workbench:rename": Row(OWNER, {"file": "namespace.yaml", "name": "other.yaml"}),
    "workbench:delete": Row(OWNER, {"file": "namespace.yaml", "version": 1}),
    "workbench:reset": Row(OWNER, {"file": "namespace.yaml", "version": 1}),
    "workbench:difference": Row(OWNER, query="file=namespace.yaml"),
    "workbench:hint": Row(SIGNED_IN, {"objective": "namespace-exists"}),
    "workbench:solution": Row(SIGNED_IN),
    "workbench:spoil": Row(SIGNED_IN),
    "schema:kinds": Row(SIGNED_IN),
    "schema:kind": Row(SIGNED_IN),
    "simulators:list": Row(SIGNED_IN),
    "simulators:hpa": Row(SIGNED_IN),
    "simulators:disruption": Row(SIGNED_IN),
    "health:alive": Row(OPEN),
    "health:ready": Row(OPEN),
    "accounts:sign-in-form": Row(OPEN),
    "accounts:sign-in": Row(OPEN, {"email": "x@example.org", "password": "wrong"}),
    "accounts:sign-out": Row(SIGNED_IN),
    "accounts:one-time-form": Row(OPEN),
    "accounts:one-time": Row(OPEN),
    "accounts:join-form": Row(OPEN),
    "accounts:join": Row(OPEN),
    "accounts:open-id": Row(OPEN),
    "accounts:open-id-back": Row(OPEN),
    "accounts:show": Row(SIGNED_IN),
    "accounts:rename": Row(SIGNED_IN),
    "accounts:password": Row(SIGNED_IN),
    "accounts:end-sign-in": Row(OWNER),
    "accounts:end-others": Row(SIGNED_IN),
    "accounts:make-token": Row(SIGNED_IN, {"name": "laptop"}),
    "accounts:revoke-token": Row(OWNER),
    "accounts:data": Row(SIGNED_IN),
    "accounts:delete": Row(SIGNED_IN),
    "accounts:people": Row(ADMINS),
    "accounts:person-role": Row(ADMINS, {"role": "instructor"}),
    "accounts:person-active": Row(ADMINS, {"active": "no"}),
    "accounts:person-link": Row(ADMINS),
    "accounts:person-delete": Row(ADMINS),
    "terminal:me": Row(SIGNED_IN, terminal=True),
    "terminal:submit": Row(SIGNED_IN, terminal=True),
    "board:show": Row(TEACHERS),
    "board:events": Row(TEACHERS),
    "board:stuck": Row(TEACHERS),
    "board:learner": Row(TEACHERS),
    "board:attempt": Row(TEACHERS),
    "board:analysis": Row(TEACHERS),
    "board:completion": Row(TEACHERS),
    "cohorts:list": Row(SIGNED_IN),
    "cohorts:make": Row(INSTRUCTORS, {"name": "Winter"}),
    "cohorts:show": Row(TEACHERS),
    "cohorts:rename": Row(TEACHERS, {"name": "Summer"}),
    "cohorts:archive": Row(TEACHERS),
    "cohorts:add-instructor": Row(TEACHERS),
    "cohorts:leave": Row(AUTHOR),
    "cohorts:people": Row(TEACHERS),
    "cohorts:remove": Row(TEACHERS),
    "cohorts:reset-link": Row(TEACHERS),
    "cohorts:make-link": Row(TEACHERS),
    "cohorts:revoke-link": Row(TEACHERS),
    "cohorts:audit": Row(TEACHERS),
    "cohorts:audit-all": Row(ADMINS),
    "cohorts:roster-export": Row(TEACHERS),
    "cohorts:roster-try": Row(TEACHERS),
    "cohorts:roster-import": Row(TEACHERS),
    "cohorts:due": Row(TEACHERS),
    "cohorts:set-due": Row(TEACHERS),
    "cohorts:set-policy": Row(TEACHERS, {"policy": "none"}),
    "cohorts:extend": Row(TEACHERS),
    "cohorts:withdraw": Row(TEACHERS),
    "cohorts:gradebook": Row(TEACHERS),
    "cohorts:gradebook-csv": Row(TEACHERS),
    "cohorts:gradebook-json": Row(TEACHERS),
    "cohorts:comment": Row(TEACHERS, {"lesson_id": "lesson-1", "text": "Well done."}),
    "cohorts:delete-comment": Row(AUTHOR),
}

LESSON = next(entry for entry in LESSONS if entry.id == "lesson-1").load()
_numbers = itertools.count(1)


@dataclass
class World:
    """A learner in a cohort that somebody teaches, and others who have nothing to do with it. `things` are what an address may name."""

    people: dict[str, Person]
    things: dict[str, str]
    elsewhere: str  # the cohort of the other learner, whom the stranger teaches


def made(classroom: Classroom, mark: str = "") -> World:
    """New people each time, so that what one request does is not in the way of the next. All that they have written ends in `mark`."""
    number = f"{next(_numbers)}{mark}"
    people = {
        LEARNER: classroom.person(f"Ada {number}"),
        OTHER: classroom.person(f"Otto {number}"),
        STRANGER: classroom.person(f"Ivan {number}", Role.INSTRUCTOR),
        INSTRUCTOR: classroom.person(f"Iris {number}", Role.INSTRUCTOR),
        ADMIN: classroom.person(f"Root {number}", Role.ADMIN),
    }
    ada = people[LEARNER].id
    cohort = classroom.cohort(f"Autumn {number}", [people[INSTRUCTOR]], [people[LEARNER]])
    elsewhere = classroom.cohort(f"Spring {number}", [people[STRANGER]], [people[OTHER]])
    classroom.cookie(people[LEARNER])
    classroom.token(people[LEARNER])
    with session_of(classroom.app.state.engine, writes=True) as session:
        file = WorkspaceFile(learner_id=ada, name="namespace.yaml", content=f"kind: Namespace{mark}\n")
        attempt = attempts.record(session, ada, _judged(mark), Origin.SUBMITTED)
        comment = Comment(
            cohort_id=cohort, learner_id=ada, author_id=people[INSTRUCTOR].id, lesson_id="lesson-1", text=f"Look again.{mark}"
        )
        link = JoinLink(cohort_id=cohort, made_by=people[INSTRUCTOR].id, expires_at=utc_now().replace(year=2099))
        session.add_all([file, comment, link])
        session.flush()
        sign_in = session.exec(select(SignIn).where(SignIn.learner_id == ada)).one()
        token = session.exec(select(TerminalToken).where(TerminalToken.learner_id == ada)).one()
        things = {
            "cohort_id": cohort,
            "learner_id": ada,
            "attempt_id": attempt.id,
            "comment_id": comment.id,
            "link_id": link.id,
            "sign_in_id": sign_in.id,
            "token_id": token.id,
            "secret": new_invitation(session),
            "code": join_links.code_of(classroom.app.state.secret, link),
            "lesson_id": "lesson-1",
            "question_id": classroom.app.state.course["lesson-1"].quiz[0].id,
            "name": "namespace.yaml",
            "api_version": "v1",
            "kind": "Pod",
        }
    return World(people, {name: str(value) for name, value in things.items()}, str(elsewhere))


def _judged(mark: str) -> Report:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine", "labels": {"app": f"x{mark}"}}}
    return evaluate(LESSON, Snapshot.of([namespace], taken_at=utc_now()))


def new_invitation(session: Session) -> str:
    """The secret of a link for somebody who has never been there."""
    account = accounts.make(session, f"new.{next(_numbers)}@example.org", "New")
    path = one_time_links.make_link(session, Actor(None, "a test"), Purpose.INVITATION, account.learner_id)
    return path.removeprefix("/link/")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, course: Course) -> Iterator[Classroom]:
    """One classroom for all rows: each makes people of its own."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    port = free_port()
    environment = {"COURSE_URL": f"http://127.0.0.1:{port}", "COURSE_SECRET": KEY, "DATABASE_URL": f"sqlite:///{folder / 'classroom.db'}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(folder / "no-kubeconfig"))
        settings = Settings.for_classroom(environment, folder / "data", port=port)
        app = create_app(settings, course=course)
        with serving(app, port):
            yield Classroom(app, settings)


def _routes() -> dict[str, APIRoute]:
    routes = [route for router in (*ROUTERS, *CLASSROOM) for route in router.routes]
    assert all(isinstance(route, APIRoute) for route in routes)
    named = {route.name: route for route in routes if isinstance(route, APIRoute)}
    assert len(named) == len(routes), "two routes have one name"
    return named


ROUTES = _routes()


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(ROUTES) == set(ROWS)


def test_what_is_open_to_all_or_to_nobody_is_what_the_app_says() -> None:
    assert {name for name, row in ROWS.items() if row.outcome is OPEN} == PUBLIC & set(ROUTES)
    assert {name for name, row in ROWS.items() if row.outcome is NOT_HERE} == set(LOCAL)


@pytest.mark.parametrize("name", sorted(set(ROWS) & set(ROUTES)))
def test_each_gets_what_is_theirs(running: Classroom, name: str) -> None:
    route, row = ROUTES[name], ROWS[name]
    for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
        world = made(running)
        got = {}
        for who in WHO:
            got[who] = _outcome(running, world, route, row, method, who)
            # Those before could do nothing, or nothing that is in the way of the next.
            if method != "GET" and got[who] == YES and row.outcome is not SIGNED_IN:
                world = made(running)
        assert got == dict(zip(WHO, row.outcome, strict=True)), f"{method} {route.path}"


HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"
SHOWN = {"board:show", "board:learner", "board:attempt", "cohorts:list", "cohorts:people", "cohorts:gradebook", "accounts:show"}
"""Pages on which an instructor sees such words: a test that found none would say nothing."""
_STREAMS = ("board:events", "live:events", "progress:events")


@pytest.fixture(scope="module")
def hostile(running: Classroom) -> World:
    """A world in which everything that people write is meant to do harm."""
    return made(running, HOSTILE)


@pytest.mark.parametrize("name", sorted(name for name, route in ROUTES.items() if "GET" in (route.methods or ()) and name not in _STREAMS))
def test_what_people_write_is_text_on_every_page(running: Classroom, hostile: World, name: str) -> None:
    route, row = ROUTES[name], ROWS[name]
    for who in (LEARNER, INSTRUCTOR, ADMIN):
        cookie, value, _ = running.cookie(hostile.people[who])
        path = route.path.replace(":path}", "}").format(**hostile.things) + (f"?{row.query}" if row.query else "")
        with httpx2.Client(base_url=running.settings.url, cookies={cookie: value}, headers={"accept": "text/html"}) as client:
            answer = client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert "<img src=x" not in answer.text
            assert 'onerror=alert(1)>"' not in answer.text
            assert name not in SHOWN or who is not INSTRUCTOR or "&lt;img src=x" in answer.text
            assert "onerror=alert(1)&gt;&#34;&#39;49" not in answer.text, "it was taken for a template"


_INSIDE = sorted(name for name, route in ROUTES.items() if "{cohort_id}" in route.path and route.path.count("{") > 1)


@pytest.mark.parametrize("name", _INSIDE)
def test_ones_own_cohort_is_no_way_to_what_belongs_to_another(running: Classroom, name: str) -> None:
    world = made(running)
    world.things["cohort_id"] = world.elsewhere
    (method,) = (ROUTES[name].methods or set()) - {"HEAD"}
    assert _outcome(running, world, ROUTES[name], ROWS[name], method, STRANGER) == HIDDEN


def _outcome(classroom: Classroom, world: World, route: APIRoute, row: Row, method: str, who: str) -> str:
    path = route.path.replace(":path}", "}").format(**world.things) + (f"?{row.query.format(**world.things)}" if row.query else "")
    headers, cookies = {"accept": "text/html"}, {}
    form = {key: value.format(**world.things) if isinstance(value, str) else value for key, value in row.form.items()}
    if who is not NOBODY and row.terminal:
        headers["authorization"] = f"Bearer {classroom.token(world.people[who])}"
    elif who is not NOBODY:
        cookie, value, token = classroom.cookie(world.people[who])
        cookies, form = {cookie: value}, {**form, "csrf_token": token}
    else:
        form["csrf_token"] = "none"
    data = form if method != "GET" else None
    client = httpx2.Client(base_url=classroom.settings.url, cookies=cookies, headers=headers, timeout=20)
    with client, client.stream(method, path, data=data) as answer:  # a stream of events has no end
        return _meaning(answer, nobody=who is NOBODY)


def _meaning(answer: httpx2.Response, *, nobody: bool) -> str:
    status = answer.status_code
    if status == 401 or (status == 303 and answer.headers["location"].startswith("/sign-in?next=")):
        return DOOR
    if status in (403, 404):
        told = answer.read().decode()
        if status == 403 and nobody and "older than the course" in told:
            return YES  # it got as far as the form, which a page of ours would have made
        return NO if status == 403 else HIDDEN
    assert status < 500, answer.read().decode()
    return YES
