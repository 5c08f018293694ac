"""A browser without JavaScript, as far as tests need one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

_TOKEN = re.compile(r'name="csrf-token" content="([0-9a-f]+)"')


class Client(TestClient):
    """A page of ours: it knows its token, and follows no redirect unasked."""

    token = ""

    def send_form(self, path: str, data: Mapping[str, Any] | None = None, **others: Any) -> Response:
        """Send a form as the page would."""
        if not self.token:
            found = _TOKEN.search(self.get("/").text)
            assert found is not None
            self.token = found[1]
        response: Response = self.post(path, data={**(data or {}), "csrf_token": self.token}, **others)
        return response
