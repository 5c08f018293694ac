"""What a panel makes of snapshots: states, changes, what to say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from app.services.cluster_choice import Place
from app.services.live_picture import (
    KINDS_READ,
    LESSONS,
    Cause,
    Change,
    Picture,
    Sentence,
    State,
    Trouble,
    changed_kinds,
    changes,
    turned,
)
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.snapshot import Snapshot
from graders.sources.cluster import unavailable_snapshot

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACE = Place("own", None, None, "rag-engine")
BEGINNING = Picture(PLACE, State.STARTING, NOON)
Json = dict[str, Any]


def thing(kind: str, name: str, version: int = 1, *, generation: int | None = None, **more: Any) -> Json:
    metadata: Json = {"name": name, "namespace": "rag-engine", "resourceVersion": str(version), **more.pop("metadata", {})}
    if generation is not None:
        metadata["generation"] = generation
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def settings(level: str, version: int = 1) -> Json:
    return thing("ConfigMap", "rag-engine-config", version, data={"ENVIRONMENT": "production", "LOG_LEVEL": level})


def seen(*bodies: Json, after: float = 0, unreadable: Mapping[str, str] | None = None) -> Snapshot:
    snapshot = Snapshot.of(bodies, taken_at=NOON + timedelta(seconds=after), kind="cluster")
    return replace(snapshot, unreadable=MappingProxyType(dict(unreadable or {})))


def away(message: str, help: str) -> Snapshot:
    return unavailable_snapshot(
        ClusterUnavailable(message, help=help), KINDS_READ, namespace="rag-engine", context="practice", taken_at=NOON
    )


@pytest.mark.parametrize(
    ("text", "words", "command"),
    [
        (
            "Could not read Secrets in namespace x: access denied. Check with: kubectl auth can-i list secrets -n x --context a",
            "Could not read Secrets in namespace x: access denied.",
            "kubectl auth can-i list secrets -n x --context a",
        ),
        (
            "Nothing answers at h:1: the connection was refused. Start the cluster, then check with: kubectl cluster-info",
            "Nothing answers at h:1: the connection was refused. Start the cluster.",
            "kubectl cluster-info",
        ),
        ("List them with: kubectl config get-contexts, and choose one with: kubectl x", "", "kubectl config get-contexts"),
        ("It broke.", "It broke.", ""),
    ],
    ids=["kind", "cluster", "two commands", "no command"],
)
def test_sentence_gives_its_command_apart(text: str, words: str, command: str) -> None:
    assert Sentence.of(text) == Sentence(words, command)


def test_trouble_leaves_out_advice_for_a_command_line() -> None:
    error = ClusterUnavailable("It took too long.", help="Allow more with --timeout, then check with: kubectl cluster-info")
    assert Trouble.of(Cause.UNREACHABLE, error) == Trouble(Cause.UNREACHABLE, "It took too long.", "", "kubectl cluster-info")


class TestAfter:
    """The picture that follows from a snapshot."""

    def test_first_snapshot_begins_to_read(self) -> None:
        picture = BEGINNING.after(seen(thing("Version", "version", gitVersion="v1.37.2"), after=3), None)
        assert (picture.state, picture.version, picture.changes) == (State.READING, "v1.37.2", ())
        assert picture.since == NOON + timedelta(seconds=3)
        assert set(picture.reports) == {lesson.id for lesson in LESSONS}
        assert picture.nothing_there

    def test_namespace_that_is_there_is_told_from_one_that_cannot_be_read(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine"}}
        assert not BEGINNING.after(seen(namespace), None).nothing_there
        assert not BEGINNING.after(seen(unreadable={"Namespace": "Could not read Namespaces: access denied."}), None).nothing_there

    def test_cluster_that_goes_away_keeps_what_was_seen(self) -> None:
        before = BEGINNING.after(seen(settings("info")), None)
        gone = before.after(away("Nothing answers at h:1.", "Start the cluster, then check with: kubectl cluster-info"), None)
        assert gone.state is State.AWAY
        assert gone.trouble == Trouble(Cause.UNREACHABLE, "Nothing answers at h:1. Start the cluster.", "", "kubectl cluster-info")
        assert gone.reports is before.reports
        assert gone.read_at == before.read_at

    def test_credentials_that_are_refused_are_another_cause(self) -> None:
        gone = BEGINNING.after(away("You are not accepted.", "Sign in again, then check with: kubectl auth whoami"), None)
        assert gone.trouble is not None
        assert gone.trouble.cause is Cause.NOT_ACCEPTED

    def test_being_away_is_since_it_began(self) -> None:
        gone = BEGINNING.after(away("Nothing answers.", "Check with: kubectl cluster-info"), None)
        later = replace(away("Nothing answers.", "Check with: kubectl cluster-info"), taken_at=NOON + timedelta(minutes=1))
        assert gone.after(later, None).since == gone.since

    def test_kind_that_is_denied_is_told_and_one_that_is_not_installed_is_not(self) -> None:
        picture = BEGINNING.after(
            seen(
                unreadable={
                    "Secret": "Could not read Secrets in namespace rag-engine: access denied. Check with: kubectl auth can-i list secrets",
                    "Schedule": "Could not read Schedules in all namespaces: Velero is not installed. Check with: kubectl api-resources",
                }
            ),
            None,
        )
        assert picture.state is State.READING
        assert [one.command for one in picture.unread] == ["kubectl auth can-i list secrets"]

    def test_connections_that_break_one_after_the_other_leave_what_was_seen(self) -> None:
        before = BEGINNING.after(seen(settings("info")), None)
        broken = "Could not read ConfigMaps in namespace rag-engine: the cluster cannot be reached. Check with: kubectl get configmaps"
        half = before.after(seen(unreadable={"ConfigMap": broken}, after=1), seen(settings("info")))
        assert half.reports["lesson-2"] is before.reports["lesson-2"]
        assert half.unread == ()
        assert BEGINNING.after(seen(unreadable={"ConfigMap": broken}), None).unread != ()

    def test_same_again_is_an_equal_picture(self) -> None:
        first = seen(settings("info"))
        picture = BEGINNING.after(first, None)
        again = picture.after(replace(first, taken_at=NOON + timedelta(seconds=1)), first)
        assert again == picture
        assert again.read_at == NOON + timedelta(seconds=1)

    def test_only_lessons_that_read_what_has_changed_are_judged_anew_at_once(self) -> None:
        hpa = thing("HorizontalPodAutoscaler", "rag-engine-api-hpa")
        first = seen(settings("info"), hpa)
        picture = BEGINNING.after(first, None)
        second = replace(first, objects=(seen(settings("loud", 2)).objects[0], first.objects[1]))
        after = picture.after(second, first)
        assert after.reports["lesson-2"] is not picture.reports["lesson-2"]
        assert after.reports["lesson-7"] is picture.reports["lesson-7"]
        assert [report.results for report in after.reports.values()] == [evaluate(lesson, second).results for lesson in LESSONS]

    def test_production_is_told_by_name(self) -> None:
        assert "prod" in BEGINNING.connected("shop-prod", "h:1").production


class TestChanges:
    """What has happened between two snapshots."""

    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            ([], [settings("info")], [("ConfigMap/rag-engine-config", "created")]),
            ([settings("info")], [settings("loud", 2)], [("ConfigMap/rag-engine-config", "changed")]),
            ([settings("info")], [], [("ConfigMap/rag-engine-config", "deleted")]),
            ([settings("info")], [settings("info")], []),
            ([thing("Deployment", "a", 1, generation=1)], [thing("Deployment", "a", 2, generation=1)], [("Deployment/a", "status")]),
            ([thing("Deployment", "a", 1, generation=1)], [thing("Deployment", "a", 2, generation=2)], [("Deployment/a", "changed")]),
            ([], [thing("Event", "e"), thing("EndpointSlice", "s"), thing("ConfigMap", "kube-root-ca.crt")], []),
            ([], [thing("Pod", "p", metadata={"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "controller": True}]})], []),
            ([], [thing("ConfigMap", "c", metadata={"namespace": "other"})], []),
            ([], [thing("Schedule", "s", metadata={"namespace": "velero"})], [("Schedule/s in velero", "created")]),
        ],
        ids=["created", "changed", "deleted", "same", "status", "wish", "by itself", "owned", "elsewhere", "read everywhere"],
    )
    def test_change_is_told(self, before: list[Json], after: list[Json], told: list[tuple[str, str]]) -> None:
        assert [(change.ref, change.verb) for change in changes(seen(*before), seen(*after))] == told

    def test_kind_that_can_be_read_again_was_not_made_anew(self) -> None:
        denied = seen(unreadable={"ConfigMap": "Could not read ConfigMaps: access denied."})
        assert changes(denied, seen(settings("info"))) == []
        assert changes(seen(settings("info")), denied) == []

    def test_newest_come_first_and_each_object_once(self) -> None:
        empty, first, second = seen(), seen(settings("info"), after=1), seen(settings("loud", 2), thing("Secret", "s"), after=2)
        picture = BEGINNING.after(empty, None).after(first, empty).after(second, first)
        assert picture.changes == (
            Change("ConfigMap/rag-engine-config", "changed", second.taken_at),
            Change("Secret/s", "created", second.taken_at),
        )

    def test_facts_that_are_asked_for_again_are_no_change(self) -> None:
        first = seen(thing("Version", "version", gitVersion="v1.37.2"), settings("info"))
        again = seen(thing("Version", "version", gitVersion="v1.37.2"))
        assert changed_kinds(first, replace(first, objects=(again.objects[0], first.objects[1]))) == frozenset()
        assert changed_kinds(first, again) == {"ConfigMap"}


def test_what_has_turned_is_said_by_lesson() -> None:
    before = BEGINNING.after(seen(settings("loud")), None)
    after = before.after(seen(settings("info", 2), after=1), None)
    said = turned(before.reports, after.reports)
    assert said["lesson-2"].startswith("app-settings passed; ")
    assert "lesson-7" not in said
    assert turned({}, after.reports) == {}
