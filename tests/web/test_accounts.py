"""People: signing in and out, how often that may be tried, and one's own account."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import SQLModel, select

from app.config import Settings
from app.db import session_of
from app.errors import TooOften
from app.main import create_app
from app.models import (
    Account,
    Attempt,
    AuditEvent,
    Comment,
    Learner,
    Origin,
    Purpose,
    Role,
    SignIn,
    TerminalToken,
    Throttle,
    WorkspaceFile,
    utc_now,
)
from app.security import safe_target
from app.services import account_data, attempts, one_time_links, passwords, signing_in, throttle
from app.services.audit import Actor
from app.services.lesson_texts import Course
from app.services.sign_ins import digest
from tests.web.classroom import KEY, Classroom
from tests.web.client import Client
from tests.web.doors import GOOD, renewed, sign_in, stranger, with_password
from tests.web.test_pages import report

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _account(classroom: Classroom, learner_id: int) -> Account:
    with session_of(classroom.app.state.engine, writes=False) as session:
        found = session.get(Account, learner_id)
        assert found is not None
        return found


def test_who_has_a_password_signs_in_and_out(classroom: Classroom) -> None:
    with_password(classroom, "Ada")
    browser = stranger(classroom)
    answer = browser.send_form("/sign-in", {"email": "  ADA@Example.org ", "password": GOOD, "next": "/progress?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/progress?x=1")
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("course_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert browser.get("/account").status_code == 200
    assert browser.get("/sign-in?next=/progress").status_code == 303, "nothing to do there"
    held = browser.cookies["course_session"]
    assert renewed(browser).send_form("/sign-out").headers["location"] == "/sign-in"
    assert browser.get("/progress").status_code == 303
    browser.cookies.set("course_session", held)
    assert browser.get("/progress").status_code == 303, "the server has forgotten it as well"


@pytest.mark.parametrize("who", ["nobody@example.org", "ada@example.org", "closed@example.org", "elsewhere@example.org", "no address", ""])
def test_whoever_is_not_let_in_reads_the_same_words(classroom: Classroom, who: str) -> None:
    with_password(classroom, "Ada")
    closed = with_password(classroom, "Closed")
    classroom.person("Elsewhere")
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, closed.id)
        assert account is not None
        account.active = False
    password = GOOD if who.startswith("closed") else "not the password"
    browser = stranger(classroom)
    answer = browser.send_form("/sign-in", {"email": who, "password": password})
    assert answer.status_code == 422
    assert "Address and password do not belong together, or the account is closed." in answer.text
    assert "course_session" not in browser.cookies


@sqlite_alone
def test_no_account_takes_as_long_as_one(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    with_password(classroom, "Ada")
    classroom.person("Elsewhere")
    compared: list[str] = []
    real = passwords._HASHER.verify

    class Counting:
        def verify(self, stored: str, typed: str) -> bool:
            compared.append(stored[:40])
            return bool(real(stored, typed))

        def __getattr__(self, name: str) -> object:
            return getattr(real.__self__, name)  # type: ignore[attr-defined] # a bound method has it

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for who in ("ada@example.org", "nobody@example.org", "elsewhere@example.org", "x" * 300):
        assert sign_in(stranger(classroom), who, "not the password") == 422
    assert len(compared) == 4
    assert len({each.rpartition("$")[0] for each in compared}) == 1, "the same work each time"


def test_each_sign_in_has_a_new_secret_and_ends_the_one_before(classroom: Classroom) -> None:
    ada = with_password(classroom, "Ada")
    bob = classroom.person("Bob")
    browser = classroom.client(bob)
    planted = browser.cookies["course_session"]
    answer = browser.send_form("/sign-in", {"email": ada.email, "password": GOOD})
    given = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("course_session="))
    assert planted not in given
    old = classroom.client()
    old.cookies.set("course_session", planted)
    assert old.get("/account").status_code == 303, "what the browser came with opens nothing any more"


def test_hashes_of_older_parameters_are_made_anew(classroom: Classroom) -> None:
    from argon2 import PasswordHasher

    ada = with_password(classroom, "Ada")
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.password = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert sign_in(stranger(classroom), ada.email) == 303
    stored = _account(classroom, ada.id).password
    assert stored is not None
    assert "m=19456,t=2,p=1" in stored
    assert sign_in(stranger(classroom), ada.email) == 303


TARGETS = [
    pytest.param("/progress?x=1&y=%2F", "/progress?x=1&y=%2F", id="a page of ours"),
    pytest.param("//evil.example.org", "/", id="another host without a scheme"),
    pytest.param("/\\evil.example.org", "/", id="with a backslash"),
    pytest.param("\\\\evil.example.org", "/", id="with two"),
    pytest.param("https:evil.example.org", "/", id="a scheme without slashes"),
    pytest.param("https://evil.example.org/", "/", id="an address"),
    pytest.param("///evil.example.org", "/evil.example.org", id="three slashes, a path of ours"),
    pytest.param("/progress\r\nSet-Cookie: a=b", "/", id="a header"),
    pytest.param("/%0d%0aSet-Cookie:a=b", "/%0d%0aSet-Cookie:a=b", id="an encoded header, a path that nobody has"),
    pytest.param("/\tevil", "/", id="a tab"),
    pytest.param("javascript:alert(1)", "/", id="a script"),
    pytest.param("evil", "/", id="a word"),
    pytest.param("", "/", id="nothing"),
    pytest.param("//[", "/", id="brackets that do not close"),
]


@pytest.mark.parametrize(("asked", "led"), TARGETS)
@sqlite_alone
def test_signing_in_leads_to_pages_of_ours_alone(classroom: Classroom, asked: str, led: str) -> None:
    assert safe_target(asked) == led
    ada = with_password(classroom, "Ada")
    answer = stranger(classroom).send_form("/sign-in", {"email": ada.email, "password": GOOD, "next": asked})
    assert answer.headers["location"] == led
    assert [name for name in answer.headers if name.startswith("set-cookie: a")] == []
    assert f'value="{led.replace("&", "&amp;")}"' in classroom.client().get("/sign-in", params={"next": asked}).text


@sqlite_alone
def test_a_form_of_another_page_signs_nobody_in(classroom: Classroom) -> None:
    ada = with_password(classroom, "Ada")
    assert classroom.client().post("/sign-in", data={"email": ada.email, "password": GOOD}).status_code == 403


@sqlite_alone
def test_behind_tls_cookies_are_of_this_host_and_of_https_alone(database_url: str, tmp_path: Path, course: Course) -> None:
    environment = {"COURSE_URL": "https://course.example.org", "COURSE_SECRET": KEY, "DATABASE_URL": database_url}
    settings = Settings.for_classroom(environment, tmp_path / "data")
    app = create_app(settings, course=course)
    with TestClient(app, base_url=settings.url):
        secure = Classroom(app, settings)
        ada, browser = with_password(secure, "Ada"), stranger(secure)
        answer = browser.send_form("/sign-in", {"email": ada.email, "password": GOOD})
        assert answer.status_code == 303
        given = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
        for name in ("__Host-course_session", "__Host-course_known"):
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(given[name].split("; "))
            assert "domain" not in given[name].lower()
        left = renewed(browser).send_form("/sign-out").headers["set-cookie"]
        assert left.startswith('__Host-course_session=""')
        assert "Secure" in left


def test_guessing_at_one_account_ends_from_whatever_address_and_its_owner_still_gets_in(classroom: Classroom) -> None:
    ada = with_password(classroom, "Ada")
    owner = stranger(classroom)
    assert sign_in(owner, ada.email) == 303, "a browser that is known from now on"
    assert renewed(owner).send_form("/sign-out").status_code == 303
    guesser = stranger(classroom)
    assert {sign_in(guesser, "ADA@example.org", "guess") for _ in range(signing_in.PER_ACCOUNT)} == {422}
    answer = guesser.send_form("/sign-in", {"email": ada.email, "password": GOOD})
    assert answer.status_code == 429, "even with the right password, or the limit would tell which it is"
    assert 0 < int(answer.headers["retry-after"]) <= signing_in.WINDOW
    assert re.search(r"Try again in 1[0-9] minutes", answer.text)
    assert "course_session" not in guesser.cookies
    known = stranger(classroom)
    known.cookies.set("course_known", owner.cookies["course_known"])
    assert sign_in(known, ada.email) == 303
    _rewind(classroom, signing_in.WINDOW)
    assert sign_in(guesser, ada.email) == 303


def test_no_account_is_counted_like_one_however_its_address_is_typed(classroom: Classroom) -> None:
    with_password(classroom, "Ada")
    ways = ("{}@example.org", " {}@EXAMPLE.org", "{}\uff20example.org", "{}@example.org\t", "{}\uff20EXAMPLE.ORG")
    for name in ("ada", "nobody"):
        statuses = [sign_in(stranger(classroom), ways[number % len(ways)].format(name), "guess") for number in range(11)]
        assert statuses == [422] * 10 + [429], name


def test_what_a_browser_is_known_by_is_good_for_its_account_alone_and_counted(classroom: Classroom) -> None:
    ada, bob = with_password(classroom, "Ada"), with_password(classroom, "Bob")
    browser = stranger(classroom)
    assert sign_in(browser, ada.email) == 303
    thief = stranger(classroom)
    thief.cookies.set("course_known", browser.cookies["course_known"])
    assert {sign_in(thief, bob.email, "guess") for _ in range(signing_in.PER_ACCOUNT)} == {422}
    assert sign_in(thief, bob.email) == 429
    assert {sign_in(thief, ada.email, "guess") for _ in range(signing_in.PER_ACCOUNT)} == {422}
    assert sign_in(thief, ada.email) == 429


def test_guessing_at_many_accounts_from_one_address_ends_and_successes_do_not_count(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "PER_ADDRESS", 5)
    ada = with_password(classroom, "Ada")
    assert {sign_in(stranger(classroom), ada.email) for _ in range(7)} == {303}, "a class behind one address"
    assert {sign_in(stranger(classroom), f"nobody{number}@example.org", "guess") for number in range(5)} == {422}
    assert sign_in(stranger(classroom), "nobody9@example.org", "guess") == 429


def test_signing_in_over_and_over_ends_as_well(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "SUCCESSES", 3)
    ada = with_password(classroom, "Ada")
    assert [sign_in(stranger(classroom), ada.email) for _ in range(4)] == [303, 303, 303, 429]


def test_all_replicas_count_together(classroom: Classroom, course: Course) -> None:
    ada = with_password(classroom, "Ada")
    app = create_app(classroom.settings, course=course)
    with TestClient(app, base_url=classroom.settings.url):
        other = Classroom(app, classroom.settings)
        for here in (classroom, other) * 5:
            assert sign_in(stranger(here), ada.email, "guess") == 422
        assert [sign_in(stranger(here), ada.email) for here in (classroom, other)] == [429, 429]


def test_many_at_once_are_not_let_through_a_limit(classroom: Classroom) -> None:
    engine = classroom.app.state.engine
    let: list[bool] = []

    def attempt() -> None:
        for _ in range(5):
            try:
                with session_of(engine, writes=True) as session:
                    throttle.check(session, "a test", "somebody", 7, 60)
                let.append(True)
            except TooOften:
                let.append(False)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (let.count(True), let.count(False)) == (7, 13)


def test_a_limit_counts_from_the_first_try_and_is_forgotten_in_time(classroom: Classroom) -> None:
    engine = classroom.app.state.engine

    def tried() -> bool:
        try:
            with session_of(engine, writes=True) as session:
                throttle.check(session, "a test", "somebody", 2, 60)
        except TooOften:
            return False
        return True

    assert [tried(), tried(), tried()] == [True, True, False]
    with session_of(engine, writes=True) as session:
        throttle.refund(session, "a test", "somebody")
    assert [tried(), tried()] == [True, False]
    _rewind(classroom, 60)
    assert tried()
    with session_of(engine, writes=True) as session:
        throttle.sweep(session, utc_now() + timedelta(days=2))
        assert session.exec(select(Throttle)).all() == []
        throttle.refund(session, "a test", "somebody")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_one_place_is_an_address_or_what_one_household_has(address: str, place: str) -> None:
    assert throttle.network_of(address) == place


def _rewind(classroom: Classroom, seconds: int) -> None:
    with session_of(classroom.app.state.engine, writes=True) as session:
        for each in session.exec(select(Throttle)):
            each.since -= timedelta(seconds=seconds + 1)


HOSTILE = [
    pytest.param("post", "/sign-in", b"email=%ff%fe&password=%ff", 422, id="bytes that are no text"),
    pytest.param("post", "/sign-in", b"email=a%00b%40example.org&password=%00", 422, id="zeros"),
    pytest.param(
        "post", "/sign-in", b"email=" + b"a" * 30_000 + b"&password=" + b"\xef\xb7\xba" * 10_000, 422, id="as much as nobody may send"
    ),
    pytest.param("post", "/sign-in", b"email=" + b"a" * 900_000 + b"&password=" + b"\xef\xb7\xba" * 300_000, 413, id="megabytes"),
    pytest.param("post", "/sign-in", b"", 422, id="nothing"),
    pytest.param("get", "/people?words=%00%ff&page=2", b"", 200, id="a search for zeros"),
    pytest.param("get", "/people?words=%27%20or%201%3D1", b"", 200, id="a search for quotes"),
    pytest.param("get", "/people?page=99999999999999999999999", b"", 200, id="a page far away"),
    pytest.param("get", "/account?told=%3Cscript%3E", b"", 200, id="something told that is not ours"),
    pytest.param("post", "/account/name", b"name=%00%1b", 422, id="a name of zeros"),
    pytest.param("post", "/account/tokens", b"name=%00%1b", 422, id="a token of zeros"),
    pytest.param("post", "/account/tokens/99999999999999999999/revoke", b"", 422, id="a number too large"),
    pytest.param("get", "/link/%00%ff%0d%0aX:y", b"", 404, id="a link of zeros"),
    pytest.param("get", "/sign-in?next=" + "%2Fa" * 10_000, b"", 200, id="a long way back"),
    pytest.param("get", "/sign-in/openid/back?state=%00&code=%ff&iss=x", b"", 400, id="nobody at the provider"),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), HOSTILE)
def test_nothing_that_is_sent_breaks_the_course(classroom: Classroom, method: str, path: str, body: bytes, status: int) -> None:
    browser = classroom.client(classroom.person("Root", Role.ADMIN)) if path.startswith(("/people", "/account")) else stranger(classroom)
    if method == "get":
        answer = browser.get(path)
    else:
        kind = {"content-type": "application/x-www-form-urlencoded", "x-csrf-token": browser.token}
        answer = browser.post(path, content=body, headers=kind)
    assert answer.status_code == status
    assert "<script>" not in answer.text


def test_changing_the_password_asks_the_old_one_and_ends_other_sign_ins(classroom: Classroom) -> None:
    ada = with_password(classroom, "Ada")
    browser, other = classroom.client(ada), classroom.client(ada)
    new = "seven lanterns over a quiet harbour"
    wrong = browser.send_form("/account/password", {"old": "not it at all", "password": new})
    assert wrong.status_code == 422
    assert "old password is not right" in wrong.text
    assert browser.send_form("/account/password", {"old": GOOD, "password": "ada@example.org"}).status_code == 422
    done = browser.send_form("/account/password", {"old": GOOD, "password": new})
    assert done.headers["location"] == "/account?told=password"
    assert (browser.get("/account").status_code, other.get("/account").status_code) == (200, 303)
    assert sign_in(stranger(classroom), ada.email) == 422
    assert sign_in(stranger(classroom), ada.email, new) == 303
    assert {browser.send_form("/account/password", {"old": "guess", "password": new}).status_code for _ in range(11)} == {422, 429}


def test_sign_ins_are_listed_and_ended_but_not_those_of_others(classroom: Classroom) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    here, there, bobs = classroom.client(ada), classroom.client(ada), classroom.client(bob)
    assert here.get("/account").text.count("this one") == 1
    with session_of(classroom.app.state.engine, writes=False) as session:
        ids = {each.digest: each.id for each in session.exec(select(SignIn))}

    def number(browser: Client) -> int | None:
        return ids[digest(browser.cookies["course_session"].partition(".")[0])]

    assert here.send_form(f"/account/sign-ins/{number(bobs)}/end").status_code == 404
    assert bobs.get("/account").status_code == 200
    assert here.send_form(f"/account/sign-ins/{number(there)}/end").status_code == 303
    assert there.get("/account").status_code == 303
    third = classroom.client(ada)
    assert here.send_form("/account/sign-ins/end-others").status_code == 303
    assert (third.get("/account").status_code, bobs.get("/account").status_code) == (303, 200)
    assert here.send_form(f"/account/sign-ins/{number(here)}/end").headers["location"] == "/sign-in"
    assert here.get("/account").status_code == 303


def test_terminal_tokens_are_shown_once_and_revoked(classroom: Classroom) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    browser = classroom.client(ada)
    assert browser.send_form("/account/tokens", {"name": " \n "}).status_code == 422
    made = browser.send_form("/account/tokens", {"name": "laptop <b>\r\nx"})
    found = re.search(r"course_[A-Za-z0-9_-]{43}", made.text)
    assert found is not None
    assert made.headers["cache-control"] == "no-store"
    later = browser.get("/account").text
    assert found[0] not in later
    assert "laptop &lt;b&gt; x" in later
    assert "not yet" in later
    with session_of(classroom.app.state.engine, writes=False) as session:
        token = session.exec(select(TerminalToken)).one()
        assert token.digest == digest(found[0])
    assert classroom.client(bob).send_form(f"/account/tokens/{token.id}/revoke").status_code == 404
    assert browser.send_form(f"/account/tokens/{token.id}/revoke").status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.exec(select(TerminalToken)).all() == []


def test_names_are_text(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    browser = classroom.client(ada)
    assert browser.send_form("/account/name", {"name": "\u202e\u200b"}).status_code == 422
    assert browser.send_form("/account/name", {"name": "x" * 101}).status_code == 422
    assert browser.send_form("/account/name", {"name": "  Ada\r\nSet-Cookie: a=b <script>\u202e "}).status_code == 303
    page = browser.get("/account")
    assert "Ada Set-Cookie: a=b &lt;script&gt;" in page.text
    assert "<script>\u202e" not in page.text


def test_everything_about_one_person_is_downloaded_and_nothing_that_opens_a_door(classroom: Classroom) -> None:
    ada, bob, iris = with_password(classroom, "Ada"), classroom.person("Bob"), classroom.person("Iris", Role.INSTRUCTOR)
    cohort = classroom.cohort("Autumn", [iris], [ada, bob])
    token, browser = classroom.token(ada), classroom.client(ada)
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.add(Comment(cohort_id=cohort, learner_id=ada.id, author_id=iris.id, lesson_id="lesson-1", text="Look at the label."))
        session.add(Comment(cohort_id=cohort, learner_id=bob.id, author_id=iris.id, lesson_id="lesson-1", text="For Bob alone."))
        session.add(WorkspaceFile(learner_id=ada.id, name="mine.yaml", content="kind: Pod"))
        attempts.take_in(session, ada.id, report("lesson-1"), Origin.WORKBENCH, key="one")
        attempts.take_in(session, bob.id, report("lesson-1"), Origin.WORKBENCH, key="two")
        path = one_time_links.make_link(session, Actor.of(iris, "192.0.2.99"), Purpose.RESET, ada.id)
    answer = browser.get("/account/data")
    assert answer.headers["content-disposition"].startswith("attachment")
    saved = json.loads(answer.content)
    tables = saved["tables"]
    assert {"learners", "accounts", "sign_ins", "terminal_tokens", "memberships", "comments", "workspace_files"} <= set(tables)
    assert {"attempts", "objective_results", "one_time_links", "audit_events"} <= set(tables)
    assert [row["text"] for row in tables["comments"]] == ["Look at the label."]
    assert [row["key"] for row in tables["attempts"]] == ["one"]
    assert {row["attempt_id"] for row in tables["objective_results"]} == {tables["attempts"][0]["id"]}
    assert [event["action"] for event in tables["audit_events"]] == ["reset-link.made"]
    assert "192.0.2.99" not in answer.text, "where an instructor was is theirs"
    secret = browser.cookies["course_session"].partition(".")[0]
    for closed in (
        token,
        digest(token),
        secret,
        digest(secret),
        path.rpartition("/")[2],
        digest(path.rpartition("/")[2]),
        "$argon2",
        "For Bob",
    ):
        assert closed not in answer.text


def test_every_table_that_names_people_is_part_of_the_download() -> None:
    kept_back = {"throttles", "cohorts", "due_dates"}  # which name nobody
    covered = {table.name for table in account_data._tables()} | {"objective_results", "audit_events"}
    assert set(SQLModel.metadata.tables) == covered | kept_back


def test_deleting_the_account_asks_for_its_address_and_takes_all_along(classroom: Classroom) -> None:
    ada, iris = classroom.person("Ada"), classroom.person("Iris", Role.INSTRUCTOR)
    cohort = classroom.cohort("Autumn", [iris], [ada])
    browser, token = classroom.client(ada), classroom.token(ada)
    with session_of(classroom.app.state.engine, writes=True) as session:
        attempts.take_in(session, ada.id, report("lesson-1"), Origin.WORKBENCH, key="one")
        session.add(Comment(cohort_id=cohort, learner_id=ada.id, author_id=iris.id, lesson_id="lesson-1", text="x"))
    refused = browser.send_form("/account/delete", {"email": "bob@example.org"})
    assert refused.status_code == 422
    assert "nothing was deleted" in refused.text
    assert browser.send_form("/account/delete", {"email": " ADA@example.org"}).headers["location"] == "/sign-in"
    assert browser.get("/account").status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.get(Learner, ada.id) is None
        assert session.get(Account, ada.id) is None
        assert [each for each in (Attempt, Comment, TerminalToken) if session.exec(select(each)).all()] == []
        assert session.exec(select(AuditEvent.action)).all() == ["account.deleted"]
    assert classroom.client(iris).get("/account").status_code == 200
    assert token


def test_whoever_finds_a_browser_open_cannot_delete_the_account(classroom: Classroom) -> None:
    ada = with_password(classroom, "Ada")
    browser = classroom.client(ada)
    assert 'id="proof" name="password" type="password" required' in browser.get("/account").text
    for wrong in ({}, {"password": ""}, {"password": GOOD + "x"}):
        refused = browser.send_form("/account/delete", {"email": ada.email, **wrong})
        assert refused.status_code == 422
        assert "The password is not right, so nothing was deleted." in refused.text
    assert browser.send_form("/account/delete", {"email": "x@example.org", "password": GOOD}).status_code == 422
    for _ in range(10):
        last = browser.send_form("/account/delete", {"email": ada.email, "password": "guess"})
    assert last.status_code == 429
    assert browser.send_form("/account/delete", {"email": ada.email, "password": GOOD}).status_code == 429
    assert _account(classroom, ada.id).active
    with session_of(classroom.app.state.engine, writes=True) as session:
        throttle.forget(session, "own password", str(ada.id))
    assert browser.send_form("/account/delete", {"email": ada.email, "password": GOOD}).headers["location"] == "/sign-in"
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.get(Account, ada.id) is None


def test_an_instructor_who_goes_leaves_their_cohort_and_comments(classroom: Classroom) -> None:
    ada, iris = classroom.person("Ada"), classroom.person("Iris", Role.INSTRUCTOR)
    cohort = classroom.cohort("Autumn", [iris], [ada])
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.add(Comment(cohort_id=cohort, learner_id=ada.id, author_id=iris.id, lesson_id="lesson-1", text="x"))
    assert classroom.client(iris).send_form("/account/delete", {"email": iris.email}).status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.exec(select(Comment)).one().author_id is None
