"""A classroom for tests: people, cohorts, and browsers that are signed in, made straight in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import FastAPI

from app.config import Settings
from app.db import session_of
from app.models import Account, Cohort, Learner, Membership, Role
from app.security import _signature, csrf_token, session_cookie
from app.services import sign_ins
from app.services.sign_ins import Person
from tests.web.client import Client

KEY = "Qm7-vX2_pL9sTz4rWb8nKd3fHj6yGc1aEu5oRi0x"


@dataclass(frozen=True)
class Classroom:
    """One classroom, as `create_app` makes it from `settings`."""

    app: FastAPI
    settings: Settings

    def person(self, name: str, role: Role = Role.LEARNER) -> Person:
        """Somebody new, whose address is name@example.org."""
        with session_of(self.app.state.engine, writes=True) as session:
            learner = Learner(name=name)
            session.add(learner)
            session.flush()
            assert learner.id is not None
            account = Account(learner_id=learner.id, email=f"{name.lower().replace(' ', '.')}@example.org", role=role)
            session.add(account)
            return Person(learner.id, name, account.email, role)

    def cohort(self, name: str, instructors: Iterable[Person] = (), learners: Iterable[Person] = ()) -> int:
        """A cohort with these people; gives its number."""
        with session_of(self.app.state.engine, writes=True) as session:
            cohort = Cohort(name=name)
            session.add(cohort)
            session.flush()
            assert cohort.id is not None
            session.add_all(Membership(cohort_id=cohort.id, learner_id=each.id, role=Role.INSTRUCTOR) for each in instructors)
            session.add_all(Membership(cohort_id=cohort.id, learner_id=each.id, role=Role.LEARNER) for each in learners)
            return cohort.id

    def cookie(self, person: Person) -> tuple[str, str, str]:
        """Sign a browser of theirs in; gives the cookie's name, its value, and the token of its forms."""
        with session_of(self.app.state.engine, writes=True) as session:
            secret = sign_ins.sign_in(session, person.id, "a test")
        key = self.app.state.secret
        return session_cookie(self.settings), f"{secret}.{_signature(key, secret)}", csrf_token(key, secret)

    def client(self, person: Person | None = None) -> Client:
        """A browser without JavaScript, signed in as that person, or as nobody."""
        client = Client(self.app, base_url=self.settings.url, follow_redirects=False, headers={"accept": "text/html"})
        if person is not None:
            name, value, client.token = self.cookie(person)
            client.cookies.set(name, value)
        return client

    def token(self, person: Person) -> str:
        """A token for that person's terminal."""
        with session_of(self.app.state.engine, writes=True) as session:
            return sign_ins.make_token(session, person.id, "a test")
