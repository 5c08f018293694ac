"""The cluster that a classroom shares: everybody's own namespace, nobody else's, and no kubeconfig but the server's."""

from __future__ import annotations

import base64
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.models import Attempt, Cohort, Membership, Origin
from app.services import equality, live, shared_cluster
from app.services.assurance import Assurance
from app.services.cluster_choice import SHARED, Place
from app.services.equality import What
from app.services.lesson_texts import Course
from app.services.live_picture import EVERYWHERE, KINDS_READ, Trouble
from app.services.shared_cluster import namespace_for, narrowed
from app.services.shared_cluster_manifests import LABEL
from graders.errors import UsageError
from graders.semantics.names import dns_label
from graders.snapshot import Snapshot
from graders.sources.cluster import Cluster
from tests.api import Api
from tests.web.classroom import Classroom
from tests.web.submitting import snapshot_of, submission
from tests.web.test_live import until

Json = dict[str, Any]
UID = "901302b0-17a9-4eb9-aa6c-d91da68c9d58"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def kubeconfig_of_server(tmp_path: Path) -> Path:
    """The file that COURSE_CLUSTER_KUBECONFIG names; nothing answers there."""
    path = tmp_path / "reader.kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}
    context = {"name": "admins-own-name", "context": {"cluster": "c", "user": "u", "namespace": "elsewhere"}}
    user = {"name": "u", "user": {"token": "t0ken-of-the-server"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "admins-own-name"}
    path.write_text(yaml.safe_dump({**config, "clusters": [cluster], "contexts": [context], "users": [user]}))
    return path


@pytest.fixture
def shared_settings(classroom_settings: Settings, kubeconfig_of_server: Path) -> Settings:
    return replace(classroom_settings, kubeconfig=str(kubeconfig_of_server))


class Played:
    """A cluster that shows each namespace what a test puts there."""

    host = "cluster.example.org:6443"
    context = "classroom"

    def __init__(self) -> None:
        self.opened: list[Place] = []
        self.shown: dict[str, queue.SimpleQueue[Snapshot]] = {}

    def open(self, place: Place) -> Any:
        self.opened.append(place)
        return self

    def put(self, namespace: str, *bodies: Json) -> None:
        system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": UID}}
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"environment": "production"}}}
        taken = Snapshot.of((system, own, *bodies), taken_at=datetime.now(UTC), namespace=namespace, kind="cluster")
        self.shown.setdefault(namespace, queue.SimpleQueue()).put(taken)

    def watch(self, _: object, namespace: str, stop: threading.Event, **__: object) -> Iterator[Snapshot]:
        waiting = self.shown.setdefault(namespace, queue.SimpleQueue())
        while not stop.is_set():
            try:
                yield waiting.get(timeout=0.02)
            except queue.Empty:
                continue

    def snapshot(self, _: object, *, namespace: str, **__: object) -> Snapshot:
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {"environment": "production"}}}
        return Snapshot.of((own,), taken_at=datetime.now(UTC), namespace=namespace, kind="cluster")


@pytest.fixture
def cluster() -> Played:
    return Played()


@pytest.fixture
def sharing(shared_settings: Settings, course: Course, cluster: Played, monkeypatch: pytest.MonkeyPatch) -> Iterator[Classroom]:
    """A classroom with a shared cluster, which is played."""
    monkeypatch.setattr(live, "_TICK", 0.05)
    monkeypatch.setattr(live, "_SETTLED", 0.1)
    app = create_app(shared_settings, course=course)
    app.state.open_cluster = cluster.open
    with TestClient(app, base_url=shared_settings.url) as client:
        app.state.of_the_loop = client
        yield Classroom(app, shared_settings)


def give(classroom: Classroom, cohort_id: int) -> dict[int, str]:
    """Assign namespaces; gives them by learner."""
    with session_of(classroom.app.state.engine, writes=True) as session:
        shared_cluster.assign(session, cohort_id)
    with session_of(classroom.app.state.engine, writes=False) as session:
        return {each.learner_id: each.namespace or "" for each in session.exec(select(Membership))}


# Namespaces.

NAMES = [
    pytest.param("Ada Lovelace", 7, "learner-ada-lovelace-7", id="plain"),
    pytest.param("Zoë Ångström", 8, "learner-zoe-angstrom-8", id="accents"),
    pytest.param("李小龙", 9, "learner-9", id="another script"),
    pytest.param("", 10, "learner-10", id="no name"),
    pytest.param("--../kube-system\n", 11, "learner-kube-system-11", id="hostile"),
    pytest.param("x" * 200, 12, "learner-" + "x" * 52 + "-12", id="long"),
]


@pytest.mark.parametrize(("name", "number", "namespace"), NAMES)
def test_a_namespace_is_named_after_its_learner(name: str, number: int, namespace: str) -> None:
    assert namespace_for(name, number) == namespace


@settings(max_examples=300)
@given(st.text(max_size=200), st.text(max_size=200), st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1))
def test_every_name_makes_a_namespace_that_nobody_else_has(name: str, other: str, number: int, another: int) -> None:
    assert dns_label(namespace_for(name, number)) is None
    assert number == another or namespace_for(name, number) != namespace_for(other, another)


def test_each_learner_of_a_cohort_gets_one_and_keeps_it(classroom: Classroom) -> None:
    ada, bob, ben = (classroom.person(name) for name in ("Ada", "Bob", "Ben"))
    autumn, spring = classroom.cohort("Autumn", [ben], [ada, bob]), classroom.cohort("Spring", [], [ada])
    first = give(classroom, autumn)
    assert (first[bob.id], first[ben.id]) == (f"learner-bob-{bob.id}", "")
    with session_of(classroom.app.state.engine, writes=True) as session:
        assert [seat.namespace for seat in shared_cluster.assign(session, spring)] == [f"learner-ada-{ada.id}"], (
            "one cluster, one namespace"
        )
    assert give(classroom, autumn) == first


@pytest.mark.parametrize("namespace", ["kube-system", "default", "kubernetes-course", "velero"])
@one_database
def test_a_roster_gives_nobody_a_namespace_of_the_cluster(classroom: Classroom, kubeconfig_of_server: Path, namespace: str) -> None:
    cohort = classroom.cohort("Autumn", [], [classroom.person("Eve")])
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.exec(select(Membership)).one().namespace = namespace
    with pytest.raises(UsageError, match=namespace):
        applied(classroom, cohort)
    opened = shared_cluster.opener(classroom.app.state.engine, str(kubeconfig_of_server))
    assert isinstance(opened(shared_cluster.place(str(kubeconfig_of_server), namespace)), Trouble)


# What a learner may see.


def body(kind: str, name: str, namespace: str = "", **more: Any) -> Json:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **where}, **more}


SEEN = [
    pytest.param(body("ConfigMap", "c", "learner-ada-1"), True, id="one's own"),
    pytest.param(body("ConfigMap", "c", "learner-bob-2"), False, id="another learner's"),
    pytest.param(body("PrometheusRule", "r", "team-x"), False, id="another learner's, of a name that the roster gave"),
    pytest.param(body("PrometheusRule", "r", "learner-new-9"), False, id="of a learner who has just joined"),
    pytest.param(body("PrometheusRule", "r", "monitoring"), True, id="nobody's"),
    pytest.param(body("Namespace", "learner-ada-1"), True, id="one's own namespace"),
    pytest.param(body("Namespace", "learner-bob-2"), False, id="another's namespace"),
    pytest.param(body("Namespace", "kube-system"), True, id="a namespace of the cluster"),
    pytest.param(body("Node", "node-1"), True, id="a node"),
    pytest.param(body("PersistentVolume", "pv", spec={"claimRef": {"namespace": "learner-ada-1"}}), True, id="one's own disk"),
    pytest.param(body("PersistentVolume", "pv", spec={"claimRef": {"namespace": "learner-bob-2"}}), False, id="another's disk"),
    pytest.param(body("Backup", "b", "velero", spec={"includedNamespaces": ["learner-ada-1"]}), True, id="one's own backup"),
    pytest.param(body("Backup", "b", "velero", spec={"includedNamespaces": ["learner-bob-2", "team-x"]}), False, id="others' backup"),
    pytest.param(
        body("Backup", "b", "velero", spec={"includedNamespaces": ["learner-bob-2", "learner-ada-1"]}), True, id="a backup of both"
    ),
    pytest.param(body("Backup", "b", "velero", spec={}), True, id="a backup of all"),
    pytest.param(
        body("Schedule", "s", "velero", spec={"template": {"includedNamespaces": ["learner-bob-2"]}}), False, id="another's schedule"
    ),
    pytest.param(
        {
            **body("ResourceQuota", "classroom", "learner-ada-1"),
            "metadata": {"name": "classroom", "namespace": "learner-ada-1", "labels": {LABEL: "x"}},
        },
        False,
        id="what the administrator has put there",
    ),
]


@pytest.mark.parametrize(("item", "shown"), SEEN)
def test_what_is_other_learners_is_not_passed_on(item: Json, shown: bool) -> None:
    snapshot = Snapshot.of([item], taken_at=datetime.now(UTC), namespace="learner-ada-1", kind="cluster")
    left = narrowed(snapshot, "learner-ada-1", frozenset({"learner-ada-1", "learner-bob-2", "team-x"}))
    assert (left.objects == snapshot.objects) is shown


def test_what_the_servers_own_account_may_do_is_not_taken_for_what_the_learner_may() -> None:
    review = body("SelfSubjectAccessReview", "deployments", status={"allowed": False})
    snapshot = replace(Snapshot.of([review], taken_at=datetime.now(UTC), namespace="n", kind="cluster"), context_namespace="default")
    left = narrowed(snapshot, "n", frozenset())
    assert left.objects == ()
    assert "account of its own" in left.unreadable["SelfSubjectAccessReview"]
    assert left.context_namespace is None


def test_each_sees_their_own_namespace_and_it_is_recorded_for_them(sharing: Classroom, cluster: Played) -> None:
    ada, bob = sharing.person("Ada"), sharing.person("Bob")
    given = give(sharing, sharing.cohort("Autumn", [], [ada, bob]))
    cluster.put(given[ada.id])
    cluster.put(given[bob.id], body("ConfigMap", "bobs-own-plan", given[bob.id]))
    client = sharing.app.state.of_the_loop
    for person in (ada, bob):
        name, value, _ = sharing.cookie(person)
        page = client.get("/cluster/lesson-1", headers={"cookie": f"{name}={value}", "accept": "text/html"})
        assert page.status_code == 200
        assert given[person.id] in page.text
        assert "classroom’s cluster" in page.text
        for hidden in ("admins-own-name", "reader.kubeconfig", "t0ken", "kubectl’s current one", 'action="/cluster/choice"'):
            assert hidden not in page.text, hidden
        if person is ada:
            assert given[bob.id] not in page.text
            assert "bobs-own-plan" not in page.text
    assert {place.namespace for place in cluster.opened} == set(given.values())
    assert {(place.source, place.context) for place in cluster.opened} == {(SHARED, None)}

    def recorded() -> list[Attempt]:
        with session_of(sharing.app.state.engine, writes=False) as session:
            return list(session.exec(select(Attempt).where(Attempt.lesson_id == "lesson-1")))

    until(lambda: len(recorded()) == 2)
    assert {attempt.learner_id for attempt in recorded()} == {ada.id, bob.id}
    assert {(attempt.origin, attempt.cluster) for attempt in recorded()} == {(Origin.CLUSTER, UID)}


@one_database
def test_no_form_leads_to_another_place(sharing: Classroom, cluster: Played) -> None:
    ada, bob = sharing.person("Ada"), sharing.person("Bob")
    given = give(sharing, sharing.cohort("Autumn", [], [ada, bob]))
    browser = sharing.client(ada)
    choose = browser.send_form("/cluster/choice", {"lesson": "lesson-1", "context": "own:admins-own-name", "namespace": given[bob.id]})
    start = browser.send_form("/cluster/start", {"lesson": "lesson-1", "merge": "true"})
    assert (choose.status_code, start.status_code) == (403, 403)
    assert browser.send_form("/cluster/lesson-1/check", {}).status_code == 303
    with session_of(sharing.app.state.engine, writes=False) as session:
        attempt = session.exec(select(Attempt)).one()
    assert attempt.report["source"]["namespace"] == given[ada.id]
    assert {place.namespace for place in cluster.opened} == {given[ada.id]}


@one_database
def test_who_has_no_namespace_hands_in_from_the_terminal(sharing: Classroom, cluster: Played) -> None:
    ben = sharing.client(sharing.person("Ben"))
    page = ben.get("/cluster/lesson-4")
    assert "no namespace on the classroom’s cluster yet" in page.text
    assert "grade lesson-4 --submit" in page.text
    assert ben.send_form("/cluster/lesson-4/check", {}).status_code == 409
    assert ben.send_form("/cluster/again", {"lesson": "lesson-4"}).status_code == 409
    assert ben.get("/live/events?lesson=lesson-4").status_code == 204
    assert cluster.opened == []


@one_database
def test_a_classroom_without_a_cluster_reads_none_whatever_the_servers_own_kubectl_could(
    classroom: Classroom, kubeconfig_of_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of_server))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    ada = classroom.person("Ada")
    give(classroom, classroom.cohort("Autumn", [], [ada]))
    browser = classroom.client(ada)
    page = browser.get("/cluster/lesson-4")
    assert "no cluster of its own" in page.text
    assert "admins-own-name" not in page.text
    assert browser.send_form("/cluster/lesson-4/check", {}).status_code == 409
    assert browser.get("/live/events?lesson=lesson-4&strip=true").status_code == 204


@one_database
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(Place("own", None, None, "n"), id="the server's own"),
        pytest.param(Place(SHARED, "/etc/kubernetes/admin.conf", None, "n"), id="another file"),
        pytest.param(Place("practice", None, "practice", "n"), id="a practice cluster"),
    ],
)
def test_nothing_but_the_shared_cluster_is_ever_opened(classroom: Classroom, kubeconfig_of_server: Path, place: Place) -> None:
    opened = shared_cluster.opener(classroom.app.state.engine, str(kubeconfig_of_server))
    assert isinstance(opened(place), Trouble)
    assert isinstance(shared_cluster.opener(classroom.app.state.engine, None)(place), Trouble)


@one_database
def test_a_kubeconfig_of_the_server_that_is_broken_is_told_to_its_log_alone(
    classroom: Classroom, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "secret-place.kubeconfig"
    broken.write_text("clusters: [")
    trouble = shared_cluster.opener(classroom.app.state.engine, str(broken))(shared_cluster.place(str(broken), "learner-ada-1"))
    assert isinstance(trouble, Trouble)
    assert "secret-place" not in trouble.message + trouble.advice + trouble.command
    assert "secret-place" in caplog.text


@one_database
def test_a_cluster_that_is_away_tells_no_names_of_the_servers_files(classroom: Classroom, kubeconfig_of_server: Path) -> None:
    opened = shared_cluster.opener(classroom.app.state.engine, str(kubeconfig_of_server))(
        shared_cluster.place(str(kubeconfig_of_server), "learner-ada-1")
    )
    assert isinstance(opened, Cluster)
    stop = threading.Event()
    first = next(iter(opened.watch(KINDS_READ, "learner-ada-1", stop, everywhere=EVERYWHERE)))
    stop.set()
    told = " ".join(first.unreadable.values())
    assert told
    for hidden in ("admins-own-name", "reader.kubeconfig", "t0ken", "--kubeconfig"):
        assert hidden not in told, hidden


# What an administrator applies.


def applied(classroom: Classroom, cohort_id: int) -> tuple[str, list[Json]]:
    with session_of(classroom.app.state.engine, writes=True) as session:
        cohort = session.get(Cohort, cohort_id)
        assert cohort is not None
        text = shared_cluster.manifests(session, cohort)
    return text, list(yaml.safe_load_all(text))


@one_database
def test_the_manifests_are_whole_and_hostile_names_are_data(classroom: Classroom) -> None:
    eve = classroom.person("Eve\n---\nkind: ClusterRoleBinding")
    text, documents = applied(classroom, classroom.cohort("Autumn\n---\nkind: Pod\u2028x", [], [eve]))
    names = {(each["kind"], each["metadata"]["name"]) for each in documents}
    assert ("Namespace", namespace_for(eve.name, eve.id)) in names
    assert all(each["metadata"]["labels"].keys() & {LABEL} for each in documents)
    assert not any(kind == "Pod" for kind, _ in names)
    assert all(line.startswith("#") for line in text.split("---\n", 1)[0].splitlines())


@one_database
def test_the_servers_account_reads_and_secrets_of_learners_alone(classroom: Classroom) -> None:
    _, documents = applied(classroom, classroom.cohort("Autumn", [], [classroom.person("Ada")]))
    roles = {each["metadata"]["name"]: each["rules"] for each in documents if each["kind"] == "ClusterRole"}
    bound = {each["roleRef"]["name"] for each in documents if each["kind"] == "ClusterRoleBinding"}
    for name in ("course-reader-namespace", "course-reader-cluster"):
        assert {verb for rule in roles[name] for verb in rule["verbs"]} <= {"get", "list", "watch"}
    assert "course-reader-namespace" not in bound
    for name in bound & roles.keys():
        assert "secrets" not in [resource for rule in roles[name] for resource in rule["resources"]]


def token_kubeconfig(api: Api, kubeconfig: Path, path: Path, namespace: str, account: str) -> Path:
    """A kubeconfig with a token of a ServiceAccount."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    status, answer = api.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", request)
    assert status == 201, answer
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.cluster
@one_database
def test_on_a_real_cluster_each_is_read_and_kept_apart(classroom: Classroom, api: Api, kubeconfig: Path, tmp_path: Path) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    cohort = classroom.cohort("Autumn", [], [ada, bob])
    _, documents = applied(classroom, cohort)
    for document in documents:
        status, answer = api.put(document)
        assert status in (200, 201), (document["kind"], document["metadata"]["name"], answer)
    mine, theirs = namespace_for("Ada", ada.id), namespace_for("Bob", bob.id)
    try:
        for space in (mine, theirs):
            api.ensure_namespace(space)
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "rag-engine-secrets", "namespace": space}}
            status, answer = api.put({**secret, "data": {"k": base64.b64encode(f"value of {space}".encode()).decode()}}, space)
            assert status in (200, 201), answer
        reader = token_kubeconfig(api, kubeconfig, tmp_path / "reader", "kubernetes-course", "course-reader")
        opened = shared_cluster.opener(classroom.app.state.engine, str(reader))(shared_cluster.place(str(reader), mine))
        assert isinstance(opened, Cluster)
        snapshot = until(
            lambda: next(
                (
                    found
                    for found in [opened.snapshot(KINDS_READ, namespace=mine, taken_at=datetime.now(UTC), everywhere=EVERYWHERE)]
                    if "Secret" not in found.unreadable
                ),
                None,
            )
        )
        assert snapshot.find("Secret", "rag-engine-secrets") is not None
        told = json.dumps([json.loads(json.dumps(_plain(item.body))) for item in snapshot.objects])
        assert theirs not in told
        assert base64.b64encode(f"value of {mine}".encode()).decode() not in told
        expected = {"SelfSubjectAccessReview", "ScaledObject", "Scrape", "NodeMetrics", "PodMetrics", "VerticalPodAutoscaler"}
        assert set(snapshot.unreadable) <= expected, snapshot.unreadable
        _check_rights(api, kubeconfig, tmp_path, mine, theirs)
    finally:
        for document in reversed(documents):
            api.delete(document, wait=False)


def _check_rights(api: Api, kubeconfig: Path, tmp_path: Path, mine: str, theirs: str) -> None:
    """What a learner, and the server, may do there."""

    def may(account: str, verb: str, resource: str, space: str, name: str = "") -> bool:
        attributes = {
            "namespace": space,
            "verb": verb,
            "resource": resource,
            "name": name,
            "group": "apps" if resource == "deployments" else "",
        }
        spec = {"user": f"system:serviceaccount:{account}", "resourceAttributes": attributes}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        return bool(api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)[1]["status"]["allowed"])

    learner, server = f"{mine}:learner", "kubernetes-course:course-reader"
    assert may(learner, "create", "deployments", mine)
    assert may(learner, "create", "secrets", mine)
    assert may(learner, "create", "resourcequotas", mine)
    assert not may(learner, "delete", "resourcequotas", mine, "classroom")
    assert not may(learner, "update", "resourcequotas", mine, "classroom-compute")
    assert may(learner, "patch", "namespaces", "", mine)
    for verb in ("get", "list", "watch", "create", "delete"):
        assert not may(learner, verb, "secrets", theirs)
        assert not may(learner, verb, "deployments", theirs)
    assert not may(learner, "patch", "namespaces", "", theirs)
    assert not may(learner, "create", "rolebindings", mine)
    assert may(server, "get", "secrets", mine)
    assert not may(server, "get", "secrets", "kube-system")
    assert not may(server, "list", "secrets", "")
    assert not may(server, "create", "pods", mine)

    path = token_kubeconfig(api, kubeconfig, tmp_path / "learner", mine, "learner")
    token = yaml.safe_load(path.read_text())["users"][0]["user"]["token"]

    def label(labels: Json) -> tuple[int, str]:
        changed = {"metadata": {"labels": labels}}
        with _as(api, token):
            status, answer = api.request("PATCH", f"/api/v1/namespaces/{mine}", changed, "application/merge-patch+json")
        return status, str(answer.get("message"))

    enforce = "pod-security.kubernetes.io/enforce"
    until(lambda: label({enforce: "privileged"})[0] == 422)  # a policy takes effect a moment after it was made
    assert "Pod Security Standard baseline" in label({enforce: "privileged"})[1]
    assert label({enforce: None})[0] == 422
    assert label({enforce: "privileged", LABEL: None})[0] == 422, "not by taking the label away in the same request, either"
    assert label({LABEL: None})[0] == 422
    assert label({"environment": "production", enforce: "restricted"})[0] == 200


def _as(api: Api, token: str) -> Any:
    """The same client, for a while with somebody's token instead of its certificate."""
    return _Impersonating(api, token)


class _Impersonating:
    """Sends as the account of a token. The practice cluster's administrator may impersonate anybody."""

    def __init__(self, api: Api, token: str) -> None:
        self._api = api
        payload = token.split(".")[1]
        self._user = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        connection = self._api._connection
        send = connection.request

        def request(method: str, path: str, body: Any = None, headers: Any = None) -> None:
            groups = {"Impersonate-User": self._user, "Impersonate-Group": "system:serviceaccounts"}
            send(method, path, body, {**(headers or {}), **groups})

        self._patch.setattr(connection, "request", request)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


# Facts of equality.

OWN_WORK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: rag-engine-config
  namespace: {namespace}
data:
{lines}
"""


def own_work(namespace: str = "rag-engine", size: int = 40, mark: str = "x") -> str:
    return OWN_WORK.format(namespace=namespace, lines="\n".join(f"  KEY_{number}: {mark}{number}" for number in range(size)))


def hand_in(classroom: Classroom, person: Any, text: str, *, cluster: str = "", namespace: str = "rag-engine") -> None:
    client = classroom.client()
    data = submission(snapshot_of(text, namespace=namespace), "lesson-2", cluster=cluster)
    headers = {"authorization": f"Bearer {classroom.token(person)}", "accept": "application/json"}
    answer = client.post("/api/submissions", json=data, headers=headers)
    assert answer.status_code == 201, answer.text


def facts(classroom: Classroom, cohort: int, person: Any) -> list[str]:
    with session_of(classroom.app.state.engine, writes=False) as session:
        return [f"{same.lesson_id}: {same.words}" for same in equality.of_learner(session, cohort, person.id)]


def test_the_same_cluster_and_the_same_work_are_facts_about_both(classroom: Classroom) -> None:
    ada, bob, eve = (classroom.person(name) for name in ("Ada", "Bob", "Eve"))
    cohort, other = classroom.cohort("Autumn", [], [ada, bob]), classroom.cohort("Spring", [], [eve])
    hand_in(classroom, ada, own_work(), cluster=UID)
    hand_in(classroom, bob, "# my own words\n" + own_work().replace("data:\n", "data:\n  # first\n"), cluster=UID)
    hand_in(classroom, eve, own_work(), cluster=UID)
    assert facts(classroom, cohort, ada) == ["lesson-2: the same cluster as Bob", "lesson-2: the same objects as Bob"]
    assert facts(classroom, cohort, bob) == ["lesson-2: the same cluster as Ada", "lesson-2: the same objects as Ada"]
    assert facts(classroom, other, eve) == [], "nothing is told of other cohorts"
    assert facts(classroom, other, ada) == []


@one_database
def test_work_of_the_workbench_and_of_a_terminal_is_compared(classroom: Classroom) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    cohort = classroom.cohort("Autumn", [], [ada, bob])
    browser = classroom.client(ada)
    browser.send_form("/workbench/lesson-2/new", {"name": "config.yaml", "content": own_work()})
    assert browser.send_form("/workbench/lesson-2", {"do": "check"}).status_code == 303
    hand_in(classroom, bob, own_work())
    assert facts(classroom, cohort, ada) == ["lesson-2: the same objects as Bob"]


@one_database
@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        pytest.param(own_work(mark="y"), False, id="other values"),
        pytest.param(own_work(size=41), False, id="one more value"),
        pytest.param(own_work() + "  \n# the end\n", True, id="white space and comments"),
        pytest.param("\n".join([*own_work().splitlines()[:6], *reversed(own_work().splitlines()[6:])]) + "\n", True, id="another order"),
    ],
)
def test_what_counts_as_the_same_work(classroom: Classroom, theirs: str, same: bool) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    cohort = classroom.cohort("Autumn", [], [ada, bob])
    hand_in(classroom, ada, own_work())
    hand_in(classroom, bob, theirs)
    assert bool(facts(classroom, cohort, ada)) is same


@one_database
def test_ones_own_namespace_makes_no_difference(classroom: Classroom) -> None:
    ada, bob = classroom.person("Ada"), classroom.person("Bob")
    cohort = classroom.cohort("Autumn", [], [ada, bob])
    for person in (ada, bob):
        namespace = namespace_for(person.name, person.id)
        hand_in(classroom, person, own_work(namespace, mark=f"qdrant.{namespace}.svc"), namespace=namespace)
    assert facts(classroom, cohort, ada) == ["lesson-2: the same objects as Bob"]


@pytest.mark.parametrize("lesson", ["lesson-2", "lesson-7", "lesson-11", "lesson-15"])
def test_what_the_course_gives_to_everybody_and_what_is_small_tells_nothing(lesson: str) -> None:
    from tests.cases import exercise, lessons, manifests, read

    wanted = next(each for each in lessons() if each.id == lesson)
    for part in ("starter", "solution"):
        files = manifests(exercise(lesson) / part)
        assert not files or equality.digest_of(read(files), wanted) == "", part
    assert equality.digest_of(snapshot_of(own_work(size=10)), next(each for each in lessons() if each.id == "lesson-2")) == ""


def test_on_the_shared_cluster_one_cluster_is_no_news(sharing: Classroom, cluster: Played) -> None:
    ada, bob = sharing.person("Ada"), sharing.person("Bob")
    cohort = sharing.cohort("Autumn", [], [ada, bob])
    with session_of(sharing.app.state.engine, writes=True) as session:
        from app.services import attempts
        from graders.engine import evaluate
        from tests.cases import lessons

        report = evaluate(next(each for each in lessons() if each.id == "lesson-2"), snapshot_of(own_work()))
        for person in (ada, bob):
            attempts.record(session, person.id, report, Origin.CLUSTER, cluster=UID)
    hand_in(sharing, ada, own_work(mark="a"), cluster=UID)
    hand_in(sharing, bob, own_work(mark="b"), cluster=UID)
    assert facts(sharing, cohort, ada) == []
    assert {str(What.CLUSTER), str(What.WORK)} == {"the same cluster", "the same objects"}


def test_every_origin_has_its_words() -> None:
    from app.services import assurance

    assert {origin: assurance.of(origin).by_server for origin in Origin} == {
        Origin.WORKBENCH: True,
        Origin.CLUSTER: True,
        Origin.TERMINAL: False,
        Origin.SUBMITTED: False,
    }
    assert str(Assurance.CHECKED) == "checked by the server"
    assert str(Assurance.REPORTED) == "reported by the learner"
