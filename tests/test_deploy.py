"""What the course is deployed with: its own grader passes the manifests, a real API server takes them, and image and compose file hold."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from graders.engine import evaluate
from graders.lessons import LESSONS
from graders.report import Report
from graders.snapshot import Snapshot
from graders.sources.manifests import read_texts
from tests.api import Api
from tests.cases import NOON, ROOT
from tests.deployed import DEPLOY, SECRETS, as_the_lessons_say, objects, render

APPLICATION = "the example application's own settings, which the course does not have"
# Each objective of lessons 1 to 13 that does not apply to the course, and why. One that fails and is not here fails the test; so does one
# that passes and is.
DOES_NOT_APPLY = {
    ("lesson-2", "app-settings"): APPLICATION,
    ("lesson-2", "service-endpoints"): APPLICATION,
    ("lesson-2", "performance-settings"): APPLICATION,
    ("lesson-2", "feature-flags"): APPLICATION,
    ("lesson-2", "consumed-as-files"): "the course reads its settings from the environment alone",
    ("lesson-3", "required-keys"): "the course has two secrets: what it signs with, and the database's password",
    ("lesson-3", "connection-urls"): "no URL is a secret: the password is kept apart from the database's address",
    ("lesson-4", "env-from-references"): "the database's address is no secret without its password, which comes from the Secret",
    ("lesson-6", "body-size"): "the server takes no more than 8 MB at once",
    ("lesson-7", "replica-bounds"): "at most six replicas, so that PostgreSQL has a connection for each of theirs",
    ("lesson-7", "requests-per-second"): "needs an adapter in the cluster; what requests use up here is CPU",
    ("lesson-9", "shared-cache-claim"): "the servers share a database, not a disk",
    ("lesson-11", "backends-allowed"): "there is one backend, tested below, and no Redis",
    ("lesson-12", "scrapes-metrics"): "/metrics has a port of its own, which the ingress does not lead to",
    ("lesson-12", "logs-to-stdout"): "the level of the log is not set by a variable",
    ("lesson-12", "log-collector"): "belongs to the cluster, not to an application in it",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> str:
    return render(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="module")
def as_lessons_say(rendered: str) -> Snapshot:
    text = yaml.safe_dump_all([as_the_lessons_say(each) for each in objects(rendered)])
    snapshot = read_texts([("deploy.yaml", text.encode())], namespace="rag-engine", taken_at=NOON)
    assert snapshot.problems == ()
    return snapshot


def _report(lesson_id: str, snapshot: Snapshot) -> Report:
    return evaluate(next(entry for entry in LESSONS if entry.id == lesson_id).load(), snapshot)


@pytest.mark.parametrize("lesson_id", [f"lesson-{number}" for number in range(1, 14)])
def test_its_own_grader_passes_it_where_the_lesson_applies(lesson_id: str, as_lessons_say: Snapshot) -> None:
    results = {result.objective.id: result for result in _report(lesson_id, as_lessons_say).results}
    open_ = {name for name, result in results.items() if result.status not in ("passed", "skipped") and not result.objective.bonus}
    excused = {name for lesson, name in DOES_NOT_APPLY if lesson == lesson_id}
    assert open_ == excused, {name: results[name].verdict for name in open_ ^ excused}


def test_the_schema_has_nothing_to_say_under_its_own_names_either(rendered: str) -> None:
    snapshot = read_texts([("deploy.yaml", rendered.encode())], namespace="course", taken_at=NOON)
    assert snapshot.problems == ()


def test_the_table_of_what_does_not_apply_names_objectives_that_there_are() -> None:
    known = {(entry.id, objective.id) for entry in LESSONS for objective in entry.load().objectives}
    assert set(DOES_NOT_APPLY) <= known


def test_without_its_secrets_it_does_not_render(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    for secret in (tmp_path / "deploy" / "example" / "secrets").iterdir():
        assert secret.name == ".gitignore", f"{secret.name} lies in the checkout"
    kubectl = Path(sys.executable).with_name("kubectl")
    ran = subprocess.run([kubectl, "kustomize", tmp_path / "deploy" / "example"], capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "secrets/course-secret" in ran.stderr


def test_no_secret_stands_anywhere_but_in_the_secret(rendered: str) -> None:
    (secret,) = [each for each in objects(rendered) if each["kind"] == "Secret"]
    others = json.dumps([each for each in objects(rendered) if each["kind"] != "Secret"])
    assert set(secret["data"]) == set(SECRETS)
    assert not [value for value in (*SECRETS.values(), *secret["data"].values()) if value in others]


def test_every_replica_finds_a_connection() -> None:
    hpa = yaml.safe_load((DEPLOY / "base" / "hpa.yaml").read_text())
    assert hpa["spec"]["maxReplicas"] * 31 < 200  # of each: a pool of 10, 20 beyond it, and one for the feed
    assert "max_connections=200" in (DEPLOY / "base" / "database.yaml").read_text()


def test_a_pod_has_time_to_leave() -> None:
    spec = yaml.safe_load((DEPLOY / "base" / "deployment.yaml").read_text())["spec"]["template"]["spec"]
    config = yaml.safe_load((DEPLOY / "base" / "config.yaml").read_text())["data"]
    from app.commands.serve import _PATIENCE_IN_CLASS

    assert int(config["COURSE_DRAIN_SECONDS"]) + _PATIENCE_IN_CLASS < spec["terminationGracePeriodSeconds"]
    probe = spec["containers"][0]["readinessProbe"]
    assert int(config["COURSE_DRAIN_SECONDS"]) <= probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize(
    ("caller", "port", "allowed"),
    [
        ({"app": "course"}, 5432, True),
        ({"app": "database-backup"}, 5432, True),
        ({"app": "somebody"}, 5432, False),
        ({"app": "course"}, 22, False),
    ],
)
def test_only_the_server_and_its_backup_reach_the_database(caller: dict[str, str], port: int, allowed: bool, rendered: str) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in objects(rendered) if each["kind"] == "NetworkPolicy"}
    (rule,) = policies["database"]["ingress"]
    chosen = rule["from"][0]["podSelector"]["matchExpressions"][0]
    assert (caller["app"] in chosen["values"] and port in [each["port"] for each in rule["ports"]]) is allowed
    if allowed:
        out = policies[caller["app"]]["egress"]
        assert any(each["to"][0].get("podSelector", {}).get("matchLabels") == {"app": "database"} for each in out)


@pytest.mark.cluster
def test_a_real_api_server_takes_it_without_a_warning(kubeconfig: Path, api: Api, rendered: str, tmp_path: Path) -> None:
    kubectl = [str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(kubeconfig)]
    for namespace in ("velero", "course"):
        api.ensure_namespace(namespace)
    file = tmp_path / "course.yaml"
    file.write_text(rendered)
    try:
        ran = subprocess.run(
            [*kubectl, "apply", "--server-side", "--force-conflicts", "-f", str(file)], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert "Warning" not in ran.stderr
        here = ["--namespace", "course", "--timeout=120s"]
        subprocess.run([*kubectl, "rollout", "status", *here, "statefulset/database"], check=True, capture_output=True)
        # Admission and quota let all replicas in. Their image is nowhere yet, so they cannot run.
        wait = [*kubectl, "wait", *here, "--for=jsonpath={.status.replicas}=3", "deployment/course"]
        subprocess.run(wait, check=True, capture_output=True)
        subprocess.run(
            [*kubectl, "wait", *here, "--for=condition=PodScheduled", "pod", "--selector=app=course"], check=True, capture_output=True
        )
    finally:
        subprocess.run([*kubectl, "delete", "--wait=false", "--ignore-not-found", "-f", str(file)], capture_output=True, check=False)


def test_the_guide_names_every_setting_and_no_other() -> None:
    guide = (ROOT / "docs" / "classroom.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", guide, re.MULTILINE))
    code = (ROOT / "app" / "config.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"((?:COURSE|DATABASE)_[A-Z_]+)"', code)) - {"COURSE_DATABASE_URL"}
    assert named == known
    used = set(re.findall(r"\b(?:COURSE|DATABASE)_[A-Z_]+\b", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert {name.removesuffix("_FILE") for name in used} - {"COURSE_HOST"} <= known


# ----------------------------------------------------------------------------------------------------------------- the image


class Dockerfile:
    """The instructions of a Dockerfile, continued lines joined."""

    def __init__(self, text: str) -> None:
        lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
        self.steps = [(word.upper(), " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]

    def all(self, word: str) -> list[str]:
        return [rest for name, rest in self.steps if name == word]

    def last_stage(self) -> list[tuple[str, str]]:
        start = max(index for index, (name, _) in enumerate(self.steps) if name == "FROM")
        return self.steps[start:]


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return Dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def _ignored(path: str) -> bool:
    """Whether .dockerignore keeps that path out: the last pattern that matches it, or a folder above it, decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        negated = pattern.startswith("!")
        pattern = pattern.lstrip("!").rstrip("/")
        parts = path.split("/")
        above = ["/".join(parts[: index + 1]) for index in range(len(parts))]
        if pattern.startswith("**/"):
            matches = any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        else:
            matches = any(each.count("/") == pattern.count("/") and fnmatch.fnmatch(each, pattern) for each in above)
        if matches:
            out = not negated
    return out


def _copied(dockerfile: Dockerfile) -> list[str]:
    return [source for rest in dockerfile.all("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]


def test_what_the_image_copies_is_there_and_let_through(dockerfile: Dockerfile) -> None:
    assert _copied(dockerfile)
    for source in _copied(dockerfile):
        assert (ROOT / source).exists(), source
        files = [ROOT / source] if (ROOT / source).is_file() else [path for path in (ROOT / source).rglob("*.*") if path.is_file()]
        assert any(not _ignored(path.relative_to(ROOT).as_posix()) for path in files), source


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "deploy/example/secrets/course-secret", ".env", "tests/cases.py", "app/__pycache__/x.pyc"]
)
def test_what_has_no_place_in_an_image_is_kept_out(path: str) -> None:
    assert _ignored(path)


def test_the_wheel_finds_all_that_it_packs_in_what_is_copied(dockerfile: Dockerfile) -> None:
    from tools.exercises_in_wheel import PARTS, SERVED

    for folder in SERVED:
        assert not _ignored(f"static/{folder}/x") or (ROOT / "static" / folder).is_file()
    for part in PARTS:
        assert not _ignored(f"exercises/lesson-01-namespaces/{part}")
    assert not _ignored("lessons/lesson-07-hpa.md")
    assert "tools/exercises_in_wheel.py" in _copied(dockerfile)


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret(dockerfile: Dockerfile) -> None:
    last = dict(dockerfile.last_stage())
    uid, _, gid = last["USER"].partition(":")
    assert uid.isdigit()
    assert gid.isdigit()
    assert int(uid) >= 10_000
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["ENTRYPOINT"]) == ["course"]
    environment = " ".join((*dockerfile.all("ENV"), *dockerfile.all("ARG")))
    assert not re.search(r"SECRET|PASSWORD|TOKEN|KEY|DATABASE_URL", environment)
    order = [name for name, _ in dockerfile.last_stage()]
    assert order.index("USER") > max(index for index, name in enumerate(order) if name in ("RUN", "COPY")), (
        "something is written as its user"
    )


def test_every_base_has_a_version(dockerfile: Dockerfile) -> None:
    versions = dict(each.split("=", 1) for each in dockerfile.all("ARG"))
    assert re.fullmatch(r"\d+\.\d+\.\d+-slim-[a-z]+", versions["PYTHON"])
    assert versions["PYTHON"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.") or not os.environ.get("CI")
    assert all(each.startswith("python:${PYTHON}") for each in dockerfile.all("FROM"))


def test_its_command_is_one_that_there_is(dockerfile: Dockerfile, capsys: pytest.CaptureFixture[str]) -> None:
    from app.commands.arguments import CourseParser
    from app.commands.serve import arguments

    words = json.loads(dict(dockerfile.last_stage())["CMD"])
    parser = CourseParser("serve", "x")
    arguments(parser)
    options = parser.read(words[1:])
    assert (words[0], options.classroom, options.host, options.data) == ("serve", True, "0.0.0.0", "/data")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that other users may look into, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="course-image-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(open_folder: Path, dockerfile: Dockerfile) -> Path:
    """What the build stage does, done here: its folder copied, its RUN steps run, with /opt/course, /src and /wheels below a folder."""
    root = open_folder
    source = root / "src"
    for each in _copied(dockerfile):
        target = source / each
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / each).is_dir():
            keep_out = lambda folder, names: {name for name in names if _ignored((Path(folder) / name).relative_to(ROOT).as_posix())}  # noqa: E731
            shutil.copytree(ROOT / each, target, ignore=keep_out)
        else:
            shutil.copy(ROOT / each, target)
    stage = dockerfile.steps[: len(dockerfile.steps) - len(dockerfile.last_stage())]
    for step in (rest for name, rest in stage if name == "RUN"):
        here = step.replace("/opt/course", str(root / "course")).replace("/wheels", str(root / "wheels"))
        here = re.sub(r"\bpython -m venv", f"{sys.executable} -m venv", here)
        here = re.sub(r"\bpython -m pip", f"{_pip()} -m pip", here)
        ran = subprocess.run(["bash", "-euc", here], cwd=source, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr[-3000:]
    return root / "course"


def _pip() -> str:
    """A Python that has pip, as the base image's has: this environment may have none."""
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        if Path(python).exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python with pip on this machine")


def test_the_image_has_neither_pip_nor_what_the_wheel_is_built_with(installed: Path) -> None:
    packages = {path.name for path in (installed / "lib").glob("python3*/site-packages/*")}
    assert not packages & {"pip", "setuptools", "hatchling", "editables", "pytest"}
    assert {"app", "graders", "fastapi", "psycopg"} <= packages


def test_from_a_folder_that_it_cannot_write_as_another_user_and_without_a_home_it_serves(
    installed: Path, dockerfile: Dockerfile, open_folder: Path
) -> None:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("only root can become another user, with setpriv")
    data, temporary = open_folder / "data", open_folder / "tmp"
    for path in (data, temporary):
        path.mkdir()
        os.chown(path, 10001, 10001)
    before = set(installed.rglob("*"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    last = dict(dockerfile.last_stage())
    words = ["course", *json.loads(last["CMD"])]
    words[words.index("/data")] = str(data)
    words[words.index("0.0.0.0")] = "127.0.0.1"
    environment = {
        "PATH": f"{installed / 'bin'}:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(temporary),
        "GRADE_DEBUG": "1",
        "COURSE_URL": f"http://localhost:{port}",
        "COURSE_SECRET": SECRETS["course-secret"],
    }
    user = [setpriv, "--reuid=10001", "--regid=10001", "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    process = subprocess.Popen(
        [*user, *words, "--port", str(port)], cwd=data, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        check = json.loads(dockerfile.all("HEALTHCHECK")[0].partition(" CMD ")[2])
        check[0], check[2] = str(installed / "bin" / "python"), check[2].replace("8610", str(port))
        deadline = time.monotonic() + 60
        while subprocess.run([*user, *check], env=environment, capture_output=True, check=False).returncode:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.3)
        request = urllib.request.Request(f"http://localhost:{port}/lessons/lesson-7", headers={"accept": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == 401
        refused.value.close()
        process.terminate()
        said, trouble = process.communicate(timeout=30)
        assert process.returncode == 0, trouble
        assert "makes the first admin" in said
    finally:
        process.kill()
        process.communicate()
    assert set(installed.rglob("*")) == before, "something was written where it cannot be"
    assert {path.name for path in data.iterdir()} <= {"course.db", "course.db-wal", "course.db-shm"}


# ------------------------------------------------------------------------------------------------------------------- compose


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def test_what_compose_runs_may_do_little(compose: Any) -> None:
    assert {name for name, service in compose["services"].items() if "cap_add" in service} == {"caddy", "reader"}
    for name, service in compose["services"].items():
        if name == "k3s":
            continue  # a cluster in a container cannot do without
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    assert compose["services"]["k3s"]["profiles"] == ["cluster"]


def test_compose_starts_in_an_order_that_holds(compose: Any) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services
            assert how["condition"] in ("service_healthy", "service_completed_successfully"), name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed] or needed == "app", f"{needed} says nothing about its health"
        if name not in ("secrets", "reader"):  # they do one thing, and end
            assert service["restart"] == "unless-stopped"


def test_compose_uses_the_volumes_and_networks_that_it_names(compose: Any) -> None:
    used = {volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())}
    assert used == set(compose["volumes"])
    networks = {network for service in compose["services"].values() for network in service.get("networks", ())}
    assert networks == set(compose["networks"])


def test_compose_holds_no_secret_and_no_default_for_one(compose: Any) -> None:
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN", key):
                assert key.endswith("_FILE") or value == f"${{{key}:-}}", f"{key}: {value}"


def test_compose_makes_secrets_that_the_course_takes_and_keeps_those_that_there_are(compose: Any, tmp_path: Path) -> None:
    from app.config import Settings

    (script,) = compose["services"]["secrets"]["command"]
    script = script.replace("/secrets/", f"{tmp_path}/")
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True)
        made = {path.name: path.read_text() for path in tmp_path.iterdir()}
        assert set(made) == {"course-secret", "database-password", "cluster-token"}
        assert len(set(made.values())) == 3
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    environment = {key: str(value).replace("/secrets", str(tmp_path)) for key, value in compose["services"]["app"]["environment"].items()}
    environment = {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for key, value in environment.items()}  # nothing set
    settings = Settings.for_classroom(environment, tmp_path)
    assert settings.database_url == f"postgresql://course:{made['database-password']}@database/course"
    assert (settings.url, settings.key) == ("http://localhost:8610", made["course-secret"])


def test_compose_trusts_its_own_proxy_alone(compose: Any) -> None:
    address = compose["services"]["caddy"]["networks"]["inside"]["ipv4_address"]
    assert compose["services"]["app"]["environment"]["COURSE_TRUSTED_PROXIES"] == address
    assert compose["networks"]["inside"]["internal"] is True
    assert all(each.startswith("127.0.0.1:") for name in ("app", "k3s") for each in compose["services"][name]["ports"])
    assert "ports" not in compose["services"]["database"]
