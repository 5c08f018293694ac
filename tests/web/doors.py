"""Passwords for people of a test classroom, and what their browsers do at its door."""

from __future__ import annotations

import re

from app.db import session_of
from app.models import (
    Account,
    Role,
)
from app.services import passwords
from app.services.audit import Actor
from app.services.sign_ins import Person
from tests.web.classroom import Classroom
from tests.web.client import Client
from tests.web.loops import finish

GOOD = "violet anvil sings at noon"
SERVER = Actor(None, "course on the server")
_HASHES: dict[str, str] = {}


def _hash(password: str) -> str:
    if password not in _HASHES:
        _HASHES[password] = finish(passwords.hashed(password))
    return _HASHES[password]


def with_password(classroom: Classroom, name: str, role: Role = Role.LEARNER, password: str = GOOD) -> Person:
    person = classroom.person(name, role)
    with session_of(classroom.app.state.engine, writes=True) as session:
        account = session.get(Account, person.id)
        assert account is not None
        account.password = _hash(password)
    return person


def sign_in(browser: Client, email: str, password: str = GOOD, **others: str) -> int:
    status: int = browser.send_form("/sign-in", {"email": email, "password": password, **others}).status_code
    return status


def stranger(classroom: Classroom) -> Client:
    """A browser of nobody, which has been at the door and so has the token of its form."""
    browser = classroom.client()
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', browser.get("/sign-in").text)
    assert found is not None
    browser.token = found[1]
    return browser


def renewed(browser: Client) -> Client:
    """The same browser with the token of its forms, which is another one for each sign-in."""
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', browser.get("/account").text)
    assert found is not None
    browser.token = found[1]
    return browser
