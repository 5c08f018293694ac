"""What terminals submit: judged by the server alone, kept once, and refused in a sentence when it is not what it says."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlmodel import col, select

from app.db import session_of
from app.models import Account, Attempt, ObjectiveResult, Origin, Role, TerminalToken
from app.routes import submissions as routes
from app.services import sign_ins
from app.services.assurance import Assurance
from app.services.feed import ATTEMPTS
from app.services.submissions import parsed
from graders.snapshot import K8sObject, Snapshot
from graders.version import version
from graders.wire import Json
from tests.cases import EXERCISES
from tests.web.classroom import Classroom
from tests.web.loops import finish
from tests.web.submitting import GOOD, changed, sealed, snapshot_of, submission

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
UID = "901302b0-17a9-4eb9-aa6c-d91da68c9d58"


@pytest.fixture
def terminal(classroom: Classroom) -> Terminal:
    """Ada's."""
    return Terminal(classroom, classroom.token(classroom.person("Ada")))


class Terminal:
    """What a terminal with a token can do."""

    def __init__(self, classroom: Classroom, token: str) -> None:
        self.classroom = classroom
        self.client = classroom.client()
        self.client.headers.update({"accept": "application/json", "authorization": f"Bearer {token}"})

    def me(self) -> Response:
        answer: Response = self.client.get("/api/me")
        return answer

    def send(self, data: Any, **headers: str) -> Response:
        answer: Response = self.client.post(
            "/api/submissions",
            content=data if isinstance(data, bytes) else json.dumps(data).encode(),
            headers={"content-type": "application/json", **headers},
        )
        return answer

    def attempts(self) -> list[Attempt]:
        with session_of(self.classroom.app.state.engine, writes=False) as session:
            return list(session.exec(select(Attempt).order_by(col(Attempt.id))))


def test_a_token_tells_whose_it_is_and_when_it_was_used(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    classroom.cohort("Autumn", learners=[ada])
    terminal = Terminal(classroom, classroom.token(ada))
    told = terminal.me().json()
    assert (told["name"], told["email"], told["cohorts"], told["engine"]) == ("Ada", "ada@example.org", ["Autumn"], version())
    with session_of(classroom.app.state.engine, writes=False) as session:
        used = session.exec(select(TerminalToken)).one().used_at
    assert used is not None
    assert datetime.now(UTC) - used < timedelta(minutes=1)


def test_a_snapshot_becomes_an_attempt_of_its_sender_judged_here(classroom: Classroom, terminal: Terminal) -> None:
    before = datetime.now(UTC)
    answer = terminal.send(submission(snapshot_of(GOOD), "lesson-1", cluster=UID))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["lesson"], told["complete"], told["assurance"]) == ("lesson-1", True, "reported by the learner")
    assert (told["engine"], told["recorded"]) == (version(), True)
    assert "submission" not in told
    (attempt,) = terminal.attempts()
    assert (attempt.origin, attempt.source, attempt.complete) == (Origin.SUBMITTED, "manifests", True)
    assert (attempt.engine, attempt.cluster) == (version(), UID)
    assert attempt.received_at is not None
    assert attempt.received_at >= before
    with session_of(classroom.app.state.engine, writes=False) as session:
        statuses = {each.objective_id: each.status for each in session.exec(select(ObjectiveResult))}
    assert statuses["app-label"] == "passed"


def test_the_same_submission_again_is_known_and_stored_once(terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD), "lesson-1")
    first, second = terminal.send(data), terminal.send(data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(terminal.attempts()) == 1


def test_sent_from_many_places_at_once_it_is_stored_once(classroom: Classroom, terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD), "lesson-1")
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(terminal.send(data).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 7 + [201]
    assert len(terminal.attempts()) == 1


def test_a_key_means_one_thing_of_one_person(classroom: Classroom, terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD), "lesson-1")
    assert terminal.send(data).status_code == 201
    other = submission(snapshot_of(GOOD.replace("production", "staging")), "lesson-1", key=data["key"])
    assert terminal.send(other).status_code == 409
    assert terminal.send(submission(snapshot_of(GOOD), "lesson-4", key=data["key"])).status_code == 409, "nor for another lesson"
    bob = Terminal(classroom, classroom.token(classroom.person("Bob")))
    stolen = bob.send(data)
    assert stolen.status_code == 409
    assert "Ada" not in stolen.text
    assert len(terminal.attempts()) == 1


def test_one_key_of_two_people_in_the_same_moment_is_one_persons(classroom: Classroom, terminal: Terminal) -> None:
    """Neither sees the other's transaction: the database itself decides."""
    data = submission(snapshot_of(GOOD), "lesson-1")
    bob = Terminal(classroom, classroom.token(classroom.person("Bob")))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda who=who: answers.append(who.send(data).status_code)) for who in (terminal, bob) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 201, 409}
    assert answers.count(201) == 1
    assert len(terminal.attempts()) == 1


@one_database
def test_all_lessons_go_as_one_and_those_that_nobody_has_begun_are_left_out(terminal: Terminal) -> None:
    from tests.cases import lessons, manifests, read

    snapshot = read(manifests(EXERCISES / "guide"))
    from dataclasses import replace

    snapshot = replace(snapshot, taken_at=datetime.now(UTC))
    answer = terminal.send(submission(snapshot, *(lesson.id for lesson in lessons())))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert [report["lesson"] for report in told["lessons"]] == [lesson.id for lesson in lessons()]
    stored = {attempt.lesson_id for attempt in terminal.attempts()}
    begun = {report["lesson"] for report in told["lessons"] if any(each["status"] == "passed" for each in report["objectives"])}
    assert stored == begun
    assert "lesson-0" not in stored


@one_database
def test_what_cannot_be_judged_leaves_nothing(terminal: Terminal) -> None:
    answer = terminal.send(submission(snapshot_of(GOOD), "lesson-0"))
    assert (answer.status_code, answer.json()["recorded"]) == (200, False)
    assert terminal.attempts() == []


@one_database
def test_a_snapshot_of_a_cluster_is_judged_as_one(terminal: Terminal) -> None:
    from dataclasses import replace

    from graders.snapshot import Source

    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "team-a", "labels": {"environment": "production", "app": "rag-engine"}},
    }
    snapshot = Snapshot(
        Source("cluster", "team-a", context="kind-dev"), (K8sObject.of(body),), datetime.now(UTC), context_namespace="team-a"
    )
    answer = terminal.send(submission(replace(snapshot), "lesson-1"))
    assert answer.json()["complete"], answer.text
    assert terminal.attempts()[0].source == "cluster"


@one_database
def test_pages_that_are_open_hear_of_it(classroom: Classroom) -> None:
    import anyio

    ada = classroom.person("Ada")
    app, token = classroom.app, classroom.token(ada)

    async def heard() -> dict[str, Any]:
        with app.state.feed.subscribe((ATTEMPTS,)) as events:
            await anyio.to_thread.run_sync(lambda: Terminal(classroom, token).send(submission(snapshot_of(GOOD), "lesson-1")))
            event = await events.next(5)
        assert event is not None
        return dict(event.data)

    told = finish(heard())
    assert (told["learner"], told["lesson"], told["origin"], told["complete"]) == (ada.id, "lesson-1", "submitted", True)


# The server finds out for itself.


@one_database
def test_what_the_api_server_would_reject_is_found_here_though_the_terminal_says_nothing(terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD.replace("  labels:", "  lables: {}\n  labels:")), "lesson-1")
    assert data["snapshot"]["objects"][0]["problems"], "the terminal has seen it"
    silent = changed(data, ["snapshot", "objects", 0, "problems"], [])
    told = terminal.send(silent).json()
    assert not told["complete"]
    evidence = next(each["evidence"] for each in told["objectives"] if each["evidence"])
    assert (evidence["file"], evidence["line"]) == ("work.yaml", 5)


@one_database
def test_a_problem_is_told_once_though_both_have_found_it(terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD.replace("  labels:", "  lables: {}\n  labels:")), "lesson-1")
    assert len(terminal.send(data).json()["problems"]) == len(data["snapshot"]["objects"][0]["problems"]) == 1


@one_database
def test_what_only_the_terminal_could_see_counts_too(terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD + "    app: rag-engine\n"), "lesson-1")
    told = terminal.send(data).json()
    assert "written twice" in told["problems"][0]["message"]
    assert not told["complete"]


FORGED = ("report", "verdicts", "objectives", "passed", "complete", "status", "assurance")


@one_database
@pytest.mark.parametrize("field", FORGED)
def test_nobodys_verdicts_are_taken(terminal: Terminal, field: str) -> None:
    data = submission(snapshot_of("kind: Namespace"), "lesson-1", more={field: {"complete": True}})
    answer = terminal.send(data)
    assert answer.status_code == 422
    assert "judges for itself" in answer.json()["error"]
    assert terminal.attempts() == []


@one_database
def test_a_secrets_value_is_refused_and_never_repeated(classroom: Classroom, terminal: Terminal) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: rag-engine-secrets}\nstringData: {database-url: hunter2}\n"
    data = submission(snapshot_of(text), "lesson-3")
    leaking = changed(data, ["snapshot", "objects", 0, "body", "stringData", "database-url"], "hunter2-and-more")
    answer = terminal.send(leaking)
    assert answer.status_code == 422
    assert "holds a value of a Secret" in answer.json()["error"]
    assert "hunter2" not in answer.text
    assert terminal.send(data).status_code == 201


# What is refused, each with a reason.


def late(seconds: float) -> Callable[[], Json]:
    return lambda: submission(snapshot_of(GOOD, taken_at=datetime.now(UTC) + timedelta(seconds=seconds)), "lesson-1")


def plain() -> Json:
    return submission(snapshot_of(GOOD), "lesson-1")


def with_field(name: str, value: Any) -> Callable[[], Json]:
    return lambda: sealed({**plain(), name: value}) if name not in ("key", "digest") else {**plain(), name: value}


def without(name: str) -> Callable[[], Json]:
    return lambda: {key: value for key, value in plain().items() if key != name}


REFUSED: list[Any] = [
    pytest.param(lambda: b"{", 400, "no JSON", id="half of it"),
    pytest.param(lambda: b"\xff\xfe{\0}\0", 400, "no JSON in UTF-8", id="UTF-16"),
    pytest.param(lambda: b'{"a": NaN}', 400, "no JSON", id="not a number"),
    pytest.param(lambda: b'{"a": 1e999}', 400, "no JSON", id="an infinite number"),
    pytest.param(lambda: b'{"a": ' + b"9" * 5000 + b"}", 400, "no JSON", id="a number without an end"),
    pytest.param(lambda: b"[" * 100_000, 422, "nested too deeply", id="brackets without an end"),
    pytest.param(lambda: b"[" * 90 + b"]" * 90, 422, "levels deep", id="nested more than objects are"),
    pytest.param(lambda: b"[" + b"{}," * 700_000 + b"{}]", 413, "600,000 values", id="very many small values"),
    pytest.param(lambda: b"[]", 422, "a map of fields", id="a list"),
    pytest.param(lambda: b"null", 422, "a map of fields", id="nothing"),
    pytest.param(with_field("schema", 2), 422, "another version", id="a later schema"),
    pytest.param(with_field("schema", True), 422, "another version", id="true as the schema"),
    pytest.param(with_field("learner", 1), 422, "`learner`, which is not known", id="somebody else's number"),
    pytest.param(with_field("key", "x"), 422, "`key` is not", id="a key of one's own making"),
    pytest.param(with_field("key", None), 422, "`key` is not", id="null as the key"),
    pytest.param(with_field("digest", "0" * 64), 422, "lost on the way", id="another digest"),
    pytest.param(with_field("cluster", "a'; DROP"), 422, "`cluster` is not", id="a cluster that is none"),
    pytest.param(with_field("client", "x" * 33), 422, "`client` is not", id="a long version"),
    pytest.param(with_field("lessons", []), 422, "not a list of lessons", id="no lesson"),
    pytest.param(with_field("lessons", "lesson-1"), 422, "not a list of lessons", id="a lesson that is no list"),
    pytest.param(with_field("lessons", ["lesson-99"]), 422, "does not have", id="a lesson that is not there"),
    pytest.param(with_field("lessons", [["lesson-1"]]), 422, "does not have", id="a list as a lesson"),
    pytest.param(with_field("lessons", ["lesson-1", "lesson-1"]), 422, "twice", id="a lesson twice"),
    pytest.param(with_field("snapshot", {}), 422, "has no `version`", id="an empty snapshot"),
    pytest.param(without("snapshot"), 422, "has no `snapshot`", id="no snapshot"),
    pytest.param(without("digest"), 422, "has no `digest`", id="no digest"),
    pytest.param(late(400), 422, "from now", id="from the future"),
    pytest.param(late(-31 * 86400), 422, "ago", id="from long ago"),
]


@one_database
@pytest.mark.parametrize(("made", "status", "told"), REFUSED)
def test_what_is_no_submission_is_refused_with_a_reason(terminal: Terminal, made: Callable[[], Any], status: int, told: str) -> None:
    answer = terminal.send(made())
    assert (answer.status_code, terminal.attempts()) == (status, []), answer.text
    assert told in answer.json()["error"]
    assert answer.json()["help"]


@one_database
@pytest.mark.parametrize("seconds", [290, -29.9 * 86400])
def test_clocks_may_differ_and_connections_may_be_gone_for_weeks(terminal: Terminal, seconds: float) -> None:
    assert terminal.send(late(seconds)()).status_code == 201


@one_database
def test_nothing_packed_is_unpacked(terminal: Terminal) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = terminal.send(bomb, **{"content-encoding": "gzip"})
    assert (answer.status_code, "packed" in answer.text) == (415, True)
    assert terminal.send(bomb, **{"content-type": "application/gzip"}).status_code == 415
    assert terminal.send(json.dumps(plain()).encode(), **{"content-encoding": "identity"}).status_code == 201


@one_database
@pytest.mark.parametrize("megabytes", [5, 9, 100])
def test_what_is_too_large_is_refused_whatever_its_headers_say(terminal: Terminal, megabytes: int) -> None:
    piece = b" " * 1024 * 1024
    told = terminal.send(piece * megabytes)
    assert told.status_code == 413
    untold = terminal.client.post(
        "/api/submissions", content=(piece for _ in range(megabytes)), headers={"content-type": "application/json"}
    )
    assert untold.status_code == 413
    assert "MiB" in untold.text or "MB" in untold.text


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: {"a": {str(n): [n] for n in range(140_000)}}, id="many lists"),
        pytest.param(
            lambda: {"kind": "ConfigMap", "data": {"k": "password=" * 400_000}}, id="a text that looks like credentials all through"
        ),
        pytest.param(lambda: {"spec": {"containers": [{"env": [{"name": "A", "value": "$(A)"}] * 30_000}]}}, id="many variables"),
    ],
)
def test_the_worst_that_fits_takes_seconds_at_most(made: Callable[[], Json]) -> None:
    data = submission(snapshot_of("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}"), "lesson-2")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rag-engine-config"}, **made()}
    data["snapshot"]["objects"] = [{"body": {**body, "kind": "ConfigMap"}, "file": "work.yaml", "lines": [], "problems": []}]
    text = json.dumps(sealed(data)).encode()
    started = time.monotonic()
    from app.services.submissions import judged

    judged(parsed(text, datetime.now(UTC)))
    assert time.monotonic() - started < 20


@one_database
def test_nobody_submits_more_often_than_they_can_type(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_A_MINUTE", 3)
    answers = [terminal.send(plain()) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    bob = Terminal(terminal.classroom, terminal.classroom.token(terminal.classroom.person("Bob")))
    assert bob.send(plain()).status_code == 201, "others are not slowed down"


@one_database
def test_what_takes_long_is_taken_less_often(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_LARGE", 100)
    answers = [terminal.send(plain()).status_code for _ in range(6)]
    assert answers == [201] * 4 + [429] * 2


@one_database
def test_a_report_without_an_end_is_kept_in_part(terminal: Terminal) -> None:
    containers = "".join(f"      - {{name: c{number}, imagee: x}}\n" for number in range(300))
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: rag-engine-api}\nspec:\n  template:\n    spec:\n      containers:\n"
    data = submission(snapshot_of(head + containers), "lesson-4")
    assert terminal.send(data).status_code == 201
    (attempt,) = terminal.attempts()
    assert len(attempt.report["problems"]) == 200


# Who may.


@one_database
def test_without_a_token_of_somebody_nothing_is_taken(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    token = classroom.token(ada)
    for wrong in ("", "course_x", token + "x", token[:-1], "x" * 5000):
        nobody = Terminal(classroom, wrong)
        assert (nobody.me().status_code, nobody.send(plain()).status_code) == (401, 401), wrong
    browser = classroom.client(ada)
    assert browser.get("/api/me").status_code == 401, "a cookie is no token"
    assert browser.post("/api/submissions", json=plain()).status_code == 401
    terminal = Terminal(classroom, token)
    assert terminal.client.get("/progress").status_code in (303, 401), "and a token is no cookie"


def test_a_token_ends_when_it_is_revoked_or_expires_or_its_owner_may_not_come_in(classroom: Classroom) -> None:
    engine = classroom.app.state.engine
    ada, ben = classroom.person("Ada"), classroom.person("Ben", Role.INSTRUCTOR)
    revoked, expired, shut_out = classroom.token(ada), classroom.token(ada), classroom.token(ben)
    with session_of(engine, writes=True) as session:
        for held in session.exec(select(TerminalToken)):
            if held.digest == sign_ins.digest(revoked):
                session.delete(held)
            if held.digest == sign_ins.digest(expired):
                held.expires_at = datetime.now(UTC) - timedelta(seconds=1)
        account = session.get(Account, ben.id)
        assert account is not None
        account.active = False
    for token in (revoked, expired, shut_out):
        assert Terminal(classroom, token).send(plain()).status_code == 401


def test_pages_of_a_browser_that_submit_in_somebodys_name_are_refused(terminal: Terminal) -> None:
    assert terminal.send(plain(), origin="https://evil.example").status_code == 403
    assert terminal.send(plain(), **{"sec-fetch-site": "cross-site"}).status_code == 403


# On pages.


@one_database
def test_the_learner_sees_it_with_whose_word_it_is(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    terminal, browser = Terminal(classroom, classroom.token(ada)), classroom.client(ada)
    before = browser.get("/cluster/lesson-1")
    assert "grade lesson-1 --submit" in before.text
    assert f"grade login {classroom.settings.url}" in before.text
    assert "Nothing was handed in" in before.text
    terminal.send(plain())
    assert Assurance.REPORTED in browser.get("/cluster/lesson-1").text
    page = browser.get("/progress/lesson-1")
    assert Assurance.REPORTED in page.text


@one_database
def test_hostile_names_and_texts_are_shown_as_text(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    terminal, browser = Terminal(classroom, classroom.token(ada)), classroom.client(ada)
    data = submission(snapshot_of(GOOD), "lesson-1")
    hostile = "<script>alert(1)</script>\0\ud800"
    data = changed(data, ["snapshot", "objects", 0, "body", "metadata", "labels", "environment"], hostile)
    data["snapshot"]["source"]["files"] = ["<img src=x>.yaml"]
    data["snapshot"]["objects"][0]["file"] = "<img src=x>.yaml"
    answer = terminal.send(sealed(data))
    assert answer.status_code == 201, answer.text
    for path in ("/cluster/lesson-1", "/progress/lesson-1", "/progress"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x>" not in page.text


def test_what_a_database_cannot_keep_is_stored_as_a_sign(classroom: Classroom, terminal: Terminal) -> None:
    data = submission(snapshot_of(GOOD), "lesson-1")
    data = changed(data, ["snapshot", "objects", 0, "body", "metadata", "labels", "environment"], "a\0b\ud800")
    data = changed(data, ["snapshot", "source", "context"], None)
    assert terminal.send(data).status_code == 201
    (attempt,) = terminal.attempts()
    assert "\0" not in json.dumps(attempt.report, ensure_ascii=False)
    assert "\ufffd" in json.dumps(attempt.report, ensure_ascii=False)
