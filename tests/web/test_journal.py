"""What `grade` left in the data folder becomes attempts: each once, at once, and whatever is no report is put aside."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import col, select

from app.db import open_database, session_of
from app.models import Attempt, Learner, ObjectiveResult
from app.services.feed import ATTEMPTS, Event, Feed
from app.services.journal import Journal
from app.services.report_shape import checked_report
from graders.cli import main
from tests.cases import ROOT
from tests.cli.conftest import GOOD, HALF
from tests.web.loops import finish

FORM = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
GOLDEN = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "tests" / "golden").glob("json-*.json"))]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a learner."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "data"


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{data / 'course.db'}")
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))
    yield engine
    engine.dispose()


@pytest.fixture
def grade(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Path]:
    """Grades a text for lesson 1 in a terminal; gives the folder of reports."""

    def run(text: str, lesson: str = "1") -> Path:
        (tmp_path / "ns.yaml").write_text(text)
        main([lesson, "-f", str(tmp_path / "ns.yaml")])
        return data / "reports"

    return run


def held(engine: Engine) -> list[Attempt]:
    with session_of(engine, writes=False) as session:
        return list(session.exec(select(Attempt).order_by(col(Attempt.id))))


def test_a_run_in_the_terminal_becomes_an_attempt_and_its_file_goes(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    folder = grade(HALF)
    (path,) = folder.glob("*.json")
    assert Journal(data, Feed()).take_in_all(engine, 1) == 1
    (attempt,) = held(engine)
    assert (attempt.key, attempt.lesson_id, attempt.origin, attempt.source) == (path.stem, "lesson-1", "terminal", "manifests")
    assert (attempt.passed, attempt.counted, attempt.complete) == (2, 3, False)
    assert not list(folder.glob("*.json"))
    with session_of(engine, writes=False) as session:
        results = session.exec(select(ObjectiveResult.status).where(ObjectiveResult.attempt_id == attempt.id)).all()
    assert len(results) == len(attempt.report["objectives"])


def test_a_file_that_could_not_be_taken_away_is_no_second_attempt(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    (path,) = grade(HALF).glob("*.json")
    content = path.read_bytes()
    for expected in (1, 0, 0):
        path.write_bytes(content)  # as if the process had been killed after it committed
        assert Journal(data, Feed()).take_in_all(engine, 1) == expected
    assert len(held(engine)) == 1


def test_an_attempt_that_says_nothing_new_is_none(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    journal = Journal(data, Feed())
    for text, made in ((HALF, 1), (HALF, 0), (GOOD, 1), (GOOD, 0), (HALF, 1)):
        grade(text)
        assert journal.take_in_all(engine, 1) == made
    assert [attempt.passed for attempt in held(engine)] == [2, 3, 2]


def _many(folder: Path, count: int) -> None:
    """So many reports of lesson 1, each other than the one before."""
    (path,) = folder.glob("*.json")
    report = json.loads(path.read_bytes())
    path.unlink()
    evidence = {**dict.fromkeys(("path", "file", "line", "command")), "object": "Namespace/x", "expected": "a", "found": "b"}
    start = datetime.now(UTC) - timedelta(hours=10)
    for number in range(count):
        report["graded_at"] = f"{start + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
        for objective in report["objectives"]:
            if objective["id"] == "environment-label":
                failed = number % 2
                objective.update(status="failed" if failed else "passed", evidence=evidence if failed else None, advice=None)
        report["passed"] = sum(objective["status"] == "passed" for objective in report["objectives"])
        (folder / f"20261124T{number:012}-lesson1-manifests-00000000-00000000.json").write_text(json.dumps(report))


def test_many_files_come_in_their_order(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    folder = grade(HALF)
    _many(folder, 250)
    assert Journal(data, Feed()).take_in_all(engine, 1) == 250
    times = [attempt.checked_at for attempt in held(engine)]
    assert times == sorted(times)
    assert not list(folder.glob("*.json"))


TAKER = """
import sys
from pathlib import Path
from app.db import open_database
from app.services.feed import Feed
from app.services.journal import Journal
data = Path(sys.argv[1])
engine = open_database(f"sqlite:///{data / 'course.db'}")
print("begun", flush=True)
Journal(data, Feed()).take_in_all(engine, 1)
"""


def test_kill_9_in_the_middle_loses_nothing_and_counts_nothing_twice(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    _many(grade(HALF), 320)
    for _ in range(2):
        taker = subprocess.Popen(
            [sys.executable, "-c", TAKER, str(data)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
        )
        assert taker.stdout is not None
        taker.stdout.readline()
        before = len(held(engine))
        while taker.poll() is None and len(held(engine)) == before:
            time.sleep(0.002)
        taker.send_signal(signal.SIGKILL)
        taker.communicate()
    Journal(data, Feed()).take_in_all(engine, 1)
    keys = [attempt.key for attempt in held(engine)]
    assert len(keys) == len(set(keys)) == 320


def _broken(report: dict[str, Any]) -> dict[str, bytes]:
    """Files that are no reports, by what is wrong with them."""

    def changed(**fields: Any) -> bytes:
        return json.dumps({**report, **fields}).encode()

    twice = [*report["objectives"], report["objectives"][0]]
    return {
        "nothing": b"",
        "cut off": json.dumps(report).encode()[:-20],
        "no UTF-8": b"\xff\xfe\x00",
        "a list": b"[]",
        "nested without end": b"[" * 100_000,
        "another schema": changed(schema=2),
        "a schema that is true": changed(schema=True),
        "a lesson that there is not": changed(lesson="lesson-99"),
        "a path for a lesson": changed(lesson="../../etc"),
        "an objective twice": changed(objectives=twice, counted=4),
        "counts of another": changed(passed=3, complete=True),
        "complete that is not": changed(complete=True),
        "a status that there is not": changed(objectives=[{**report["objectives"][0], "status": "won"}]),
        "an objective's id as markup": changed(objectives=[{**report["objectives"][0], "id": "<script>"}]),
        "failed without evidence": changed(objectives=[{**each, "evidence": None} for each in report["objectives"]]),
        "of next year": changed(graded_at="2030-01-01T00:00:00Z"),
        "of long ago": changed(graded_at="0001-01-01T00:00:00Z"),
        "of no time": changed(graded_at="yesterday"),
        "of a day that there is not": changed(graded_at="2026-02-31T00:00:00Z"),
        "text that UTF-8 cannot carry": changed(title="x").replace(b'"x"', b'"\\ud800"'),
        "too large": changed(title="x" * 1_100_000),
    }


BROKEN = list(_broken(GOLDEN[0]))


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_report_is_put_aside_and_keeps_nothing_from_coming_in(
    engine: Engine, data: Path, grade: Callable[..., Path], what: str
) -> None:
    (good,) = grade(HALF).glob("*.json")
    bad = good.with_name("20200101T000000000000-lesson1-manifests-00000000-00000000.json")
    bad.write_bytes(_broken(json.loads(good.read_bytes()))[what])
    assert Journal(data, Feed()).take_in_all(engine, 1) == 1
    assert [path.name for path in (good.parent / "refused").iterdir()] == [bad.name]
    assert not list(good.parent.glob("*.json"))


def test_links_and_long_names_are_refused_and_folders_left_alone(
    engine: Engine, data: Path, grade: Callable[..., Path], tmp_path: Path
) -> None:
    (good,) = grade(HALF).glob("*.json")
    secret = tmp_path / "secret.json"
    good.rename(secret)
    good.with_name("a" * 70 + ".json").write_bytes(secret.read_bytes())
    good.symlink_to(secret)
    (good.parent / "folder.d").mkdir()
    assert Journal(data, Feed()).take_in_all(engine, 1) == 0
    assert secret.exists()
    assert len(list((good.parent / "refused").iterdir())) == 2


def test_refused_files_do_not_pile_up(engine: Engine, data: Path) -> None:
    (data / "reports").mkdir(parents=True)
    for number in range(130):
        (data / "reports" / f"{number:03}.json").write_text("no")
    Journal(data, Feed()).take_in_all(engine, 1)
    kept = sorted(path.name for path in (data / "reports" / "refused").iterdir())
    assert (len(kept), kept[0]) == (100, "030.json")


def test_what_a_killed_run_left_half_written_goes_after_an_hour(engine: Engine, data: Path) -> None:
    folder = data / "reports"
    folder.mkdir(parents=True)
    old, new = folder / "old.json.tmp", folder / "new.json.tmp"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (time.time() - 7200,) * 2)
    assert Journal(data, Feed()).take_in_all(engine, 1) == 0
    assert (old.exists(), new.exists()) == (False, True)


def test_the_feed_is_told_once_for_each_lesson(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    async def run() -> list[Event]:
        feed = Feed()
        with feed.subscribe((ATTEMPTS,)) as events:
            for text in (HALF, GOOD):
                grade(text)
            await asyncio.to_thread(Journal(data, feed).take_in_all, engine, 1)
            feed.close()
            return [event async for event in events]

    (event,) = finish(run())
    told = {"learner": 1, "lesson": "lesson-1", "origin": "terminal", "complete": True, "passed": 3, "counted": 3, "count": 2}
    assert (event.topic, dict(event.data)) == (ATTEMPTS, told)


def test_a_report_comes_in_within_half_a_second_and_at_start(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    async def run() -> float:
        journal = Journal(data, Feed())
        grade(HALF)
        async with journal.kept(engine, 1):
            assert len(held(engine)) == 1
            await asyncio.sleep(0.4)
            assert not journal.has_news()
            await asyncio.to_thread(grade, GOOD)
            started = time.monotonic()
            while len(held(engine)) < 2:
                await asyncio.sleep(0.01)
                assert time.monotonic() < started + 5
            return time.monotonic() - started

    assert finish(run()) < 1.0  # 0.25 s between two looks; the rest is for a machine that is busy


def test_a_folder_that_comes_later_is_found(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    journal = Journal(data, Feed())
    assert not journal.has_news()
    grade(HALF)
    assert journal.has_news()


def test_a_change_within_the_same_tick_is_not_missed(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    folder = grade(HALF)
    journal = Journal(data, Feed())
    journal.take_in_all(engine, 1)
    journal.take_in_all(engine, 1)  # empty now, but only just
    grade(GOOD)
    changed = time.time() - 5
    os.utime(folder, (changed, changed))
    assert journal.has_news()
    assert journal.take_in_all(engine, 1) == 1


def test_trouble_with_the_database_loses_nothing(
    engine: Engine, data: Path, grade: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = grade(HALF)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE attempts RENAME TO elsewhere")
    journal = Journal(data, Feed())
    assert finish(journal.refresh(engine, 1)) is False
    assert "cannot be taken in" in caplog.text
    assert len(list(folder.glob("*.json"))) == 1
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO attempts")
    assert finish(journal.refresh(engine, 1)) is True
    assert len(held(engine)) == 1


def test_two_servers_on_one_folder_make_one_attempt(engine: Engine, data: Path, grade: Callable[..., Path]) -> None:
    grade(HALF)
    grade(GOOD)
    made: list[int] = []
    threads = [threading.Thread(target=lambda: made.append(Journal(data, Feed()).take_in_all(engine, 1))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(made), len(held(engine))) == (2, 2)


@pytest.mark.parametrize(
    "report", [each for each in GOLDEN if "lessons" not in each and each["lesson"] != "lesson-99"], ids=lambda each: each["title"]
)
def test_whatever_grade_prints_is_a_report(report: dict[str, Any]) -> None:
    checked = checked_report({**report, "added_later": {"x": 1}})
    assert checked == {**report, "objectives": [{k: v for k, v in each.items() if k != "hints"} for each in report["objectives"]]}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from([each for each in GOLDEN if "lessons" not in each]))
def test_what_is_taken_in_is_what_the_published_form_allows(seed: int, report: dict[str, Any]) -> None:
    """A report in which anything was changed is refused, or valid by docs/report.schema.json."""
    changed = _mutated(report, random.Random(seed))
    try:
        checked = checked_report(changed)
    except ValueError:
        return
    jsonschema.validate(checked, FORM)


WORDS = ("", "x", "passed", "failed", "blocked", "lesson-1", "2026-11-24T00:00:00Z", "\ud800")
ODD: tuple[Any, ...] = (*WORDS, None, True, -1, 0, 1, 1.5, [], {}, [None])


def _mutated(report: dict[str, Any], draw: random.Random) -> Any:
    changed = copy.deepcopy(report)
    for _ in range(draw.randint(1, 2)):
        at: Any = changed
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(at[key], dict | list) and draw.random() < 0.8:
                at = at[key]
                continue
            if draw.random() < 0.2:
                del at[key]
            else:
                at[key] = draw.choice(ODD)
            break
    return changed
