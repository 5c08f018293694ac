"""Grading a cluster from the command line: once, waiting, watching, and without one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import jsonschema
import pytest

from graders.errors import ClusterUnavailable
from graders.lessons import LESSONS
from graders.objective import Lesson, objective
from graders.snapshot import Snapshot
from graders.sources.cluster import unavailable_snapshot
from graders.terminal import clusters
from graders.terminal.arguments import parse
from graders.terminal.session import Session
from graders.verdict import Verdict, failed, passed, pending
from tests.cases import NOON, ROOT
from tests.cli.conftest import Grade

if TYPE_CHECKING:
    from graders.sources.cluster import Cluster

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


@objective("ready", "It is ready", hints=("a", "b"), docs="https://kubernetes.io/docs/", live=True)
def ready(snapshot: Snapshot) -> Verdict:
    state = snapshot.own("ConfigMap", "state").at("data.ready")
    return passed() if state.value == "yes" else pending(state, expected="yes", found=str(state.value))


@objective("quiet", "Nothing else runs", hints=("a", "b"), docs="https://kubernetes.io/docs/", live=True)
def quiet(snapshot: Snapshot) -> Verdict:
    return next((failed(pod, expected="no Pods", found="a Pod") for pod in snapshot.all("Pod")), passed())


LESSON = Lesson("lesson-1", "Made up", ("ConfigMap",), (ready,), live_reads=("Pod", "ConfigMap"))
LIVELY = replace(LESSON, objectives=(ready, quiet))


def cluster_that_is(state: str) -> Snapshot:
    """With a ConfigMap that says so; `away` is one that does not answer, `halfway` one that says yes but does not list Pods."""
    if state == "away":
        gone = ClusterUnavailable("Nothing answers.", help="Check with: kubectl cluster-info")
        return unavailable_snapshot(gone, ("ConfigMap", "Pod"), namespace="rag-engine", context="test", taken_at=NOON)
    data = {"ready": "yes" if state == "halfway" else state}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "state", "namespace": "rag-engine"}, "data": data}
    unreadable = {"Pod": "Could not read Pods."} if state == "halfway" else {}
    return replace(Snapshot.of([body], taken_at=NOON, kind="cluster"), unreadable=MappingProxyType(unreadable))


class Scripted:
    """A cluster that is first in one state, then passes through others; then it changes no more."""

    def __init__(self, first: str, *later: str) -> None:
        self.first = first
        self.later = later
        self.read: list[Sequence[str]] = []
        self.closed = False

    def snapshot(self, kinds: Sequence[str], *, namespace: str, taken_at: datetime, everywhere: Collection[str]) -> Snapshot:
        self.read.append(kinds)
        return replace(cluster_that_is(self.first), taken_at=taken_at)

    def watch(
        self, kinds: Sequence[str], namespace: str, stop: threading.Event | None = None, *, everywhere: Collection[str]
    ) -> Iterator[Snapshot]:
        self.read.append(kinds)
        try:
            for state in (self.first, *self.later):
                yield cluster_that_is(state)
            if stop is not None:
                stop.wait()
        finally:
            self.closed = True


def session(line: str, lesson: Lesson = LESSON) -> Session:
    return Session(parse(line.split()), (lesson,))


def connected(cluster: Scripted) -> Callable[[Session], Cluster]:
    return lambda session: cast("Cluster", cluster)


def test_snapshot_is_graded_and_its_context_said(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Scripted("yes")
    assert clusters.grade(session("1"), connected(cluster)) == 0
    shown = capsys.readouterr()
    assert shown.err == "Read cluster context test, namespace rag-engine\n"
    assert "1 of 1 objectives passed" in shown.out


def test_each_kind_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Scripted("yes")
    clusters.grade(Session(parse(["all"]), (LESSON, LESSON)), connected(cluster))
    assert cluster.read == [("ConfigMap", "Pod")]


def test_pending_without_a_wait_is_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.grade(session("1"), connected(Scripted("no", "yes"))) == 1
    assert "wait for ready" in capsys.readouterr().out


def test_wait_ends_as_soon_as_nothing_is_pending(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Scripted("no", "no", "nearly", "yes", "no")
    assert clusters.grade(session("1 --wait 60s"), connected(cluster)) == 0
    shown = capsys.readouterr()
    assert shown.err == "Waiting for ready …\nRead cluster context test, namespace rag-engine\n"
    assert shown.out.count("Made up") == 1
    assert cluster.closed


def test_wait_does_not_wait_when_nothing_is_pending(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Scripted("yes")
    assert clusters.grade(session("1 --wait 60s"), connected(cluster)) == 0
    assert len(cluster.read) == 1
    assert "Waiting" not in capsys.readouterr().err


def test_wait_ends_when_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.grade(session("1 --wait 50ms"), connected(Scripted("no"))) == 1
    shown = capsys.readouterr()
    assert "Still pending after 0.05 s: ready" in shown.err
    assert "… pending" in shown.out


def test_wait_goes_on_while_the_cluster_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.grade(session("1 --wait 60s"), connected(Scripted("no", "away", "no", "away", "yes", "no"))) == 0
    assert capsys.readouterr().err == "Waiting for ready …\nRead cluster context test, namespace rag-engine\n"


def test_wait_goes_on_until_what_was_judged_before_can_be_judged_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.grade(session("1 --wait 60s", LIVELY), connected(Scripted("no", "halfway", "yes", "no"))) == 0
    assert "2 of 2 objectives passed" in capsys.readouterr().out


def test_wait_for_a_cluster_that_stays_away_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.grade(session("1 --wait 50ms"), connected(Scripted("no", "away"))) == 3
    shown = capsys.readouterr()
    assert "Still pending" not in shown.err
    assert "Nothing answers. Check with: kubectl cluster-info" in " ".join(shown.out.split())


def test_watch_tells_what_changes_and_only_that(capsys: pytest.CaptureFixture[str]) -> None:
    assert clusters.watch(session("1 --watch --format json"), connected(Scripted("no", "no", "yes", "yes"))) == 0
    shown = capsys.readouterr()
    assert [json.loads(line)["objectives"][0]["status"] for line in shown.out.splitlines()] == ["pending", "passed"]
    assert shown.err.count("Read cluster context test") == 2


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_no_cluster_is_a_sentence_and_exit_3(grade: Grade, form: str) -> None:
    ran = grade("1", "--format", form)
    assert (ran.status, ran.out) == (3, "")
    assert len(ran.err.splitlines()) >= 2, "what to do next is missing"
    assert "Traceback" not in ran.err


def test_no_cluster_to_watch_is_exit_3(grade: Grade) -> None:
    ran = grade("1", "--watch")
    assert (ran.status, ran.out) == (3, "")


@pytest.mark.parametrize("lesson", [entry.id for entry in LESSONS])
def test_no_cluster_is_a_report_of_unknowns_for_programs(grade: Grade, lesson: str) -> None:
    ran = grade(lesson, "--format", "json")
    assert ran.status == 3
    data = json.loads(ran.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert {each["status"] for each in data["objectives"]} == {"unknown"}
    assert data["source"]["kind"] == "cluster"
    assert grade(lesson, "--format", "junit").out.count("<error") == sum(not each["bonus"] for each in data["objectives"])


def test_no_cluster_for_the_course_is_exit_3(grade: Grade) -> None:
    ran = grade("all", "--format", "json")
    assert ran.status == 3
    assert len(json.loads(ran.out)["lessons"]) == len(LESSONS)


@pytest.mark.cluster
def test_real_cluster_is_graded_waited_for_and_named(grade: Grade, kubeconfig: object, api: object) -> None:
    ran = grade("1", "--kubeconfig", str(kubeconfig), "--wait", "1s")
    assert ran.status in (0, 1)
    assert "Namespace rag-engine exists" in ran.out
    assert ran.err.startswith("Read cluster context ")
    assert ran.err.endswith(", namespace rag-engine\n")
