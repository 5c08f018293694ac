"""Certificates for tests: an authority, what it signs, and a server's TLS context made of them."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
