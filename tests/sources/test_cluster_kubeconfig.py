"""Which cluster is asked, and as whom: what a kubeconfig may hold, and what is said about one that is of no use."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes.config import incluster_config

from graders.errors import ClusterUnavailable
from graders.snapshot import Snapshot
from graders.sources.cluster import Cluster, connect
from tests.cases import NOON
from tests.sources.faulty import Exchange, kubeconfig, serving, url

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a kubeconfig nor a cluster of this machine's own is in reach."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def read(cluster: Cluster) -> Snapshot:
    return cluster.snapshot(["Pod"], namespace="rag-engine", taken_at=NOON)


def unavailable(**options: Any) -> ClusterUnavailable:
    with pytest.raises(ClusterUnavailable) as raised:
        read(connect(**{"context": None, "kubeconfig": None, "timeout": 1, **options}))
    assert re.search(r"(kubectl [a-z-]+|pip install)", raised.value.help), "there is no command to run next"
    return raised.value


def sent(folder: Path, user: Json, cluster: Json | None = None) -> dict[str, str]:
    """The headers that a server gets from this user."""
    with serving() as server:
        path = kubeconfig(folder / "config", url(server), user=user, cluster=cluster)
        before = path.read_bytes()
        assert read(connect(context=None, kubeconfig=str(path), timeout=5)).unreadable == {}
        assert path.read_bytes() == before, "the kubeconfig was written"
        return {name.lower(): value for name, value in server.headers[-1].items()}


def test_token_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    assert sent(tmp_path, {"tokenFile": "token"})["authorization"] == "Bearer from-a-file"


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"token": " t0ken\n"}, "Bearer  t0ken"),
        ({"username": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}}}, "Bearer a.b.c"),
        ({}, None),
    ],
    ids=["token", "token-with-space", "password", "openid", "anonymous"],
)
def test_credentials_are_sent(user: Json, header: str | None, tmp_path: Path) -> None:
    assert sent(tmp_path, user).get("authorization") == header


def test_impersonation_is_kept(tmp_path: Path) -> None:
    headers = sent(tmp_path, {"token": "t", "as": "ada", "as-groups": ["one"], "as-user-extra": {"team": ["blue"]}})
    assert (headers["impersonate-user"], headers["impersonate-group"], headers["impersonate-extra-team"]) == ("ada", "one", "blue")


def test_every_group_of_an_impersonation_is_sent(tmp_path: Path) -> None:
    with serving() as server:
        path = kubeconfig(tmp_path / "config", url(server), user={"as": "ada", "as-groups": ["one", "two"]})
        read(connect(context=None, kubeconfig=str(path), timeout=5))
        assert server.headers[-1].get_all("Impersonate-Group") == ["one", "two"]  # type: ignore[attr-defined] # it is a message


def test_no_proxy_of_the_environment_stands_before_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert "authorization" in sent(tmp_path, {"token": "t"})


def test_proxy_of_the_kubeconfig_is_used_whatever_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as proxy:  # plain HTTP goes through a proxy as a request for a whole URL
        path = kubeconfig(tmp_path / "config", "http://api.example.org:6443", cluster={"proxy-url": url(proxy)})
        read(connect(context=None, kubeconfig=str(path), timeout=5))
        assert proxy.asked[-1][1].startswith("http://api.example.org:6443/api/v1/")


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:1", "it refused the connection"),
        ("elsewhere", "not the URL of a proxy"),
        ("ftp://127.0.0.1:1", "not the URL of a proxy"),
        ("socks5://127.0.0.1:1", "SOCKS"),
    ],
)
def test_proxy_of_no_use(proxy: str, words: str, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "https://api.example.org:6443", cluster={"proxy-url": proxy})
    assert words in unavailable(kubeconfig=str(path)).message


def test_proxy_that_wants_a_password_and_shows_none(tmp_path: Path) -> None:
    with serving((), lambda exchange: exchange.send(407)) as server:
        address = url(server).replace("//", "//name:s3cret@")
        path = kubeconfig(tmp_path / "config", "https://api.example.org:6443", cluster={"proxy-url": address})
        error = unavailable(kubeconfig=str(path))
    assert "asks for a name and a password" in error.message
    assert "s3cret" not in error.message + error.help


# Credential plugins


def plugin(folder: Path, script: str) -> str:
    path = folder / "plugin"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


V1 = "client.authentication.k8s.io/v1"


def answer(status: Json, version: str = V1) -> str:
    return "echo '" + json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}) + "'"


def user_of(command: str, **more: Any) -> Json:
    return {"exec": {"apiVersion": V1, "command": command, "interactiveMode": "IfAvailable", **more}}


def test_plugin_gives_the_token(tmp_path: Path) -> None:
    user = user_of(plugin(tmp_path, answer({"token": "plugged"})))
    assert sent(tmp_path, user)["authorization"] == "Bearer plugged"


def test_plugin_gets_its_arguments_variables_and_the_cluster(tmp_path: Path) -> None:
    script = f'echo "$1 $GREETING $KUBERNETES_EXEC_INFO" > {tmp_path}/seen; ' + answer({"token": "t"})
    user = user_of(plugin(tmp_path, script), args=["first"], env=[{"name": "GREETING", "value": "hello"}], provideClusterInfo=True)
    sent(tmp_path, user)
    words, _, info = (tmp_path / "seen").read_text().partition(" {")
    assert words == "first hello"
    spec = json.loads("{" + info)["spec"]
    assert spec["interactive"] is False
    assert spec["cluster"]["server"].startswith("http://127.0.0.1:")


def test_plugin_beside_the_kubeconfig_is_found_by_its_relative_path(tmp_path: Path) -> None:
    plugin(tmp_path, answer({"token": "near"}))
    assert sent(tmp_path, user_of("./plugin"))["authorization"] == "Bearer near"


def test_token_of_the_kubeconfig_goes_before_the_plugin(tmp_path: Path) -> None:
    assert sent(tmp_path, {"token": "t", **user_of("/no/such/program")})["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'login: token-canary' >&2; exit 3", "failed with exit status 3"),
        ("sleep 60", "did not finish within 1 s"),
        ("sleep 60 & echo token-canary", "did not finish within 1 s"),
        ("echo token-canary", "something other than a credential"),
        ("echo '[]'", "something other than a credential"),
        ("true", "something other than a credential"),
        (answer({}), "neither a token nor a certificate"),
        (answer({"token": 7}), "neither a token nor a certificate"),
        (answer({"token": "t"}, "client.authentication.k8s.io/v1beta1"), "does not answer in version"),
        (answer({"clientCertificateData": "token-canary", "clientKeyData": "k"}), "no pair that can be used"),
    ],
    ids=["fails", "hangs", "leaves-a-child", "no-json", "a-list", "silent", "empty", "odd-token", "other-version", "odd-certificate"],
)
def test_plugin_of_no_use(script: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", user=user_of(plugin(tmp_path, script)))
    started = time.monotonic()
    error = unavailable(kubeconfig=str(path))
    assert time.monotonic() - started < 1.8
    assert words in error.message
    assert "learner" in error.message
    assert "canary" not in error.message + error.help
    assert error.help.endswith("--context course")
    assert capfd.readouterr() == ("", ""), "something was printed"


def test_plugin_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path / "config", "https://127.0.0.1:1", user=user_of(plugin(tmp_path, f"sleep 60 & echo $! > {tmp_path}/pid; wait"))
    )
    unavailable(kubeconfig=str(path))
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and _runs(pid):
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("more", "words", "advice"),
    [
        ({"command": "no-such-plugin"}, "cannot be started", "Install it"),
        ({"command": "no-such-plugin", "installHint": "Get it from\n  example.org."}, "cannot be started", "Get it from example.org"),
        ({"interactiveMode": "Always"}, "wants to ask you something", "Sign in"),
    ],
    ids=["missing", "missing-with-hint", "interactive"],
)
def test_plugin_that_is_not_run(more: Json, words: str, advice: str, tmp_path: Path) -> None:
    user = {"exec": {**user_of(plugin(tmp_path, answer({"token": "t"})))["exec"], **more}}
    error = unavailable(kubeconfig=str(kubeconfig(tmp_path / "config", "https://127.0.0.1:1", user=user)))
    assert words in error.message
    assert advice in error.help


def test_plugin_is_run_again_when_its_token_is_no_longer_accepted(tmp_path: Path) -> None:
    counting = f"echo x >> {tmp_path}/runs; n=$(wc -l < {tmp_path}/runs); " + answer({"token": "number-N"}).replace('N"', "'$n'\"")

    def only(token: str) -> Callable[[Exchange], bool]:
        return lambda exchange: exchange.headers["authorization"] != f"Bearer {token}" and exchange.refuse(401)

    with serving((), only("number-1")) as server:
        path = kubeconfig(tmp_path / "config", url(server), user=user_of(plugin(tmp_path, counting)))
        cluster = connect(context=None, kubeconfig=str(path), timeout=5)
        assert read(cluster).unreadable == {}
        server.fault = only("number-2")
        assert cluster.snapshot(["Pod", "Secret"], namespace="rag-engine", taken_at=NOON).unreadable == {}
    assert (tmp_path / "runs").read_text().count("x") == 2


def test_plugin_that_fails_later_is_told_and_not_run_for_each_kind(tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/runs; test $(wc -l < {tmp_path}/runs) = 1 || exit 4; " + answer({"token": "t"})
    with serving((), lambda exchange: exchange.refuse(401)) as server:
        path = kubeconfig(tmp_path / "config", url(server), user=user_of(plugin(tmp_path, script)))
        cluster = connect(context=None, kubeconfig=str(path), timeout=5)
        with pytest.raises(ClusterUnavailable, match="failed with exit status 4"):
            cluster.snapshot(["Pod", "Secret", "Job", "Service"], namespace="rag-engine", taken_at=NOON)
    assert (tmp_path / "runs").read_text().count("x") == 2


# Files of no use


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not there or empty"),
        ("# nothing\n", "not a usable kubeconfig"),
        ("just text", "not a usable kubeconfig"),
        ("- a\n- list", "not a usable kubeconfig"),
        ("a: [\n", "not valid YAML (line 2)"),
        ("a: 1\n\tb: 2", "not valid YAML (line 2)"),
        ("[" * 20_000, "nested too deeply"),
        (b"a: \xff\xfe", "not a usable kubeconfig"),
        ("current-context: x\n", "no context named `x`"),
        ("contexts: 7\n", "not a usable kubeconfig"),
        ("contexts: [1, 2]\ncurrent-context: x\n", "not a usable kubeconfig"),
        ("contexts: [{name: x}]\ncurrent-context: x\n", "no cluster named"),
        ("apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\n", "has no current context"),
        ("apiVersion: v1\nkind: Config\ncontexts: null\nclusters: null\nusers: null\ncurrent-context: ''\n", "has no current context"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str | bytes) else None,
)
def test_file_that_is_no_kubeconfig(text: str | bytes, words: str, tmp_path: Path) -> None:
    assert words in unavailable(kubeconfig=write(tmp_path / "config", text)).message


def test_file_that_is_not_there(tmp_path: Path) -> None:
    assert unavailable(kubeconfig=str(tmp_path / "none")).message == f"--kubeconfig names {tmp_path}/none, which is not there or empty."


def test_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in unavailable(kubeconfig=str(tmp_path)).message


@pytest.mark.parametrize("given", [None, os.devnull, "/no/such/file", "/no/such/file:/nor/this"], ids=str)
def test_without_a_kubeconfig(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if given:
        monkeypatch.setenv("KUBECONFIG", given)
    error = unavailable()
    assert error.message.startswith("KUBECONFIG names" if given else "There is no kubeconfig: KUBECONFIG is not set, and ~/.kube/config")


def changed(folder: Path, change: Callable[[Any], None], server: str = "https://127.0.0.1:1") -> str:
    path = kubeconfig(folder / "config", server)
    config = yaml.safe_load(path.read_text())
    change(config)
    return write(path, yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda config: config["contexts"][0]["context"].update(cluster="hare"),
            "no cluster named `hare`, which context `course` names. Did",
        ),
        (
            lambda config: config["contexts"][0]["context"].update(user="lerner"),
            "no user named `lerner`, which context `course` names. Did",
        ),
        (lambda config: config["clusters"][0]["cluster"].pop("server"), "Cluster `here`"),
        (lambda config: config["clusters"][0]["cluster"].update(server="ftp://x"), "no http or https URL"),
        (lambda config: config["clusters"][0]["cluster"].update(server="127.0.0.1:6443"), "no http or https URL"),
        (lambda config: config["clusters"][0]["cluster"].update(server="https://x:port"), "not a usable kubeconfig"),
        (lambda config: config["clusters"][0]["cluster"].update(server=7), "no http or https URL"),
        (lambda config: config["clusters"][0]["cluster"].update({"certificate-authority-data": "!!"}), "no certificate in PEM"),
        (lambda config: config["clusters"][0]["cluster"].update({"certificate-authority-data": "YWJj"}), "no certificate in PEM"),
        (lambda config: config["clusters"][0]["cluster"].update({"certificate-authority": "ca.crt"}), "is missing"),
        (lambda config: config["users"][0]["user"].update({"client-certificate-data": "YWJj"}), "no pair that can be used"),
        (lambda config: config["users"][0]["user"].update({"client-key-data": "YWJj"}), "no pair that can be used"),
        (lambda config: config["users"][0]["user"].update({"client-certificate": "no.crt", "client-key": "no.key"}), "is missing"),
        (lambda config: config["users"][0].update(user={"tokenFile": "none"}), "cannot be read (No such file"),
        (lambda config: config["users"][0].update(user={"token": "kanarienvögel"}), "characters that no token has"),
        (lambda config: config["users"][0].update(user={"token": "cana\nry"}), "characters that no token has"),
        (lambda config: config["users"][0].update(user={"auth-provider": {"name": "gcp"}}), "which Kubernetes has retired"),
        (lambda config: config["users"][0].update(user={"exec": {"command": "x"}}), "`apiVersion` is missing"),
    ],
    ids=range(18),
)
def test_kubeconfig_with_one_thing_wrong(change: Callable[[Any], None], words: str, tmp_path: Path) -> None:
    error = unavailable(kubeconfig=changed(tmp_path, change))
    assert words in error.message
    assert "cana" not in error.message + error.help


def test_user_without_anything_is_anonymous(tmp_path: Path) -> None:
    with serving() as server:
        path = changed(tmp_path, lambda config: config["users"][0].update(user=None), url(server))
        assert read(connect(context=None, kubeconfig=path, timeout=5)).unreadable == {}


@pytest.mark.parametrize(("name", "meant"), [("cours", "Did you mean `course`?"), ("production", "It has `course`.")])
def test_context_that_is_not_there(name: str, meant: str, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    assert unavailable(kubeconfig=str(path), context=name).message == f"{path} has no context named `{name}`. {meant}"


def test_context_with_a_space_is_quoted_in_commands(tmp_path: Path) -> None:
    def rename(config: Any) -> None:
        config["contexts"][0]["name"] = config["current-context"] = "my cluster"

    assert unavailable(kubeconfig=changed(tmp_path, rename)).help.endswith("--context 'my cluster'")


CANARY = "canary-of-a-token"
WHOLE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1", "proxy-url": "http://127.0.0.1:2"}}],
    "users": [
        {
            "name": "learner",
            "user": {
                "token": CANARY,
                "client-certificate-data": CANARY,
                "username": "u",
                "password": CANARY,
                "as": "ada",
                "as-groups": ["one"],
                "as-user-extra": {"team": ["blue"]},
                "exec": {"apiVersion": V1, "command": "/no/such/program", "args": [CANARY], "env": [{"name": "TOKEN", "value": CANARY}]},
                "auth-provider": {"name": "oidc", "config": {"id-token": CANARY}},
            },
        }
    ],
    "contexts": [{"name": "course", "context": {"cluster": "here", "user": "learner", "namespace": "mine"}}],
    "current-context": "course",
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in plain data."""
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


ODD: list[Any] = [None, 7, True, "", "odd", [], {}, [[]], [{}], {"odd": 1}, ["odd", CANARY]]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.sampled_from(list(places(WHOLE))), st.sampled_from([*ODD, "remove"])), min_size=1, max_size=3))
def test_no_kubeconfig_leads_to_anything_but_a_cluster_or_a_sentence(changes: list[tuple[tuple[Any, ...], Any]], tmp_path: Path) -> None:
    config = json.loads(json.dumps(WHOLE))
    for (*parents, last), value in changes:
        with contextlib.suppress(LookupError, TypeError):  # an earlier change took the place away
            inner = config
            for step in parents:
                inner = inner[step]
            if value == "remove":
                del inner[last]
            else:
                inner[last] = json.loads(json.dumps(value))
    path = write(tmp_path / "config", json.dumps(config))
    try:
        assert connect(context=None, kubeconfig=path, timeout=1).context
    except ClusterUnavailable as error:
        assert "kubectl" in error.help  # noqa: PT017 - either outcome is right
        assert CANARY not in error.message + error.help  # noqa: PT017 - as above


# Several files


def test_the_first_of_several_files_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as first, serving() as second:
        kubeconfig(tmp_path / "a", url(first), namespace="one")
        kubeconfig(tmp_path / "b", url(second), namespace="two")
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join([f"{tmp_path}/none", f"{tmp_path}/a", f"{tmp_path}/b", os.devnull]))
        cluster = connect(context=None, kubeconfig=None, timeout=5)
        read(cluster)
        assert (len(first.asked), len(second.asked), cluster.namespace) == (1, 0, "one")


def test_current_context_of_the_first_file_that_has_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    with serving() as server:
        for name in ("none", "mine", "other"):
            config = yaml.safe_load(kubeconfig(tmp_path / name, url(server)).read_text())
            config["contexts"][0]["name"] = name
            config["current-context"] = "" if name == "none" else name
            paths.append(write(tmp_path / name, yaml.safe_dump(config)))
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(paths))
        assert connect(context=None, kubeconfig=None, timeout=5).context == "mine"
        assert connect(context="other", kubeconfig=None, timeout=5).context == "other"


def test_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    import threading

    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with serving() as server:
        text = kubeconfig(tmp_path / "config", url(server)).read_text()
        writer = threading.Thread(target=fifo.write_text, args=(text,))
        writer.start()
        assert connect(context=None, kubeconfig=str(fifo), timeout=5).context == "course"
        writer.join()


# In a Pod


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    return folder


def test_pod_without_a_token(pod: Path) -> None:
    assert unavailable().message == "There is no kubeconfig, and no usable service account token in this Pod."


def test_pod_has_no_contexts(pod: Path) -> None:
    assert "no context named `x`" in unavailable(context="x").message


def test_kubeconfig_goes_before_the_pod(pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", url(server))))
        assert connect(context=None, kubeconfig=None, timeout=5).context == "course"


def test_nothing_is_logged_or_printed(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.WARNING)
    sent(tmp_path, user_of(plugin(tmp_path, "echo hello >&2; " + answer({"token": "t"}))))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
