"""What an API server, or something in its place, may do to us: nothing of it ever makes an objective pass or fail."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.kinds import KINDS
from graders.lessons import all_lessons
from graders.snapshot import K8sObject, Snapshot
from graders.sources import cluster_requests
from graders.sources.cluster import Cluster, connect, unavailable_snapshot
from graders.verdict import Status
from tests.cases import NOON
from tests.sources.faulty import Exchange, Fault, kubeconfig, serving, url

LESSONS = tuple(all_lessons())
EVERY = tuple(dict.fromkeys(kind for lesson in LESSONS for kind in (*lesson.reads, *lesson.live_reads)))
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine"}}
SECRET = {"kind": "Secret", "metadata": {"name": "s", "namespace": "rag-engine"}, "data": {"jwt-secret": "Y2FuYXJ5LW9mLWEtc2VjcmV0"}}


def config_maps(count: int) -> list[dict[str, object]]:
    return [
        {"kind": "ConfigMap", "metadata": {"name": f"c-{n:05}", "namespace": "rag-engine"}, "data": {"n": str(n)}} for n in range(count)
    ]


def reach(folder: Path, server: object, timeout: float = 1.0) -> Cluster:
    return connect(context=None, kubeconfig=str(kubeconfig(folder / "config", url(server))), timeout=timeout)  # type: ignore[arg-type] # any server


def read(cluster: Cluster, *kinds: str) -> Snapshot:
    return cluster.snapshot(kinds, namespace="rag-engine", taken_at=NOON)


def drip(exchange: Exchange) -> bool:
    def crumbs() -> Iterator[bytes]:
        while not exchange.wait(0.05):
            yield b" "

    return exchange.send_chunks(crumbs())


def flood(exchange: Exchange) -> bool:
    megabyte = b'{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"x": "' + b"x" * 1024 * 1024 + b'"}},'
    return exchange.send_chunks(itertools.chain([b'{"kind": "List", "metadata": {}, "items": ['], itertools.repeat(megabyte, 100)))


def expired(exchange: Exchange) -> bool:
    return exchange.refuse(410) if "continue" in exchange.query else exchange.send_list([NAMESPACE], token="next")


LIST = b'{"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "a"}}'
HTML = b"<!doctype html><title>Sign in</title>"

FAULTS: dict[str, Fault] = {
    "unauthorized": lambda exchange: exchange.refuse(401),
    "forbidden": lambda exchange: exchange.refuse(403),
    "not-found": lambda exchange: exchange.send(404, b"404 page not found\n", Content_Type="text/plain"),
    "method-not-allowed": lambda exchange: exchange.refuse(405),
    "too-many-requests": lambda exchange: exchange.refuse(429),
    "too-many-requests-for-long": lambda exchange: exchange.refuse(429, Retry_After="3600"),
    "too-many-requests-odd-header": lambda exchange: exchange.refuse(429, Retry_After="soon"),
    "server-error": lambda exchange: exchange.refuse(500),
    "unavailable": lambda exchange: exchange.send(503, HTML, Content_Type="text/html"),
    "bad-request": lambda exchange: exchange.refuse(400),
    "redirect": lambda exchange: exchange.send(302, b"", Location="/login"),
    "redirect-elsewhere": lambda exchange: exchange.send(307, b"", Location="http://203.0.113.1/"),
    "no-content": lambda exchange: exchange.send(204),
    "reset-at-once": lambda exchange: exchange.reset(),
    "reset-in-the-head": lambda exchange: exchange.reset(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset-in-the-body": lambda exchange: exchange.reset(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + LIST),
    "reset-in-a-chunk": lambda exchange: exchange.reset(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + LIST),
    "shorter-than-told": lambda exchange: exchange.send(200, LIST + b"]}", length=5000),
    "truncated-json": lambda exchange: exchange.send(200, LIST),
    "web-page": lambda exchange: exchange.send(200, HTML, Content_Type="text/html"),
    "empty-body": lambda exchange: exchange.send(200),
    "empty-object": lambda exchange: exchange.send(200, {}),
    "no-object": lambda exchange: exchange.send(200, b"[]"),
    "status-object": lambda exchange: exchange.send(200, {"kind": "Status", "metadata": {}, "status": "Success"}),
    "one-object": lambda exchange: exchange.send(200, {"kind": "ConfigMap", "metadata": {"name": "x"}}),
    "list-without-items": lambda exchange: exchange.send(200, {"kind": "PodList", "metadata": {}}),
    "items-no-list": lambda exchange: exchange.send(200, {"kind": "PodList", "metadata": {}, "items": {}}),
    "items-no-objects": lambda exchange: exchange.send(200, {"kind": "PodList", "metadata": {}, "items": [1, None]}),
    "metadata-no-object": lambda exchange: exchange.send(200, {"kind": "PodList", "metadata": None, "items": []}),
    "deep-json": lambda exchange: exchange.send(200, b'{"a":' * 100_000),
    "no-utf-8": lambda exchange: exchange.send(200, b'{"kind": "\xff\xfeList"'),
    "no-http": lambda exchange: exchange.reset(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "not-really-gzip": lambda exchange: exchange.send(200, LIST + b"]}", Content_Encoding="gzip"),
    "never-an-answer": lambda exchange: exchange.wait(30),
    "slow-drip": drip,
    "huge": flood,
    "expired-while-paging": expired,
}


def unread(snapshot: Snapshot, kind: str) -> str:
    """The sentence that says why a kind could not be read."""
    assert kind in snapshot.unreadable, f"{kind} was taken for read"
    return snapshot.unreadable[kind]


# The default namespace is read from the kubeconfig, whatever the cluster says.
OF_THE_KUBECONFIG = ("context-namespace", "capstone-lesson-1")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_judged_by_what_was_not_read(fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_requests, "MAX_BYTES", 2 * 1024 * 1024)  # so that 20 floods at once pass soon
    with serving([NAMESPACE], fault) as server:
        try:
            snapshot = read(reach(tmp_path, server), *EVERY)
        except ClusterUnavailable as error:
            snapshot = unavailable_snapshot(error, EVERY, namespace="rag-engine", context="course", taken_at=NOON)
    assert not snapshot.objects
    for lesson in LESSONS:
        for result in evaluate(lesson, snapshot).results:
            if result.objective.id in OF_THE_KUBECONFIG:
                continue
            assert result.status is Status.UNKNOWN, result
            assert re.search(r"kubectl [a-z-]+ .*--context course$", result.verdict.reason or "")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_one_kind_that_fails_is_named_and_leaves_the_others(fault: Fault, tmp_path: Path) -> None:
    with serving([NAMESPACE, SECRET], lambda exchange: exchange.kind.name == "Secret" and fault(exchange)) as server:
        started = time.monotonic()
        snapshot = read(reach(tmp_path, server), "Namespace", "Secret")
        assert time.monotonic() - started < 1.8, "the time limit is not kept"
    assert [item.ref for item in snapshot.objects] == ["Namespace/rag-engine"]
    sentence = unread(snapshot, "Secret")
    assert sentence.startswith("Could not read Secrets in namespace rag-engine: ")
    assert re.search(r" with: kubectl [a-z-]+ .*--context course$", sentence)


SENTENCES = {
    ("forbidden", "Secret"): "access denied. Check with: kubectl auth can-i list secrets -n rag-engine --context course",
    ("forbidden", "Namespace"): "access denied. Check with: kubectl auth can-i list namespaces --context course",
    ("not-found", "HorizontalPodAutoscaler"): "this cluster does not serve autoscaling/v2. "
    "Check with: kubectl api-resources --api-group=autoscaling --context course",
    ("not-found", "HTTPRoute"): "the Gateway API is not installed. Install it as https://gateway-api.sigs.k8s.io/guides/ says, "
    "then check with: kubectl api-resources --api-group=gateway.networking.k8s.io --context course",
    ("too-many-requests", "NetworkPolicy"): "the API server has too much to do just now. "
    "Wait a little, then check with: kubectl get networkpolicies -n rag-engine --context course",
    ("never-an-answer", "StorageClass"): "no whole answer within 1 s. Check with: kubectl get storageclasses --context course",
    ("web-page", "Pod"): "the answer was a web page. See whether a proxy or a login page stands in between, "
    "then check with: kubectl get pods -n rag-engine --context course",
}


@pytest.mark.parametrize(("fault", "kind"), SENTENCES, ids=[" ".join(case) for case in SENTENCES])
def test_sentences(fault: str, kind: str, tmp_path: Path) -> None:
    with serving((), lambda exchange: exchange.kind.name == kind and FAULTS[fault](exchange)) as server:
        snapshot = read(reach(tmp_path, server), "ConfigMap", kind)
    assert re.sub(r" --kubeconfig \S+", "", unread(snapshot, kind)).partition(": ")[2] == SENTENCES[fault, kind]


@pytest.mark.parametrize(
    ("fault", "words", "command"),
    [
        ("unauthorized", "does not accept the credentials of user `learner`", "kubectl auth whoami"),
        ("never-an-answer", "did not answer within 1 s", "kubectl cluster-info"),
        ("reset-at-once", "broke the connection off", "kubectl cluster-info"),
    ],
)
def test_cluster_that_gives_nothing_is_an_error(fault: str, words: str, command: str, tmp_path: Path) -> None:
    with serving((), FAULTS[fault]) as server, pytest.raises(ClusterUnavailable) as raised:
        read(reach(tmp_path, server), "Pod", "Secret")
    assert words in raised.value.message
    assert command in raised.value.help
    assert raised.value.exit_code == 3


def test_denied_and_unauthorized_together_are_told_by_kind(tmp_path: Path) -> None:
    with serving((), lambda exchange: exchange.refuse(403 if exchange.kind.name == "Pod" else 401)) as server:
        snapshot = read(reach(tmp_path, server), "Pod", "Secret")
    assert "access denied" in unread(snapshot, "Pod")
    assert "does not accept your credentials" in unread(snapshot, "Secret")


def once(fault: Fault) -> Fault:
    left = [True]
    return lambda exchange: bool(left) and left.pop() and fault(exchange)


@pytest.mark.parametrize("fault", ["server-error", "reset-at-once", "truncated-json", "shorter-than-told", "unavailable", "unauthorized"])
def test_what_fails_by_chance_is_asked_once_more(fault: str, tmp_path: Path) -> None:
    with serving([NAMESPACE], once(FAULTS[fault])) as server:
        snapshot = read(reach(tmp_path, server), "Namespace")
        assert len(server.asked) == 2
    assert snapshot.find("Namespace", "rag-engine") is not None


def test_busy_server_is_given_the_time_that_it_asks_for(tmp_path: Path) -> None:
    with serving([NAMESPACE], once(lambda exchange: exchange.refuse(429, Retry_After="1"))) as server:
        started = time.monotonic()
        snapshot = read(reach(tmp_path, server, timeout=5), "Namespace")
        assert time.monotonic() - started >= 1
    assert not snapshot.unreadable


def test_denied_is_not_asked_again(tmp_path: Path) -> None:
    with serving((), FAULTS["forbidden"]) as server:
        read(reach(tmp_path, server), "Secret")
        assert len(server.asked) == 1


def test_only_what_is_asked_for_is_read_by_get_and_once(tmp_path: Path) -> None:
    with serving([NAMESPACE]) as server:
        read(reach(tmp_path, server), "HorizontalPodAutoscaler", "Deployment", "LimitRange")
        assert sorted(server.asked) == [
            ("GET", f"{path}?limit=500")
            for path in (
                "/api/v1/namespaces/rag-engine/limitranges",
                "/apis/apps/v1/namespaces/rag-engine/deployments",
                "/apis/autoscaling/v2/namespaces/rag-engine/horizontalpodautoscalers",
            )
        ]


def test_objects_come_by_kind_as_asked_and_then_by_name(tmp_path: Path) -> None:
    objects = [{"kind": kind, "metadata": {"name": name, "namespace": "rag-engine"}} for name in "bca" for kind in ("Pod", "Service")]
    with serving(objects) as server:
        snapshot = read(reach(tmp_path, server), "Service", "Pod")
    assert [item.ref for item in snapshot.objects] == [f"{kind}/{name}" for kind in ("Service", "Pod") for name in "abc"]
    assert snapshot.objects[0].api_version == "v1"


@pytest.mark.parametrize("kind", ["Secret", "secret", "ConfigMap", None, 7], ids=str)
def test_values_of_secrets_go_no_further_whatever_kind_an_item_claims(kind: object, tmp_path: Path) -> None:
    body = {"kind": "SecretList", "metadata": {}, "items": [{**SECRET, "kind": kind}]}
    with serving((), lambda exchange: exchange.send(200, body)) as server:
        snapshot = read(reach(tmp_path, server), "Secret")
    assert snapshot.objects[0].ref == "Secret/s"
    assert "canary" not in str(snapshot)
    assert "Y2FuYXJ5" not in str(snapshot)


def test_null_items_are_none(tmp_path: Path) -> None:
    with serving((), lambda exchange: exchange.send(200, {"kind": "PodList", "metadata": {}, "items": None})) as server:
        snapshot = read(reach(tmp_path, server), "Pod")
    assert snapshot.every("Pod") == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "items", "metadata", "name", "namespace", "labels", "resourceVersion", "data", "spec"]),
            inner,
            max_size=4,
        )
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=JSON, metadata=JSON)
def test_any_json_is_read_whole_or_told(items: object, metadata: object, tmp_path: Path) -> None:
    body = {"kind": "ConfigMapList", "items": items, "metadata": metadata}
    with serving((), lambda exchange: exchange.send(200, body)) as server:
        snapshot = read(reach(tmp_path, server), "ConfigMap")
    whole = isinstance(items, list) and all(isinstance(item, dict) for item in items)
    assert ("ConfigMap" in snapshot.unreadable) or items is None or (whole and len(snapshot.objects) == len(cast(list[object], items)))


class Pages:
    """A list in pages, which is compacted away `gone` times when its third page is asked for."""

    def __init__(self, count: int, gone: int = 0) -> None:
        self.objects = config_maps(count)
        self.gone = gone

    def __call__(self, exchange: Exchange) -> bool:
        start, size = int(exchange.query.get("continue", 0)), int(exchange.query["limit"])
        if start == 2 * size and self.gone:
            self.gone -= 1
            return exchange.refuse(410)
        more = start + size < len(self.objects)
        return exchange.send_list(self.objects[start : start + size], token=str(start + size) if more else "")


@pytest.mark.parametrize("count", [499, 500, 501, 1700])
def test_pages_are_put_together(count: int, tmp_path: Path) -> None:
    with serving((), Pages(count)) as server:
        snapshot = read(reach(tmp_path, server, timeout=20), "ConfigMap")
        assert len(server.asked) == -(-count // 500)
    assert [item.name for item in snapshot.objects] == [f"c-{n:05}" for n in range(count)]


@pytest.mark.parametrize(("gone", "whole"), [(1, True), (2, True), (3, False)])
def test_list_that_expires_while_paging_is_started_again(gone: int, whole: bool, tmp_path: Path) -> None:
    with serving((), Pages(1700, gone)) as server:
        snapshot = read(reach(tmp_path, server, timeout=20), "ConfigMap")
    assert (len(snapshot.objects), "ConfigMap" in snapshot.unreadable) == ((1700, False) if whole else (0, True))


def test_fifty_thousand_objects_are_read_whole(tmp_path: Path) -> None:
    with serving((), Pages(50_000)) as server:
        snapshot = read(reach(tmp_path, server, timeout=60), "ConfigMap")
    assert len(snapshot.every("ConfigMap")) == 50_000


def test_half_of_fifty_thousand_objects_is_nothing(tmp_path: Path) -> None:
    pages = Pages(50_000)
    with serving((), lambda exchange: exchange.wait(30) if exchange.query.get("continue") == "2000" else pages(exchange)) as server:
        with pytest.raises(ClusterUnavailable) as raised:
            read(reach(tmp_path, server), "ConfigMap")
        assert "within 1 s" in raised.value.message


def test_more_bytes_than_any_course_holds_are_not_read(tmp_path: Path) -> None:
    with serving((), flood) as server:
        snapshot = read(reach(tmp_path, server, timeout=30), "ConfigMap")
    assert "larger than 32 MiB" in unread(snapshot, "ConfigMap")


def denies_lists(exchange: Exchange) -> bool:
    return not exchange.one and exchange.refuse(403)


def test_namespace_is_got_where_namespaces_may_not_be_listed(tmp_path: Path) -> None:
    with serving([NAMESPACE], denies_lists) as server:
        snapshot = read(reach(tmp_path, server), "Namespace")
    assert snapshot.find("Namespace", "rag-engine") is not None


def test_namespace_that_cannot_be_got_is_absent_only_when_the_server_says_so(tmp_path: Path) -> None:
    with serving((), denies_lists) as server:
        assert read(reach(tmp_path, server), "Namespace").every("Namespace") == ()
    with serving([NAMESPACE], FAULTS["forbidden"]) as server:
        assert "access denied" in unread(read(reach(tmp_path, server), "Namespace"), "Namespace")


def test_every_kind_has_a_plural_that_reads_well(tmp_path: Path) -> None:
    with serving((), FAULTS["forbidden"]) as server:
        snapshot = read(reach(tmp_path, server), *KINDS)
    plurals = {re.split(r" in |: ", sentence.removeprefix("Could not read "))[0] for sentence in snapshot.unreadable.values()}
    assert {"NetworkPolicies", "Ingresses", "StorageClasses", "HTTPRoutes", "EndpointSlices", "Secrets"} <= plurals
    assert {plural.lower() for plural in plurals} == {kind.plural for kind in KINDS.values()}


def test_only_warnings_of_events_are_asked_for(tmp_path: Path) -> None:
    with serving() as server:
        read(reach(tmp_path, server), "Event")
        assert server.asked == [("GET", "/api/v1/namespaces/rag-engine/events?limit=500&fieldSelector=type%3DWarning")]


def test_answer_is_a_snapshot_of_this_context(tmp_path: Path) -> None:
    with serving([NAMESPACE]) as server:
        path = kubeconfig(tmp_path / "config", url(server), namespace="mine")
        cluster = connect(context="course", kubeconfig=str(path), timeout=1)
        snapshot = read(cluster, "Namespace")
    assert (cluster.context, cluster.namespace) == ("course", "mine")
    assert (snapshot.source.kind, snapshot.source.context, snapshot.namespace, snapshot.context_namespace) == (
        *("cluster", "course", "rag-engine", "mine"),
    )
    assert snapshot.taken_at == NOON
    assert isinstance(snapshot.objects[0], K8sObject)
    assert json.loads(json.dumps(dict(snapshot.unreadable))) == {}
