"""`course start` and `course reset` on a real API server: what is made, what is left alone, what goes again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.commands import resetting, starting
from app.services.cluster_writer import RequestRefused
from app.services.content import Exercise, in_namespace
from app.services.guards import COURSE, EXERCISE, MANAGED_BY, SEED
from app.services.seeding import chosen_files
from graders.engine import evaluate
from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.sources import cluster
from graders.verdict import Status
from tests.api import Api
from tests.app.conftest import Course
from tests.cases import ROOT, exercise
from tests.cli.conftest import environment

pytestmark = pytest.mark.cluster

LABELS = {MANAGED_BY: COURSE}
# What they need is served only where somebody has installed it, or is about more than one namespace.
ELSEWHERE = ("lesson-12", "lesson-13", "lesson-14", "lesson-15")
BUILT_ON = [entry for entry in LESSONS if entry.id not in ("lesson-0", "lesson-1", *ELSEWHERE)]


@pytest.fixture
def here(course: Course, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """`course` with the cluster of this test run as the current one."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return course


@pytest.fixture
def fresh(api: Api, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a namespace that is not there, and is not there afterwards."""
    name = f"course-{abs(hash(request.node.nodeid)) % 10**8}"
    yield name
    api.delete(_namespace(name), wait=False)


def _namespace(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}


def _get(api: Api, path: str) -> dict[str, Any]:
    status, body = api.request("GET", path)
    assert status in (200, 404), body
    return body if status == 200 else {}


def _options(namespace: str | None, **more: Any) -> Namespace:
    given = {"lesson": "14", "into": None, "files_only": False, "seed": None, "again": False, "yes": True, "everything": False}
    return Namespace(namespace=namespace, context=None, kubeconfig=None, timeout=10.0, wait=60.0, **(given | more))


@pytest.mark.parametrize("entry", BUILT_ON, ids=lambda entry: entry.id)
def test_learner_can_begin_at_any_lesson(here: Course, api: Api, fresh: str, entry: Entry) -> None:
    assert here("start", entry.id, "--yes", "-n", fresh).status == 0
    for path in Exercise.of(entry.id).files("solution"):
        _apply(in_namespace(path.read_text(encoding="utf-8"), fresh))
    lesson = entry.load()
    connected = cluster.connect(context=None, kubeconfig=None, timeout=10.0)
    kinds = (*lesson.reads, *lesson.live_reads)
    report = evaluate(lesson, connected.snapshot(kinds, namespace=fresh, taken_at=datetime.now(UTC)))
    counted = [objective.id for objective in lesson.objectives if not (objective.live or objective.bonus)]
    judged = [result for result in report.results if result.objective.id in counted and result.verdict.status is not Status.UNKNOWN]
    assert [result.objective.id for result in judged if result.verdict.status is not Status.PASSED] == []
    assert len(judged) >= 3


def _apply(text: str) -> str:
    """What `kubectl apply` says on standard error; a kind that the cluster does not serve may be refused."""
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(["kubectl", "apply", "-f", "-"], input=text, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 or "no matches for kind" in ran.stderr, ran.stderr
    return ran.stderr


def test_what_is_made_carries_the_course_s_labels_and_suits_kubectl_apply(here: Course, api: Api, fresh: str) -> None:
    ran = here("start", "7", "--yes", "-n", fresh)
    assert "context practice" in ran.err
    assert f"namespace {fresh}:" in ran.err
    made = _get(api, f"/apis/apps/v1/namespaces/{fresh}/deployments/rag-engine-api")
    assert made["metadata"]["labels"] | LABELS | {EXERCISE: "lesson-7"} == made["metadata"]["labels"]
    assert made["metadata"]["managedFields"][0]["manager"] == COURSE
    assert _get(api, f"/api/v1/namespaces/{fresh}")["metadata"]["labels"][MANAGED_BY] == COURSE
    text = (exercise("lesson-7") / "solution" / "deployment.yaml").read_text(encoding="utf-8")
    assert _apply(in_namespace(text, fresh)) == "", "kubectl takes it for its own"
    again = _get(api, f"/apis/apps/v1/namespaces/{fresh}/deployments/rag-engine-api")
    assert again["metadata"]["labels"][MANAGED_BY] == COURSE


def test_what_others_made_is_left_as_it_is_and_named(here: Course, api: Api, fresh: str) -> None:
    api.ensure_namespace(fresh)
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rag-engine-config"}, "data": {"MINE": "yes"}}
    assert api.create(mine, fresh, dry_run=False)[0] == 201
    ran = here("start", "4", "--yes", "-n", fresh)
    assert ran.status == 0
    assert "left alone: ConfigMap/rag-engine-config, which is not the course's." in ran.err
    assert _get(api, f"/api/v1/namespaces/{fresh}/configmaps/rag-engine-config")["data"] == {"MINE": "yes"}
    assert here("reset", "4", "--yes", "-n", fresh, "--all").status == 0
    assert _get(api, f"/api/v1/namespaces/{fresh}/configmaps/rag-engine-config")["data"] == {"MINE": "yes"}
    assert _get(api, f"/api/v1/namespaces/{fresh}")["status"]["phase"] == "Active"


def test_several_things_of_others_are_named_in_one_go(here: Course, api: Api, fresh: str) -> None:
    api.ensure_namespace(fresh)
    for kind, name in (("ConfigMap", "rag-engine-config"), ("Secret", "rag-engine-secrets")):
        assert api.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}, fresh, dry_run=False)[0] == 201
    ran = here("start", "4", "--yes", "-n", fresh)
    assert "left alone: ConfigMap/rag-engine-config, Secret/rag-engine-secrets, which are not the course's.\n" in ran.err
    assert ran.err.count("If the lesson does not work with one of them, rename or delete it, and start again.") == 1


def test_second_start_changes_nothing(here: Course, api: Api, fresh: str) -> None:
    here("start", "5", "--yes", "-n", fresh)
    path = f"/apis/apps/v1/namespaces/{fresh}/deployments/rag-engine-api"
    before = _get(api, path)["metadata"]
    ran = here("start", "5", "-n", fresh)
    assert (ran.status, "nothing, all of it is there" in ran.err) == (0, True)
    after = _get(api, path)["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])


def test_namespace_that_the_course_did_not_make_has_to_be_named(here: Course, api: Api) -> None:
    assert _get(api, "/api/v1/namespaces/rag-engine")["metadata"].get("labels", {}).get(MANAGED_BY) != COURSE
    for command in ("start", "reset"):
        ran = here(command, "7", "--yes")
        assert (ran.status, ran.out) == (2, "")
        assert "Namespace rag-engine exists, and the course did not make it." in ran.err
        assert f"course {command} lesson-7 -n rag-engine" in ran.err


def test_context_that_looks_like_production_has_to_be_named(
    here: Course, kubeconfig: Path, fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    config["contexts"][0]["name"] = config["current-context"] = "acme-prod"
    renamed = tmp_path / "kubeconfig"
    renamed.write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(renamed))
    ran = here("start", "7", "--yes", "-n", fresh)
    assert (ran.status, "says `prod`" in ran.err, "--context acme-prod" in ran.err) == (2, True, True)
    assert here("start", "2", "--yes", "-n", fresh, "--context", "acme-prod").status == 0


def test_cluster_of_many_nodes_has_to_be_named(here: Course, fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_MAX_NODES", "1")
    assert "nodes, more than 1" in here("start", "7", "--yes", "-n", fresh).err
    monkeypatch.setenv("COURSE_MAX_NODES", "many")
    assert here("start", "7", "--yes", "-n", fresh).status == 2


def test_without_a_terminal_nothing_is_done_unless_agreed(here: Course, api: Api, fresh: str) -> None:
    ran = here("start", "7", "-n", fresh)
    assert (ran.status, ran.out) == (2, "")
    assert "There is no terminal to ask on" in ran.err
    assert "Deployment/rag-engine-api" in ran.err
    assert _get(api, f"/api/v1/namespaces/{fresh}") == {}


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("typed", "status", "made"), [("y\n", 0, True), ("n\n", 1, False), ("\n", 1, False), ("\x03", 130, False)])
def test_on_a_terminal_it_asks(kubeconfig: Path, api: Api, fresh: str, tmp_path: Path, typed: str, status: int, made: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    variables = environment(KUBECONFIG=str(kubeconfig), PYTHONPATH=str(ROOT), XDG_DATA_HOME=str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "start", "2", "-n", fresh],
        cwd=tmp_path,
        env=variables,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_own_terminal,
    )
    os.close(theirs)
    assert process.stderr is not None
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(process.stderr.fileno(), 4096)
    os.write(ours, typed.encode())
    _, rest = process.communicate(timeout=30)
    os.close(ours)
    assert (process.returncode, b"Traceback" in rest) == (status, False)
    assert bool(_get(api, f"/api/v1/namespaces/{fresh}")) is made


def _own_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_reset_takes_away_what_start_made_and_the_empty_namespace(here: Course, api: Api, fresh: str) -> None:
    here("start", "9", "--yes", "-n", fresh)
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    api.create(mine, fresh, dry_run=False)
    assert here("reset", "9", "-n", fresh).status == 2, "there is no terminal to ask on"
    kept = here("reset", "9", "--yes", "-n", fresh, "--all")
    assert kept.status == 3
    assert "was kept: it still holds ConfigMap/mine" in kept.err
    assert "Deleted" in kept.out
    api.delete({**mine, "metadata": {"name": "mine", "namespace": fresh}})
    gone = here("reset", "9", "--yes", "-n", fresh, "--all")
    assert (gone.status, gone.out) == (0, f"Deleted namespace {fresh}.\n")
    assert _get(api, f"/api/v1/namespaces/{fresh}") == {}
    assert "nothing; the course made nothing there" in here("reset", "9", "--yes", "-n", fresh).err


def test_reset_of_one_exercise_leaves_another_s_objects(here: Course, api: Api, fresh: str) -> None:
    here("start", "2", "--yes", "-n", fresh)
    here("start", "7", "--yes", "-n", fresh)
    here("reset", "2", "--yes", "-n", fresh)
    assert _get(api, f"/apis/apps/v1/namespaces/{fresh}/deployments/rag-engine-api")


def test_namespace_on_its_way_out_is_said(here: Course, api: Api, fresh: str) -> None:
    stuck = _namespace(fresh, LABELS)
    api.create(stuck, dry_run=False)
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "namespace": fresh, "finalizers": ["example.org/held"]}}
    api.create(held, fresh, dry_run=False)
    api.delete(stuck, wait=False)
    ran = here("start", "7", "--yes", "-n", fresh)
    assert (ran.status, "is being deleted" in ran.err, "kubectl wait --for=delete" in ran.err) == (2, True, True)
    api.request("PATCH", f"/api/v1/namespaces/{fresh}/configmaps/held", {"metadata": {"finalizers": None}}, "application/merge-patch+json")


def test_refused_object_leaves_no_half_made_exercise(here: Course, api: Api, fresh: str) -> None:
    api.ensure_namespace(fresh)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"secrets": "0"}}}
    assert api.create(quota, fresh, dry_run=False)[0] == 201
    _await_quota(api, fresh, "none")
    ran = here("start", "4", "--yes", "-n", fresh)
    assert ran.status == 3
    assert "Secret rag-engine-secrets was refused" in ran.err
    assert "So nothing was made." in ran.err
    assert _get(api, f"/api/v1/namespaces/{fresh}/serviceaccounts/rag-engine") == {}


def test_who_may_not_write_is_told_how_to_see_it(
    here: Course, api: Api, kubeconfig: Path, fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.ensure_namespace(fresh)
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "view"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "viewer"}],
    }
    assert api.create(binding, fresh, dry_run=False)[0] == 201
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"]["as"] = "viewer"
    limited = tmp_path / "kubeconfig"
    limited.write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(limited))
    ran = here("start", "4", "--yes", "-n", fresh)
    assert (ran.status, "access denied" in ran.err, "kubectl auth can-i" in ran.err) == (3, True, True)


def test_unreachable_cluster_is_said_before_anything_is_copied(here: Course, kubeconfig: Path, home: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    dead = tmp_path / "kubeconfig"
    dead.write_text(yaml.safe_dump(config), encoding="utf-8")
    ran = here("start", "7", "--kubeconfig", str(dead))
    assert (ran.status, "the connection was refused" in ran.err) == (3, True)
    assert not list(home.iterdir())
    assert here("start", "7", "--kubeconfig", str(dead), "--files-only").status == 0


def test_variants_are_kept_until_drawn_again(
    course: Course, api: Api, kubeconfig: Path, fresh: str, broken_workloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    fourteen = Exercise.of("lesson-14", broken_workloads)

    def variants() -> dict[str, str]:
        found = _get(api, f"/api/v1/namespaces/{fresh}/configmaps?labelSelector={EXERCISE}=lesson-14")["items"]
        return {item["metadata"]["name"]: item["data"]["variant"] for item in found if "variant" in item["data"]}

    assert starting.begin(_options(fresh, seed=5), fourteen) == 0
    drawn = variants()
    assert drawn.keys() == {"image-pull", "pending-claim"}
    made = _get(api, f"/api/v1/namespaces/{fresh}/configmaps/image-pull")["metadata"]["labels"]
    assert (made[SEED], made[EXERCISE]) == ("5", "lesson-14")
    assert starting.begin(_options(fresh), fourteen) == 0
    assert variants() == drawn, "without a seed it stays with what is there"
    with pytest.raises(UsageError, match=r"under way in namespace .* with seed 5"):
        starting.begin(_options(fresh, seed=6), fourteen)
    assert starting.begin(_options(fresh, again=True), fourteen) == 0
    assert variants() != drawn
    assert resetting.clear(_options(fresh), fourteen) == 0
    assert variants() == {}
    assert starting.begin(_options(fresh, seed=5), fourteen) == 0
    assert variants() == drawn


@pytest.mark.parametrize("seed", range(4))
def test_broken_workloads_of_the_course_are_admitted_and_go_again(
    course: Course, api: Api, kubeconfig: Path, fresh: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    fourteen = Exercise.of("lesson-14")
    assert starting.begin(_options(fresh, seed=seed), fourteen) == 0
    found = _get(api, f"/apis/apps/v1/namespaces/{fresh}/deployments?labelSelector={SEED}={seed}")["items"]
    names = {"report-worker", "archive", "query-api", "indexer", "gateway", "search"}
    assert {item["metadata"]["name"] for item in found} == names
    drawn = {
        path.read_text(encoding="utf-8").replace("namespace: rag-engine", f"namespace: {fresh}")
        for path in chosen_files(fourteen, seed).values()
    }
    copied = {path.stem: path.read_text(encoding="utf-8") for path in Path(fourteen.folder.name).glob("*.yaml")}
    assert copied.keys() == names, "the files to mend are named after their workloads"
    assert set(copied.values()) == drawn, "and are those that were drawn"
    assert resetting.clear(_options(fresh, everything=True), fourteen) == 0
    assert _get(api, f"/api/v1/namespaces/{fresh}") == {}


def test_start_goes_on_where_it_was_stopped(
    course: Course, api: Api, kubeconfig: Path, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    api.ensure_namespace(fresh)
    limit = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"count/deployments.apps": "3"}}}
    assert api.create(limit, fresh, dry_run=False)[0] == 201
    _await_quota(api, fresh, "few")
    fourteen = Exercise.of("lesson-14")
    with pytest.raises(RequestRefused, match="exceeded quota") as stopped:
        starting.begin(_options(fresh, seed=2), fourteen)
    assert "were made before; the same command goes on from there." in stopped.value.message
    api.delete({**limit, "metadata": {"name": "few", "namespace": fresh}})
    assert starting.begin(_options(fresh), fourteen) == 0
    found = _get(api, f"/apis/apps/v1/namespaces/{fresh}/deployments?labelSelector={SEED}=2")["items"]
    assert len(found) == 6


def _await_quota(api: Api, namespace: str, name: str) -> None:
    """Wait until a quota counts; before that it refuses everything."""
    deadline = time.monotonic() + 20
    while not _get(api, f"/api/v1/namespaces/{namespace}/resourcequotas/{name}").get("status", {}).get("hard"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
