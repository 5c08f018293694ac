"""How often a class's files are judged: one request of a learner at a time, so many a minute, and never at the cost of what was typed."""

from __future__ import annotations

import re
from typing import Any

import anyio
import pytest
from httpx2 import Response
from playwright.sync_api import Browser, expect
from sqlmodel import col, select

from app.db import session_of
from app.errors import TooOften
from app.models import Attempt, WorkspaceFile
from app.services import turns
from tests.web.classroom import Classroom
from tests.web.client import Client
from tests.web.loops import finish
from tests.web.test_workbench import HPA, WRONG, words

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AS_DATA = {"accept": "application/json"}


def _held(classroom: Classroom) -> WorkspaceFile:
    with session_of(classroom.app.state.engine, writes=False) as session:
        return session.exec(select(WorkspaceFile)).one()


def _send(client: Client, classroom: Classroom, content: str, do: str = "check", **others: Any) -> Response:
    form = {"file": "hpa.yaml", "version": _held(classroom).version, "content": content, "do": do}
    return client.send_form("/workbench/lesson-7", form, **others)


@pytest.mark.parametrize("do", ["check", "preview"])
def test_what_is_typed_too_fast_is_stored_and_judged_later(classroom: Classroom, do: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "A_MINUTE", 2)
    ada, bob = classroom.client(classroom.person("Ada")), classroom.client(classroom.person("Bob"))
    assert ada.send_form("/workbench/lesson-7/begin").status_code == 303
    for content in (WRONG, HPA):
        answer = _send(ada, classroom, content, do, headers=AS_DATA)
        assert answer.status_code == 200, answer.text
    refused = _send(ada, classroom, WRONG, do, headers=AS_DATA)
    assert refused.status_code == 429
    assert 1 <= refused.json()["seconds"] == int(refused.headers["retry-after"]) <= 60
    assert (_held(classroom).content, _held(classroom).version) == (WRONG, refused.json()["version"])
    page = _send(ada, classroom, HPA, do)
    assert page.status_code == 429
    assert re.search(r"What you typed is stored\. Check it again in \d+ seconds\.", words(page.text))
    assert _held(classroom).content == HPA
    assert _send(ada, classroom, WRONG, "save").status_code == 303, "what only stores is not counted"
    with session_of(classroom.app.state.engine, writes=False) as session:
        assert [attempt.passed for attempt in session.exec(select(Attempt).order_by(col(Attempt.id)))] == [7, 8]
    assert bob.send_form("/workbench/lesson-7", {"do": "check"}, headers=AS_DATA).status_code == 200, "others are not kept waiting"


@SQLITE
def test_a_large_file_has_fewer_turns(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LARGE_A_MINUTE", 1)
    ada = classroom.client(classroom.person("Ada"))
    ada.send_form("/workbench/lesson-7/begin")
    large = HPA + "#" * turns.LARGE
    statuses = [_send(ada, classroom, content, headers=AS_DATA).status_code for content in (large, HPA, large + "#", HPA)]
    assert statuses == [200, 200, 429, 200]


def test_on_a_machine_of_ones_own_nobody_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "A_MINUTE", 1)
    assert [client.send_form("/workbench/lesson-7", {"do": "check"}).status_code for _ in range(5)] == [303] * 5


def test_one_request_of_a_learner_at_a_time_and_others_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_MOST_WAITING", 3)
    now: dict[int, int] = {1: 0, 2: 0}
    most: dict[int, int] = {1: 0, 2: 0}
    refused: list[int] = []

    async def judge(learner: int) -> None:
        try:
            async with turns.turn(learner):
                now[learner] += 1
                most[learner] = max(most[learner], now[learner])
                most[0] = max(most.get(0, 0), sum(now.values()))
                await anyio.sleep(0.02)
                now[learner] -= 1
        except TooOften as error:
            refused.append(error.seconds)

    async def all_of_it() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(judge, 1)
            group.start_soon(judge, 2)

    finish(all_of_it())
    assert most == {0: 2, 1: 1, 2: 1}
    assert refused == [1, 1]


@SQLITE
@pytest.mark.browser
def test_the_editor_says_that_it_is_stored_and_judges_it_when_it_may(
    browser: Browser, classroom_server: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "A_MINUTE", 1)
    monkeypatch.setattr(turns, "_WINDOW", 6)
    ada = classroom_server.person("Ada")
    client = classroom_server.client(ada)
    client.send_form("/workbench/lesson-7/new", {"name": "hpa.yaml", "content": HPA.replace("maxReplicas: 20", "maxReplicas: 2")})
    name, value, _ = classroom_server.cookie(ada)
    context = browser.new_context()
    context.add_cookies([{"name": name, "value": value, "url": classroom_server.settings.url}])
    page = context.new_page()
    page.goto(f"{classroom_server.settings.url}/workbench/lesson-7?file=hpa.yaml")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# one\n")
    expect(page.locator("#saving")).to_have_text("Saved")
    bounds = page.locator("#objective-replica-bounds")
    bounds.get_by_role("link", name=re.compile("hpa.yaml")).click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(page.locator("#saving")).to_contain_text("Saved. Your files are judged too often. What you typed is stored.")
    expect(bounds).to_have_attribute("data-status", "failed")
    assert "maxReplicas: 20\n" in _held(classroom_server).content
    expect(bounds).to_have_attribute("data-status", "passed", timeout=15_000)
    expect(page.locator("#saving")).to_have_text("Saved")
    context.close()
