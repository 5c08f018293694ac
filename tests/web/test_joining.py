"""Joining a cohort by its link: as somebody new, as who is signed in, as who has an account."""

from __future__ import annotations

import pytest
from sqlmodel import select

from app.db import session_of
from app.models import (
    Account,
    Membership,
    Role,
)
from app.services import join_links
from app.services.audit import Actor
from tests.web.classroom import Classroom
from tests.web.doors import GOOD, sign_in, stranger, with_password

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def code(classroom: Classroom) -> str:
    """The code of a link to a cohort that Iris teaches."""
    iris = classroom.person("Iris", Role.INSTRUCTOR)
    number = classroom.cohort("Autumn <i>2026</i>", [iris])
    with session_of(classroom.app.state.engine, writes=True) as session:
        return join_links.code_of(classroom.app.state.secret, join_links.make(session, Actor.of(iris, ""), number, join_links.SHORTEST))


def _members(classroom: Classroom) -> set[str]:
    with session_of(classroom.app.state.engine, writes=False) as session:
        query = select(Account.email).join(Membership).where(Membership.role == Role.LEARNER)
        return set(session.exec(query))


def test_somebody_new_makes_an_account_and_is_in(classroom: Classroom, code: str) -> None:
    browser = stranger(classroom)
    page = browser.get(f"/join/{code}")
    assert "Join Autumn &lt;i&gt;2026&lt;/i&gt;" in page.text
    hostile = "Ada <img src=x onerror=alert(1)>"
    assert browser.send_form(f"/join/{code}", {"name": hostile, "email": "ada", "password": GOOD}).status_code == 422
    weak = browser.send_form(f"/join/{code}", {"name": hostile, "email": "ada@example.org", "password": "password1234"})
    assert weak.status_code == 422
    assert "tried first" in weak.text
    assert 'value="ada@example.org"' in weak.text
    assert "password1234" not in weak.text
    assert "<img src=x" not in weak.text
    done = browser.send_form(f"/join/{code}", {"name": hostile, "email": "ADA@example.org", "password": GOOD})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert _members(classroom) == {"ada@example.org"}
    page = browser.get("/account")
    assert "<img src=x" not in page.text
    assert "Autumn" in page.text
    assert sign_in(stranger(classroom), "ada@example.org") == 303


def test_somebody_who_is_signed_in_confirms(classroom: Classroom, code: str) -> None:
    browser = classroom.client(classroom.person("Bob"))
    assert "You are signed in as" in browser.get(f"/join/{code}").text
    assert _members(classroom) == set(), "looking joins nobody"
    assert browser.send_form(f"/join/{code}").status_code == 303
    assert _members(classroom) == {"bob@example.org"}
    assert "in this cohort already" in browser.get(f"/join/{code}").text
    assert browser.send_form(f"/join/{code}").status_code == 303


def test_somebody_who_has_an_account_signs_in_and_comes_back(classroom: Classroom, code: str) -> None:
    ada = with_password(classroom, "Ada")
    browser = stranger(classroom)
    assert f"/sign-in?next=/join/{code}" in browser.get(f"/join/{code}").text
    taken = browser.send_form(f"/join/{code}", {"name": "Eve", "email": ada.email, "password": GOOD + " indeed"})
    assert taken.status_code == 409
    assert "Sign in with it instead" in taken.text
    assert _members(classroom) == set()
    answer = browser.send_form("/sign-in", {"email": ada.email, "password": GOOD, "next": f"/join/{code}"})
    assert answer.headers["location"] == f"/join/{code}"


@pytest.mark.parametrize("bad", ["", "1-" + "a" * 24, "x", "%2e%2e%2fpeople", "1'--", "9" * 400])
@sqlite_alone
def test_a_code_that_is_none_leads_nowhere(classroom: Classroom, bad: str) -> None:
    browser = stranger(classroom)
    assert browser.get(f"/join/{bad}").status_code == 404
    assert browser.send_form(f"/join/{bad}", {"name": "A", "email": "a@example.org", "password": GOOD}).status_code == 404
