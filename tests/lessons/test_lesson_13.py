"""Lesson 13 beyond its case manifests: live states, what cannot be read, where Velero is, and the words of the evidence."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_13_backup import LESSON
from graders.snapshot import Problem, Snapshot
from graders.verdict import Status, Verdict
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOCATION: dict[str, Any] = {
    "apiVersion": "velero.io/v1",
    "kind": "BackupStorageLocation",
    "metadata": {"name": "default", "namespace": "velero"},
    "spec": {"provider": "aws", "objectStorage": {"bucket": "rag-engine-backups"}},
    "status": {"phase": "Available"},
}
SCHEDULE: dict[str, Any] = {
    "apiVersion": "velero.io/v1",
    "kind": "Schedule",
    "metadata": {"name": "rag-engine-daily", "namespace": "velero"},
    "spec": {"schedule": "0 2 * * *", "template": {"includedNamespaces": ["rag-engine"], "ttl": "720h0m0s"}},
    "status": {"phase": "Enabled"},
}
FROM_MANIFESTS = ("daily-schedule", "kept-thirty-days", "volumes-included", "secrets-considered")


def made(kind: str, name: str, hour: int, phase: str | None, **spec: Any) -> dict[str, Any]:
    """A Backup or a Restore as Velero leaves it."""
    body = {
        "apiVersion": "velero.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "velero", "creationTimestamp": f"2026-11-24T{hour:02}:00:00Z"},
        "spec": spec,
    }
    return {**body, "status": {"phase": phase}} if phase is not None else body


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    reduce(lambda place, step: place.setdefault(step, {}), steps, body)[last] = value
    return body


# storage-location


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        pytest.param({"phase": "Available"}, Status.PASSED, id="available"),
        pytest.param({"phase": "Unavailable", "message": "no such host"}, Status.FAILED, id="unavailable"),
        pytest.param({}, Status.PENDING, id="not tried yet"),
        pytest.param(None, Status.PENDING, id="no status"),
    ],
)
def test_a_location_is_judged_by_its_phase_on_a_cluster_only(status: Any, verdict: Status) -> None:
    location = changed(LOCATION, "status", status)
    assert judge("storage-location", location, SCHEDULE, kind="cluster").status is verdict
    assert judge("storage-location", location, SCHEDULE).status is Status.PASSED


def test_without_a_schedule_the_default_location_counts() -> None:
    assert judge("storage-location", LOCATION).status is Status.PASSED
    assert judge("storage-location", changed(LOCATION, "metadata.name", "aws")).status is Status.FAILED


def test_a_location_of_another_namespace_is_out_of_reach_of_the_schedule() -> None:
    elsewhere = changed(changed(LOCATION, "metadata.namespace", "backup-system"), "metadata.name", "offsite")
    verdict = judge("storage-location", LOCATION, elsewhere, changed(SCHEDULE, "spec.template.storageLocation", "offsite"))
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert verdict.evidence.object == "Schedule/rag-engine-daily"
    assert verdict.evidence.path == "spec.template.storageLocation"


def test_an_access_point_is_a_bucket_although_it_holds_a_slash() -> None:
    arn = "arn:aws:s3::123456789012:accesspoint/backups.mrap"
    assert judge("storage-location", changed(LOCATION, "spec.objectStorage.bucket", arn)).status is Status.PASSED


# The Schedule


@pytest.mark.parametrize("objective", FROM_MANIFESTS[1:])
@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_what_a_missing_schedule_would_say_is_blocked(objective: str, kind: str) -> None:
    verdict = judge(objective, LOCATION, kind=kind)
    assert verdict.status is Status.BLOCKED
    assert verdict.reason == "First: daily-schedule."


@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_a_missing_schedule_is_looked_for_where_velero_is(kind: str) -> None:
    verdict = judge("daily-schedule", changed(LOCATION, "metadata.namespace", "backup-system"), kind=kind)
    assert verdict.evidence is not None
    assert verdict.evidence.expected == "Schedule `rag-engine-daily` in namespace `backup-system`"
    assert judge("daily-schedule", kind=kind).status is Status.FAILED


def test_without_a_location_any_namespace_may_be_veleros() -> None:
    assert judge("daily-schedule", changed(SCHEDULE, "metadata.namespace", "backup-system")).status is Status.PASSED


def test_a_file_that_could_not_be_read_is_named() -> None:
    problem = Problem("It is no YAML.", file="schedule.yaml", line=3)
    verdict = judge("daily-schedule", LOCATION, problems=(problem,))
    assert verdict.evidence is not None
    assert "schedule.yaml could not be read" in verdict.evidence.found


def test_the_namespace_being_graded_is_the_one_that_must_be_in_the_backup() -> None:
    report = evaluate(LESSON, Snapshot.of([LOCATION, SCHEDULE], taken_at=NOON, namespace="team-a"))
    by_id = {result.objective.id: result for result in report.results}
    assert by_id["daily-schedule"].status is Status.FAILED
    assert by_id["daily-schedule"].title == "team-a is backed up every night at 02:00"


@pytest.mark.parametrize(
    ("path", "value", "objective"),
    [
        ("spec.template.TTL", "720h", "kept-thirty-days"),
        ("spec.ttl", "720h", "kept-thirty-days"),
        ("spec.template.snapshotvolumes", True, "volumes-included"),
        ("spec.template.includedResource", ["*"], "secrets-considered"),
        ("spec.template.labelSelectors", {}, "secrets-considered"),
        ("spec.template.excludeNamespaces", [], "daily-schedule"),
        ("spec.template.schedule", "0 2 * * *", "daily-schedule"),
        ("spec.cron", "0 2 * * *", "daily-schedule"),
        ("spec.suspend", False, "daily-schedule"),
    ],
)
def test_a_field_that_does_not_exist_fails_the_objective_that_it_was_meant_for(path: str, value: Any, objective: str) -> None:
    report = evaluate(LESSON, Snapshot.of([LOCATION, changed(SCHEDULE, path, value)], taken_at=NOON))
    failed = [result for result in report.results if result.status is Status.FAILED]
    assert [result.objective.id for result in failed] == [objective]
    assert failed[0].verdict.evidence is not None
    assert failed[0].verdict.evidence.path == path


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.default", "true", "`true` or `false`, without quotes"),
        ("spec.config.s3ForcePathStyle", True, "a map of strings; numbers and booleans among them need quotes"),
        ("spec.config", ["region"], "a map of strings; numbers and booleans among them need quotes"),
        ("spec.credential", "cloud-credentials", "a map"),
        ("spec.objectStorage.prefix", 1, "a string"),
        ("spec.objectStorage.bucket", 1, "a string"),
        ("spec.objectStorage.bucketName", "b", "`spec.objectStorage.bucket`"),
        ("spec.region", "us-west-2", "a field that Velero has"),
        ("spec.Provider", "aws", "`spec.provider`"),
        ("spec.bucket", "b", "`spec.objectStorage.bucket`"),
    ],
)
def test_what_the_api_server_refuses_in_a_location(path: str, value: Any, expected: str) -> None:
    verdict = judge("storage-location", changed(LOCATION, path, value), SCHEDULE)
    assert verdict.evidence is not None
    assert (verdict.evidence.path, verdict.evidence.expected) == (path, expected)


@pytest.mark.parametrize(
    ("path", "value", "objective"),
    [
        ("spec.skipImmediately", "false", "daily-schedule"),
        ("spec.paused", "false", "daily-schedule"),
        ("spec.template.excludedNamespaces", [None], "daily-schedule"),
        ("spec.template.volumeSnapshotLocations", "default", "daily-schedule"),
        ("spec.template.orderedResources.pods", ["a"], "daily-schedule"),
        ("spec.template.ttl", 720, "kept-thirty-days"),
        ("spec.template.defaultVolumesToFsBackup", "false", "volumes-included"),
        ("spec.template.includedResources", {}, "secrets-considered"),
        ("spec.template.orLabelSelectors", {}, "secrets-considered"),
        ("spec.template.storageLocation", 1, "storage-location"),
    ],
)
def test_a_value_of_the_wrong_type_fails_the_objective_that_reads_it(path: str, value: Any, objective: str) -> None:
    report = evaluate(LESSON, Snapshot.of([LOCATION, changed(SCHEDULE, path, value)], taken_at=NOON))
    failed = [result for result in report.results if result.status is Status.FAILED]
    assert [result.objective.id for result in failed] == [objective]
    assert failed[0].verdict.evidence is not None
    assert failed[0].verdict.evidence.path == path


def test_null_is_the_same_as_absent() -> None:
    nothing = changed(SCHEDULE, "spec.template", {"includedNamespaces": None, "snapshotVolumes": None, "metadata": None, "ttl": "720h"})
    report = evaluate(LESSON, Snapshot.of([changed(LOCATION, "spec.config", {"region": None}), nothing], taken_at=NOON))
    assert {result.status for result in report.results} == {Status.PASSED, Status.SKIPPED}


@pytest.mark.parametrize(
    ("ttl", "found"),
    [
        ("24h", "`24h`, which is 1 day"),
        ("36h", "`36h`, which is 36 hours"),
        ("90m", "`90m`, which is 90 minutes"),
        ("1s", "`1s`, which is 1 second"),
        ("5ns", "`5ns`, which is 5 nanoseconds"),
        ("720", '`"720"`, a string, which is none: units are needed, `h` is the largest'),
    ],
)
def test_a_lifetime_is_told_in_its_largest_unit(ttl: str, found: str) -> None:
    verdict = judge("kept-thirty-days", changed(SCHEDULE, "spec.template.ttl", ttl))
    assert verdict.evidence is not None
    assert verdict.evidence.found == found


# backup-completed, restore-rehearsed


UNDERWAY = [None, "", "New", "Queued", "ReadyToStart", "InProgress", "WaitingForPluginOperations", "Finalizing"]
OVER = [
    "Failed",
    "PartiallyFailed",
    "FailedValidation",
    "Deleting",
    "WaitingForPluginOperationsPartiallyFailed",
    "FinalizingPartiallyFailed",
]
PHASES = [("Completed", Status.PASSED), *((phase, Status.PENDING) for phase in UNDERWAY), *((phase, Status.FAILED) for phase in OVER)]


@pytest.mark.parametrize(("objective", "kind"), [("backup-completed", "Backup"), ("restore-rehearsed", "Restore")])
@pytest.mark.parametrize(("phase", "status"), PHASES)
def test_live_phase(objective: str, kind: str, phase: str | None, status: Status) -> None:
    assert judge(objective, LOCATION, SCHEDULE, made(kind, "one", 2, phase), kind="cluster").status is status


@pytest.mark.parametrize(("objective", "kind"), [("backup-completed", "Backup"), ("restore-rehearsed", "Restore")])
def test_the_newest_decides_when_none_has_completed(objective: str, kind: str) -> None:
    older, newer = made(kind, "a", 2, "Failed"), made(kind, "b", 3, "InProgress")
    assert judge(objective, LOCATION, newer, older, kind="cluster").status is Status.PENDING
    assert judge(objective, LOCATION, made(kind, "c", 4, "Failed"), newer, kind="cluster").status is Status.FAILED


def test_the_command_for_missing_backups_asks_for_veleros() -> None:
    verdict = judge("backup-completed", changed(LOCATION, "metadata.namespace", "backup-system"), kind="cluster")
    assert verdict.evidence is not None
    assert verdict.evidence.command == "kubectl get backups.velero.io -n backup-system"


@pytest.mark.parametrize("objective", ["backup-completed", "restore-rehearsed"])
def test_manifests_tell_nothing_of_what_has_happened(objective: str) -> None:
    assert judge(objective, LOCATION, SCHEDULE, made("Backup", "a", 2, "Completed")).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("objective", "kind"),
    [
        ("storage-location", "BackupStorageLocation"),
        *((objective, "Schedule") for objective in FROM_MANIFESTS),
        ("backup-completed", "Backup"),
        ("restore-rehearsed", "Restore"),
    ],
)
def test_without_velero_nothing_is_known(objective: str, kind: str) -> None:
    reason = f"The cluster does not serve {kind}. Install Velero."
    verdict = judge(objective, LOCATION, SCHEDULE, kind="cluster", unreadable=MappingProxyType({kind: reason}))
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason == reason


# Any shape

FULL = changed(
    changed(SCHEDULE, "spec.template", {}),
    "spec.template",
    {
        "includedNamespaces": ["rag-engine"],
        "excludedNamespaces": ["default"],
        "includedResources": ["*"],
        "excludedResources": ["events"],
        "includedClusterScopedResources": ["persistentvolumes"],
        "includeClusterResources": True,
        "snapshotVolumes": False,
        "defaultVolumesToFsBackup": True,
        "labelSelector": {"matchLabels": {"app": "rag-engine"}},
        "resourcePolicy": {"kind": "configmap", "name": "policy"},
        "storageLocation": "default",
        "ttl": "720h",
    },
)
ODD = shapes(
    st.integers(-3, 10**20) | st.sampled_from(["", "*", "rag-engine", "0 2 * * *", "@every 1h", "TZ=", "720h", "Completed", "default"]),
    ["spec", "template", "phase", "ttl", "name", "bucket", "includedNamespaces", "namespace"],
)


@settings(max_examples=200)
@given(
    spoilt(LOCATION, ODD),
    spoilt(FULL, ODD),
    spoilt(made("Backup", "a", 2, "Failed", includedNamespaces=["rag-engine"]), ODD),
    spoilt(made("Restore", "r", 3, "Failed", backupName="a"), ODD),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(
    location: dict[str, Any], schedule: dict[str, Any], backup: dict[str, Any], restore: dict[str, Any], kind: str
) -> None:
    assert_no_check_crashes(LESSON, Snapshot.of([location, schedule, backup, restore], taken_at=NOON, kind=kind))
