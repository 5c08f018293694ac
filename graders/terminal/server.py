"""Requests to a classroom's server: over TLS that is checked, within a time limit, to that one host, and every failure in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from graders.errors import GradingError
from graders.version import version

_CONNECT = 5.0  # seconds
_READ = 30.0
_MOST = 8 * 1024 * 1024  # bytes of an answer
LOCAL = ("localhost", "127.0.0.1", "::1")  # where nobody stands between


class NotNow(GradingError):
    """It could not be sent, and may be later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says: the HTTP status, the JSON map that came with it (empty when none did), and in how many seconds to ask again."""

    status: int
    data: Mapping[str, Any]
    retry_after: int = 0


def ask(url: str, token: str, path: str, body: bytes | None = None) -> Answer:
    """The answer to a GET, or to a POST of `body`, which is JSON. Raises NotNow for none, GradingError for a redirect."""
    import urllib3

    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": f"grade/{version()}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    timeout = urllib3.Timeout(connect=_CONNECT, read=_READ)
    try:
        with _pool(url) as pool:
            response = pool.request(
                "GET" if body is None else "POST",
                url + path,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            content = response.read(_MOST)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise NotNow(_in_words(url, error), help=_advice(error)) from error
    if 300 <= response.status < 400:
        raise GradingError(
            f"{url} leads elsewhere: the course is under another address.", help="Look where your browser ends up, and: grade login URL"
        )
    after = response.headers.get("Retry-After", "")
    return Answer(response.status, _json(content), int(after) if after.isdigit() and len(after) < 6 else 0)


def _pool(url: str) -> Any:
    """Connections to that server: through the proxy that the environment names, if it names one."""
    import ssl
    from urllib.request import getproxies, proxy_bypass

    import urllib3

    parts = urlsplit(url)
    options: dict[str, Any] = {"ssl_context": ssl.create_default_context()} if parts.scheme == "https" else {}
    proxy = getproxies().get(parts.scheme)
    if proxy and parts.hostname not in LOCAL and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", **options)
    return urllib3.PoolManager(**options)


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, Mapping) else {}


def _in_words(url: str, error: Exception) -> str:
    """What has failed, without what the library says of its own insides."""
    from urllib3 import exceptions

    host = urlsplit(url).hostname
    if isinstance(error, exceptions.NameResolutionError):
        return f"There is no host {host}, or this machine is offline."
    if isinstance(error, exceptions.ProxyError):
        return f"The proxy that the environment names does not lead to {host}."
    if isinstance(error, exceptions.SSLError):
        reason = str(getattr(error.args[0], "verify_message", "") if error.args else "").rstrip(".")
        return f"{host} does not prove to be {host}: its certificate is not valid{f' ({reason})' if reason else ''}."
    if isinstance(error, exceptions.NewConnectionError):
        return f"Nothing answers at {url}."
    if isinstance(error, exceptions.ConnectTimeoutError):
        return f"{url} did not answer within {_CONNECT:g} s."
    if isinstance(error, exceptions.ReadTimeoutError):
        return f"{url} did not answer within {_READ:g} s."
    return f"The connection to {url} broke off."


def _advice(error: Exception) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.SSLError):
        return "Check the address. Nothing was sent: whoever stands in between could read your token."
    return ""
