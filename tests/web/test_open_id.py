"""Signing in at a real OpenID provider, which behaves in some tests and misbehaves in others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.models import Account, AuditEvent, Membership, Purpose, Role, SignIn, TerminalToken
from app.services import join_links, one_time_links, open_id
from app.services.audit import Actor
from app.services.lesson_texts import Course
from app.services.open_id import Journey
from tests.oidc.provider import CLIENT, SECRET, Provider
from tests.web.classroom import KEY, Classroom
from tests.web.client import Client
from tests.web.conftest import free_port, serving

ADA = {"sub": "ada-1", "email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace"}
KNOWN = "course_session"


@pytest.fixture(scope="module")
def port() -> int:
    """The course's own, for all tests here: the provider knows one address to send people back to."""
    return free_port()


@pytest.fixture(scope="module")
def running(port: int) -> Iterator[Provider]:
    """The provider."""
    provider = Provider(free_port(), f"http://127.0.0.1:{port}/sign-in/openid/back")
    yield provider
    provider.stop()


@pytest.fixture
def provider(running: Provider) -> Provider:
    """The same, as it should be, and with Ada."""
    running.tell(ADA)
    return running


@pytest.fixture
def settings(provider: Provider, database_url: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A classroom's that knows the provider."""
    return _settings(provider.issuer, database_url, port, tmp_path, monkeypatch)


def _settings(issuer: str, database_url: str, port: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "share"))
    monkeypatch.setenv("KUBECONFIG", str(folder / "no-kubeconfig"))
    environment = {
        "COURSE_URL": f"http://127.0.0.1:{port}",
        "COURSE_SECRET": KEY,
        "DATABASE_URL": database_url,
        "COURSE_OIDC_ISSUER": issuer,
        "COURSE_OIDC_CLIENT_ID": CLIENT,
        "COURSE_OIDC_CLIENT_SECRET": SECRET,
        "COURSE_OIDC_NAME": "the <b>University</b>",
    }
    return Settings.for_classroom(environment, folder / "data", port=port)


@pytest.fixture
def classroom(settings: Settings, course: Course) -> Iterator[Classroom]:
    """A classroom with the provider."""
    app = create_app(settings, course=course)
    with TestClient(app, base_url=settings.url):
        yield Classroom(app, settings)


sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Came:
    """Somebody who has come back: their browser, and the first answer."""

    browser: Client
    answer: Response


@pytest.fixture
def come(classroom: Classroom, provider: Provider) -> Callable[..., Came]:
    """Sign in at the provider and come back, with a new browser."""

    def came(who: str = "ada-1", target: str = "/progress") -> Came:
        browser = classroom.client()
        sent = browser.get("/sign-in/openid", params={"next": target})
        assert sent.status_code == 303
        back = urlsplit(provider.sign_in(sent.headers["location"], who))
        return Came(browser, browser.get(f"{back.path}?{back.query}"))

    return came


def test_first_sign_in_makes_a_learner_and_the_next_finds_them_by_subject(
    classroom: Classroom, provider: Provider, come: Callable[..., Came]
) -> None:
    came = come()
    assert (came.answer.status_code, came.answer.headers["location"]) == (303, "/progress")
    page = came.browser.get("/account")
    assert "Ada Lovelace" in page.text
    assert "ada@example.org" in page.text
    assert "Old password" not in page.text
    provider.tell({**ADA, "email": "ada@new.example.org"})
    assert come().answer.status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        account = session.exec(select(Account)).one()
        assert (account.issuer, account.subject, account.email, account.role) == (provider.issuer, "ada-1", "ada@example.org", Role.LEARNER)
        assert account.password is None


@sqlite_alone
def test_what_goes_to_the_provider_is_code_flow_with_pkce_state_and_nonce(classroom: Classroom, provider: Provider) -> None:
    browser = classroom.client()
    sent = browser.get("/sign-in/openid")
    assert sent.headers["location"].startswith(provider.issuer)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(sent.headers["location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{classroom.settings.url}/sign-in/openid/back"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    cookie = sent.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie
    journey = Journey.unpacked(classroom.app.state.secret, browser.cookies["course_openid"])
    assert journey is not None
    assert journey.state == asked["state"]
    assert journey.verifier not in sent.headers["location"]


def test_an_account_of_the_same_verified_address_is_linked_and_what_its_password_opened_ends(
    classroom: Classroom, come: Callable[..., Came]
) -> None:
    ada = classroom.person("Ada", Role.INSTRUCTOR)
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.password = "$argon2id$of somebody who said that they were Ada"
        link = one_time_links.make_link(session, Actor(None, "the server"), Purpose.RESET, ada.id)
    before, token = classroom.client(ada), classroom.token(ada)
    came = come()
    assert came.answer.status_code == 303
    assert "instructor" in came.browser.get("/account").text
    assert before.get("/account").status_code == 303, "whoever had the password is out"
    assert classroom.client().get(link).status_code == 404
    with session_of(classroom.app.state.engine, writes=False) as session:
        account = session.exec(select(Account)).one()
        assert (account.subject, account.password) == ("ada-1", None)
        assert session.exec(select(TerminalToken)).all() == []
        assert "account.linked" in session.exec(select(AuditEvent.action)).all()
    assert token


UNLINKED = [
    pytest.param({"email_verified": False}, None, "does not vouch", id="an address that is not verified"),
    pytest.param({"email_verified": "true"}, None, "does not vouch", id="verified in a word instead of a fact"),
    pytest.param({"email_verified": True}, "somebody-else", "belongs to somebody else", id="an account of another subject"),
]


@pytest.mark.parametrize(("said", "subject", "told"), UNLINKED)
def test_nobody_gets_the_account_of_another(
    classroom: Classroom, provider: Provider, come: Callable[..., Came], said: dict[str, object], subject: str | None, told: str
) -> None:
    ada = classroom.person("Ada", Role.ADMIN)
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.issuer, account.subject = (provider.issuer, subject) if subject else (None, None)
    provider.tell({**ADA, **said})
    came = come()
    assert came.answer.status_code == 403
    assert told in came.answer.text
    assert KNOWN not in came.browser.cookies
    assert _sign_ins(classroom) == 0


def test_a_deactivated_account_is_not_let_in_by_the_provider_either(classroom: Classroom, come: Callable[..., Came]) -> None:
    assert come().answer.status_code == 303
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.exec(select(Account)).one().active = False
    came = come()
    assert came.answer.status_code == 422
    assert "or the account is closed" in came.answer.text


def test_who_comes_with_a_link_to_join_gets_an_account_and_is_asked_to_join(
    classroom: Classroom, provider: Provider, come: Callable[..., Came]
) -> None:
    teacher = classroom.person("Iris", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn", [teacher])
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = join_links.make(session, Actor.of(teacher, ""), number, join_links.LONGEST)
        code = join_links.code_of(classroom.app.state.secret, link)
    provider.tell({"sub": "bob-1", "email": "bob@example.org", "email_verified": False, "name": "Bob"})
    refused = come("bob-1")
    assert refused.answer.status_code == 403
    assert "link that your instructor gave you" in refused.answer.text
    came = come("bob-1", f"/join/{code}")
    assert came.answer.headers["location"] == f"/join/{code}"
    assert "Join Autumn" in came.browser.get(f"/join/{code}").text
    assert came.browser.send_form(f"/join/{code}").status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        bob = session.exec(select(Account).where(Account.email == "bob@example.org")).one()
        assert session.get(Membership, (number, bob.learner_id)) is not None


@sqlite_alone
@pytest.mark.parametrize("email", ["", "no address", "x@y\r\nSet-Cookie: a=b", "a@b.c" * 80])
def test_an_address_that_is_none_makes_no_account(classroom: Classroom, provider: Provider, come: Callable[..., Came], email: str) -> None:
    provider.tell({**ADA, "email": email})
    came = come()
    assert came.answer.status_code in (403, 422)
    assert 'role="alert"' in came.answer.text
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.exec(select(Account)).all() == []


@sqlite_alone
def test_a_name_from_the_provider_is_text(classroom: Classroom, provider: Provider, come: Callable[..., Came]) -> None:
    provider.tell({**ADA, "name": "<script>alert(1)</script>\u202eevil\n" + "x" * 300})
    came = come()
    page = came.browser.get("/account").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page


WRONG = [
    pytest.param({"claims": {"nonce": "another"}}, id="nonce of another sign-in"),
    pytest.param({"claims": {"nonce": None}}, id="no nonce"),
    pytest.param({"claims": {"exp": 1_700_000_000}}, id="expired"),
    pytest.param({"claims": {"exp": None}}, id="never expires"),
    pytest.param({"claims": {"iat": time.time() + 3600, "exp": time.time() + 7200}}, id="from the future"),
    pytest.param({"claims": {"aud": "another"}}, id="for another client"),
    pytest.param({"claims": {"aud": ["course", "another"]}}, id="for two clients, and no word for which"),
    pytest.param({"claims": {"aud": ["course", "another"], "azp": "another"}}, id="for two clients, and the other is meant"),
    pytest.param({"claims": {"iss": "https://evil.example.org"}}, id="of another issuer"),
    pytest.param({"claims": {"sub": "somebody-else"}}, id="of another person than the rest of the answer"),
    pytest.param({"claims": {"sub": ""}}, id="of nobody"),
    pytest.param({"claims": {"sub": 7}}, id="of a number"),
    pytest.param({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, id="for another access token"),
    pytest.param({"key": "other"}, id="signed by somebody else"),
    pytest.param({"key": "none"}, id="not signed"),
    pytest.param({"key": "secret"}, id="signed with the secret of the client"),
]


@sqlite_alone
@pytest.mark.parametrize("fault", WRONG)
def test_an_id_token_that_is_not_right_lets_nobody_in(
    classroom: Classroom, provider: Provider, come: Callable[..., Came], fault: dict[str, object]
) -> None:
    provider.tell(ADA, **fault)
    came = come()
    assert came.answer.status_code == 502
    assert "cannot be believed" in came.answer.text
    assert "Nobody was signed in" in came.answer.text
    assert KNOWN not in came.browser.cookies
    assert _sign_ins(classroom) == 0


@sqlite_alone
def test_new_keys_of_the_provider_are_fetched(
    classroom: Classroom, provider: Provider, come: Callable[..., Came], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert come().answer.status_code == 303
    provider.tell(ADA, key="new")
    assert come().answer.status_code == 502, "it has just been asked for its keys"
    monkeypatch.setattr(open_id, "_KEYS_REST", 0)
    assert come().answer.status_code == 303
    assert _sign_ins(classroom) == 2


def _sign_ins(classroom: Classroom) -> int:
    with session_of(classroom.app.state.engine, writes=False) as session:
        return len(session.exec(select(SignIn)).all())


@sqlite_alone
def test_an_answer_that_was_not_asked_for_or_is_another_browsers_is_declined(classroom: Classroom, provider: Provider) -> None:
    mallory, ada = classroom.client(), classroom.client()
    sent = mallory.get("/sign-in/openid")
    back = urlsplit(provider.sign_in(sent.headers["location"], "ada-1"))
    address = f"{back.path}?{back.query}"
    assert ada.get(address).status_code == 400, "who has not begun"
    ada.get("/sign-in/openid")
    answer = ada.get(address)
    assert answer.status_code == 400, "who has begun another one"
    assert "does not belong to a sign-in that was begun here" in answer.text
    assert mallory.get(address).status_code == 303
    assert mallory.get(address).status_code == 400, "once"


@sqlite_alone
def test_a_journey_that_was_forged_or_took_too_long_leads_nowhere(classroom: Classroom) -> None:
    key = classroom.app.state.secret
    journey = Journey.begin("/progress")
    packed = journey.packed(key)
    assert Journey.unpacked(key, packed) == journey
    assert Journey.unpacked(b"another key", packed) is None
    assert Journey.unpacked(key, packed.replace(packed[5], "A" if packed[5] != "A" else "B", 1)) is None
    assert Journey.unpacked(key, "") is None
    late = Journey(journey.state, journey.nonce, journey.verifier, "/", int(time.time()) - 1)
    assert Journey.unpacked(key, late.packed(key)) is None


@sqlite_alone
def test_an_answer_of_another_issuer_is_not_believed(classroom: Classroom, provider: Provider) -> None:
    browser = classroom.client()
    back = urlsplit(provider.sign_in(browser.get("/sign-in/openid").headers["location"], "ada-1"))
    query = re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.example.org", back.query)
    assert query != back.query
    assert browser.get(f"{back.path}?{query}").status_code == 502


@sqlite_alone
@pytest.mark.parametrize("target", ["//evil.example.org", "/\\evil.example.org", "https:evil.example.org", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site_afterwards(come: Callable[..., Came], target: str) -> None:
    assert come(target=target).answer.headers["location"] == "/"


@sqlite_alone
def test_who_says_no_at_the_provider_is_told_so(classroom: Classroom) -> None:
    browser = classroom.client()
    sent = browser.get("/sign-in/openid")
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    answer = browser.get("/sign-in/openid/back", params={"state": state, "error": "access_denied", "error_description": "<b>no</b>"})
    assert answer.status_code == 400
    assert "You were not signed in at the provider" in answer.text
    assert "<b>no</b>" not in answer.text


@sqlite_alone
@pytest.mark.parametrize("when", ["before", "between"])
def test_a_provider_that_is_down_is_a_sentence(classroom: Classroom, provider: Provider, when: str) -> None:
    browser = classroom.client()
    if when == "before":
        provider.tell(down=True)
        answer = browser.get("/sign-in/openid")
    else:
        back = urlsplit(provider.sign_in(browser.get("/sign-in/openid").headers["location"], "ada-1"))
        provider.tell(down=True)
        answer = browser.get(f"{back.path}?{back.query}")
    assert answer.status_code == 503
    assert "does not answer as it should" in answer.text
    assert "Who has a password here can sign in with it" in answer.text


@sqlite_alone
def test_a_provider_that_is_not_there_is_a_sentence(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, course: Course
) -> None:
    nowhere = _settings(f"http://127.0.0.1:{free_port()}", database_url, free_port(), tmp_path, monkeypatch)
    app = create_app(nowhere, course=course)
    with TestClient(app, base_url=nowhere.url):
        answer = Classroom(app, nowhere).client().get("/sign-in/openid")
    assert answer.status_code == 503
    assert "The provider at 127.0.0.1" in answer.text


@sqlite_alone
def test_the_button_names_the_provider_as_text(classroom: Classroom) -> None:
    page = classroom.client().get("/sign-in?next=/progress").text
    assert "Sign in with the &lt;b&gt;University&lt;/b&gt;" in page
    assert 'href="/sign-in/openid?next=/progress"' in page


@sqlite_alone
@pytest.mark.browser
def test_there_and_back_in_a_browser(settings: Settings, course: Course, page: Page) -> None:
    app = create_app(settings, course=course)
    with serving(app, settings.port):
        page.goto(f"{settings.url}/progress")
        page.get_by_role("link", name="Sign in with").click()
        page.get_by_label("Who are you").fill("ada-1")
        page.get_by_role("button", name="It is me").click()
        page.wait_for_url(f"{settings.url}/progress")
        expect(page.get_by_role("link", name="Your account: Ada Lovelace")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(f"{settings.url}/account")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
