"""Who the server is, and who we are to it: certificates that are right, of somebody else, for another host, or over."""

from __future__ import annotations

import base64
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kubernetes.config import incluster_config

from graders.errors import ClusterUnavailable
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.sources.cluster_errors import certificate_end
from tests.cases import NOON
from tests.sources.faulty import Exchange, Fault, healthy, kubeconfig, serving, url

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: bytes = b"") -> bytes:
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)

    def files(self, folder: Path, name: str) -> tuple[str, str]:
        (folder / f"{name}.crt").write_bytes(self.pem)
        (folder / f"{name}.key").write_bytes(self.key_pem())
        return f"{folder}/{name}.crt", f"{folder}/{name}.key"


def issue(name: str, by: Pair | None = None, *, start: datetime = NOW - DAY, end: datetime = NOW + DAY, host: str = "127.0.0.1") -> Pair:
    """A certificate for `name`, signed by `by` or by itself (then it is an authority)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if by is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
    return Pair(builder.sign(by.key if by else key, hashes.SHA256()), key)


AUTHORITY = issue("authority")
STRANGER = issue("stranger")


def tls(folder: Path, pair: Pair, clients: Pair | None = None) -> ssl.SSLContext:
    """A server's context; `clients` is the authority whose certificates it demands."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.files(folder, "server"))
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem.decode())
    return context


def data(value: bytes) -> str:
    return base64.b64encode(value).decode()


TRUST: dict[str, Any] = {"certificate-authority-data": data(AUTHORITY.pem)}
SERVER = issue("server", AUTHORITY)


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
