"""What the live panel knows of a cluster at one moment, as a value; and how the next one follows from a snapshot. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from app.services.cluster_choice import SHARED, Place, production_words
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.kinds import KINDS
from graders.lessons import all_lessons
from graders.report import Report
from graders.snapshot import K8sObject, Snapshot
from graders.sources.cluster_facts import FACTS
from graders.verdict import Status

LESSONS = tuple(all_lessons())
KINDS_READ = tuple(dict.fromkeys(kind for lesson in LESSONS for kind in (*lesson.reads, *lesson.live_reads)))
EVERYWHERE = tuple(dict.fromkeys(kind for lesson in LESSONS for kind in lesson.everywhere))
_SHOWN_CHANGES = 6
_REVIEWS = "SelfSubjectAccessReview"  # of whoever reads the cluster; on a shared one that is never the learner
_AGEING = 5  # seconds after which lessons are judged anew though nothing has changed
_ASKED_FOR = frozenset(FACTS)
_CHANGES_BY_ITSELF = frozenset(
    ("Event", "Node", "NodeMetrics", "EndpointSlice", "Version", "APIGroup", "SelfSubjectAccessReview", "Scrape", "PersistentVolume")
)
_MADE_FOR_EACH_NAMESPACE = frozenset(("ConfigMap/kube-root-ca.crt", "ServiceAccount/default"))
# `Sign in again, then check with: kubectl auth whoami`
_COMMAND = re.compile(r"^(?P<words>.*?),?\s*(?:then )?(?:[Cc]heck|Look at it|List them|Install it)? with: (?P<command>[^,]+)", re.DOTALL)
_OPTION = re.compile(r"(?:^|[;.] )[^;.]*--(?:timeout|kubeconfig|context)\b[^;.]*")


class State(StrEnum):
    """How a panel stands with its cluster."""

    STARTING = "starting"  # nothing is known yet
    READING = "reading"
    AWAY = "away"  # it could be spoken to, or its kubeconfig is fine, but it does not answer as it should
    TROUBLE = "trouble"  # there is nothing to speak to: no kubeconfig, no such context, a plugin that fails


class Cause(StrEnum):
    """What kind of trouble it is; the page has its own advice for each."""

    NO_KUBECONFIG = "no-kubeconfig"
    BROKEN_KUBECONFIG = "broken-kubeconfig"
    NO_CONTEXT = "no-context"
    CHOOSE = "choose"  # a program would have to be run, which the learner has not asked for
    PLUGIN = "plugin"
    UNREACHABLE = "unreachable"
    NOT_ACCEPTED = "not-accepted"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Sentence:
    """Some words, and the command that shows it (or nothing)."""

    words: str
    command: str = ""

    @classmethod
    def of(cls, text: str) -> Sentence:
        """Take a sentence of the grader's apart, which ends in `with: COMMAND`."""
        found = _COMMAND.match(text)
        return cls(_ended(found["words"]), found["command"].strip()) if found else cls(text)


def _ended(words: str) -> str:
    words = words.strip()
    return words if not words or words[-1] in ".!?" else words + "."


def _for_a_page(words: str) -> str:
    """Without what is advised about options of a command line."""
    return _ended(_OPTION.sub("", words).strip(" ;."))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a cluster from being read: the cause, what we saw, what to do, and the command to run."""

    cause: Cause
    message: str
    advice: str = ""
    command: str = ""

    @classmethod
    def of(cls, cause: Cause, error: ClusterUnavailable) -> Trouble:
        """From an error of the grader's; what it advises for its own command line is left out."""
        told = Sentence.of(error.help)
        return cls(cause, error.message, _for_a_page(told.words), told.command)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to an object: `Deployment/rag-engine-api` was `created`, `changed`, `deleted`, or its `status` changed."""

    ref: str
    verb: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a panel shows of its cluster.

    `since` is when `state` began. `reports` by lesson are of the last time that the cluster could be read, `read_at`; empty when it never
    could. `unread` are the kinds that could not be read though the rest could. `nothing_there` tells that the namespace does not exist.
    `cluster` is the cluster's own id, the UID of its namespace kube-system; empty where that may not be read.
    """

    place: Place
    state: State
    since: datetime
    context: str | None = None
    host: str = ""
    version: str = ""
    production: str = ""
    trouble: Trouble | None = None
    nothing_there: bool = False
    unread: tuple[Sentence, ...] = ()
    changes: tuple[Change, ...] = ()
    reports: Mapping[str, Report] = field(default_factory=lambda: MappingProxyType({}))
    read_at: datetime | None = field(default=None, compare=False)
    cluster: str = ""

    def troubled(self, trouble: Trouble, now: datetime, *, state: State = State.TROUBLE) -> Picture:
        """The same, when there is nothing to read; what was read before stays."""
        since = self.since if self.state is state and self.trouble == trouble else now
        return replace(self, state=state, trouble=trouble, since=since)

    def connected(self, context: str | None, host: str) -> Picture:
        """The same, now that it is known which cluster is spoken to."""
        if (context, host) == (self.context, self.host):
            return self
        return replace(self, context=context, host=host, production=production_words(context, host))

    def after(self, snapshot: Snapshot, before: Snapshot | None) -> Picture:
        """What a new snapshot makes of it; `before` is the last one of the same connection."""
        now = snapshot.taken_at
        away = _away(snapshot)
        if away is not None:
            return self.troubled(away, now, state=State.AWAY)
        earlier = None if before is None or _away(before) else before
        quiet = _breaking(snapshot) if self.reports else ()
        return replace(
            self,
            state=State.READING,
            since=self.since if self.state is State.READING else now,
            trouble=None,
            version=_version(snapshot) or self.version,
            production=production_words(self.context, self.host, _nodes(snapshot)),
            nothing_there="Namespace" not in snapshot.unreadable and snapshot.find("Namespace", snapshot.namespace) is None,
            unread=tuple(
                Sentence.of(text)
                for kind, text in snapshot.unreadable.items()
                if kind not in quiet and not _not_installed(text) and not (kind == _REVIEWS and self.place.source == SHARED)
            ),
            changes=_newest(changes(earlier, snapshot), self.changes) if earlier is not None else self.changes,
            reports=self._reports(snapshot, earlier),
            read_at=now,
            cluster=_cluster(snapshot) or self.cluster,
        )

    def _reports(self, snapshot: Snapshot, before: Snapshot | None) -> Mapping[str, Report]:
        """The reports; a lesson that reads nothing that has changed is judged anew only from time to time, for some verdicts age."""
        changed = None if before is None else changed_kinds(before, snapshot)
        if changed is None or _round(snapshot.taken_at) != _round(self.read_at):
            changed = frozenset(KINDS_READ)
        if not changed:
            return self.reports
        judged = dict(self.reports)
        breaking = _breaking(snapshot)
        for lesson in LESSONS:
            kinds = (*lesson.reads, *lesson.live_reads)
            if lesson.id not in judged or not (changed.isdisjoint(kinds) or not breaking.isdisjoint(kinds)):
                judged[lesson.id] = _same(judged.get(lesson.id), evaluate(lesson, snapshot))
        return MappingProxyType(judged)


def changed_kinds(before: Snapshot, after: Snapshot) -> frozenset[str]:
    """The kinds of which an object is another than before, or of which something else is known; objects that stay are the same value."""
    if before.unreadable != after.unreadable or before.only_here != after.only_here:
        return frozenset(KINDS_READ)
    was, now = _grouped(before), _grouped(after)
    return frozenset(kind for kind in was.keys() | now.keys() if not _alike(was.get(kind, ()), now.get(kind, ())))


def _grouped(snapshot: Snapshot) -> dict[str, list[K8sObject]]:
    found: dict[str, list[K8sObject]] = {}
    for item in snapshot.objects:
        found.setdefault(item.kind, []).append(item)
    return found


def _alike(before: Sequence[K8sObject], after: Sequence[K8sObject]) -> bool:
    """Whether these are the same; what is asked for again and again, as a cluster's version, comes as a new object each time."""
    return len(before) == len(after) and all(
        one is other or (one.kind in _ASKED_FOR and one.body == other.body) for one, other in zip(before, after, strict=True)
    )


def _round(at: datetime | None) -> int:
    return int(at.timestamp() / _AGEING) if at is not None else 0


def turned(before: Mapping[str, Report], after: Mapping[str, Report]) -> dict[str, str]:
    """For each lesson in which verdicts have turned since, what to say: `hpa-target passed; 5 of 8`."""
    said = {}
    for lesson_id, report in after.items():
        earlier = before.get(lesson_id)
        if earlier is None or earlier is report:
            continue
        was = {result.objective.id: result.status for result in earlier.results}
        news = [
            f"{result.objective.id} {result.status}"
            for result in report.results
            if result.status in (Status.PASSED, Status.FAILED) and was.get(result.objective.id) is not result.status
        ]
        if news:
            words = ", ".join(news) if len(news) <= 3 else f"{len(news)} objectives have turned"
            said[lesson_id] = f"{words}; {report.passed} of {report.counted}"
    return said


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """What happened in between to objects of the namespace, and of none, that somebody made rather than a controller of the cluster."""
    was, now = _watched(before), _watched(after)
    found = []
    for key, item in now.items():
        earlier = was.get(key)
        if earlier is None:
            if item.kind not in before.unreadable:
                found.append(Change(_ref(item, after), "created", after.taken_at))
        elif _at(item) != _at(earlier):
            found.append(Change(_ref(item, after), "status" if _same_wish(earlier, item) else "changed", after.taken_at))
    for key, item in was.items():
        if key not in now and item.kind not in after.unreadable:
            found.append(Change(_ref(item, after), "deleted", after.taken_at))
    return found


def _watched(snapshot: Snapshot) -> dict[tuple[str, str, str], K8sObject]:
    return {
        (item.kind, item.namespace, item.name): item
        for item in snapshot.objects
        if item.kind not in _CHANGES_BY_ITSELF
        and item.owner() is None
        and item.ref not in _MADE_FOR_EACH_NAMESPACE
        and (item.namespace in ("", snapshot.namespace) or KINDS[item.kind].everywhere)
        and (item.kind != "Namespace" or item.name == snapshot.namespace)
    }


def _at(item: K8sObject) -> str | None:
    return item.at("metadata.resourceVersion").text


def _same_wish(before: K8sObject, after: K8sObject) -> bool:
    """Whether only the status differs, of a kind whose objects count the changes of what is wished for."""
    counted = after.at("metadata.generation").whole
    return counted is not None and counted == before.at("metadata.generation").whole and before.labels == after.labels


def _ref(item: K8sObject, snapshot: Snapshot) -> str:
    return item.ref if item.namespace in ("", snapshot.namespace) else f"{item.ref} in {item.namespace}"


def _newest(new: Iterable[Change], known: tuple[Change, ...]) -> tuple[Change, ...]:
    """The latest changes, one an object, wishes before statuses of the same moment."""
    new = sorted(new, key=lambda change: change.verb == "status")
    refs = {change.ref for change in new}
    return (*new, *(change for change in known if change.ref not in refs))[:_SHOWN_CHANGES]


def _away(snapshot: Snapshot) -> Trouble | None:
    """Why the cluster as a whole could not be read; None when it could, or was refused kind by kind."""
    reasons = set(snapshot.unreadable.values())
    if len(reasons) != 1 or len(snapshot.unreadable) < len(KINDS_READ):
        return None
    told = Sentence.of(reasons.pop())
    cause = Cause.NOT_ACCEPTED if told.command.startswith("kubectl auth") else Cause.UNREACHABLE
    return Trouble(cause, _for_a_page(told.words), "", told.command)


def _breaking(snapshot: Snapshot) -> frozenset[str]:
    """The kinds whose connection has just broken off. The others follow at once, and then the cluster is away: what was seen stays."""
    return frozenset(
        kind
        for kind, text in snapshot.unreadable.items()
        if ": the cluster cannot be reached" in text or ": the connection broke off" in text
    )


def _not_installed(sentence: str) -> bool:
    return " is not installed" in sentence or "this cluster does not serve " in sentence


def _version(snapshot: Snapshot) -> str:
    if "Version" in snapshot.unreadable:
        return ""
    return next((item.at("gitVersion").text or "" for item in snapshot.all("Version")), "")


def _cluster(snapshot: Snapshot) -> str:
    if "Namespace" in snapshot.unreadable:
        return ""
    return next((item.at("metadata.uid").text or "" for item in snapshot.every("Namespace") if item.name == "kube-system"), "")


def _nodes(snapshot: Snapshot) -> int | None:
    return None if "Node" in snapshot.unreadable else len(snapshot.all("Node"))


def _same(before: Report | None, after: Report) -> Report:
    """The earlier report when the new one says nothing else, so that pictures which look alike are equal."""
    return before if before is not None and before.results == after.results else after
