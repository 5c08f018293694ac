"""A PostgreSQL server of one test run: started from the machine's own package on a free port, with a fresh database for whoever asks."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

_USER = "postgres"  # the server refuses to run as root; Debian's package makes this user
_TEMPLATE = "course_template"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "autovacuum=off", "shared_buffers=64MB")


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


class Postgres:
    """The server. `stop` ends it and deletes what it held."""

    def __init__(self, bin_folder: Path, settings: tuple[str, ...] = _QUICK) -> None:
        self._bin = bin_folder
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="course-pg-"))
        self._user = _USER if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self.port = _free_port()
        self._numbers = itertools.count(1)
        new = ("--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        self._run("initdb", "--pgdata", self._data, *new)
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def url(self, name: str = _USER) -> str:
        """The address of one of its databases, as `DATABASE_URL` has it."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        options = " ".join(
            f"-c {each}"
            for each in (*self._settings, f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}")
        )
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--log", str(self._folder / "log"), "--options", options, "start")

    def halt(self, mode: str = "immediate") -> None:
        """End it as a crash does; what it holds stays."""
        self._run("pg_ctl", "--pgdata", self._data, "--wait", "--mode", mode, "stop")

    def stop(self) -> None:
        """End it for good."""
        try:
            if (self._folder / "data" / "postmaster.pid").exists():  # a test may have stopped it
                self.halt()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def template(self, url_of_template: str) -> None:
        """Take a database's present state as what later ones begin with."""
        name = url_of_template.rpartition("/")[2]
        self._execute(f"ALTER DATABASE {name} RENAME TO {_TEMPLATE}")

    def database(self, *, empty: bool = False) -> str:
        """A new database; gives its address. It begins with the template's tables, unless `empty` is asked for."""
        name = f"course_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _TEMPLATE}")
        return self.url(name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        ran = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, user=self._user, cwd=self._folder, check=False
        )
        if ran.returncode:
            raise RuntimeError(f"{program} ended with {ran.returncode}: {ran.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
