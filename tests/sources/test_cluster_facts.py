"""What is read beside lists of one namespace: the app's page of metrics, kinds of all namespaces, and what time it is for the cluster."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from graders.kinds import KINDS
from graders.snapshot import NotReadable, Snapshot
from graders.sources import cluster_requests
from graders.sources.cluster import Cluster, connect
from graders.sources.cluster_facts import FACTS
from tests.cases import NOON
from tests.sources.faulty import Exchange, Fault, Json, healthy, kubeconfig, serving, url

PATH = "/api/v1/namespaces/rag-engine/services/rag-engine-api:http/proxy/metrics"
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "rag-engine"}}


def collector(namespace: str) -> Json:
    return {"kind": "DaemonSet", "metadata": {"name": f"in-{namespace}", "namespace": namespace}}


def read(folder: Path, fault: Fault, *kinds: str, everywhere: tuple[str, ...] = (), objects: tuple[Json, ...] = ()) -> Snapshot:
    with serving([NAMESPACE, *objects], fault) as server:
        return reach(folder, url(server)).snapshot(["Namespace", *kinds], namespace="rag-engine", taken_at=NOON, everywhere=everywhere)


def reach(folder: Path, server: str) -> Cluster:
    return connect(context=None, kubeconfig=str(kubeconfig(folder / "config", server)), timeout=1)


# The page of metrics


def answers(status: int, body: bytes | Json, **headers: str) -> Fault:
    """The app's answer, or the API server's own, as that server sends it."""
    mark = {"Audit_Id": "6f1c", **headers}
    return lambda exchange: exchange.path == PATH and exchange.send(status, body, None, **mark)


def own(status: int, message: str) -> Fault:
    return answers(status, {"kind": "Status", "apiVersion": "v1", "code": status, "message": message})


def test_page_comes_through_the_api_server(tmp_path: Path) -> None:
    page = read(tmp_path, answers(200, b"up 1\n"), "Scrape").own("Scrape", "rag-engine-api")
    assert (page.at("status.code").value, page.at("status.body").value) == (200, "up 1\n")


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        pytest.param(own(503, 'no endpoints available for service "x"'), 503, 'no endpoints available for service "x"', id="nobody"),
        pytest.param(
            own(404, 'services "rag-engine-api" not found'), 404, 'services "rag-engine-api" not found', id="no Service, before 1.37"
        ),
        pytest.param(own(503, "error trying to reach service: dial tcp: refused"), 503, "error trying to reach", id="not-reached"),
        pytest.param(answers(503, b"Error trying to reach service: 'EOF'"), 503, "Error trying to reach", id="not-reached-in-plain-words"),
        pytest.param(answers(404, b"Not Found"), 404, "the app itself", id="no-such-page"),
        pytest.param(answers(500, b'{"error": "oops"}'), 500, "the app itself", id="app-breaks"),
        pytest.param(answers(503, b"starting"), 503, "the app itself", id="app-is-not-ready"),
    ],
)
def test_what_the_app_answers_is_told_from_what_keeps_us_from_asking(fault: Fault, code: int, message: str, tmp_path: Path) -> None:
    page = read(tmp_path, fault, "Scrape").own("Scrape", "rag-engine-api")
    assert page.at("status.code").value == code
    assert message in str(page.at("status.message").value)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(own(401, "Unauthorized"), id="credentials-refused"),
        pytest.param(own(403, "services is forbidden"), id="denied"),
        pytest.param(own(500, "etcdserver: request timed out"), id="server-fails"),
        pytest.param(own(429, "Too many requests"), id="busy"),
        pytest.param(lambda exchange: exchange.path == PATH and exchange.send(200, b"up 1\n"), id="not-the-api-server"),
        pytest.param(lambda exchange: exchange.path == PATH and exchange.send(502, b"<html>"), id="load-balancer"),
        pytest.param(lambda exchange: exchange.path == PATH and exchange.wait(30), id="silence"),
        pytest.param(lambda exchange: exchange.path == PATH and exchange.reset(), id="reset"),
        pytest.param(answers(200, b"up 1\n", Content_Encoding="gzip"), id="not-really-gzip"),
    ],
)
def test_what_is_no_answer_of_the_app_is_none(fault: Fault, tmp_path: Path) -> None:
    snapshot = read(tmp_path, fault, "Scrape")
    assert snapshot.every("Namespace")
    with pytest.raises(NotReadable) as raised:
        snapshot.find("Scrape", "rag-engine-api")
    assert raised.value.reason.startswith("Could not read metrics in namespace rag-engine: ")
    assert f"kubectl get --raw {PATH} --" in raised.value.reason or "kubectl auth whoami" in raised.value.reason


def test_page_is_cut_off_after_a_whole_line(tmp_path: Path) -> None:
    page = read(tmp_path, answers(200, b"up 1\n" * 100_000), "Scrape").own("Scrape", "rag-engine-api").at("status.body").text
    assert page is not None
    assert 0 < len(page) <= cluster_requests._PAGE_BYTES
    assert set(page.split("\n")) == {"up 1"}


# Kinds of all namespaces


def denies_all_namespaces(exchange: Exchange) -> bool:
    return exchange.kind.name == "DaemonSet" and "/namespaces/" not in exchange.path and exchange.refuse(403)


EVERYWHERE = (collector("rag-engine"), collector("logging"))


def test_kind_is_read_everywhere_in_one_list(tmp_path: Path) -> None:
    with serving([*EVERYWHERE]) as server:
        snapshot = reach(tmp_path, url(server)).snapshot(["DaemonSet"], namespace="rag-engine", taken_at=NOON, everywhere=["DaemonSet"])
        assert server.asked == [("GET", "/apis/apps/v1/daemonsets?limit=500")]
    assert [item.name for item in snapshot.everywhere("DaemonSet")] == ["in-logging", "in-rag-engine"]
    assert [item.name for item in snapshot.all("DaemonSet")] == ["in-rag-engine"]


@pytest.mark.parametrize(
    ("fault", "everywhere", "words"),
    [
        (denies_all_namespaces, ("DaemonSet",), "access denied. Check with: kubectl auth can-i list daemonsets -A --"),
        (healthy, (), "they were not asked for. Check with: kubectl get daemonsets -A --"),
    ],
    ids=["denied", "not-asked"],
)
def test_absence_elsewhere_is_not_concluded(fault: Fault, everywhere: tuple[str, ...], words: str, tmp_path: Path) -> None:
    snapshot = read(tmp_path, fault, "DaemonSet", everywhere=everywhere, objects=EVERYWHERE)
    assert "in-rag-engine" in [item.name for item in snapshot.all("DaemonSet")]
    with pytest.raises(NotReadable) as raised:
        snapshot.everywhere("DaemonSet")
    assert words in raised.value.reason


def test_what_may_not_be_listed_anywhere_is_unreadable(tmp_path: Path) -> None:
    snapshot = read(
        tmp_path, lambda exchange: exchange.kind.name == "DaemonSet" and exchange.refuse(403), "DaemonSet", everywhere=("DaemonSet",)
    )
    assert set(snapshot.unreadable) == {"DaemonSet"}


# The cluster's clock, and commands


@pytest.mark.parametrize("hours", [-6, 0, 6])
def test_cluster_time_is_that_of_the_server(hours: int, tmp_path: Path) -> None:
    with serving([NAMESPACE]) as server:
        server.ahead = hours * 3600.0
        snapshot = reach(tmp_path, url(server)).snapshot(["Namespace"], namespace="rag-engine", taken_at=NOON)
    assert abs(snapshot.cluster_time - NOON - timedelta(hours=hours)) < timedelta(seconds=3)


def test_command_exists_for_what_is_no_list(tmp_path: Path) -> None:
    facts = [kind for kind in KINDS if kind in FACTS]
    snapshot = read(tmp_path, lambda exchange: exchange.kind.name in facts and exchange.refuse(500), *facts)
    commands = {kind: reason.partition(" with: ")[2].partition(" --")[0] for kind, reason in snapshot.unreadable.items()}
    assert json.loads(json.dumps(commands)) == {
        "Version": "kubectl version",
        "APIGroup": "kubectl api-versions",
        "SelfSubjectAccessReview": "kubectl auth can-i",
        "Scrape": "kubectl get",
    }
