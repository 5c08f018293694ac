"""Lesson 13: Velero backs the namespace up every night, with its volumes, and a restore has been tried."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from graders.lessons.velero_objects import (
    CLUSTER_WIDE,
    LOCATION,
    NAMESPACED,
    NAMESPACES,
    RESOURCES,
    SCHEDULE,
    astray,
    home,
    last_of_each,
    names,
    refused,
    remarks,
    shown,
    unserved,
)
from graders.objective import Lesson, objective, owns
from graders.semantics.backup_filters import conflict, includes, plurals
from graders.semantics.cron import Interval, Times, parse_cron
from graders.semantics.durations import DAY, HOUR, MINUTE, SECOND, go_duration
from graders.snapshot import Field, K8sObject, Snapshot, Wanted
from graders.validation.schedules import time_zone
from graders.verdict import Status, Verdict, blocked, failed, passed, pending

_NAME = "rag-engine-daily"
_NIGHT = 2 * 60  # minutes after midnight
_KEPT = 30 * DAY
_NEEDED = ("secrets", "configmaps", "persistentvolumeclaims")

_LOCATION_DOCS = "https://velero.io/docs/main/api-types/backupstoragelocation/"
_SCHEDULE_DOCS = "https://velero.io/docs/main/api-types/schedule/"
_BACKUP_DOCS = "https://velero.io/docs/main/api-types/backup/"
_FILTER_DOCS = "https://velero.io/docs/main/resource-filtering/"
_VOLUME_DOCS = "https://velero.io/docs/main/file-system-backup/"
_BACKUP_HOW = "https://velero.io/docs/main/backup-reference/"
_RESTORE_HOW = "https://velero.io/docs/main/restore-reference/"

_CHOICE = (*RESOURCES, "includeClusterResources", *NAMESPACED, *CLUSTER_WIDE, "labelSelector", "orLabelSelectors")
_VOLUMES = ("snapshotVolumes", "defaultVolumesToFsBackup", "defaultVolumesToRestic")
_OF_OTHERS = {f"spec.template.{key}" for key in ("ttl", "storageLocation", *_CHOICE, *_VOLUMES)}  # than daily-schedule

_UNDERWAY = (None, "", "New", "Queued", "ReadyToStart", "InProgress", "WaitingForPluginOperations", "Finalizing")


def _home(snapshot: Snapshot) -> str:
    return home(snapshot, _NAME)


def _schedule(snapshot: Snapshot) -> K8sObject | None:
    """The Schedule of the lesson, rather one that is where Velero is."""
    found = [item for item in last_of_each(snapshot, "Schedule") if item.name == _NAME]
    return max(found, key=lambda item: item.namespace == _home(snapshot), default=None)


def _refused_field(schedule: K8sObject, *keys: str) -> Verdict | None:
    """The failure of a field that is or was meant to be one of these of the template, and that the API server refuses."""
    return refused(schedule, SCHEDULE, {f"spec.template.{key}" for key in keys}.__contains__)


def _filter(place: Field, keys: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]] | Verdict:
    """The included and the excluded names of a backup, or why Velero would refuse them."""
    included, excluded = (names(place.at(key)) for key in keys)
    wrong = conflict(included, excluded, scoped=keys in (NAMESPACED, CLUSTER_WIDE))
    if wrong is not None:
        return failed(place.at(keys[1] if excluded else keys[0]), expected="lists that Velero accepts", found=wrong)
    return included, excluded


@objective(
    "storage-location",
    "Velero knows where to store backups",
    hints=(
        "`kubectl get bsl -n velero` lists the places for backups, their phase, and which of them is the default.",
        "A location names who provides the storage, and the bucket in it. A backup that names no location goes to the default one.",
    ),
    docs=_LOCATION_DOCS,
    owned=(*owns("BackupStorageLocation", "*"), *owns("Schedule", _NAME, "spec.template.storageLocation")),
)
def storage_location(snapshot: Snapshot) -> Verdict:
    location = _location(snapshot)
    if isinstance(location, Verdict):
        return location
    spec = location.at("spec")
    verdict = unserved(location) or refused(location, LOCATION)
    if verdict is not None:
        return verdict
    for field, expected in ((spec.at("provider"), "the name of a provider, such as `aws`"), (spec.at("objectStorage.bucket"), "a bucket")):
        if not (field.text or "").strip():
            return failed(field, expected=expected, found=shown(field))
    bucket = spec.at("objectStorage.bucket")
    if "/" in str(bucket.text).strip("/") and not str(bucket.text).startswith("arn:aws:s3:"):
        return failed(bucket, expected="the name of a bucket; a folder in it goes into `prefix`", found=shown(bucket))
    mode = spec.at("accessMode")
    if mode.present and mode.value != "ReadWrite":
        return failed(mode, expected="`ReadWrite`, the default", found=shown(mode))
    return _reachable(snapshot, location)


def _location(snapshot: Snapshot) -> K8sObject | Verdict:
    """The location that the Schedule's backups go to: the one it names, else Velero's default."""
    schedule, where = _schedule(snapshot), _home(snapshot)
    everywhere = last_of_each(snapshot, "BackupStorageLocation")
    locations = [item for item in everywhere if item.namespace == where]
    if everywhere and not locations:
        return astray(everywhere[0], where)
    named = schedule.at("spec.template.storageLocation") if schedule is not None else None
    if named is not None and named.present and named.value != "":
        found = next((item for item in locations if item.name == named.value), None)
        if found is not None:
            return found
        expected = f"the name of a BackupStorageLocation in namespace `{where}`"
        return failed(named, expected=expected, found=f"{shown(named)}; there is {_listed(locations)}")
    defaults = [item for item in locations if item.at("spec.default").flag]
    defaults += [item for item in locations if item.name == "default"]
    if defaults:
        return defaults[0]
    expected = "a BackupStorageLocation with `default: true` or named `default`, since the Schedule names none"
    if not locations:
        return failed(Wanted("BackupStorageLocation", "default", where), expected=expected, found="none")
    return refused(locations[0], LOCATION) or failed(locations[0].at("spec.default"), expected=expected, found=_listed(locations))


def _listed(items: list[K8sObject]) -> str:
    return ", ".join(f"`{item.name}`" for item in items) or "none"


def _reachable(snapshot: Snapshot, location: K8sObject) -> Verdict:
    """What Velero found when it tried the storage; on manifests nobody has."""
    phase = location.at("status.phase")
    if not snapshot.is_live or phase.value == "Available":
        return passed(*remarks(snapshot, location))
    command = " ".join(("kubectl describe", *location.kubectl))
    if not phase.present:
        return pending(phase, expected="`Available`", found="not tried by Velero yet", command=command)
    why = location.at("status.message").text
    return failed(phase, expected="`Available`", found=f"{shown(phase)}{f': {why}' if why else ''}", command=command)


@objective(
    "daily-schedule",
    "{namespace} is backed up every night at 02:00",
    hints=(
        "`kubectl get schedules.velero.io -n velero` shows the cron expression and whether it is paused. Velero reads its own namespace "
        "only.",
        "The five fields are minute, hour, day of the month, month, day of the week. The template of the backup lists namespaces; one that "
        "is excluded stays out although it is included.",
    ),
    docs=_SCHEDULE_DOCS,
    owned=owns("Schedule", _NAME),
)
def daily_schedule(snapshot: Snapshot) -> Verdict:
    schedule = _schedule(snapshot)
    if schedule is None:
        return _no_schedule(snapshot)
    where = _home(snapshot)
    if schedule.namespace != where:
        return astray(schedule, where)
    spec = schedule.at("spec")
    return (
        unserved(schedule)
        or refused(schedule, SCHEDULE, lambda path: path not in _OF_OTHERS)
        or _not_nightly(spec.at("schedule"))
        or _paused(spec.at("paused"))
        or _left_out(snapshot, spec.at("template"))
        or _invalid(schedule)
        or passed(*remarks(snapshot, schedule), *_zone_advice(spec.at("schedule")))
    )


def _no_schedule(snapshot: Snapshot) -> Verdict:
    where = _home(snapshot)
    others = sorted(item.name for item in last_of_each(snapshot, "Schedule"))
    close = get_close_matches(_NAME, others, n=1) or others[:1]
    unread = [problem for problem in snapshot.problems if problem.rejected]
    found = f"`{close[0]}`" if close else f"no Schedule, and {unread[0].file} could not be read" if unread else "no Schedule"
    return failed(Wanted("Schedule", _NAME, where), expected=f"Schedule `{_NAME}` in namespace `{where}`", found=found)


def _not_nightly(field: Field) -> Verdict | None:
    times = parse_cron(field.text or "")
    expected = "a cron expression that means 02:00 every day"
    if times is None:
        found = f"{shown(field)}, which is no cron expression" if field.text else shown(field)
        return failed(field, expected=expected, found=found)
    if isinstance(times, Interval):
        return failed(field, expected=expected, found=f"{shown(field)}, which counts from the last backup, not by the clock")
    if times.minutes != {_NIGHT} or not times.daily:
        return failed(field, expected=expected, found=f"{shown(field)}, which is {_in_words(times)}")
    words = time_zone(times.zone) if times.zone else None
    return failed(field, expected=words, found=f"`{times.zone}`") if words else None


def _in_words(times: Times) -> str:
    if times.never:
        return "a time that never comes"
    if len(times.minutes) > 1:
        when = f"{len(times.minutes)} times a day"
    else:
        hours, minutes = divmod(min(times.minutes), 60)
        when = f"{hours:02}:{minutes:02}"
    return f"{when}, every day" if times.daily else f"{when}, on some days only"


def _zone_advice(field: Field) -> tuple[str, ...]:
    times = parse_cron(field.text or "")
    if not isinstance(times, Times) or times.zone in (None, "UTC"):
        return ()
    return (
        f"It is 02:00 in `{times.zone}`, whatever the time zone of the Velero server. Where clocks are put forward at that hour, "
        "that night has no 02:00, and no backup.",
    )


def _paused(field: Field) -> Verdict | None:
    return failed(field, expected="a Schedule that is not paused", found="`true`") if field.flag else None


def _left_out(snapshot: Snapshot, template: Field) -> Verdict | None:
    """Why the namespace being graded is not in the backup."""
    if not template.present:
        return failed(template, expected="a template of the backups", found=shown(template))
    lists = _filter(template, NAMESPACES)
    if isinstance(lists, Verdict):
        return lists
    included, excluded = lists
    if includes(included, excluded, snapshot.namespace):
        return None
    expected = f"a backup that takes in namespace `{snapshot.namespace}`"
    if not includes((), excluded, snapshot.namespace):
        found = f"excluded: {', '.join(f'`{name}`' for name in excluded)}"
        return failed(template.at("excludedNamespaces"), expected=expected, found=found)
    return failed(template.at("includedNamespaces"), expected=expected, found=", ".join(f"`{name}`" for name in included))


def _invalid(schedule: K8sObject) -> Verdict | None:
    """Velero's own word on a Schedule that it cannot use."""
    phase = schedule.at("status.phase")
    if phase.value != "FailedValidation":
        return None
    errors = "; ".join(item.text or "" for item in schedule.at("status.validationErrors").each())
    return failed(phase, expected="`Enabled`", found=f"`FailedValidation`: {errors or 'no reason given'}")


def _first_the_schedule() -> Verdict:
    return blocked(daily_schedule.id)


@objective(
    "kept-thirty-days",
    "Backups are kept 30 days",
    hints=(
        "`kubectl explain schedule.spec.template --api-version=velero.io/v1` lists the fields of a backup; one says how long it lives.",
        "It is a Go duration, whose largest unit is the hour. How many hours are 30 days?",
    ),
    docs=_BACKUP_DOCS,
    owned=owns("Schedule", _NAME, "spec.template.ttl"),
)
def kept_thirty_days(snapshot: Snapshot) -> Verdict:
    schedule = _schedule(snapshot)
    if schedule is None:
        return _first_the_schedule()
    template = schedule.at("spec.template")
    ttl = template.at("ttl")
    wrong = _refused_field(schedule, "ttl")
    if wrong is not None:
        return wrong
    amount = go_duration(ttl.text) if ttl.text is not None else None
    if not ttl.present or amount == 0:
        return passed(
            "Without `ttl` the Velero server decides (`--default-backup-ttl`, 30 days unless somebody has set it otherwise): "
            "write it down where the backups are described."
        )
    if amount == _KEPT:
        return passed()
    expected = "a Go duration of 30 days"
    if amount is None:
        return failed(ttl, expected=expected, found=f"{shown(ttl)}, which is none: units are needed, `h` is the largest")
    return failed(ttl, expected=expected, found=f"{shown(ttl)}, which is {_length(amount)}")


def _length(nanoseconds: int) -> str:
    """A duration in the largest unit of which it is a whole number."""
    units = {"day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND}
    name, size = next(((name, size) for name, size in units.items() if nanoseconds % size == 0), ("nanosecond", 1))
    count = nanoseconds // size
    return f"{count} {name}{'' if abs(count) == 1 else 's'}"


@objective(
    "volumes-included",
    "Volumes are in the backup",
    hints=(
        "Two fields of the backup's template decide about what is on the disks: one on snapshots, one on copying files.",
        "Snapshots are taken unless they are switched off. Where the storage has none, files can be copied by default instead.",
    ),
    docs=_VOLUME_DOCS,
    owned=owns("Schedule", _NAME, *(f"spec.template.{key}" for key in _VOLUMES)),
)
def volumes_included(snapshot: Snapshot) -> Verdict:
    schedule = _schedule(snapshot)
    if schedule is None:
        return _first_the_schedule()
    template = schedule.at("spec.template")
    wrong = _refused_field(schedule, *_VOLUMES)
    if wrong is not None:
        return wrong
    fields = {key: template.at(key) for key in _VOLUMES}
    snapshots = fields["snapshotVolumes"]
    copied = fields["defaultVolumesToFsBackup"].flag or fields["defaultVolumesToRestic"].flag
    if snapshots.flag is False and not copied:
        return failed(snapshots, expected="snapshots of volumes, or copies of their files by default", found="`false`, and no copies")
    policy = template.at("resourcePolicy.name").text
    if policy:
        return passed(f"The volume policy in ConfigMap `{policy}` decides first: see that it skips none of the app's volumes.")
    return passed()


@objective(
    "secrets-considered",
    "Cluster-wide state is not forgotten",
    hints=(
        "A backup without lists of resources takes in all. As soon as one is included by name, everything else stays out.",
        "Go through what the app cannot start without: its settings, its credentials, its disks. Each is a resource of its own.",
    ),
    docs=_FILTER_DOCS,
    owned=owns("Schedule", _NAME, *(f"spec.template.{key}" for key in _CHOICE)),
)
def secrets_considered(snapshot: Snapshot) -> Verdict:
    schedule = _schedule(snapshot)
    if schedule is None:
        return _first_the_schedule()
    template = schedule.at("spec.template")
    wrong = _refused_field(schedule, *_CHOICE)
    if wrong is not None:
        return wrong
    old = [key for key in (*RESOURCES, "includeClusterResources") if template.at(key).value not in (None, ())]
    new = [key for key in (*NAMESPACED, *CLUSTER_WIDE) if template.at(key).value not in (None, ())]
    if old and new:
        return failed(template.at(new[0]), expected=f"one way to choose resources, not both: `{old[0]}` is there", found=f"`{new[0]}`")
    keys = NAMESPACED if new else RESOURCES
    verdict = _forgotten(template, keys)
    if verdict is not None:
        return verdict
    cluster = _filter(template, CLUSTER_WIDE)
    if isinstance(cluster, Verdict):
        return cluster
    return passed(*_volume_advice(template), *_label_advice(template))


def _forgotten(template: Field, keys: tuple[str, str]) -> Verdict | None:
    """Why the backup lacks a resource that the app cannot do without."""
    lists = _filter(template, keys)
    if isinstance(lists, Verdict):
        return lists
    included, excluded = (plurals(names) for names in lists)
    missing = [name for name in _NEEDED if not includes(included, excluded, name)]
    if not missing:
        return None
    place = template.at(keys[0] if includes((), excluded, missing[0]) else keys[1])
    shown = ", ".join(f"`{item.text}`" for item in place.each())
    return failed(
        place, expected="a backup with Secrets, ConfigMaps and PersistentVolumeClaims", found=f"{shown}: no {' and no '.join(missing)}"
    )


def _volume_advice(template: Field) -> Iterator[str]:
    """PersistentVolumes belong to no namespace; Velero adds those of a backup's claims unless they are shut out."""
    whole = template.at("includeClusterResources")
    included, excluded = (plurals(names(template.at(key))) for key in RESOURCES)
    _, excluded_too = (plurals(names(template.at(key))) for key in CLUSTER_WIDE)
    unasked = whole.flag is None and not includes(included, (), "persistentvolumes")
    if whole.flag is False or unasked or not includes((), (*excluded, *excluded_too), "persistentvolumes"):
        yield (
            "PersistentVolumes stay out of this backup: claims come back, but snapshots that Velero's own plugins take need the volume "
            "itself. Only CSI snapshots and copied files do without."
        )


def _label_advice(template: Field) -> Iterator[str]:
    for key in ("labelSelector", "orLabelSelectors"):
        if template.at(key).value:
            yield f"`{key}` leaves out every object without those labels: see that Secrets, ConfigMaps and claims carry them."


@objective(
    "backup-completed",
    "A backup of {namespace} has completed",
    hints=(
        "`kubectl get backups.velero.io -n velero` lists the backups; `velero backup describe NAME` tells what became of one.",
        "You need not wait for the night: `velero backup create --from-schedule` makes one now. One with errors ends as PartiallyFailed.",
    ),
    docs=_BACKUP_HOW,
    live=True,
)
def backup_completed(snapshot: Snapshot) -> Verdict:
    backups = [item for item in last_of_each(snapshot, "Backup") if _covers(item, snapshot.namespace)]
    verdict = _outcome(snapshot, "Backup", backups)
    if verdict.status is Status.PASSED and not _done(max(backups, key=_age)):
        newest = max(backups, key=_age)
        return verdict.advising(f"The newest one, `{newest.name}`, has not: its phase is {shown(newest.at('status.phase'))}.")
    return verdict


@objective(
    "restore-rehearsed",
    "A restore has been tried",
    hints=(
        "A backup is worth what can be restored from it. `kubectl get restores.velero.io -n velero` lists what has been tried.",
        "Velero can restore into another namespace beside the first: its command for restores has an option that maps namespaces.",
    ),
    docs=_RESTORE_HOW,
    live=True,
    bonus=True,
)
def restore_rehearsed(snapshot: Snapshot) -> Verdict:
    elsewhere = {item.name for item in last_of_each(snapshot, "Backup") if not _covers(item, snapshot.namespace)}
    restores = [
        item
        for item in last_of_each(snapshot, "Restore")
        if _covers(item, snapshot.namespace) and item.at("spec.backupName").text not in elsewhere
    ]
    return _outcome(snapshot, "Restore", restores)


def _covers(item: K8sObject, namespace: str) -> bool:
    """Whether a Backup or a Restore takes in a namespace."""
    included, excluded = (names(item.at(f"spec.{key}")) for key in NAMESPACES)
    return includes(included, excluded, namespace)


def _age(item: K8sObject) -> str:
    """When it was made; times of the API sort as text."""
    return item.at("metadata.creationTimestamp").text or ""


def _done(item: K8sObject) -> bool:
    return item.at("status.phase").value == "Completed" and not item.at("status.errors").value


def _outcome(snapshot: Snapshot, kind: str, items: list[K8sObject]) -> Verdict:
    """Passed when one has completed; else what became of the newest."""
    if any(_done(item) for item in items):
        return passed()
    expected = f"a {kind} of namespace `{snapshot.namespace}` with phase `Completed`"
    if not items:
        where = _home(snapshot)
        command = f"kubectl get {kind.lower()}s.velero.io -n {where}"
        return failed(Wanted(kind, _NAME, where), expected=expected, found=f"no {kind} of it", command=command)
    newest = max(items, key=_age)
    phase = newest.at("status.phase")
    command = " ".join(("kubectl describe", *newest.kubectl))
    if phase.value in _UNDERWAY:
        return pending(phase, expected=expected, found=f"`{phase.value or 'New'}`", command=command)
    why = [newest.at("status.failureReason").text, *(item.text for item in newest.at("status.validationErrors").each())]
    errors = newest.at("status.errors").whole
    if errors:
        why.append(f"{errors} {'error' if errors == 1 else 'errors'}; see `velero {kind.lower()} logs {newest.name}`")
    reasons = "; ".join(reason for reason in why if reason)
    return failed(phase, expected=expected, found=f"{shown(phase)}{f': {reasons}' if reasons else ''}", command=command)


LESSON = Lesson(
    "lesson-13",
    "Backup and restore",
    reads=("BackupStorageLocation", "Schedule"),
    live_reads=("Backup", "Restore"),
    objectives=(
        storage_location,
        daily_schedule,
        kept_thirty_days,
        volumes_included,
        secrets_considered,
        backup_completed,
        restore_rehearsed,
    ),
)
