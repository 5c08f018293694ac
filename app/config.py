"""Every setting of the web app, in one frozen class, and where it is read from."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from app.services.content import NAMESPACE
from app.services.folders import data_folder
from graders.errors import GradingError

PORT = 8610
_DATABASES = ("COURSE_DATABASE_URL", "DATABASE_URL")
"""Each may be named `…_FILE` as well, for a file that holds it."""
_LOCAL = ("localhost", "127.0.0.1", "::1")
_SHORTEST_SECRET = 32  # characters
_TELLING = ("secret", "change", "default", "example", "password", "insecure", "0123456789")


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """Where people sign in who have no password here. `name` is what the button calls it."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs. `data` is the folder of the user's data; `context` and `kubeconfig` name another cluster than kubectl's.

    In a classroom `url` is the address under which people open it, `key` what its cookies and forms are signed with, `provider` where
    they may sign in as well, `proxies` whose word on a client's address is taken (addresses or networks, comma-separated), `retention`
    after how many days what an archived cohort did is deleted (None: never), and `kubeconfig` that of the read-only account on a shared
    cluster, None without one. `metrics_port` is where Prometheus asks, None for nowhere; `drain` is for how many seconds, once it has been
    asked to stop, the server goes on answering while whatever stands in front learns of it.
    """

    data: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = PORT
    namespace: str = NAMESPACE
    context: str | None = None
    kubeconfig: str | None = None
    classroom: bool = False
    url: str = ""
    key: str = field(default="", repr=False)
    provider: OpenIdProvider | None = None
    proxies: str = "127.0.0.1"
    retention: int | None = None
    metrics_port: int | None = None
    drain: int = 0

    @classmethod
    def local(cls, data: Path | None = None, **others: object) -> Settings:
        """Those of a learner's own machine: a SQLite file in `data`, the user's data folder when None. Raises GradingError."""
        data = data or data_folder()
        url = os.environ.get(_DATABASES[0]) or _own_file(data)
        return cls(data=data, database_url=url, **others)  # type: ignore[arg-type] # the names are those of this class

    @classmethod
    def for_classroom(cls, environ: Mapping[str, str], data: Path | None = None, **others: object) -> Settings:
        """Those of a server for many people, from the environment. Raises GradingError, in a sentence, for what would be unsafe."""
        read = _Environment(environ)
        data = data or data_folder()
        database = read.database() or _own_file(data)
        url = _public(read.needed("COURSE_URL", "the address under which people open the course, such as https://course.example.org"))
        if not url.startswith("https://") and urlsplit(url).hostname not in _LOCAL:
            raise GradingError(
                f"COURSE_URL is {url}: over http, passwords and cookies could be read on the way.",
                help="Put the course behind TLS and name its https:// address. Only localhost may do without.",
            )
        key = read.secret("COURSE_SECRET")
        if len(key) < _SHORTEST_SECRET or len(set(key)) < 10 or any(word in key.lower() for word in _TELLING):
            raise GradingError(
                "COURSE_SECRET could be guessed: whoever knows it can sign in as anybody." if key else "COURSE_SECRET is not set.",
                help="Make one, keep it, and give it to every replica: "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'. COURSE_SECRET_FILE may name a file that holds it.",
            )
        return cls(
            data=data,
            database_url=database,
            classroom=True,
            url=url,
            key=key,
            provider=read.provider(),
            proxies=read.proxies(),
            retention=read.days("COURSE_RETENTION_DAYS"),
            metrics_port=read.number("COURSE_METRICS_PORT", "port", 65_535),
            drain=read.number("COURSE_DRAIN_SECONDS", "number of seconds", 300) or 0,
            kubeconfig=environ.get("COURSE_CLUSTER_KUBECONFIG") or None,
            **others,  # type: ignore[arg-type] # the names are those of this class
        )

    @property
    def secure(self) -> bool:
        """Whether browsers speak to it over TLS."""
        return self.url.startswith("https://")

    @property
    def origins(self) -> frozenset[str]:
        """The addresses under which a browser may have opened the app, as its `Origin` header gives them."""
        if self.classroom:
            return frozenset({self.url})
        names = {self.host, "127.0.0.1", "localhost", "[::1]"}
        return frozenset(f"http://{name}:{self.port}" for name in names)

    @property
    def hosts(self) -> frozenset[str]:
        """The same as `Host` headers."""
        return frozenset(origin.partition("://")[2] for origin in self.origins)

    def secret(self) -> bytes:
        """The key that forms and cookies are protected with: the classroom's, or one made once and kept in the data folder for its owner
        alone. Raises GradingError."""
        if self.classroom:
            return hashlib.sha256(self.key.encode()).digest()
        path = self.data / "secret"
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_bytes(32))
            key = path.read_bytes()
        except OSError as error:
            raise GradingError(
                f"{path} cannot be used: {error.strerror or error}.", help="Name a folder that you may write to with --data DIR."
            ) from error
        return key if len(key) >= 32 else secrets.token_bytes(32)  # half written: good for this run


def database_url(environ: Mapping[str, str], data: Path | None = None) -> str:
    """The address of the database alone, for commands that need nothing else. Raises GradingError."""
    return _Environment(environ).database() or _own_file(data or data_folder())


def _own_file(data: Path) -> str:
    return f"sqlite:///{data / 'course.db'}"


class _Environment:
    """What the environment says, with a sentence for what it does not say."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def needed(self, name: str, what: str) -> str:
        value = self._environ.get(name, "").strip()
        if not value:
            raise GradingError(
                f"{name} is not set: {what}.", help="A classroom's settings come from the environment; see docs/classroom.md."
            )
        return value

    def secret(self, name: str) -> str:
        """Given directly, or as the name of a file in NAME_FILE, as containers get their secrets."""
        path = self._environ.get(f"{name}_FILE")
        if not path:
            return self._environ.get(name, "").strip()
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise GradingError(
                f"{path}, which {name}_FILE names, cannot be read: {error}.", help="Is it mounted, and may this user read it?"
            ) from error

    def database(self) -> str:
        """The database's address, "" when none is named; COURSE_DATABASE_PASSWORD_FILE holds its password where that is a secret apart."""
        url = next((found for found in map(self.secret, _DATABASES) if found), "")
        password = self.secret("COURSE_DATABASE_PASSWORD")
        if not url or not password:
            return url
        scheme, _, rest = url.partition("://")
        user, at, place = rest.rpartition("@")
        if not at or ":" in user:
            raise GradingError(
                "COURSE_DATABASE_PASSWORD is for an address that names a user and no password.",
                help="Write DATABASE_URL as postgresql://USER@HOST/DATABASE, or the password into it, not both.",
            )
        return f"{scheme}://{user}:{quote(password, safe='')}@{place}"

    def days(self, name: str) -> int | None:
        return self.number(name, "number of days", 36_500, "Write a whole number from 1 on, or leave it out to keep everything.")

    def number(self, name: str, what: str, most: int, help: str = "") -> int | None:
        """A whole number from 1 on; None when it is not set."""
        value = self._environ.get(name, "").strip()
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or len(value) > 9 or not 1 <= int(value) <= most:
            raise GradingError(f"{name} is {value!r}, which is no {what}.", help=help or f"Write a whole number from 1 to {most}.")
        return int(value)

    def proxies(self) -> str:
        """Whose word on a client's address is taken."""
        value = self._environ.get("COURSE_TRUSTED_PROXIES", "127.0.0.1").strip()
        networks = []
        for each in filter(None, map(str.strip, value.split(","))):
            try:
                trusted = ipaddress.ip_network(each, strict=False)
            except ValueError as error:
                raise GradingError(
                    f"COURSE_TRUSTED_PROXIES names {each!r}, which is no address and no network.",
                    help="Write addresses such as 10.0.0.7 or networks such as 10.0.0.0/8, with commas between them.",
                ) from error
            if trusted.prefixlen == 0:
                raise GradingError(
                    f"COURSE_TRUSTED_PROXIES is {each}: anybody could then say that they come from any address.",
                    help="Name the network of the proxies alone.",
                )
            networks.append(str(trusted))
        return ",".join(networks)

    def provider(self) -> OpenIdProvider | None:
        issuer = self._environ.get("COURSE_OIDC_ISSUER", "").strip().rstrip("/")
        if not issuer:
            return None
        if not issuer.startswith("https://") and urlsplit(issuer).hostname not in _LOCAL:
            raise GradingError(
                f"COURSE_OIDC_ISSUER is {issuer}: over http, anybody on the way could sign in as anybody.",
                help="Name its https:// address.",
            )
        return OpenIdProvider(
            issuer,
            self.needed("COURSE_OIDC_CLIENT_ID", "the id under which the provider knows the course"),
            self.secret("COURSE_OIDC_CLIENT_SECRET"),
            self._environ.get("COURSE_OIDC_NAME", "").strip() or "your organization's account",
        )


def _public(url: str) -> str:
    """The address as browsers' `Origin` has it. Raises GradingError when it is none, or has a path."""
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise GradingError(
            f"COURSE_URL is {url!r}, which is no address of a site.", help="Write https:// and the host's name, without a path."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"
