"""The door: other names, other sites, forms that are not ours, bodies without end, and what pages may do."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.config import Settings
from app.routes import ROUTERS
from app.security import MAX_BODY, csrf_token
from tests.web.client import Client

PAGES = ("/", "/lessons/lesson-7", "/search?q=pod", "/glossary", "/no-such-page", "/static/css/app.css", "/healthz")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:{port}", "localhost", "127.0.0.1:1", "rebound.example:{port}", ""],
)
def test_the_app_answers_to_its_own_names_only(client: Client, settings: Settings, host: str) -> None:
    answer = client.get("/", headers={"host": host.format(port=settings.port)})
    assert answer.status_code == 421
    assert "set-cookie" not in answer.headers or "course_visitor" not in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_names_of_this_machine_are_its_own(client: Client, settings: Settings, name: str) -> None:
    assert client.get("/", headers={"host": f"{name}:{settings.port}"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "http://evil.example"}, id="another site"),
        pytest.param({"origin": "null"}, id="a sandboxed frame or a file"),
        pytest.param({"origin": "http://127.0.0.1:1"}, id="another port of this machine"),
        pytest.param({"origin": "https://127.0.0.1:{port}"}, id="another scheme"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="told by the browser"),
        pytest.param({"sec-fetch-site": "same-site"}, id="another port, told by the browser"),
    ],
)
def test_forms_of_other_sites_are_refused_even_with_the_token(client: Client, settings: Settings, headers: dict[str, str]) -> None:
    filled = {name: value.format(port=settings.port) for name, value in headers.items()}
    answer = client.send_form("/theme", {"theme": "dark"}, headers=filled)
    assert answer.status_code == 403
    assert "course_theme" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "data",
    [{}, {"csrf_token": ""}, {"csrf_token": "0" * 64}, {"csrf_token": "ä"}],
    ids=["none", "empty", "made up", "no ASCII"],
)
def test_a_form_without_its_token_changes_nothing_and_says_what_to_do(client: Client, data: dict[str, str]) -> None:
    client.get("/")
    answer = client.post("/theme", data={"theme": "dark", **data})
    assert answer.status_code == 403
    assert "Reload the page" in answer.text
    assert "course_theme" not in answer.headers.get("set-cookie", "")


def test_a_token_is_good_for_its_own_visitor_only(client: Client, app: FastAPI) -> None:
    client.get("/")
    stolen = csrf_token(app.state.secret, "somebody-else-entirely-0")
    assert client.post("/theme", data={"theme": "dark", "csrf_token": stolen}).status_code == 403


def test_every_route_that_changes_something_asks_for_the_token(client: Client) -> None:
    """Taken from the app's own routes, so that a new one cannot be forgotten."""
    client.get("/")
    asked = 0
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute)
        for method in sorted(set(route.methods or ()) - {"GET", "HEAD", "OPTIONS"}):
            path = re.sub(r"\{lesson_id\}", "lesson-7", route.path)
            answer = client.request(method, re.sub(r"\{[^}]+\}", "x", path))
            assert answer.status_code in (403, 422), (method, route.path, answer.status_code)
            asked += 1
    assert asked


@pytest.mark.parametrize("path", PAGES)
def test_pages_may_load_and_run_nothing_but_our_own_files(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    if answer.headers["content-type"].startswith("text/html"):
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", answer.text), "inline script or style"
        assert not re.search(r"""(?:src|srcset)=["'](?:https?:)?//""", answer.text), "something of another host"


def test_a_visitor_keeps_the_name_that_the_cookie_holds(client: Client) -> None:
    first = client.get("/")
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in first.headers["set-cookie"].split(";")}
    assert "set-cookie" not in client.get("/").headers


@pytest.mark.parametrize("cookie", ["course_visitor=<script>", "course_visitor=", "course_visitor=" + "a" * 5000, ";;;=\x7f"])
def test_a_broken_cookie_is_replaced(client: Client, cookie: str) -> None:
    answer = client.get("/", headers={"cookie": cookie})
    assert answer.status_code == 200
    assert "course_visitor=" in answer.headers["set-cookie"]


def test_a_body_that_is_too_long_is_refused_by_its_length(client: Client) -> None:
    client.get("/")
    answer = client.post("/theme", content=b"x", headers={"content-length": str(MAX_BODY + 1)})
    assert answer.status_code == 413


def test_a_body_that_does_not_end_is_refused_where_it_is_too_long(client: Client) -> None:
    client.get("/")
    sent = (b"a=" + b"x" * 65_536 for _ in range(MAX_BODY // 65_536 + 2))
    answer = client.post("/theme", content=sent, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("referer", "location"),
    [
        ("http://127.0.0.1/lessons/lesson-7?x=1", "/lessons/lesson-7?x=1"),
        ("http://127.0.0.1//evil.example/a", "/evil.example/a"),
        ("http://127.0.0.1/\\evil.example", "/evil.example"),
        ("javascript:alert(1)", "/alert(1)"),
        ("", "/"),
    ],
)
def test_choosing_colours_leads_back_to_a_page_of_ours(client: Client, referer: str, location: str) -> None:
    answer = client.send_form("/theme", {"theme": "dark"}, headers={"referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, location)


def test_the_key_is_readable_for_its_owner_alone_and_kept(settings: Settings) -> None:
    key = settings.secret()
    assert len(key) == 32
    assert (settings.data / "secret").stat().st_mode & 0o077 == 0
    assert settings.secret() == key
