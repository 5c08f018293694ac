"""The workspace: names, limits, uploads, archives, and a server that is killed in the middle."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from sqlmodel import Session, select

from app.db import session_of
from app.models import WorkspaceFile
from app.services import workspace
from tests.web.client import Client
from tests.web.conftest import free_port

UPLOAD = "/workbench/lesson-7/upload"


def names(app: FastAPI) -> list[str]:
    with session_of(app.state.engine, writes=False) as session:
        return sorted(session.exec(select(WorkspaceFile.name)))


def upload(client: Client, *files: tuple[str, bytes], **more: str) -> tuple[int, str]:
    answer = client.send_form(UPLOAD, more, files=[("files", file) for file in files])
    return answer.status_code, answer.headers.get("location") or answer.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes.txt", "does not end in"),
        ("yaml", "does not end in"),
        (".yaml", "is no name for a file"),
        ("..yaml", "is no name for a file"),
        ("../../etc/cron.yaml", "is no name for a file"),
        ("a/b.yaml", "is no name for a file"),
        ("a\\b.yaml", "is no name for a file"),
        ("a b.yaml", "is no name for a file"),
        ("a\x00.yaml", "is no name for a file"),
        ("a\n.yaml", "is no name for a file"),
        ("-rf.yaml", "is no name for a file"),
        ("größe.yaml", "is no name for a file"),
        ("<b>.yaml", "is no name for a file"),
        ("x" * 96 + ".yaml", "are the most"),
        ("all.zip", "is an archive"),
    ],
)
def test_odd_names_are_refused_with_a_sentence(client: Client, app: FastAPI, name: str, said: str) -> None:
    answer = client.send_form("/workbench/lesson-7/new", {"name": name})
    assert answer.status_code == 400
    assert said in answer.text
    assert "<b>" not in answer.text
    assert names(app) == []


@pytest.mark.parametrize("name", ["a.yaml", "A-b_c.1.yml", "x.json", "9.yaml", "x" * 95 + ".yaml"])
def test_plain_names_are_taken(client: Client, app: FastAPI, name: str) -> None:
    assert client.send_form("/workbench/lesson-7/new", {"name": f" {name} "}).status_code == 303
    assert names(app) == [name]


def test_a_name_is_taken_once_whatever_its_case(client: Client, app: FastAPI) -> None:
    client.send_form("/workbench/lesson-7/new", {"name": "a.yaml"})
    assert "There is a file a.yaml already" in client.send_form("/workbench/lesson-7/new", {"name": "A.yaml"}).text
    client.send_form("/workbench/lesson-7/new", {"name": "b.yaml"})
    assert client.send_form("/workbench/lesson-7/rename", {"file": "b.yaml", "name": "A.YAML.yaml"}).status_code == 303
    assert client.send_form("/workbench/lesson-7/rename", {"file": "A.YAML.yaml", "name": "a.yaml"}).status_code == 400
    assert client.send_form("/workbench/lesson-7/rename", {"file": "a.yaml", "name": "A.yaml"}).status_code == 303
    assert client.send_form("/workbench/lesson-7/rename", {"file": "gone.yaml", "name": "c.yaml"}).status_code == 404
    assert names(app) == ["A.YAML.yaml", "A.yaml"]


def test_several_files_are_uploaded_at_once(client: Client, app: FastAPI) -> None:
    status, location = upload(client, ("C:\\work\\a.yaml", b"a: 1\r\n"), ("dir/b.yml", "\ufeffb: ü\n".encode()))
    assert status == 303
    assert names(app) == ["a.yaml", "b.yml"]
    with session_of(app.state.engine, writes=False) as session:
        assert {file.name: file.content for file in session.exec(select(WorkspaceFile))} == {"a.yaml": "a: 1\n", "b.yml": "b: ü\n"}
    assert "Added to your workspace" in client.get(location).text


def test_upload_replaces_only_when_told(client: Client, app: FastAPI, session: Session) -> None:
    upload(client, ("a.yaml", b"a: 1"))
    _, location = upload(client, ("a.yaml", b"a: 2"), ("b.yaml", b"b: 1"))
    assert "kept=a.yaml" in location
    assert names(app) == ["a.yaml", "b.yaml"]
    upload(client, ("a.yaml", b"a: 2"), over="true")
    assert session.exec(select(WorkspaceFile.content).where(WorkspaceFile.name == "a.yaml")).one() == "a: 2"
    assert "same=a.yaml" in upload(client, ("a.yaml", b"a: 2"))[1]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (("a.zip", b"PK\x03\x04"), "is an archive. Unpack it"),
        (("a.yaml", b"\xff\xfe\x00"), "is no text in UTF-8"),
        (("a.yaml", b"a: \x00"), "holds a NUL character"),
        (("a.yaml", b"x" * 1_000_001), "is larger than 1 MB"),
        (("../x.sh", b"rm"), "does not end in"),
    ],
    ids=["archive", "not-utf-8", "nul", "too-large", "script"],
)
def test_upload_is_all_or_nothing(client: Client, app: FastAPI, file: tuple[str, bytes], said: str) -> None:
    status, page = upload(client, ("good.yaml", b"a: 1"), file)
    assert status == 400
    assert said in page
    assert names(app) == []


def test_workspace_has_an_end(client: Client, app: FastAPI) -> None:
    assert upload(client, *((f"f{count}.yaml", b"a: 1") for count in range(workspace.MAX_FILES)))[0] == 303
    assert upload(client, ("more.yaml", b""))[0] == 400
    assert "200 files at most" in upload(client, ("more.yaml", b""))[1]
    assert upload(client, *((f"g{count}.yaml", b"a: 1") for count in range(workspace.MAX_FILES + 1)))[0] == 400
    assert len(names(app)) == workspace.MAX_FILES


def test_workspace_has_an_end_in_bytes(client: Client, app: FastAPI) -> None:
    big = b"# " + b"x" * 999_000
    assert upload(client, *((f"f{count}.yaml", big) for count in range(5)))[0] == 303
    status, page = upload(client, ("g.yaml", b"# " + b"x" * 20_000))
    assert status == 400
    assert "5 MB at most" in page
    assert upload(client, ("f0.yaml", b"a: 1"), over="true")[0] == 303, "less always fits"


def test_all_files_come_as_one_archive(client: Client) -> None:
    upload(client, ("a.yaml", b"a: 1\n"), ("b.yaml", "b: ü\n".encode()))
    answer = client.get("/workbench/workspace.zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="workspace.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {"a.yaml": "a: 1\n", "b.yaml": "b: ü\n"}


def test_one_file_is_downloaded_as_text(client: Client) -> None:
    upload(client, ("a.yaml", b"<script>alert(1)</script>"))
    answer = client.get("/workbench/files/a.yaml")
    assert answer.text == "<script>alert(1)</script>"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.yaml"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/workbench/files/..%2fsecret").status_code == 404


def test_delete_and_reset_ask_for_the_version_seen(client: Client, app: FastAPI) -> None:
    client.send_form("/workbench/lesson-7/begin")
    assert client.send_form("/workbench/lesson-7/delete", {"file": "hpa.yaml", "version": 0}).status_code == 409
    with session_of(app.state.engine, writes=False) as session:
        version = session.exec(select(WorkspaceFile.version)).one()
    form = {"file": "hpa.yaml", "version": version, "content": "# mine", "do": "save"}
    assert client.send_form("/workbench/lesson-7", form).status_code == 303
    assert client.send_form("/workbench/lesson-7/reset", {"file": "hpa.yaml", "version": version}).status_code == 409
    assert client.send_form("/workbench/lesson-7/reset", {"file": "hpa.yaml", "version": version + 1}).status_code == 303
    assert client.send_form("/workbench/lesson-7/delete", {"file": "hpa.yaml", "version": version + 2}).status_code == 303
    assert names(app) == []


@pytest.mark.parametrize(
    "path", ["", "/begin", "/new", "/upload", "/rename", "/delete", "/reset", "/hints", "/solution"], ids=lambda path: path or "write"
)
def test_nothing_changes_without_the_token(client: Client, path: str) -> None:
    assert client.post(f"/workbench/lesson-7{path}", data={"name": "a.yaml", "file": "a.yaml"}).status_code == 403


class Server:
    """The course as a process of its own, to be killed."""

    def __init__(self, data: Path) -> None:
        self.data, self.port = data, free_port()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "app", "serve", "--no-browser", "--port", str(self.port), "--data", str(self.data)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "KUBECONFIG": os.devnull}
        )
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        deadline = time.monotonic() + 60
        while True:
            try:
                page = self.client.get("/").text
                break
            except httpx2.TransportError:
                assert time.monotonic() < deadline, "the server did not start in time"
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)
        assert found is not None
        self.client.headers["x-csrf-token"] = found[1]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.client.close()


def test_kill_in_the_middle_of_saves_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    try:
        server.client.post("/workbench/lesson-7/new", data={"name": "a.yaml", "content": "count: 0"})
        confirmed, version = 0, server.client.get("/api/workspace/a.yaml").json()["version"]
        for round_ in range(3):
            stop = time.monotonic() + 0.4 + round_ * 0.13
            while True:
                if time.monotonic() > stop:
                    server.process.send_signal(signal.SIGKILL)
                    stop = float("inf")
                form = {"file": "a.yaml", "version": str(version), "content": f"count: {confirmed + 1}", "do": "preview"}
                try:
                    answer = server.client.post("/workbench/lesson-7", data=form, headers={"accept": "application/json"})
                except httpx2.TransportError:
                    break
                assert answer.status_code == 200, answer.text
                confirmed, version = confirmed + 1, answer.json()["version"]
            server.kill()
            server.start()
            found = server.client.get("/api/workspace/a.yaml").json()
            assert found["content"] in (f"count: {confirmed}", f"count: {confirmed + 1}"), (
                "what was answered is there; the last may be, too"
            )
            confirmed, version = int(found["content"].removeprefix("count: ")), found["version"]
        assert confirmed > 10
    finally:
        server.kill()
