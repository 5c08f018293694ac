"""Submissions: what a terminal says it has read -> reports by the server's own engine -> attempts, each once.

Nothing of it is believed but the objects themselves, and those are the learner's word: docs/submissions.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from app.errors import AppError, Conflict
from app.models import Attempt, Origin
from app.services import assurance, attempts, equality
from graders.engine import evaluate
from graders.lessons import LESSONS, Entry
from graders.render.json import report_data
from graders.report import Report
from graders.snapshot import K8sObject, Problem, Snapshot
from graders.sources.manifests import rejections
from graders.verdict import Status
from graders.version import version
from graders.wire import MOST_BYTES, NotASnapshot, digest, from_wire

SCHEMA: Final = 1
AHEAD: Final = timedelta(minutes=5)
OLDEST: Final = timedelta(days=30)
_MOST_VALUES = 600_000
_MOST_PROBLEMS = 200  # of a report; more help nobody, and fill the database
_DEEPEST = 80  # levels; manifests have 64 at most
_FIELDS = ("schema", "key", "lessons", "client", "cluster", "digest", "snapshot")
_VERDICTS = frozenset(
    ("report", "reports", "verdict", "verdicts", "result", "results", "objectives", "passed", "counted", "complete", "status", "assurance")
)
_KEY = re.compile(r"[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CLUSTER = re.compile(r"[0-9a-f-]{36}|")
_CLIENT = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_NOT_IN_A_DATABASE = re.compile("[\0\ud800-\udfff]")
_ENTRIES = {entry.id: entry for entry in LESSONS}
_JUDGED = (Status.PASSED, Status.FAILED)


class Unusable(AppError):
    """What was sent makes no submission."""

    status = 422


@dataclass(frozen=True, slots=True)
class Submission:
    """What was sent, once it is known to be one. `key` names it for ever, `client` is the version of what sent it, `cluster` the id of the
    cluster that was read (empty when it is not known), `digest` that of all of it."""

    key: str
    lessons: tuple[Entry, ...]
    client: str
    cluster: str
    digest: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Judged:
    """What the server's engine says of one lesson, and what tells equal work from other."""

    report: Report
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a submission: the reports, and the attempts that have come of it just now; none when it was here already."""

    reports: tuple[Mapping[str, Any], ...]
    made: tuple[Attempt, ...]
    known: bool

    @property
    def data(self) -> dict[str, Any]:
        """As JSON: that of `grade --format json`, and whose word it is."""
        shown = [{name: value for name, value in report.items() if name != "submission"} for report in self.reports]
        body = shown[0] if len(shown) == 1 else {"schema": SCHEMA, "lessons": shown}
        more = {"assurance": str(assurance.of(Origin.SUBMITTED)), "engine": version(), "recorded": bool(self.made) or self.known}
        return {**body, **more}


def parsed(body: bytes, now: datetime) -> Submission:
    """What was sent. Raises AppError, whose message says what is wrong with it. Takes time in proportion to its size."""
    data = _json(body)
    if not isinstance(data, dict):
        raise Unusable("A submission is a map of fields.", help=_HELP)
    for name in data:
        if name in _VERDICTS:
            raise Unusable(f"It has a field `{name}`: the server judges for itself, and takes nobody's verdicts.", help=_HELP)
        if name not in _FIELDS:
            raise Unusable(f"It has a field `{name[:60]}`, which is not known here.", help=_HELP)
    for name in _FIELDS:
        if name not in data:
            raise Unusable(f"It has no `{name}`.", help=_HELP)
    if data["schema"] != SCHEMA or isinstance(data["schema"], bool):
        raise Unusable(f"It is of another version: the server takes submissions of schema {SCHEMA}.", help="Update whichever is older.")
    key, client = _matching(data, "key", _KEY), _matching(data, "client", _CLIENT)
    cluster, told = _matching(data, "cluster", _CLUSTER), _matching(data, "digest", _DIGEST)
    if digest({name: value for name, value in data.items() if name not in ("key", "digest")}) != told:
        raise Unusable("Its digest is not that of what has arrived: something was lost on the way.", help="Submit again.")
    lessons = _lessons(data["lessons"])
    try:
        snapshot = from_wire(data["snapshot"])
    except NotASnapshot as error:
        raise Unusable(str(error), help=_HELP) from error
    _check_time(snapshot.taken_at, now)
    return Submission(key, lessons, client, cluster, told, snapshot)


_HELP = "Submit with `grade`, of the server's version or a later one."


def _json(body: bytes) -> Any:
    if len(body) > MOST_BYTES:
        raise AppError(f"A submission has at most {MOST_BYTES // 1024 // 1024} MiB.", help="Submit one lesson at a time.", status=413)
    # Each value but the first stands after one of these.
    if sum(body.count(sign) for sign in b",[{") > _MOST_VALUES:
        raise AppError(f"A submission has at most {_MOST_VALUES:,} values.", help="Submit one lesson at a time.", status=413)
    try:
        data = json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise Unusable("It is nested too deeply.", help=_HELP) from None
    except ValueError:
        raise AppError("That is no JSON in UTF-8.", help=_HELP, status=400) from None
    _check_depth(data)
    return data


def _no_number(_: str) -> float:
    raise ValueError("no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("too large for a number")
    return number


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        if not below:
            return
        level = below
    raise Unusable(f"It is nested more than {_DEEPEST} levels deep; no object of Kubernetes is.", help=_HELP)


def _matching(data: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = data[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Unusable(f"`{name}` is not as `grade` writes it.", help=_HELP)
    return value


def _lessons(value: Any) -> tuple[Entry, ...]:
    if not isinstance(value, list) or not value or len(value) > len(LESSONS):
        raise Unusable("`lessons` is not a list of lessons.", help=_HELP)
    unknown = [lesson for lesson in value if not isinstance(lesson, str) or lesson not in _ENTRIES]
    if unknown or len(set(value)) < len(value):
        raise Unusable("`lessons` names a lesson twice, or one that the server's version of the course does not have.", help=_HELP)
    return tuple(_ENTRIES[lesson] for lesson in value)


def _check_time(taken_at: datetime, now: datetime) -> None:
    if taken_at > now + AHEAD:
        raise Unusable(
            f"It was graded {_ago(taken_at - now)} from now, by your clock; here it is {now:%Y-%m-%d %H:%M} UTC.",
            help="Set your clock, and grade again.",
        )
    if taken_at < now - OLDEST:
        raise Unusable(f"It was graded {_ago(now - taken_at)} ago; {OLDEST.days} days at most are taken.", help="Grade again.")


def _ago(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{max(1, int(span.total_seconds() // 60))} minutes"


def judged(submission: Submission) -> list[Judged]:
    """The server's own verdicts. Takes time; may run in any thread."""
    snapshot = revalidated(submission.snapshot)
    return [Judged(evaluate(entry.load(), snapshot), equality.digest_of(snapshot, entry.load())) for entry in submission.lessons]


def revalidated(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what the API server would reject, by the server's version of the course and by the terminal's.

    What a cluster serves it has accepted.
    """
    if snapshot.is_live:
        return snapshot
    return replace(snapshot, objects=tuple(_revalidated(item) for item in snapshot.objects))


def _revalidated(item: K8sObject) -> K8sObject:
    own = rejections(item, _plain(item.body))
    known = {(problem.path, problem.message) for problem in own}
    # First the terminal's, in whose order a learner has seen them.
    merged: list[Problem] = [problem for problem in item.problems if (problem.path, problem.message) not in known]
    return replace(item, problems=(*merged, *own)) if merged or own else item


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def store(session: Session, learner_id: int, submission: Submission, found: Sequence[Judged]) -> Answer:
    """Append an attempt for each lesson that was judged; nothing when the submission is here already.

    Of several lessons those are left out in which nothing passes: nobody has begun them. Raises Conflict for a key that is taken.
    """
    known = {attempt.lesson_id: attempt for attempt in _with_key(session, learner_id, submission)}
    reports: list[Mapping[str, Any]] = []
    made: list[Attempt] = []
    for each in found:
        lesson_id = each.report.lesson_id
        data = _storable(report_data(each.report))
        data["problems"] = data["problems"][:_MOST_PROBLEMS]
        if lesson_id in known:
            reports.append(known[lesson_id].report)
            continue
        reports.append(data)
        if not known and _is_worth(each.report, alone=len(found) == 1):
            attempt = attempts.take_in(
                session,
                learner_id,
                {**data, "submission": {"digest": submission.digest, "client": submission.client}},
                Origin.SUBMITTED,
                key=_key_of(submission.key, lesson_id),
                engine=version()[:32],
                cluster=submission.cluster,
                digest=each.digest,
            )
            made += [attempt] if attempt else []
    return Answer(tuple(reports), tuple(made), bool(known))


def _key_of(key: str, lesson_id: str) -> str:
    return f"{key}-{lesson_id}"


def _with_key(session: Session, learner_id: int, submission: Submission) -> list[Attempt]:
    """The attempts that this submission has made before. Raises Conflict."""
    keys = [_key_of(submission.key, lesson_id) for lesson_id in _ENTRIES]
    known = list(session.exec(select(Attempt).where(col(Attempt.key).in_(keys))))
    if any(attempt.learner_id != learner_id for attempt in known):
        raise Conflict("Somebody else has submitted under this key.", help="Grade again, and submit that.")
    if any(attempt.report.get("submission", {}).get("digest") != submission.digest for attempt in known):
        raise Conflict("Under this key something else was submitted.", help="Grade again, and submit that.")
    return known


def _is_worth(report: Report, *, alone: bool) -> bool:
    statuses = {result.status for result in report.results}
    return bool(statuses.intersection(_JUDGED)) if alone else Status.PASSED in statuses


def _storable(value: Any) -> Any:
    """A report without what one of the databases cannot keep."""
    if isinstance(value, str):
        return _NOT_IN_A_DATABASE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def newest(session: Session, learner_id: int, lesson_id: str) -> Attempt | None:
    """The newest report on a lesson that the learner has submitted."""
    return attempts.latest(session, learner_id, lesson_id, origin=Origin.SUBMITTED)
