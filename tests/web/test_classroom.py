"""The door of a classroom: who is let in, as whom, and for how long, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.config import Settings
from app.db import session_of
from app.models import Role, SignIn, utc_now
from graders.errors import GradingError
from tests.web.classroom import KEY, Classroom


def test_nobody_sees_anything_but_the_door(classroom: Classroom) -> None:
    nobody = classroom.client()
    answer = nobody.get("/lessons/lesson-3?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Flessons%2Flesson-3%3Fx%3D1")
    assert nobody.get("/api/glossary").status_code == 401
    assert nobody.get("/healthz").status_code == 200


def test_who_has_signed_in_sees_the_course_as_themselves(classroom: Classroom) -> None:
    ada, bob = classroom.client(classroom.person("Ada")), classroom.client(classroom.person("Bob"))
    assert ada.send_form("/workbench/lesson-1/new", {"name": "namespace.yaml", "content": "kind: Namespace"}).status_code == 303
    assert ada.get("/workbench/files/namespace.yaml").text == "kind: Namespace"
    assert bob.get("/workbench/files/namespace.yaml").status_code == 404


def test_a_cookie_that_we_have_not_signed_is_none_of_ours(classroom: Classroom) -> None:
    name, value, _ = classroom.cookie(classroom.person("Ada"))
    forged = classroom.client()
    forged.cookies.set(name, value[:-1] + ("0" if value[-1] != "0" else "1"))
    assert forged.get("/").status_code == 303


def test_a_sign_in_ends_when_it_is_revoked_or_has_expired(classroom: Classroom) -> None:
    ada = classroom.person("Ada")
    browser = classroom.client(ada)
    assert browser.get("/").status_code == 200
    with session_of(classroom.app.state.engine, writes=True) as session:
        held = _only(session)
        held.seen_at -= timedelta(hours=1)
        held.expires_at = utc_now() + timedelta(minutes=1)
    assert browser.get("/").status_code == 200
    with session_of(classroom.app.state.engine, writes=True) as session:
        held = _only(session)
        assert held.expires_at > utc_now() + timedelta(days=13), "a sign-in that is in use lasts longer"
        held.expires_at = utc_now() - timedelta(seconds=1)
    assert browser.get("/").status_code == 303


def test_what_is_for_a_machine_of_ones_own_is_refused(classroom: Classroom) -> None:
    answer = classroom.client(classroom.person("Ada")).send_form("/progress/import", files={"file": b"{}"})
    assert answer.status_code == 403
    assert "grade --submit" in answer.text


def test_nobody_is_an_instructor_by_their_role_alone(classroom: Classroom) -> None:
    from app.services import cohorts

    ada, ben = classroom.person("Ada", Role.INSTRUCTOR), classroom.person("Ben", Role.INSTRUCTOR)
    root = classroom.person("Root", Role.ADMIN)
    number = classroom.cohort("Autumn", [ada], [ben])
    with session_of(classroom.app.state.engine, writes=False) as session:
        taught = {each.name for each in (ada, ben, root) if cohorts.taught(session, each, number)}
        assert taught == {"Ada", "Root"}
        assert [each.id for each in cohorts.taught_by(session, ada)] == [number]
        assert cohorts.taught_by(session, ben) == []


GOOD = {"COURSE_URL": "https://course.example.org", "COURSE_SECRET": KEY, "DATABASE_URL": "sqlite:///x.db"}
UNSAFE = [
    pytest.param({"COURSE_URL": ""}, "COURSE_URL is not set", id="no address"),
    pytest.param({"COURSE_URL": "http://course.example.org"}, "over http", id="passwords over http"),
    pytest.param({"COURSE_URL": "https://course.example.org/k8s"}, "no address of a site", id="a path"),
    pytest.param({"COURSE_URL": "ftp://course.example.org"}, "no address of a site", id="no web address"),
    pytest.param({"COURSE_SECRET": ""}, "COURSE_SECRET is not set", id="no secret"),
    pytest.param({"COURSE_SECRET": "short"}, "could be guessed", id="short secret"),
    pytest.param({"COURSE_SECRET": "a" * 60}, "could be guessed", id="one letter"),
    pytest.param({"COURSE_SECRET": "change-me-change-me-change-me-0123456"}, "could be guessed", id="a default"),
    pytest.param({"COURSE_SECRET_FILE": "/nowhere/secret"}, "cannot be read", id="a file that is not there"),
    pytest.param({"COURSE_RETENTION_DAYS": "soon"}, "no number of days", id="retention in words"),
    pytest.param({"COURSE_OIDC_ISSUER": "http://id.example.org", "COURSE_OIDC_CLIENT_ID": "x"}, "over http", id="sign-in over http"),
    pytest.param({"COURSE_OIDC_ISSUER": "https://id.example.org"}, "COURSE_OIDC_CLIENT_ID is not set", id="a provider without a client"),
]


@pytest.mark.parametrize(("change", "told"), UNSAFE)
def test_settings_that_would_be_unsafe_are_refused_in_a_sentence(change: dict[str, str], told: str) -> None:
    with pytest.raises(GradingError) as refused:
        Settings.for_classroom(GOOD | change)
    assert told in refused.value.message
    assert refused.value.help
    assert KEY not in refused.value.message


def test_a_classroom_behind_tls_has_its_own_address_and_cookies_of_that_host_alone() -> None:
    settings = Settings.for_classroom(GOOD)
    assert settings.origins == {"https://course.example.org"}
    assert settings.hosts == {"course.example.org"}
    assert settings.secure
    assert KEY not in repr(settings)


def _only(session: Session) -> SignIn:
    return session.exec(select(SignIn)).one()
