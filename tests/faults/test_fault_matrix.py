"""Each fault between the grader and a real API server, for each lesson: nothing is judged by what could not be read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import yaml

from graders import cli
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.cluster import unavailable_snapshot
from graders.verdict import Status
from tests.api import Api
from tests.cases import ROOT, lessons
from tests.faults.course import NAMESPACE, applied, judged, kinds_of, read, settled
from tests.faults.faults import TROUBLES, Trouble
from tests.faults.proxy import Upstream, between

pytestmark = pytest.mark.cluster

TIMEOUT = 1.0
PATIENT = 25.0  # for what heals
SLACK = 2.5  # of a busy machine
OF_THE_KUBECONFIG = ("lesson-1", "context-namespace")
# A sentence, and behind it what to do: one command of kubectl.
ADVICE = re.compile(r"(lesson-\d+, [a-z-]+: )?[A-Z].*[.:] .*\b(with|see|See|See with|Ask with): kubectl [a-z-]+ .*", re.DOTALL)

Verdicts = dict[tuple[str, str], Status]


class Reading(NamedTuple):
    """What was read through a fault, the seconds that it took, and the verdicts without the fault just before and just after it.

    Those two differ where a controller acted meanwhile.
    """

    snapshot: Snapshot
    seconds: float
    truths: tuple[Verdicts, Verdicts]

    def right(self, lesson: str, objective: str) -> set[Status]:
        """The verdicts that are right for what was read."""
        return {truth[lesson, objective] for truth in self.truths}


class Stage(NamedTuple):
    """A real API server with the whole course on it, at rest."""

    upstream: Upstream
    kubeconfig: Path
    folder: Path


@pytest.fixture(scope="module")
def stage(api: Api, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with applied(api):
        folder = tmp_path_factory.mktemp("proxy")
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        for context in config["contexts"]:
            context["context"]["namespace"] = NAMESPACE  # as that of the proxy
        own = folder / "direct"
        own.write_text(yaml.safe_dump(config), encoding="utf-8")
        settled(own)
        yield Stage(Upstream(kubeconfig), own, folder)


@pytest.fixture(scope="module")
def reading(stage: Stage) -> Callable[[str], Reading]:
    """What is read through a fault, once for all lessons."""

    @cache
    def take(name: str) -> Reading:
        trouble = TROUBLES[name]
        before = judged(read(stage.kubeconfig, PATIENT))
        with between(stage.upstream, stage.folder, NAMESPACE, trouble.make(stage.upstream, NAMESPACE)) as (server, path):
            server.ahead = trouble.ahead
            started = time.monotonic()
            try:
                snapshot = read(path, PATIENT if trouble.heals else TIMEOUT)
            except ClusterUnavailable as error:
                away = unavailable_snapshot(error, kinds_of(), namespace=NAMESPACE, context="course", taken_at=datetime.now(UTC))
                snapshot = replace(away, context_namespace=NAMESPACE)
            seconds = time.monotonic() - started
        return Reading(snapshot, seconds, (before, judged(read(stage.kubeconfig, PATIENT))))

    return take


def _needed(trouble: Trouble, lesson: Lesson) -> bool:
    return any(trouble.spoils(kind) for kind in (*lesson.reads, *lesson.live_reads))


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
@pytest.mark.parametrize("fault", TROUBLES)
def test_fault_is_told_and_never_judged(fault: str, lesson: Lesson, reading: Callable[[str], Reading]) -> None:
    trouble, taken = TROUBLES[fault], reading(fault)
    if not trouble.heals:
        assert taken.seconds < TIMEOUT + SLACK
    report = evaluate(lesson, taken.snapshot)
    for result in report.results:
        right = taken.right(lesson.id, result.objective.id)
        if trouble.heals or not _needed(trouble, lesson) or (lesson.id, result.objective.id) == OF_THE_KUBECONFIG:
            assert result.status in right, result
        elif trouble.kinds:
            assert result.status in right | {Status.UNKNOWN}, result
        else:
            assert result.status is Status.UNKNOWN, result
        if result.status is Status.UNKNOWN and Status.UNKNOWN not in right:
            assert ADVICE.fullmatch(result.verdict.reason or ""), result.verdict.reason
    if not trouble.heals and not trouble.kinds and lesson.id != "lesson-1":
        assert report.exit_code == 3


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
def test_each_kind_by_itself_is_needed_or_not(lesson: Lesson, stage: Stage) -> None:
    whole = read(stage.kubeconfig, PATIENT)
    right = {result.objective.id: result.status for result in evaluate(lesson, whole).results}
    for kind in dict.fromkeys((*lesson.reads, *lesson.live_reads)):
        reasons = {**whole.unreadable, kind: f"Could not read {kind}: access denied. Check with: kubectl auth can-i list it"}
        rest = tuple(item for item in whole.objects if item.kind != kind)
        for result in evaluate(lesson, replace(whole, objects=rest, unreadable=MappingProxyType(reasons))).results:
            # Pending: whether it is hopeless shows in what could not be read.
            assert result.status in (right[result.objective.id], Status.UNKNOWN, Status.PENDING), (kind, result)


NOTHING_LEFT = [name for name, trouble in TROUBLES.items() if not trouble.heals and (not trouble.kinds or "Deployment" in trouble.kinds)]


@pytest.mark.parametrize("fault", NOTHING_LEFT)
def test_command_says_what_is_wrong_and_ends_with_3(fault: str, stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trouble = TROUBLES[fault]
    with between(stage.upstream, tmp_path, NAMESPACE, trouble.make(stage.upstream, NAMESPACE)) as (_, path):
        line = ["lesson-4", "--kubeconfig", str(path), "-n", NAMESPACE, "--timeout", f"{TIMEOUT:g}s"]
        started = time.monotonic()
        assert cli.main(line) == 3
        assert time.monotonic() - started < TIMEOUT + SLACK
    printed = " ".join("".join(capsys.readouterr()).split())
    assert "Traceback" not in printed
    assert "kubectl " in printed


def test_page_about_faults_has_a_row_for_each() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(TROUBLES)
