"""Links that work once: the first admin's, invitations, new passwords."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from app.db import session_of
from app.errors import Conflict, Forbidden, NotFound
from app.models import (
    Account,
    OneTimeLink,
    Purpose,
    Role,
    TerminalToken,
    utc_now,
)
from app.services import one_time_links
from app.services.audit import Actor
from app.services.sign_ins import Person, digest
from tests.web.classroom import Classroom
from tests.web.doors import GOOD, SERVER, sign_in, stranger, with_password

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def link_for(classroom: Classroom) -> Callable[..., str]:
    """The path of a new link, made by whoever, the server when nobody is named."""

    def made(person: Person, purpose: Purpose = Purpose.RESET, by: Person | None = None) -> str:
        with session_of(classroom.app.state.engine, writes=True) as session:
            return one_time_links.make_link(session, Actor.of(by, "") if by else SERVER, purpose, person.id)

    return made


def test_a_reset_link_sets_a_password_once_and_ends_what_was_open(classroom: Classroom, link_for: Callable[..., str]) -> None:
    ada = with_password(classroom, "Ada", password="the old one, forgotten")
    elsewhere, token = classroom.client(ada), classroom.token(ada)
    path = link_for(ada)
    browser = stranger(classroom)
    for _ in range(3):
        assert "Set a new password" in browser.get(path).text, "looking does not use it up"
    assert browser.send_form(path, {"password": "password1234"}).status_code == 422, "nor does a weak password"
    answer = browser.send_form(path, {"password": GOOD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.exec(select(TerminalToken)).all() == []
        assert digest(token) != token
    again = stranger(classroom)
    assert again.get(path).status_code == 404
    assert again.send_form(path, {"password": GOOD}).status_code == 404
    assert sign_in(stranger(classroom), ada.email) == 303


def test_a_link_is_not_tried_for_ever(classroom: Classroom, link_for: Callable[..., str]) -> None:
    path, browser = link_for(classroom.person("Ada")), stranger(classroom)
    assert {browser.send_form(path, {"password": "password1234"}).status_code for _ in range(30)} == {422}
    assert browser.send_form(path, {"password": GOOD}).status_code == 429
    assert browser.get(path).status_code == 200


def test_two_at_the_same_moment_and_one_wins(classroom: Classroom, link_for: Callable[..., str]) -> None:
    ada = classroom.person("Ada")
    secret = link_for(ada, Purpose.INVITATION).rpartition("/")[2]
    won: list[bool] = []
    start = threading.Barrier(4)

    def take(number: int) -> None:
        start.wait()
        try:
            with session_of(classroom.app.state.engine, writes=True) as session:
                one_time_links.use(session, secret, f"hash {number}", address="")
            won.append(True)
        except NotFound:
            won.append(False)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]


def test_links_end_in_time_and_a_newer_one_replaces_the_older(classroom: Classroom, link_for: Callable[..., str]) -> None:
    ada = classroom.person("Ada")
    first, second = link_for(ada), link_for(ada)
    browser = classroom.client()
    assert (browser.get(first).status_code, browser.get(second).status_code) == (404, 200)
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = session.exec(select(OneTimeLink)).one()
        assert link.expires_at - link.created_at < timedelta(hours=24, seconds=5)
        assert second.rpartition("/")[2] not in (link.digest, link.purpose)
        link.expires_at = utc_now() - timedelta(seconds=1)
    assert browser.get(second).status_code == 404
    assert browser.get("/link/" + "x" * 43).status_code == 404
    assert "does not hold" in browser.get("/link/%00%0d%0a").text


def test_a_link_of_a_deactivated_account_lets_nobody_in(classroom: Classroom, link_for: Callable[..., str]) -> None:
    ada = classroom.person("Ada")
    path = link_for(ada)
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.active = False
    assert classroom.client().get(path).status_code == 404


def test_the_first_admin_is_made_by_a_link_that_works_while_there_is_none(classroom: Classroom) -> None:
    with session_of(classroom.app.state.engine, writes=True) as session:
        one, two = one_time_links.setup_link(session), one_time_links.setup_link(session)
    assert one
    assert two
    browser = stranger(classroom)
    assert "Make the first admin" in browser.get(one).text
    fields = {"email": "root@example.org", "name": "Root", "password": GOOD}
    assert browser.send_form(one, fields | {"email": "root"}).status_code == 422
    assert browser.send_form(one, fields).headers["location"] == "/people"
    assert "root@example.org" in browser.get("/people").text
    assert classroom.client().get(two).status_code == 404
    assert stranger(classroom).send_form(two, fields | {"email": "evil@example.org"}).status_code == 404
    with session_of(classroom.app.state.engine, writes=True) as session:
        assert one_time_links.setup_link(session) is None


def test_two_setup_links_at_the_same_moment_make_one_admin(classroom: Classroom) -> None:
    with session_of(classroom.app.state.engine, writes=True) as session:
        links = [one_time_links.setup_link(session) for _ in range(3)]
    start = threading.Barrier(3)

    def take(path: str, number: int) -> None:
        start.wait()
        try:
            with session_of(classroom.app.state.engine, writes=True, learner_id=0) as session:
                one_time_links.use(session, path.rpartition("/")[2], "hash", address="", email=f"root{number}@example.org", name="Root")
        except NotFound:
            pass

    threads = [threading.Thread(target=take, args=(path, number)) for number, path in enumerate(links)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert len(session.exec(select(Account).where(Account.role == Role.ADMIN)).all()) == 1


def test_instructors_make_links_for_their_own_learners_alone(classroom: Classroom, link_for: Callable[..., str]) -> None:
    iris, ivan = classroom.person("Iris", Role.INSTRUCTOR), classroom.person("Ivan", Role.INSTRUCTOR)
    root, ada, both, free = classroom.person("Root", Role.ADMIN), *(classroom.person(name) for name in ("Ada", "Both", "Free"))
    classroom.cohort("Autumn", [iris], [ada, both, ivan, root])
    classroom.cohort("Spring", [ivan], [both])
    may = {(by.name, who.name) for by in (iris, ivan, ada, root) for who in (ada, both, free, ivan, root, iris) if _can(link_for, who, by)}
    assert may == {("Iris", "Ada"), *(("Root", who) for who in ("Ada", "Both", "Free", "Ivan", "Root", "Iris"))}
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.issuer, account.subject = "https://id.example.org", "ada"
    assert not _can(link_for, ada, iris), "who signs in elsewhere has no password to set"


def _can(link_for: Callable[..., str], who: Person, by: Person) -> bool:
    try:
        return link_for(who, Purpose.RESET, by).startswith("/link/")
    except Forbidden:
        return False


def test_an_invitation_is_for_who_has_never_been_there(classroom: Classroom, link_for: Callable[..., str]) -> None:
    ada = with_password(classroom, "Ada")
    with pytest.raises(Conflict):
        link_for(ada, Purpose.INVITATION)
    assert "Welcome to the course" in classroom.client().get(link_for(classroom.person("Bob"), Purpose.INVITATION)).text


@sqlite_alone
def test_an_instructor_who_is_invited_arrives_where_cohorts_are_made(classroom: Classroom, link_for: Callable[..., str]) -> None:
    path = link_for(classroom.person("Mia", Role.INSTRUCTOR), Purpose.INVITATION)
    answer = stranger(classroom).send_form(path, {"password": GOOD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cohorts")


@pytest.mark.parametrize(("purpose", "words"), [(Purpose.RESET, "24 hours"), (Purpose.INVITATION, "7 days"), (Purpose.SETUP, "24 hours")])
def test_how_long_a_link_holds_is_said_in_the_unit_that_one_thinks_in(purpose: Purpose, words: str) -> None:
    assert one_time_links.lasts(purpose) == words


@sqlite_alone
def test_a_link_that_is_used_up_says_so_and_leads_to_the_door(classroom: Classroom) -> None:
    page = stranger(classroom).get("/link/nothing-of-ours")
    assert page.status_code == 404
    assert "This link leads nowhere" in page.text
    assert '<a class="button" href="/sign-in">Sign in</a>' in page.text
