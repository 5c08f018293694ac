"""The provider as a process: installed once from its lock file, started on a free port, told who signs in and how to misbehave."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import pytest

HERE = Path(__file__).parent
CLIENT, SECRET = "course", "a secret of the tests alone"
_FILES = ("package.json", "package-lock.json", "provider.mjs")
_UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT")


def installed() -> Path:
    """The folder in which it is ready to run; skips the test where it cannot be, unless in `CI`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _missing("no Node.js and npm, so no OpenID provider can be started here")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubernetes-course"
    contents = b"".join((HERE / name).read_bytes() for name in _FILES)
    folder = cache / f"oidc-provider-{hashlib.sha256(contents).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix="oidc-provider-", dir=cache))
    for name in _FILES:
        shutil.copy(HERE / name, making)
    done = subprocess.run(
        [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=making, capture_output=True, text=True, timeout=240
    )
    if done.returncode:
        shutil.rmtree(making)
        if any(word in done.stderr for word in _UNREACHABLE):
            _missing("the packages of the OpenID provider cannot be fetched here")
        pytest.fail(done.stderr)
    try:
        making.rename(folder)
    except OSError:  # another run was quicker
        shutil.rmtree(making)
    return folder


class Provider:
    """One that runs. `back` is the address of the course that it sends people back to."""

    def __init__(self, port: int, back: str) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            ["node", "provider.mjs", str(port), back], cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line.strip() == "ready":
                return
        pytest.fail(f"the OpenID provider did not start: {''.join(said)}")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=10)

    def tell(self, person: dict[str, Any] | None = None, **others: Any) -> None:
        """Who there is, and how to misbehave: `claims` of the id_token, its `key` (own, other, new, secret, none), `down`."""
        httpx2.post(f"{self.issuer}/control", json={"person": person, **others}).raise_for_status()

    def sign_in(self, address: str, who: str) -> str:
        """Sign somebody in there, as their browser would; gives the address that they are sent back to."""
        with httpx2.Client(base_url=self.issuer) as browser:
            asked = browser.get(address)
            page = browser.get(asked.headers["location"])
            assert "Sign in at the provider" in page.text
            answer = browser.post(str(page.url), data={"login": who})
            for _ in range(5):
                where = str(answer.headers["location"])
                if not re.match(rf"{re.escape(self.issuer)}|/", where):
                    return where
                answer = browser.get(where)
        pytest.fail("the provider sends its visitors in circles")


def _missing(words: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)
