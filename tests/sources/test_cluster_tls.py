"""Who the server is, and who we are to it: certificates that are right, of somebody else, for another host, or over."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from graders.errors import ClusterUnavailable
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.sources.cluster_errors import certificate_end
from tests.cases import NOON
from tests.sources.certificates import AUTHORITY, NOW, SERVER, STRANGER, TRUST, Pair, data, issue, tls
from tests.sources.faulty import Exchange, Fault, healthy, kubeconfig, serving, url


def read(
    folder: Path, context: ssl.SSLContext, *, cluster: dict[str, Any], user: dict[str, Any] | None = None, fault: Fault = healthy
) -> Snapshot:
    with serving((), fault, tls=context) as server:
        path = kubeconfig(folder / "config", url(server, "https"), cluster=cluster, user=user)
        return connect(context=None, kubeconfig=str(path), timeout=5).snapshot(["Pod"], namespace="rag-engine", taken_at=NOON)


@pytest.mark.parametrize(
    "cluster",
    [
        TRUST,
        {"certificate-authority": "ca.crt"},
        {"insecure-skip-tls-verify": True},
        {**TRUST, "tls-server-name": "127.0.0.1"},
    ],
    ids=["data", "file", "unverified", "server-name"],
)
def test_server_that_is_trusted(cluster: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    assert read(tmp_path, tls(tmp_path, SERVER), cluster=cluster).unreadable == {}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("server", "cluster", "words", "command"),
    [
        (
            SERVER,
            {"certificate-authority-data": data(STRANGER.pem)},
            "signed by an authority that the kubeconfig does not name",
            "cluster-info",
        ),
        (SERVER, {}, "signed by an authority that the kubeconfig does not name", "cluster-info"),
        (issue("server", AUTHORITY, end=NOW - timedelta(hours=1)), TRUST, "has expired", "cluster-info"),
        (issue("server", AUTHORITY, start=NOW + timedelta(hours=1)), TRUST, "is not valid yet", "cluster-info"),
        (issue("server", AUTHORITY, host="192.0.2.1"), TRUST, "is for another host", "config view"),
        (SERVER, {**TRUST, "tls-server-name": "api.example.org"}, "is for another host", "config view"),
    ],
    ids=["other-authority", "no-authority", "expired", "not-yet-valid", "other-address", "other-name"],
)
def test_server_that_is_not_trusted(server: Pair, cluster: dict[str, Any], words: str, command: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterUnavailable) as raised:
        read(tmp_path, tls(tmp_path, server), cluster=cluster)
    assert words in raised.value.message
    assert "127.0.0.1:" in raised.value.message
    assert f"kubectl {command}" in raised.value.help


LEARNER = issue("learner", AUTHORITY)


@pytest.mark.parametrize("form", ["data", "files"])
def test_client_certificate_is_shown(form: str, tmp_path: Path) -> None:
    LEARNER.files(tmp_path, "learner")
    user = {"client-certificate": "learner.crt", "client-key": "learner.key"}
    if form == "data":
        user = {"client-certificate-data": data(LEARNER.pem), "client-key-data": data(LEARNER.key_pem())}
    assert read(tmp_path, tls(tmp_path, SERVER, clients=AUTHORITY), cluster=TRUST, user=user).unreadable == {}


def test_no_key_stays_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    for _ in range(2):  # the package remembers the files of the first time
        assert read(tmp_path, tls(tmp_path, SERVER, clients=AUTHORITY), cluster=TRUST, user=client(LEARNER)).unreadable == {}
        assert not list((tmp_path / "scratch").rglob("*"))


def client(pair: Pair) -> dict[str, Any]:
    return {"client-certificate-data": data(pair.pem), "client-key-data": data(pair.key_pem())}


def unauthorized(exchange: Exchange) -> bool:
    return exchange.refuse(401)


OVER = issue("learner", AUTHORITY, end=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("user", "demand", "words"),
    [
        (client(OVER), True, "client certificate of user `learner` expired"),
        (client(OVER), False, f"client certificate of user `learner` expired on {NOW - timedelta(hours=1):%Y-%m-%d}"),
        (client(issue("learner", STRANGER)), True, "accept the client certificate of user `learner`"),
        ({}, True, "accept the client certificate of user `learner`"),
        (client(LEARNER), False, "does not accept the credentials of user `learner`"),
    ],
    ids=["expired-by-tls", "expired-by-answer", "of-a-stranger", "none", "valid-but-unknown"],
)
def test_client_that_is_not_accepted(user: dict[str, Any], demand: bool, words: str, tmp_path: Path) -> None:
    context = tls(tmp_path, SERVER, clients=AUTHORITY if demand else None)
    with pytest.raises(ClusterUnavailable) as raised:
        read(tmp_path, context, cluster=TRUST, user=user, fault=unauthorized)
    assert words in raised.value.message
    assert "kubectl auth whoami" in raised.value.help


def test_key_with_a_password_is_not_asked_for_it(tmp_path: Path) -> None:
    user = {"client-certificate-data": data(LEARNER.pem), "client-key-data": data(LEARNER.key_pem(b"password"))}
    with pytest.raises(ClusterUnavailable, match="no pair that can be used"):
        read(tmp_path, tls(tmp_path, SERVER), cluster=TRUST, user=user)


def test_server_without_tls(tmp_path: Path) -> None:
    with serving() as server:
        path = kubeconfig(tmp_path / "config", url(server, "https"), cluster=TRUST)
        with pytest.raises(ClusterUnavailable, match="does not speak TLS"):
            connect(context=None, kubeconfig=str(path), timeout=5).snapshot(["Pod"], namespace="rag-engine", taken_at=NOON)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("https://127.0.0.1:1", "the connection was refused"),
        ("https://no-such-host.invalid:6443", "The host no-such-host.invalid cannot be found"),
    ],
)
def test_server_that_is_not_there(server: str, words: str, tmp_path: Path) -> None:
    cluster = connect(context=None, kubeconfig=str(kubeconfig(tmp_path / "config", server)), timeout=5)
    with pytest.raises(ClusterUnavailable) as raised:
        cluster.snapshot(["Pod", "Secret"], namespace="rag-engine", taken_at=NOON)
    assert words in raised.value.message
    assert raised.value.help.endswith("--context course")


def test_pod_is_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of-a-pod\n")
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pem)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")
    with serving((), tls=tls(tmp_path, SERVER)) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_address[1]))
        cluster = connect(context=None, kubeconfig=None, timeout=5)
        snapshot = cluster.snapshot(["Pod"], namespace="rag-engine", taken_at=NOON)
        assert server.headers[-1]["authorization"] == "bearer of-a-pod"
    assert (cluster.context, cluster.namespace, snapshot.context_namespace, snapshot.source.context) == (None, "default", None, None)
    assert snapshot.unreadable == {}


@pytest.mark.parametrize("year", [1999, 2026, 2049, 2050, 2999])
def test_end_of_a_certificate_is_read(year: int) -> None:
    end = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert certificate_end(issue("x", start=datetime(1990, 1, 1, tzinfo=UTC), end=end).pem) == end


@pytest.mark.parametrize(
    "pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", LEARNER.pem[:200]], ids=["none", "odd", "cut"]
)
def test_end_of_what_is_no_certificate_is_unknown(pem: bytes) -> None:
    assert certificate_end(pem) is None
