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


_POD_RESOURCES = (
    "an empty `spec.resources` of a Pod counts there, and what is missing in it is completed from the containers in another way"
)

# The grader's rules are those of 1.37. Where an older server legitimately differs: the test, the first minor version for which its rule
# holds, and what the older ones do.
DIFFERS = {
    "test_class_is_that_of_the_server": (37, _POD_RESOURCES),
    "test_resources_of_the_whole_pod_are_completed_as_the_server_does": (37, _POD_RESOURCES),
    "test_guaranteed_is_what_has_no_gap": (37, _POD_RESOURCES),
    "test_usage_is_what_the_server_reckons": (37, _POD_RESOURCES),
    "test_scopes_are_those_of_the_server": (37, _POD_RESOURCES),
    "test_what_the_server_takes_is_never_called_wrong": (
        37,
        "a certificate's `keyType` is not checked before 1.37, nor on 1.35 that a CIDR names the first address of its network",
    ),
    "test_what_the_server_rejects_is_found": (37, "fields of 1.37, as `spec.scheduling` of a Job, are unknown there"),
}


@pytest.fixture(autouse=True)
def _rule_of_this_server(request: pytest.FixtureRequest) -> None:
    """Skip a test on a server that is older than the rule that it states."""
    name = getattr(request.node, "originalname", request.node.name)
    if name in DIFFERS and "api" in request.fixturenames:
        since, reason = DIFFERS[name]
        minor = request.getfixturevalue("api").minor()
        if minor < since:
            pytest.skip(f"the server is Kubernetes 1.{minor}, and the rule is that of 1.{since}: {reason}")
