"""What the tests on a real API server must know of it."""

from __future__ import annotations

import pytest

from graders.sources.schema import VERSIONS
from tests.api import Api


@pytest.fixture(scope="session")
def version(api: Api) -> str:
    """The server's version of Kubernetes as `grade --kubernetes` takes it; the test is skipped where the grader has no schema of it."""
    served = f"1.{api.minor()}"
    if served not in VERSIONS:
        pytest.skip(f"the server is Kubernetes {served}, and the grader has the schemas of {', '.join(VERSIONS)}")
    return served
