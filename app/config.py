"""Every setting of the web app, in one frozen class, and where it is read from."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from app.services.content import NAMESPACE
from app.services.folders import data_folder
from graders.errors import GradingError

PORT = 8610
_DATABASE = "COURSE_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs. `data` is the folder of the user's data; `context` and `kubeconfig` name another cluster than kubectl's."""

    data: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = PORT
    namespace: str = NAMESPACE
    context: str | None = None
    kubeconfig: str | None = None

    @classmethod
    def local(cls, data: Path | None = None, **others: object) -> Settings:
        """Those of a learner's own machine: a SQLite file in `data`, the user's data folder when None. Raises GradingError."""
        data = data or data_folder()
        url = os.environ.get(_DATABASE) or f"sqlite:///{data / 'course.db'}"
        return cls(data=data, database_url=url, **others)  # type: ignore[arg-type] # the names are those of this class

    @property
    def origins(self) -> frozenset[str]:
        """The addresses under which a browser may have opened the app, as its `Origin` header gives them."""
        names = {self.host, "127.0.0.1", "localhost", "[::1]"}
        return frozenset(f"http://{name}:{self.port}" for name in names)

    @property
    def hosts(self) -> frozenset[str]:
        """The same as `Host` headers."""
        return frozenset(origin.removeprefix("http://") for origin in self.origins)

    def secret(self) -> bytes:
        """The key that forms are protected with: made once, kept in the data folder for its owner alone. Raises GradingError."""
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
