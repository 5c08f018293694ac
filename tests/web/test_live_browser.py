"""The live panel in Chromium, in front of a real API server and real kubectl: what is applied turns, what breaks is told and got over."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.models import Attempt
from app.serving import Server
from tests.api import Api
from tests.cases import EXERCISES
from tests.faults.proxy import Upstream, between
from tests.sources.faulty import Exchange, Fault
from tests.web.conftest import free_port

pytestmark = [pytest.mark.browser, pytest.mark.cluster]
KUBECTL = str(Path(sys.executable).parent / "kubectl")
Apply = Callable[..., None]
SOON = 10_000


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace of the test's own, which is not there yet."""
    name = f"live-{uuid.uuid4().hex[:8]}"
    yield name
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, wait=False)


@pytest.fixture
def kubectl(kubeconfig: Path, namespace: str) -> Callable[..., None]:
    """Real kubectl in that namespace."""

    def run(*words: str, text: str = "") -> None:
        command = (KUBECTL, "--kubeconfig", str(kubeconfig), "-n", namespace, *words)
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def settings(tmp_path: Path, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A learner whose kubectl talks to the practice cluster."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return Settings.local(tmp_path / "data", port=free_port(), namespace=namespace)


class Serving:
    """The app on its port, to stop and start again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app = create_app(settings)
        self._server = Server(uvicorn.Config(self.app, host="127.0.0.1", port=settings.port, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def serving(settings: Settings) -> Iterator[Serving]:
    running = Serving(settings)
    yield running
    running.stop()


@pytest.fixture
def server(serving: Serving) -> str:
    return f"http://127.0.0.1:{serving.settings.port}"


@pytest.fixture
def app(serving: Serving) -> FastAPI:
    return serving.app


def solution(lesson: str) -> str:
    return str(next(EXERCISES.glob(f"{lesson}-*")) / "solution")


def state(page: Page, value: str) -> None:
    expect(page.locator("#live-head")).to_have_attribute("data-state", value, timeout=SOON)


def objective(page: Page, name: str, status: str) -> None:
    expect(page.locator(f"#objective-{name}")).to_have_attribute("data-status", status, timeout=SOON)


def settings_map(level: str) -> str:
    data = {"ENVIRONMENT": "production", "LOG_LEVEL": level}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rag-engine-config"}, "data": data})


def test_what_is_applied_turns_on_the_page(page: Page, server: str, app: FastAPI, kubectl: Apply, namespace: str) -> None:
    page.goto(f"{server}/cluster/lesson-2")
    state(page, "reading")
    expect(page.locator("#live-trouble")).to_contain_text(f"There is no namespace {namespace}")
    kubectl("create", "namespace", namespace)
    expect(page.locator("#live-trouble")).not_to_contain_text("There is no namespace", timeout=SOON)
    kubectl("apply", "-f", "-", text=settings_map("loud"))
    objective(page, "app-settings", "failed")
    expect(page.locator("#objective-app-settings .found")).to_contain_text("loud")
    expect(page.locator("#live-changes")).to_contain_text("ConfigMap/rag-engine-config")
    before = page.locator("#objectives-summary").get_attribute("data-passed")
    kubectl("apply", "-f", "-", text=settings_map("info"))
    objective(page, "app-settings", "passed")
    expect(page.locator("#announcer")).to_contain_text("app-settings passed", timeout=SOON)
    assert int(page.locator("#objectives-summary").get_attribute("data-passed") or 0) > int(before or 0)
    expect(page.locator("#live-as-of")).to_contain_text("Recorded last", timeout=SOON)
    with session_of(app.state.engine, writes=False) as session:
        assert "lesson-2" in session.exec(select(Attempt.lesson_id)).all()


def test_several_lessons_turn_on_one_page_and_a_loss_is_told(page: Page, server: str, kubectl: Apply, namespace: str) -> None:
    page.goto(f"{server}/cluster/lesson-3")
    state(page, "reading")
    kubectl("create", "namespace", namespace)
    kubectl("apply", "-f", "-", text=settings_map("info"))
    expect(page.locator("#live-lesson-2 .live-count")).not_to_contain_text("0 of", timeout=SOON)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "rag-engine-secrets"}, "stringData": {"API_KEY": "hunter2" * 6}}
    kubectl("apply", "-f", "-", text=json.dumps(secret))
    expect(page.locator("#objective-secret-exists")).to_have_attribute("data-status", "passed", timeout=SOON)
    expect(page.locator("#live-as-of")).to_contain_text("Recorded last", timeout=SOON)
    kubectl("delete", "secret", "rag-engine-secrets")
    expect(page.locator("#objective-secret-exists .tag-lost")).to_have_text("passed before", timeout=SOON)
    assert "hunter2" not in page.content()


def test_cluster_that_goes_and_comes_back(
    page: Page, server: str, tmp_path: Path, kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = Upstream(kubeconfig)
    with between(upstream, tmp_path, namespace) as (proxy, path):
        port = proxy.server_address[1]
        monkeypatch.setenv("KUBECONFIG", str(path))
        page.goto(f"{server}/cluster/lesson-0")
        state(page, "reading")
        passed = page.locator("#objectives-summary").inner_text()
    state(page, "away")
    trouble = page.locator("#live-trouble [data-cause=unreachable]")
    expect(trouble).to_contain_text("The cluster does not answer")
    expect(trouble).to_contain_text("Since ")
    expect(trouble.locator("[data-copy^='kubectl cluster-info']")).to_be_visible()
    assert page.locator("#objectives-summary").inner_text() == passed, "what was seen stays"
    expect(page.locator("#live-as-of")).to_contain_text("As last seen")
    with between(upstream, tmp_path, namespace, port=port):
        state(page, "reading")
        expect(page.locator("#live-trouble .trouble")).to_have_count(0)


def _refuse(status: int, *kinds: str) -> Fault:
    def fault(exchange: Exchange) -> bool:
        return (not kinds or exchange.kind.name in kinds) and exchange.refuse(status)

    return fault


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_refuse(401), "The cluster does not accept you"),
        (_refuse(403), "could not be read"),
        (_refuse(403, "Secret"), "1 kind of object could not be read; objectives that need it are unknown. Could not read Secrets"),
        (_refuse(500), "could not be read"),
    ],
    ids=["401", "403 of all", "403 of Secrets", "500"],
)
def test_refusals_are_told_with_the_command_that_shows_them(
    page: Page,
    server: str,
    tmp_path: Path,
    kubeconfig: Path,
    api: Api,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    words: str,
) -> None:
    api.ensure_namespace(namespace)
    with between(Upstream(kubeconfig), tmp_path, namespace, fault) as (_, path):
        monkeypatch.setenv("KUBECONFIG", str(path))
        page.goto(f"{server}/cluster/lesson-3")
        expect(page.locator("#live-trouble")).to_contain_text(words, timeout=SOON)
        expect(page.locator("#live-trouble [data-copy^=kubectl]").first).to_have_attribute("data-copy", re.compile("--context course"))
        expect(page.locator(".objective-failed")).to_have_count(0)


def test_choice_is_made_with_the_keyboard_and_said(page: Page, server: str, kubectl: Apply, namespace: str) -> None:
    kubectl("create", "namespace", namespace)
    page.goto(f"{server}/cluster/lesson-1")
    state(page, "reading")
    other = page.context.new_page()
    other.goto(f"{server}/cluster/lesson-7")
    state(other, "reading")
    page.get_by_label("Namespace", exact=True).focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("default")
    page.keyboard.press("Enter")
    expect(page.locator(".live-place")).to_contain_text("namespace default", timeout=SOON)
    expect(page.locator("#live-head")).to_contain_text(f"Before that: context practice, namespace {namespace}")
    expect(other.locator(".live-place")).to_contain_text("namespace default", timeout=SOON)
    expect(other.locator("#announcer")).to_contain_text("namespace default", timeout=SOON)


def test_form_that_is_being_filled_in_is_left_alone(page: Page, server: str, app: FastAPI, kubectl: Apply, namespace: str) -> None:
    page.goto(f"{server}/cluster/lesson-1")
    state(page, "reading")
    field = page.get_by_label("Namespace", exact=True)
    field.fill("half-typ")
    app.state.live._loop.call_soon_threadsafe(setattr, app.state.live, "menu", app.state.live.menu.__class__((), "elsewhere"))
    kubectl("create", "namespace", namespace)
    expect(page.locator("#live-changes")).to_contain_text(f"Namespace/{namespace}", timeout=SOON)
    expect(field).to_have_value("half-typ")
    expect(field).to_be_focused()
    page.locator("h1").click()
    expect(page.locator("#live-context")).to_contain_text("elsewhere", timeout=SOON)


def test_server_that_is_gone_is_told_and_a_new_one_taken_up(
    page: Page, serving: Serving, server: str, kubectl: Apply, namespace: str
) -> None:
    page.goto(f"{server}/cluster/lesson-2")
    state(page, "reading")
    serving.stop()
    expect(page.locator("#live-link")).to_contain_text("start it again with: course serve", timeout=SOON)
    kubectl("create", "namespace", namespace)
    kubectl("apply", "-f", "-", text=settings_map("info"))
    serving.__init__(serving.settings)  # type: ignore[misc] # the same, run again
    objective(page, "app-settings", "passed")
    expect(page.locator("#live-link")).to_be_hidden()


def test_workbench_has_a_line_of_it_which_wakes_no_cluster(page: Page, server: str, app: FastAPI) -> None:
    page.goto(f"{server}/workbench/lesson-0")
    strip = page.locator("#live-strip")
    expect(strip).to_contain_text("not being watched", timeout=SOON)
    assert not app.state.live.watches
    other = page.context.new_page()
    other.goto(f"{server}/cluster/lesson-0")
    state(other, "reading")
    expect(strip).to_contain_text(re.compile(r"context practice, namespace live-\w+: \d of 5 on the cluster"), timeout=SOON)


def test_page_without_javascript_does_the_same(browser: Browser, server: str, kubectl: Apply, namespace: str) -> None:
    kubectl("create", "namespace", namespace)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{server}/cluster/lesson-2")
        expect(page.locator("#objectives")).to_contain_text("ConfigMap")
        kubectl("apply", "-f", "-", text=settings_map("info"))
        page.get_by_role("button", name="Check now").click()
        objective(page, "app-settings", "passed")
        expect(page.locator("#live-as-of")).to_contain_text("Recorded last")
        page.get_by_label("Namespace", exact=True).fill("default")
        page.get_by_role("button", name="Read this").click()
        expect(page.locator(".live-place")).to_contain_text("namespace default")


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("case", ["reading", "denied", "no kubeconfig", "started"])
def test_no_state_shuts_anybody_out(
    browser: Browser,
    server: str,
    app: FastAPI,
    tmp_path: Path,
    kubeconfig: Path,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    look: str,
    case: str,
) -> None:
    fault = _refuse(403, "Secret", "Deployment") if case == "denied" else lambda _: False
    with between(Upstream(kubeconfig), tmp_path, namespace, fault) as (_, path), browser.new_context(**LOOKS[look]) as context:
        monkeypatch.setenv("KUBECONFIG", str(path) if case in ("reading", "denied") else str(tmp_path / "none"))
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{server}/cluster/lesson-3")
        state(page, "trouble" if case in ("no kubeconfig", "started") else "reading")
        if case == "started":
            program = tmp_path / "cluster"
            program.write_text("#!/bin/sh\necho 'The port 6443 is taken.' >&2\nexit 1\n", encoding="utf-8")
            program.chmod(0o755)
            monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(program))
            page.reload()
            page.get_by_role("button", name="Start the practice cluster").click()
            expect(page.locator("#live-start")).to_contain_text("did not start (exit status 1)", timeout=SOON)
            expect(page.locator("#live-start")).to_contain_text("The port 6443 is taken.")
        if case == "denied":
            page.locator("#live-unread summary").click()
        found = Axe().run(page).response["violations"]
        assert [f"{each['id']}: {[node['html'][:160] for node in each['nodes']][:4]}" for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert complaints == []
