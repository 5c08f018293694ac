"""The wire: what a snapshot becomes when it is handed in, that nothing secret is in it, and that nothing else is taken for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.kinds import KINDS
from graders.objective import Lesson
from graders.redacted import NotReduced, redacted_again
from graders.redaction import facts, is_facts, redact
from graders.render.json import report_data
from graders.semantics.credentials import MASK
from graders.snapshot import K8sObject, Snapshot, Source
from graders.sources.cluster_requests import to_object
from graders.sources.manifests import read_texts
from graders.wire import NotASnapshot, digest, from_wire, kinds_of, to_wire
from tests.api import plain
from tests.cases import NOON, Case, cases, lessons
from tests.test_redaction import CANARY, JSON, SHAPES, encoded, pod_spec, secret, seen

Json = dict[str, Any]
EVERY_KIND = frozenset(KINDS)


def sent(snapshot: Snapshot, lesson: Lesson) -> Any:
    """A snapshot as it arrives."""
    return json.loads(json.dumps(to_wire(snapshot, kinds_of([lesson], live=snapshot.is_live))))


def as_a_cluster_has_it(case: Case) -> Snapshot:
    """The snapshot of a case; what a cluster serves has no file."""
    snapshot = case.snapshot()
    if not case.live:
        return snapshot
    bare = tuple(replace(item, file=None, lines={}, problems=(), namespace_assumed=False) for item in snapshot.objects)
    return replace(snapshot, objects=bare)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
def test_what_arrives_is_judged_as_what_was_sent(lesson: Lesson) -> None:
    """Every case of every lesson: verdict by verdict, with evidence, file and line."""
    judged = 0
    for case in cases():
        if case.lesson is lesson:
            snapshot = as_a_cluster_has_it(case)
            before, after = (report_data(evaluate(lesson, each)) for each in (snapshot, from_wire(sent(snapshot, lesson))))
            assert after["objectives"] == before["objectives"], case.id
            assert (after["source"], after["graded_at"], after["complete"]) == (before["source"], before["graded_at"], before["complete"])
            judged += 1
    assert judged > 10


def test_all_that_a_snapshot_knows_arrives() -> None:
    snapshot = Snapshot(
        Source("cluster", "rag-engine", context="kind-dev"),
        (K8sObject.of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine"}}),),
        datetime(2026, 11, 25, 1, 2, 3, 456789, tzinfo=UTC),
        {"Secret": "You may not list Secrets."},
        (),
        "team-a",
        {"PrometheusRule": "Those of other namespaces were not read."},
        timedelta(seconds=-1.5),
    )
    found = from_wire(json.loads(json.dumps(to_wire(snapshot, EVERY_KIND))))
    for name in ("source", "taken_at", "unreadable", "only_here", "context_namespace", "clock_skew"):
        assert getattr(found, name) == getattr(snapshot, name), name
    assert [item.body for item in found.objects] == [item.body for item in snapshot.objects]


def test_problems_and_lines_arrive() -> None:
    text = b"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  prots: []\n  type: ClusterIP\n  type: NodePort\n---\nkind: [\n"
    snapshot = read_texts([("s.yaml", text)], namespace="rag-engine", taken_at=NOON)
    found = from_wire(json.loads(json.dumps(to_wire(snapshot, EVERY_KIND))))
    assert found.problems == snapshot.problems
    assert found.objects[0].problems == snapshot.objects[0].problems != ()
    assert found.objects[0].at("spec.prots").line == snapshot.objects[0].at("spec.prots").line == 5


def test_only_what_the_lessons_read_is_sent() -> None:
    lesson = next(lesson for lesson in lessons() if lesson.id == "lesson-1")
    text = "\n---\n".join(
        f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {kind.lower()}}}" for kind in ("Namespace", "Secret", "ConfigMap", "Frobnicator")
    )
    snapshot = read_texts([("a.yaml", text.encode())], namespace="rag-engine", taken_at=NOON)
    data = sent(snapshot, lesson)
    assert [item["body"]["kind"] for item in data["objects"]] == ["Namespace"]
    assert set(data["kinds"]) == set(lesson.reads) | set(lesson.live_reads)


def test_what_an_older_terminal_did_not_read_is_unknown_and_not_absent() -> None:
    lesson = next(lesson for lesson in lessons() if lesson.id == "lesson-3")
    snapshot = Snapshot(Source("cluster", "rag-engine", context="c"), (), NOON)
    data = json.loads(json.dumps(to_wire(snapshot, kinds_of([lesson], live=True) - {"Secret"})))
    report = evaluate(lesson, from_wire(data))
    unknown = [result for result in report.results if result.status == "unknown"]
    assert unknown
    assert "did not read Secret" in str(unknown[0].verdict.reason)


def test_a_digest_knows_no_order_and_every_difference() -> None:
    data = {"a": 1, "b": [1, {"c": "d", "e": None}]}
    assert digest(data) == digest({"b": [1, {"e": None, "c": "d"}], "a": 1})
    for other in ({**data, "a": 2}, {**data, "a": "1"}, {**data, "b": [{"c": "d", "e": None}, 1]}, {**data, "f": None}):
        assert digest(other) != digest(data)


# Nothing secret leaves.


@pytest.mark.parametrize("body", SHAPES)
def test_no_value_of_a_secret_is_sent_whatever_its_shape(body: Json) -> None:
    text = yaml.safe_dump(body).encode()
    snapshot = read_texts([("secret.yaml", text)], namespace="n", taken_at=NOON)
    assert snapshot.objects
    kinds = EVERY_KIND | {item.kind for item in snapshot.objects}
    assert CANARY not in seen(to_wire(snapshot, kinds))
    live = replace(Snapshot.of((), taken_at=NOON, kind="cluster"), objects=(to_object(KINDS["Secret"], body),))
    assert CANARY not in seen(to_wire(live, kinds))


PLACES: list[Callable[[str], Json]] = [
    lambda value: secret(data={"a": encoded(value), "b": value}, stringData={"c": value}),
    lambda value: {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": {"copy": value}},
        "stringData": {"a": value},
    },
    lambda value: {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"DB_PASSWORD": value, "u": f"redis://:{value}@h"},
    },
    lambda value: {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": pod_spec(env=[{"name": "API_TOKEN", "value": value}, {"name": "JWT_SECRET", "value": value}], args=[f"--password={value}"]),
    },
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PLACES), st.text("abcXYZ0189-_./=", min_size=3, max_size=30).filter(lambda text: not text.startswith(("-", "/", "=")))
)
def test_no_credential_is_sent_wherever_it_stands(place: Callable[[str], Json], rest: str) -> None:
    value = CANARY + rest.replace("/", "").replace("=", "")
    text = yaml.safe_dump(place(value)).encode()
    snapshot = read_texts([("a.yaml", text)], namespace="n", taken_at=NOON)
    assert CANARY not in seen(to_wire(snapshot, EVERY_KIND))


@pytest.mark.parametrize("body", [body for body in SHAPES if body.id in ("data", "string data of a Deployment", "misspelt kind")])
def test_a_source_that_forgot_to_redact_sends_nothing(body: Json) -> None:
    snapshot = Snapshot.of([body], taken_at=NOON)
    with pytest.raises(NotReduced) as refused:
        to_wire(snapshot, EVERY_KIND | {item.kind for item in snapshot.objects})
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("body", SHAPES)
def test_what_is_redacted_stays_so_and_what_is_not_is_refused(body: Json) -> None:
    redacted = redact(body)
    again = redacted_again(redacted)
    assert again == plain(redacted)
    assert redacted_again(again) == again
    try:
        told = seen(redacted_again(body))
    except NotReduced as error:
        told = str(error)
    assert CANARY not in told


@pytest.mark.parametrize("name", ["data", "stringData"])
@pytest.mark.parametrize("value", ["some text", -1, {"a": "b"}, ["x"], None], ids=repr)
def test_an_entry_of_a_config_map_may_have_any_name(name: str, value: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {name: value, "password": CANARY}}
    again = redacted_again(redact(body))
    assert again["data"] == {name: value, "password": MASK}
    assert CANARY not in seen(redacted_again(body)), "and it is redacted there as well"


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["kind", "data", "stringData", "metadata", "spec", "x"]), JSON, max_size=5))
@example({"kind": "ConfigMap", "data": {"stringData": -1}})
def test_redacting_again_changes_nothing_more(body: Json) -> None:
    redacted = redact(json.loads(json.dumps(body, allow_nan=True)))
    again = redacted_again(redacted)
    assert redacted_again(again) == again


FORGED: list[Any] = [
    pytest.param("value", id="the value itself"),
    pytest.param({"type": "string", "decodes": True, "value": "x"}, id="a value beside facts"),
    pytest.param({"type": "string"}, id="a string of which nothing is told"),
    pytest.param({"type": "hunter2"}, id="a value as the type"),
    pytest.param({"type": ["string"]}, id="a list as the type"),
    pytest.param({**facts("abcdefgh", encoded=False), "scheme": "hunter2"}, id="a value as the scheme"),
    pytest.param({**facts("abcdefgh", encoded=False), "sample": "hunter2"}, id="a value as the sample"),
    pytest.param({**facts("abcdefgh", encoded=False), "bytes": 104117110116}, id="a value as a number"),
    pytest.param({**facts("abcdefgh", encoded=False), "empty": "hunter2"}, id="a value as a flag"),
]


@pytest.mark.parametrize("value", FORGED)
def test_facts_in_which_a_value_could_hide_are_none(value: Any) -> None:
    assert not is_facts(value)
    with pytest.raises(NotReduced):
        redacted_again(secret(data={"k": value}))


@settings(max_examples=200)
@given(JSON, st.booleans())
def test_all_facts_are_facts(value: Any, is_encoded: bool) -> None:
    assert is_facts(json.loads(json.dumps(facts(value, encoded=is_encoded))))


# What is no snapshot is refused in a sentence.

GOOD = json.loads(json.dumps(to_wire(read_texts([("a.yaml", b"kind: Namespace")], namespace="n", taken_at=NOON), ["Namespace"])))


def but(*path: str | int, value: Any) -> Any:
    """GOOD with another value at one place."""
    copy = json.loads(json.dumps(GOOD))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


REFUSED: list[Any] = [
    pytest.param([], "not a map of fields", id="a list"),
    pytest.param(None, "not a map of fields", id="nothing"),
    pytest.param({}, "has no `version`", id="an empty map"),
    pytest.param(but("version", value=2), "another version", id="a later version"),
    pytest.param(but("version", value=True), "another version", id="true as the version"),
    pytest.param(but("verdicts", value=[]), "`verdicts`, which is not known", id="a field that is not known"),
    pytest.param(but("source", "kind", value="web"), "not `manifests` or `cluster`", id="another source"),
    pytest.param(but("source", "namespace", value="../kube-system"), "not the name of a namespace", id="a namespace that is none"),
    pytest.param(but("source", "namespace", value="a\0"), "not the name of a namespace", id="a namespace with NUL"),
    pytest.param(but("source", "context", value="c"), "manifests of a context", id="manifests of a context"),
    pytest.param(but("source", "kind", value="cluster"), "a cluster with files", id="a cluster with files"),
    pytest.param(but("source", "files", value=["x"] * 1001), "at most 1,000", id="too many files"),
    pytest.param(but("source", "files", value=["other.yaml"]), "none of those that were read", id="an object of another file"),
    pytest.param(but("kinds", value=["Pod"]), "none of the kinds that were read", id="an object of another kind"),
    pytest.param(but("kinds", value=["Frobnicator"]), "not a kind that lessons read", id="an unknown kind"),
    pytest.param(but("kinds", value=[{}]), "not a kind that lessons read", id="no kind"),
    pytest.param(but("taken_at", value="yesterday"), "not a time", id="no time"),
    pytest.param(but("taken_at", value="2026-11-25T00:00:00"), "with its zone", id="a time without a zone"),
    pytest.param(but("clock_skew", value=1e308), "a day's at most", id="a clock of another age"),
    pytest.param(but("clock_skew", value=True), "a day's at most", id="a clock that is no number"),
    pytest.param(but("unreadable", value={"Pod": 5}), "snapshot.unreadable.Pod", id="a reason that is no text"),
    pytest.param(but("unreadable", value={"Frobnicator": "x"}), "not a kind", id="a reason for an unknown kind"),
    pytest.param(but("problems", value=[{}]), "has no `message`", id="a problem without words"),
    pytest.param(but("problems", value=[{}] * 2001), "at most 2,000", id="too many problems"),
    pytest.param(but("objects", value={}), "not a list", id="objects that are no list"),
    pytest.param(but("objects", 0, "body", value=[]), "not an object", id="an object that is a list"),
    pytest.param(but("objects", 0, "lines", value=[1]), "a line for each place", id="too few lines"),
    pytest.param(but("objects", 0, "lines", value=[1] * 99), "a line for each place", id="too many lines"),
    pytest.param(but("objects", 0, "lines", value=[0, 1]), "a line for each place", id="no line for the object"),
    pytest.param(but("objects", 0, "lines", value=[-1]), "a list of lines", id="a negative line"),
    pytest.param(but("objects", 0, "lines", value=[True, True]), "a list of lines", id="lines that are no numbers"),
    pytest.param(but("objects", 0, "body", value=secret(data={"k": "aHVudGVyMg=="})), "a value of a Secret", id="a Secret's value"),
    pytest.param(but("objects", 0, "body", value=secret(stringData="hunter2")), "what a Secret holds", id="a Secret's text"),
    pytest.param(
        but("objects", 0, "body", value={"spec": {"list": [{"stringData": {"k": "v"}}]}}), "a value of a Secret", id="deep inside"
    ),
]


@pytest.mark.parametrize(("data", "told"), REFUSED)
def test_what_is_no_snapshot_is_refused_in_a_sentence(data: Any, told: str) -> None:
    with pytest.raises(NotASnapshot) as refused:
        from_wire(data)
    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "aHVudGVyMg" not in str(refused.value)


@settings(max_examples=400, deadline=None)
@given(st.data(), JSON)
def test_whatever_is_sent_is_a_snapshot_or_refused(data: st.DataObject, value: Any) -> None:
    """Any place of a good one replaced by anything."""
    try:
        value = json.loads(json.dumps(value, allow_nan=False, default=str, skipkeys=True))
    except (ValueError, TypeError):
        value = None
    path: list[str | int] = []
    place: Any = GOOD
    while isinstance(place, dict | list) and place and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        path.append(step)
        place = place[step]
    changed = but(*path, value=value) if path else value
    try:
        found = from_wire(changed)
    except NotASnapshot as error:
        told = str(error)
    else:
        told = "."
        for lesson in lessons()[:4]:
            evaluate(lesson, found)
    assert told.endswith(".")
