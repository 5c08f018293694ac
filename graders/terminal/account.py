"""`grade login` and `grade logout`: the classroom that this terminal is signed in to, and the token that it shows there.

The token is kept in the user's data folder, in a file that nobody else may read, and is sent to that one server alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from graders.errors import GradingError, UnreadableInput, UsageError
from graders.folders import data_folder
from graders.terminal.output import say
from graders.terminal.server import LOCAL

FILE = "classroom.json"
_TOKEN = re.compile(r"[\x21-\x7e]{8,200}")
_AGAIN = "Sign in again with: grade login URL"


@dataclass(frozen=True, slots=True)
class Account:
    """Where this terminal is signed in, as whom, and with what."""

    url: str
    token: str
    name: str
    email: str

    def __repr__(self) -> str:
        return f"Account({self.url!r}, {self.email!r})"


def log_in(address: str, token: str | None) -> int:
    """Sign this terminal in at the server of that address; gives the exit status. `token` is `-` when it comes on standard input.

    Raises GradingError.
    """
    url = checked_url(address)
    given = _given_token(url, token)
    from graders.terminal.submitting import who_is

    account = who_is(url, given)
    save(account)
    say(f"Signed in to {url} as {account.name or account.email} ({account.email}).", "Hand in with: grade LESSON --submit")
    return 0


def log_out() -> int:
    """Forget the token; gives the exit status."""
    path = file()
    try:
        path.unlink()
    except FileNotFoundError:
        say("This terminal is not signed in to a classroom.")
        return 0
    except OSError as error:
        raise GradingError(
            f"{path} cannot be removed: {error.strerror or error}.", help="Remove it by hand: it holds your token."
        ) from error
    say("Signed out. The token itself holds until you revoke it, on your account's page.")
    return 0


def file() -> Path:
    """Where it is kept. Raises GradingError when there is no home folder."""
    return data_folder() / FILE


def load() -> Account | None:
    """Where this terminal is signed in; None when it is not. Raises GradingError when the file cannot be used."""
    path = file()
    try:
        held = json.loads(path.read_bytes())
        account = Account(*(held[name] for name in ("url", "token", "name", "email")))
        if not all(isinstance(each, str) for each in asdict(account).values()):
            raise TypeError("no text")
        return Account(checked_url(account.url), account.token, account.name, account.email)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GradingError(f"{path} cannot be read: {error.strerror or error}.", help=_AGAIN) from error
    except (ValueError, KeyError, TypeError, UsageError) as error:
        raise GradingError(f"{path} is not as `grade login` has written it.", help=_AGAIN) from error


def save(account: Account) -> None:
    """Keep it, whole or not at all, for the user's own eyes. Raises GradingError."""
    path = file()
    try:
        write_private(path, json.dumps(asdict(account)).encode())
    except OSError as error:
        raise GradingError(f"{path} cannot be written: {error.strerror or error}.", help="Set COURSE_DATA to a folder of yours.") from error


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all, and on the disk when this returns. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.unlink(missing_ok=True)
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def checked_url(address: str) -> str:
    """The address of a server as it is used: without a path. Raises UsageError."""
    text = address.strip()
    if "://" not in text:
        host = text.partition("/")[0].partition(":")[0]
        text = f"{'http' if host in LOCAL else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or not text.isascii() or not text.isprintable() or " " in text or "@" in parts.netloc:
        raise UsageError(
            f"`{address}` is no address of a server.", help="Write it as it stands in your browser: https://course.example.org"
        )
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"`{address}`: a classroom is opened over https.", help="Write it as it stands in your browser.")
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        raise UsageError(
            f"`{address}`: over http anybody on the way could read your token.",
            help=f"Write https://{parts.netloc} instead; only localhost may do without.",
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _given_token(url: str, token: str | None) -> str:
    """What the user gives as the token: on standard input, in COURSE_TOKEN, or typed without being shown. Raises GradingError."""
    if token == "-":  # noqa: S105 - the word for standard input
        given = sys.stdin.readline() if sys.stdin is not None else ""
    elif os.environ.get("COURSE_TOKEN"):
        given = os.environ["COURSE_TOKEN"]
    elif sys.stdin is None or not sys.stdin.isatty():
        raise UnreadableInput(
            "There is no terminal to ask for the token.",
            help=f"Hand it over on standard input, with --token -; make one at {url}/account#tokens",
        )
    else:
        from getpass import getpass

        say(f"Make a token at {url}/account#tokens, and paste it here; it is not shown.")
        try:
            given = getpass("Token: ")
        except EOFError:
            given = ""
    given = given.strip()
    if not given:
        raise UnreadableInput("No token was given.", help=f"Make one at {url}/account#tokens")
    if not _TOKEN.fullmatch(given):
        raise UnreadableInput(
            "That is no token: it has spaces, or characters that no token has.",
            help=f"Copy it once more, or make a new one at {url}/account#tokens",
        )
    return given
