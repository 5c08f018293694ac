"""The door and the account in a browser: with scripts and without, in light and dark, at the width of a phone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.db import session_of
from app.models import Account, Purpose, Role
from app.services import join_links, one_time_links, passwords
from app.services.audit import Actor
from app.services.sign_ins import Person
from tests.web.classroom import Classroom
from tests.web.test_accessibility import LOOKS, SMALL, faults

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
GOOD, OTHER = "violet anvil sings at noon", "seven lanterns over a quiet harbour"


@pytest.fixture
def opened(browser: Browser, classroom_server: Classroom) -> Iterator[Callable[..., Page]]:
    """Another browser, signed in as a person or as nobody."""
    contexts = []

    def made(person: Person | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        contexts.append(context)
        if person is not None:
            name, value, _ = classroom_server.cookie(person)
            context.add_cookies([{"name": name, "value": value, "url": classroom_server.settings.url}])
        return context.new_page()

    yield made
    for context in contexts:
        context.close()


def _join_address(classroom: Classroom, teacher: Person) -> str:
    number = classroom.cohort("Autumn", [teacher])
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = join_links.make(session, Actor.of(teacher, ""), number, join_links.SHORTEST)
        return f"{classroom.settings.url}/join/{join_links.code_of(classroom.app.state.secret, link)}"


def test_from_the_first_admin_to_a_learner_who_forgets_the_password(classroom_server: Classroom, opened: Callable[..., Page]) -> None:
    url = classroom_server.settings.url
    with session_of(classroom_server.app.state.engine, writes=True) as session:
        setup = one_time_links.setup_link(session)
    admin = opened()
    admin.goto(f"{url}{setup}")
    admin.get_by_label("Your name").fill("Root")
    admin.get_by_label("E-mail address").fill("root@example.org")
    admin.get_by_label("Password", exact=True).fill("password1234")
    admin.get_by_role("button", name="Set the password").click()
    expect(admin.get_by_role("alert")).to_contain_text("tried first")
    expect(admin.get_by_label("Your name")).to_have_value("Root")
    admin.get_by_label("Password", exact=True).fill(GOOD)
    admin.get_by_role("button", name="Set the password").click()
    expect(admin.get_by_role("heading", name="People")).to_be_visible()

    address = _join_address(classroom_server, classroom_server.person("Iris", Role.INSTRUCTOR))
    learner = opened()
    learner.goto(address)
    learner.get_by_label("Your name").fill("Ada <b>Lovelace</b>")
    learner.get_by_label("E-mail address").fill("ada@example.org")
    learner.get_by_label("Password", exact=True).fill(GOOD)
    learner.get_by_role("button", name="Make an account").click()
    expect(learner.get_by_role("link", name="Your account: Ada <b>Lovelace</b>")).to_be_visible()

    admin.goto(f"{url}/people?words=ada")
    admin.get_by_text("Change Ada").click()
    admin.get_by_role("button", name="Make a link").click()
    link = admin.locator("code.secret").inner_text()
    assert link.startswith(f"{url}/link/")
    elsewhere = opened()
    elsewhere.goto(link)
    expect(elsewhere.get_by_label("E-mail address")).to_have_value("ada@example.org")
    elsewhere.get_by_label("Password", exact=True).fill(OTHER)
    elsewhere.get_by_role("button", name="Set the password").click()
    expect(elsewhere.get_by_role("link", name=re.compile("Your account"))).to_be_visible()
    learner.goto(f"{url}/account")
    expect(learner.get_by_role("heading", name="Sign in")).to_be_visible()
    learner.get_by_label("E-mail address").fill("ada@example.org")
    learner.get_by_label("Password").fill(OTHER)
    learner.get_by_role("button", name="Sign in").click()
    expect(learner.get_by_role("heading", name="Your account")).to_be_visible()


def test_everything_works_without_scripts(classroom_server: Classroom, opened: Callable[..., Page]) -> None:
    ada = classroom_server.person("Ada")
    with session_of(classroom_server.app.state.engine, writes=True) as session:
        account = session.get(Account, ada.id)
        assert account is not None
        account.password = passwords._HASHER.hash(GOOD)
    page = opened(java_script_enabled=False)
    page.goto(f"{classroom_server.settings.url}/account")
    page.get_by_label("E-mail address").fill(ada.email)
    page.get_by_label("Password").fill(GOOD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.get_by_label("Name of the terminal").fill("laptop")
    page.keyboard.press("Enter")
    expect(page.locator("code.secret")).to_have_text(re.compile(r"course_\S{43}"))
    page.get_by_role("button", name="Revoke laptop").click()
    expect(page.get_by_text("That token holds no longer.")).to_be_visible()
    page.get_by_label("Old password").fill(GOOD)
    page.get_by_label("New password").fill(OTHER)
    page.get_by_role("button", name="Change it, and end").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    assert download.value.suggested_filename.endswith(".json")
    page.get_by_label("To confirm, type your address").fill(ada.email)
    page.get_by_label("Your password").fill(OTHER)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_shuts_anybody_out(classroom_server: Classroom, opened: Callable[..., Page], look: str) -> None:
    pages = _pages(classroom_server)
    url = classroom_server.settings.url
    assert [fault for person, path in pages for fault in faults(opened(person, **LOOKS[look]), url, path)] == []
    for person, path in pages:
        page = opened(person, viewport=SMALL)
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"], path


def _pages(classroom: Classroom) -> list[tuple[Person | None, str]]:
    """Each page, and whom it is shown to."""
    root, ada, iris = classroom.person("Root", Role.ADMIN), classroom.person("Ada"), classroom.person("Iris", Role.INSTRUCTOR)
    long = classroom.person("Adalbert Maximilian von und zu " + "Langenfeld" * 6)
    join = _join_address(classroom, iris).removeprefix(classroom.settings.url)
    classroom.cohort("Autumn", [iris], [ada, long])
    classroom.token(ada)
    with session_of(classroom.app.state.engine, writes=True) as session:
        link = one_time_links.make_link(session, Actor(None, "the server"), Purpose.RESET, long.id)
    return [(None, "/sign-in"), (None, join), (ada, join), (None, link), (ada, "/account"), (long, "/account"), (root, "/people")]
