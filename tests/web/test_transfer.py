"""Everything as one file: what was saved comes back, nothing twice and nothing lost; what is no such file changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, func
from sqlmodel import Session, SQLModel, select

from app.cli import main
from app.db import open_database, session_of
from app.models import Choice, HintShown, Learner, Origin, QuizAnswer, Reading, SolutionShown, WorkspaceFile
from app.services import attempts, progress, transfer, workspace
from app.services.transfer_form import LARGEST, Saved, read_saved
from graders.errors import GradingError, UnreadableInput, UsageError
from tests.cases import ROOT
from tests.web.client import Client
from tests.web.test_pages import words

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
REPORT = json.loads((ROOT / "tests" / "golden" / "json-on-files.json").read_text(encoding="utf-8")) | {"lesson": "lesson-1"}


def _open(path: Path) -> Engine:
    engine = open_database(f"sqlite:///{path}")
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))
    return engine


def _live(engine: Engine) -> None:
    """A learner who has done a little of everything."""
    with session_of(engine, writes=True) as session:
        learner = session.get(Learner, 1)
        assert learner is not None
        learner.name = "Ada"
        for at in range(3):
            attempts.take_in(session, 1, {**REPORT, "graded_at": f"2026-11-24T12:0{at}:00Z"}, list(Origin)[at], key=f"attempt-number-{at}")
        workspace.create(session, 1, "hpa.yaml", "kind: HorizontalPodAutoscaler # ü \N{GRINNING FACE}\n")
        session.add(
            QuizAnswer(
                key="answer-number-0", learner_id=1, lesson_id="lesson-1", question_id="q", chosen=[1], correct=True, answered_at=NOON
            )
        )
        session.add(HintShown(learner_id=1, lesson_id="lesson-1", objective_id="app-label", number=1, shown_at=NOON))
        session.add(SolutionShown(learner_id=1, lesson_id="lesson-1", earned=True, shown_at=NOON))
        session.add(Reading(learner_id=1, lesson_id="lesson-1", anchor="begin", seconds=300, read_at=NOON))
        session.add(Choice(learner_id=1, name="seed/lesson-14", value="7"))
        session.add(Choice(learner_id=1, name="live.context", value="own:production"))


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Engine]:
    """The machine that a file is saved on."""
    engine = _open(tmp_path / "old.db")
    _live(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Engine]:
    """One that nothing was done on."""
    engine = _open(tmp_path / "new.db")
    yield engine
    engine.dispose()


def saved(engine: Engine) -> bytes:
    with session_of(engine, writes=False) as session:
        return transfer.save(session, 1)


def merged(engine: Engine, content: bytes, *, over: bool = False) -> transfer.Merged:
    form = read_saved(content)
    with session_of(engine, writes=True) as session:
        return transfer.merge(session, 1, form, over=over)


def _untimed(content: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(content).items() if name != "saved_at"}


def test_what_was_saved_comes_back_as_it_was(old: Engine, new: Engine) -> None:
    content = saved(old)
    brought = merged(new, content)
    assert brought == transfer.Merged(3, 1, 1, 1, ("hpa.yaml",), (), ())
    assert _untimed(saved(new)) == _untimed(content)
    with session_of(old, writes=False) as before, session_of(new, writes=False) as after:
        assert progress.of_course(before, 1) == progress.of_course(after, 1)


def _of_an_account(table: Table) -> bool:
    return table.name == "accounts" or any(key.column.table.name == "accounts" for key in table.foreign_keys)


def test_all_tables_of_a_learner_are_in_the_file() -> None:
    """A table that is added later is not forgotten."""
    tables = SQLModel.metadata.sorted_tables
    # What refers to an account is of a classroom; a standing is made anew from the attempts.
    of_a_learner = {table.name for table in tables if "learner_id" in table.columns and not _of_an_account(table)} - {"standings"}
    lists = {"attempts", "workspace_files", "hints_shown", "solutions_shown", "quiz_answers", "readings", "choices"}
    assert of_a_learner == lists
    assert set(Saved.model_fields) - {"version", "kind", "saved_at", "name"} == {
        *("attempts", "answers", "hints", "solutions", "readings", "files", "choices")
    }


def test_the_same_file_twice_brings_nothing_new(old: Engine, new: Engine) -> None:
    content = saved(old)
    merged(new, content)
    once = _untimed(saved(new))
    assert merged(new, content).nothing
    assert merged(old, content).nothing
    assert _untimed(saved(new)) == once == _untimed(saved(old))


def test_two_machines_end_with_the_same_whichever_way_they_merge(old: Engine, new: Engine) -> None:
    with session_of(new, writes=True) as session:
        attempts.take_in(session, 1, {**REPORT, "graded_at": "2026-11-25T12:00:00Z"}, Origin.TERMINAL, key="attempt-elsewhere")
        workspace.create(session, 1, "pdb.yaml", "kind: PodDisruptionBudget\n")
        session.add(SolutionShown(learner_id=1, lesson_id="lesson-1", earned=False, shown_at=NOON - timedelta(days=1)))
        session.add(Reading(learner_id=1, lesson_id="lesson-1", anchor="end", seconds=200, read_at=NOON + timedelta(days=1)))
        session.add(HintShown(learner_id=1, lesson_id="lesson-1", objective_id="app-label", number=2, shown_at=NOON))
    of_old, of_new = saved(old), saved(new)
    merged(new, of_old)
    merged(old, of_new)
    one, other = _untimed(saved(old)), _untimed(saved(new))
    assert {**one, "hints": None, "readings": None} == {**other, "hints": None, "readings": None}
    assert sorted(map(str, one["hints"])) == sorted(map(str, other["hints"]))
    (reading,) = one["readings"]
    assert (reading["anchor"], reading["seconds"]) == ("end", 300)
    assert [each["earned"] for each in one["solutions"]] == [False], "the first look counts"


@pytest.mark.parametrize(("over", "text", "version_grows"), [(False, "mine\n", False), (True, "kind: HorizontalPodAutoscaler", True)])
def test_a_file_that_differs_is_kept_unless_asked(old: Engine, new: Engine, over: bool, text: str, version_grows: bool) -> None:
    with session_of(new, writes=True) as session:
        version = workspace.create(session, 1, "hpa.yaml", "mine\n").version
    brought = merged(new, saved(old), over=over)
    assert (brought.kept, brought.replaced, brought.added) == ((("hpa.yaml",), (), ()) if not over else ((), ("hpa.yaml",), ()))
    with session_of(new, writes=False) as session:
        held = workspace.find(session, 1, "hpa.yaml")
    assert held.content.startswith(text)
    assert (held.version > version) is version_grows, "an open tab must notice"


def test_what_belongs_to_the_machine_stays_there(old: Engine, new: Engine) -> None:
    content = saved(old)
    assert b"production" not in content
    forged = json.loads(content)
    forged["choices"] += [
        {"name": "live.context", "value": "own:evil"},
        {"name": "workspace-clock", "value": "x"},
        {"name": "seed/lesson-14", "value": "9"},
    ]
    with session_of(new, writes=True) as session:
        session.add(Choice(learner_id=1, name="seed/lesson-14", value="3"))
    merged(new, json.dumps(forged).encode())
    with session_of(new, writes=False) as session:
        choices = {each.name: each.value for each in session.exec(select(Choice))}
    assert choices["seed/lesson-14"] == "3"
    assert "live.context" not in choices
    assert choices["workspace-clock"].isdigit()


def _changed(content: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(content), **fields}).encode()


def _one(content: bytes, part: str, **fields: Any) -> bytes:
    data = json.loads(content)
    data[part][0].update(fields)
    return json.dumps(data).encode()


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (lambda _: b"", "no JSON, or it was cut off"),
    "cut off": (lambda content: content[: len(content) // 2], "no JSON, or it was cut off"),
    "no text": (lambda _: b"\xff\xfe\x00\x01", "no JSON, or it was cut off"),
    "nested without end": (lambda _: b"[" * 200_000, "no JSON, or it was cut off"),
    "something else": (lambda _: b'{"schema": 1, "lesson": "lesson-1"}', "none that the course has saved"),
    "a list": (lambda _: b"[]", "none that the course has saved"),
    "a newer form": (lambda content: _changed(content, schema=2), "newer form"),
    "another form": (lambda content: _changed(content, schema="one"), "another form"),
    "too large": (lambda _: b" " * (LARGEST + 1), "larger than 64 MB"),
    "an attempt that is none": (lambda content: _one(content, "attempts", report={}), "attempts 1 report"),
    "an attempt at no lesson": (lambda content: _one(content, "attempts", report={**REPORT, "lesson": "lesson-77"}), "attempts 1 report"),
    "a key that is none": (lambda content: _one(content, "attempts", key="../x"), "attempts 1 key"),
    "an origin that there is not": (lambda content: _one(content, "attempts", origin="moon"), "attempts 1 origin"),
    "an answer without a time": (lambda content: _one(content, "answers", at=None), "answers 1 at"),
    "a time without a zone": (lambda content: _one(content, "answers", at="2026-11-24T12:00:00"), "answers 1 at"),
    "a time of long ago": (lambda content: _one(content, "hints", at="0001-01-01T00:00:00+14:00"), "hints 1 at"),
    "a hint of no number": (lambda content: _one(content, "hints", number=0), "hints 1 number"),
    "seconds as text": (lambda content: _one(content, "readings", seconds="300"), "readings 1 seconds"),
    "an anchor with a space": (lambda content: _one(content, "readings", anchor="a b"), "readings 1 anchor"),
    "attempts that are no list": (lambda content: _changed(content, attempts={}), "attempts"),
    "text that UTF-8 cannot carry": (lambda content: _changed(content, name="x").replace(b'"x"', b'"\\ud800"'), "name"),
}


@pytest.mark.parametrize(("made", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_saved_file_is_refused_in_a_sentence(old: Engine, made: Any, says: str) -> None:
    with pytest.raises(UnreadableInput, match=says) as refused:
        read_saved(made(saved(old)))
    assert refused.value.help
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("name", ["../../etc/passwd.yaml", "x.sh", "", "a" * 150 + ".yaml", "<script>.yaml", ".yaml"])
def test_a_file_that_the_workspace_does_not_take_takes_back_all_of_it(old: Engine, new: Engine, name: str) -> None:
    before = _untimed(saved(new))
    with pytest.raises(UsageError):
        merged(new, _one(saved(old), "files", name=name))
    assert _untimed(saved(new)) == before, "all or nothing"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_no_damage_to_a_file_breaks_the_course(old: Engine, new: Engine, data: st.DataObject) -> None:
    """Whatever a byte or a value became, the file is refused in a sentence, or merged whole."""
    content = saved(old)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(content) - 1))
        broken = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
    else:
        form = copy.deepcopy(json.loads(content))
        part = data.draw(st.sampled_from(["attempts", "answers", "hints", "solutions", "readings", "files", "choices"]))
        entry = data.draw(st.sampled_from(form[part]))
        entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(
            st.one_of(st.none(), st.booleans(), st.integers(-10, 2**70), st.text(max_size=5), st.lists(st.integers(), max_size=3))
        )
        broken = json.dumps(form).encode()
    try:
        merged(new, broken)
    except GradingError as refused:
        told = refused
        assert told.message.endswith((".", "?")), told.message
    read_saved(saved(new))


def test_a_file_is_saved_and_taken_in_by_the_pages(client: Client, app: FastAPI, old: Engine) -> None:
    content = saved(old)
    answer = client.send_form("/progress/import", {"over": ""}, files={"file": ("mine.json", content, "application/json")})
    assert answer.status_code == 200
    assert "3 attempts 1 answer to a quiz 1 hint 1 solution seen added to the workspace: hpa.yaml" in words(answer.text)
    again = client.send_form("/progress/import", {"over": "yes"}, files={"file": ("mine.json", content, "application/json")})
    assert "All of it was here before" in again.text
    exported = client.get("/progress/export")
    assert exported.headers["content-disposition"].startswith('attachment; filename="kubernetes-course-20')
    assert exported.headers["content-type"] == "application/json"
    assert _untimed(exported.content) == _untimed(content)


@pytest.mark.parametrize(
    ("content", "status", "says"), [(b"no", 422, "no JSON"), (b"{}", 422, "none that the course has saved")], ids=["no JSON", "not ours"]
)
def test_a_page_says_why_a_file_is_refused(client: Client, content: bytes, status: int, says: str) -> None:
    answer = client.send_form("/progress/import", files={"file": ("x.json", content, "application/json")})
    assert (answer.status_code, says in answer.text) == (status, True)


def test_no_file_at_all_is_told(client: Client) -> None:
    assert client.send_form("/progress/import", {"file": ""}).status_code == 422


def test_a_learner_s_text_is_no_markup_where_a_file_tells_of_it(client: Client, old: Engine, session: Session) -> None:
    form = json.loads(saved(old))
    form["name"] = "<script>alert(1)</script>"
    answer = client.send_form("/progress/import", files={"file": ("x.json", json.dumps(form).encode(), "application/json")})
    assert answer.status_code == 200
    assert "<script>alert" not in client.get("/certificate").text
    assert session.exec(select(func.count()).select_from(WorkspaceFile)).one() == 1


# Without a server: `course export` and `course import`.


def test_the_commands_do_the_same(old: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    content = tmp_path / "first.json"
    content.write_bytes(saved(old))
    here = ("--data", str(tmp_path / "a"))
    assert main(("import", str(content), *here)) == 0
    assert capfd.readouterr().out.splitlines() == [
        "attempts: 3 new",
        "quiz answers: 1 new",
        "hints: 1 new",
        "solutions seen: 1 new",
        "added to the workspace: hpa.yaml",
    ]
    assert main(("import", str(content), *here)) == 0
    assert capfd.readouterr().out == "All of it was here before.\n"
    assert main(("export", str(tmp_path / "again.json"), *here)) == 0
    assert _untimed((tmp_path / "again.json").read_bytes()) == _untimed(content.read_bytes())
    assert main(("export", "-", *here)) == 0
    assert _untimed(capfd.readouterr().out.encode()) == _untimed(content.read_bytes())


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (("export", "there.json"), 2, "there.json is there already. Name another file, or add --force."),
        (("export", "no/such/folder.json"), 3, "cannot be written"),
        (("import", "nowhere.json"), 2, "nowhere.json cannot be read"),
        (("import", "there.json"), 2, "no JSON, or it was cut off"),
        (("import", "there.json", "--data", "there.json"), 2, "no JSON"),
        (("export", "x.json", "--data", "there.json"), 3, "Name another folder with --data DIR"),
    ],
    ids=["over a file", "nowhere to write", "no file", "no saved file", "neither", "no data folder"],
)
def test_the_commands_say_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], argv: tuple[str, ...], status: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "there.json").write_text("no")
    assert main(argv) == status
    assert says in " ".join(capfd.readouterr().err.split())
    assert (tmp_path / "there.json").read_text() == "no"
