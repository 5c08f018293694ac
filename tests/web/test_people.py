"""What admins do with accounts, and what can be done to no admin."""

from __future__ import annotations

import json
import re
import threading

import pytest
from sqlmodel import select

from app.db import session_of
from app.errors import Conflict
from app.models import (
    AuditEvent,
    Membership,
    Role,
)
from app.services import accounts
from app.services.account_page import browser_of
from app.services.sign_ins import Person
from tests.web.classroom import Classroom
from tests.web.doors import SERVER

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_people_are_found_and_changed_and_each_change_is_in_the_audit_trail(classroom: Classroom) -> None:
    root, ada, iris = classroom.person("Root", Role.ADMIN), classroom.person("Ada <b>"), classroom.person("Iris", Role.INSTRUCTOR)
    classroom.cohort("Autumn", [iris])
    admin, adas, iriss = classroom.client(root), classroom.client(ada), classroom.client(iris)
    page = admin.get("/people").text
    assert "Ada &lt;b&gt;" in page
    assert "3 accounts" in page
    assert "1 account with" in admin.get("/people?words=ADA%20example").text
    assert "Nobody is called so" in admin.get("/people?words=%25").text
    assert admin.send_form(f"/people/{ada.id}/role", {"role": "instructor"}).status_code == 303
    assert admin.send_form(f"/people/{ada.id}/role", {"role": "emperor"}).status_code == 400
    assert 'href="/cohorts"' in adas.get("/account").text
    assert admin.send_form(f"/people/{iris.id}/role", {"role": "learner"}).status_code == 303
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert session.exec(select(Membership)).all() == [], "who is no instructor teaches nobody"
    assert admin.send_form(f"/people/{iris.id}/active", {"active": "no"}).status_code == 303
    assert iriss.get("/account").status_code == 303
    assert admin.send_form(f"/people/{iris.id}/link").status_code == 409
    assert admin.send_form(f"/people/{iris.id}/active", {"active": "yes"}).status_code == 303
    made = admin.send_form(f"/people/{ada.id}/link")
    found = re.search(rf"{classroom.settings.url}(/link/[A-Za-z0-9_-]+)", made.text)
    assert found is not None
    assert classroom.client().get(found[1]).status_code == 200
    assert admin.send_form(f"/people/{ada.id}/delete", {"email": "x"}).status_code == 422
    assert admin.send_form(f"/people/{ada.id}/delete", {"email": ada.email}).status_code == 303
    assert admin.send_form(f"/people/{ada.id}/delete", {"email": ada.email}).status_code == 404
    with session_of(classroom.app.state.engine, writes=False) as session:
        events = session.exec(select(AuditEvent).order_by(AuditEvent.id)).all()  # type: ignore[arg-type] # a column
        assert [(event.actor, event.action) for event in events] == [
            (root.email, action)
            for action in (
                "account.role-changed",
                "account.role-changed",
                "account.deactivated",
                "account.activated",
                "reset-link.made",  # she has been there: her browser was signed in
                "account.deleted",
            )
        ]
        assert found[1].rpartition("/")[2] not in json.dumps([event.facts for event in events])


@pytest.mark.parametrize(
    ("path", "form"), [("role", {"role": "learner"}), ("active", {"active": "no"}), ("delete", {"email": "root@example.org"})]
)
def test_the_last_admin_stays(classroom: Classroom, path: str, form: dict[str, str]) -> None:
    root, second = classroom.person("Root", Role.ADMIN), classroom.person("Second", Role.ADMIN)
    admin = classroom.client(root)
    with session_of(classroom.app.state.engine, writes=True) as session:
        accounts.set_active(session, SERVER, second.id, False)
    refused = admin.send_form(f"/people/{root.id}/{path}", form)
    assert refused.status_code == 409
    assert "last admin" in refused.text
    assert admin.send_form("/account/delete", {"email": root.email}).status_code == 409
    assert admin.send_form(f"/people/{second.id}/active", {"active": "yes"}).status_code == 303
    assert admin.send_form(f"/people/{root.id}/{path}", form).status_code == 303


def test_two_admins_cannot_demote_each_other_at_the_same_moment(classroom: Classroom) -> None:
    one, two = classroom.person("One", Role.ADMIN), classroom.person("Two", Role.ADMIN)
    start = threading.Barrier(2)
    refused: list[str] = []

    def demote(who: Person) -> None:
        start.wait()
        try:
            with session_of(classroom.app.state.engine, writes=True) as session:
                accounts.set_role(session, SERVER, who.id, Role.LEARNER)
        except Conflict as error:
            refused.append(error.message)

    threads = [threading.Thread(target=demote, args=(who,)) for who in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


@sqlite_alone
def test_many_people_come_in_pages(classroom: Classroom) -> None:
    admin = classroom.client(classroom.person("Root", Role.ADMIN))
    with session_of(classroom.app.state.engine, writes=True) as session:
        for number in range(230):
            accounts.make(session, f"learner{number}@example.org", f"Learner {number:03}")
    assert "231 accounts, page 1 of 3" in admin.get("/people").text
    last = admin.get("/people?page=3").text
    assert "learner229@example.org" in last
    assert "learner000@" not in last
    assert "page 3 of 3" in admin.get("/people?page=99").text
    assert admin.get("/people?page=-1").status_code == 200


@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR])
@sqlite_alone
def test_people_is_for_admins(classroom: Classroom, role: Role) -> None:
    somebody, victim = classroom.person("Somebody", role), classroom.person("Victim")
    browser = classroom.client(somebody)
    assert browser.get("/people").status_code == 403
    for path in ("role", "active", "link", "delete"):
        answer = browser.send_form(f"/people/{victim.id}/{path}", {"role": "admin", "active": "no", "email": victim.email})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iOS",
        ),
        ("<script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_browsers_are_called_by_their_names(agent: str, words: str) -> None:
    assert browser_of(agent) == words
