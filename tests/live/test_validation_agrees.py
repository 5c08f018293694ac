"""Our rules against a real API server: of thousands of objects that are wrong in one place, or still right, each side says the same."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from graders.redaction import redact
from graders.snapshot import show_path
from graders.sources import schema
from graders.validation import validate
from tests.api import Api, Json
from tests.validation.mutants import Mutant, manifests, sample
from tests.validation.objects import changed

pytestmark = pytest.mark.cluster

_SIZE, _SEED = 8_000, 20_261_124
_SAME_PLACE = 0.97  # of the rejections in which the server names a field; the others are listed below

# What the server says of the cluster's state or its flags, which no manifest shows. Each by a part of the server's message.
_OF_THE_CLUSTER = re.compile(
    "|".join(
        (
            r"no PriorityClass with name|RuntimeClass \".*\" not found|error looking up service account",  # other objects
            r"already exists",  # the name is taken, by an object of the cluster's own
            r"already allocated",  # two ports of the node in one Service, which the allocator sees before the validation does
            r"disallowed by cluster policy",  # --allow-privileged
            r"not configured on this cluster|not configured for dual-stack",  # --service-cluster-ip-range
            r"provided IP is not in the valid range",
        )
    )
)
# What a dry run takes and `kubectl apply` would not create: the field of our finding, by kind.
_BEYOND_A_DRY_RUN = {
    ("Service", "nodePort"),  # it allocates no port of the nodes
    ("Service", "healthCheckNodePort"),
    ("LimitRange", "name"),  # the server makes one up; kubectl insists on it
}
# Fields that the server calls otherwise than the manifest.
_OTHER_NAMES = (
    (r"^data\b", "stringData"),  # it has merged them by then
    (r"\bLoadBalancerSourceRanges\b", "loadBalancerSourceRanges"),
    (r"^annotations\b", "metadata.annotations"),
    (r"\btemplate\.(labels|annotations)\b", r"template.metadata.\1"),
    (r"\bdownwardAPI\.(?!items)", "downwardAPI.items."),
    (r"\bnamespace$", "namespaces"),
    (r"\bresources\[storage\]", "resources.requests.storage"),
)


class Answer(NamedTuple):
    """What the server said of a mutant, and what we found."""

    mutant: Mutant
    accepted: bool
    message: str
    named: tuple[str, ...]
    ours: tuple[tuple[str, ...], ...]
    decoder: bool


@pytest.fixture(scope="module")
def answers(api: Api) -> list[Answer]:
    return [_ask(api, mutant) for mutant in sample(_SIZE, _SEED)]


@pytest.mark.parametrize("body", manifests(), ids=lambda body: f"{body['kind']}/{body['metadata']['name']}")
def test_the_server_takes_every_good_manifest(api: Api, body: Json) -> None:
    status, answer = api.create(body)
    assert status == 201 or _OF_THE_CLUSTER.search(answer["message"]), answer["message"]


def test_there_is_enough_of_both_kinds(answers: list[Answer]) -> None:
    accepted = sum(answer.accepted for answer in answers)
    assert len(answers) >= _SIZE
    assert accepted > 1_000
    assert len(answers) - accepted > 1_000


def test_what_the_server_takes_is_never_called_wrong(answers: list[Answer]) -> None:
    wrong = {
        answer.mutant.how: answer.ours
        for answer in answers
        if answer.accepted and any((answer.mutant.body["kind"], steps[-1]) not in _BEYOND_A_DRY_RUN for steps in answer.ours)
    }
    assert wrong == {}


def test_nor_is_it_after_redaction(answers: list[Answer]) -> None:
    masked = {answer.mutant.how: validate(redact(answer.mutant.body)) for answer in answers if answer.accepted and not answer.ours}
    assert {how: found for how, found in masked.items() if found} == {}


def test_what_the_server_rejects_is_found(answers: list[Answer]) -> None:
    missed = {answer.mutant.how: answer.message for answer in _rejected(answers) if not answer.ours and not answer.decoder}
    assert missed == {}


def test_it_is_found_where_the_server_sees_it(answers: list[Answer]) -> None:
    judged = [answer for answer in _rejected(answers) if answer.named and answer.ours]
    elsewhere = [answer for answer in judged if not _meet(answer)]
    listing = "\n".join(f"{answer.mutant.how}: {answer.named} and {answer.ours}" for answer in elsewhere)
    assert len(judged) > 1_000
    assert len(elsewhere) <= (1 - _SAME_PLACE) * len(judged), listing


@pytest.mark.parametrize(
    ("name", "path"),
    [("Service/node", "spec.ports[0].nodePort"), ("Service/public", "spec.healthCheckNodePort")],
    ids=["a port of the nodes", "the port of a health check"],
)
def test_ports_of_the_nodes_have_a_range(api: Api, name: str, path: str) -> None:
    body: dict[str, Any] = changed(name, path, 80)
    status, answer = api.create(body, dry_run=False)
    assert status >= 400
    assert "not in the valid range" in answer["message"]
    assert [show_path(finding.path) for finding in validate(body)] == [path]


def _ask(api: Api, mutant: Mutant) -> Answer:
    status, answer = _create(api, mutant.body)
    causes = (answer.get("details") or {}).get("causes") or ()
    return Answer(
        mutant,
        status == 201,
        f"{status} {answer.get('message', '')}",
        tuple(cause["field"] for cause in causes if cause.get("field")),
        tuple(tuple(str(step) for step in finding.path) for finding in validate(mutant.body)),
        bool(schema.check(mutant.body)),
    )


def _create(api: Api, body: Json) -> tuple[int, Json]:
    """Ask twice before giving up: a few objects make the server's handler panic, which drops the connection."""
    for _ in range(2):
        try:
            return api.create(body)
        except (http.client.HTTPException, ConnectionError):
            api.request("GET", "/version")
    return 500, {"message": "the handler panicked"}


def _rejected(answers: list[Answer]) -> Iterator[Answer]:
    return (answer for answer in answers if not answer.accepted and not _OF_THE_CLUSTER.search(answer.message))


def _meet(answer: Answer) -> bool:
    """Whether one of our paths is one of the server's, or leads on from it, or up to it; the indexes of lists do not count."""
    theirs = [_steps(_renamed(field)) for field in answer.named] + [_steps(field) for field in answer.named]
    ours = [_steps(".".join(steps)) for steps in answer.ours]
    return any(mine[: len(field)] == field or field[: len(mine)] == mine for mine in ours for field in theirs)


def _renamed(field: str) -> str:
    for pattern, name in _OTHER_NAMES:
        field = re.sub(pattern, name, field)
    return field


def _steps(field: str) -> list[str]:
    return [step for step in re.split(r"[.\[\]]+", field) if step and not step.isdigit()]
