"""`--submit` and `grade submit`: what was graded goes to the classroom's server, which judges it itself.

Grading comes first: nothing here changes what a run prints as its report, or its exit status. What cannot be sent now waits in the outbox.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graders.errors import GradingError
from graders.objective import Lesson
from graders.report import Report
from graders.snapshot import Problem, Snapshot
from graders.terminal import account as accounts
from graders.terminal import outbox
from graders.terminal.account import Account
from graders.terminal.outbox import Waiting
from graders.terminal.output import say
from graders.terminal.server import Answer, NotNow, ask
from graders.version import version
from graders.wire import MOST_BYTES, Json, digest, kinds_of, to_wire

_SCHEMA = 1
_REFUSALS = (400, 409, 413, 415, 422)
_NOT_SIGNED_IN = ("This terminal is not signed in to a classroom.", "Sign in with: grade login URL")


class Refused(GradingError):
    """The server has looked at it, and will not take it."""


def submit(snapshot: Snapshot, lessons: Sequence[Lesson], reports: Sequence[Report], cluster: str) -> None:
    """Hand in what was graded, and say what has come of it. Never raises: what cannot be handed in now waits."""
    try:
        account = accounts.load()
        if account is None:
            say(f"Not handed in. {_NOT_SIGNED_IN[0]}", f"{_NOT_SIGNED_IN[1]}, then grade with --submit again.")
            return
        body = submission(snapshot, lessons, cluster)
        waiting, dropped = outbox.put(account, body)
        if dropped:
            say(f"Dropped from the outbox, which holds {outbox.MOST}: {', '.join(dropped)}.")
        answer = _deliver(account, waiting)
        say(*_in_words(account, answer, reports))
        _send(account, [each for each in outbox.waiting() if each.is_of(account) and each.path != waiting.path])
    except NotNow as error:
        say(f"Not handed in yet. {error.message}", error.help, "It waits, and goes along with the next --submit or: grade submit")
    except GradingError as error:
        say(f"Not handed in. {error.message}", error.help)
    except OSError as error:
        say(
            f"Not handed in: it could not be put into the outbox ({error.strerror or error}).",
            "Is the disk full? Then grade with --submit again.",
        )
    except Exception as error:
        if os.environ.get("GRADE_DEBUG"):
            raise
        say(f"Not handed in: the course itself broke ({type(error).__name__}); this is no fault of yours. Please report it.")


def send_waiting() -> int:
    """`grade submit`: hand in what waits; gives the exit status, 0 when nothing does any longer. Raises GradingError."""
    account = accounts.load()
    if account is None:
        raise GradingError(_NOT_SIGNED_IN[0], help=_NOT_SIGNED_IN[1])
    everything = list(outbox.waiting())
    own = [each for each in everything if each.is_of(account)]
    others = len(everything) - len(own)
    if others:
        say(f"{_many(others)} of another account or server {'waits' if others == 1 else 'wait'}; only whoever has graded hands in.")
    if not own:
        say("Nothing waits to be handed in.")
        return 0
    try:
        return 0 if _send(account, own) else GradingError.exit_code
    except NotNow as error:
        say(f"Not handed in yet. {error.message}", error.help)
        return error.exit_code


def _send(account: Account, waiting: Iterable[Waiting]) -> bool:
    """Hand in what waits, the oldest first; says whether all of it was taken. Raises NotNow at the first that has to wait still."""
    sent, refused = 0, 0
    try:
        for each in waiting:
            try:
                _deliver(account, each)
                sent += 1
            except Refused as error:
                refused += 1
                say(f"{each.lessons}, graded {each.body['snapshot']['taken_at'][:10]}: {error.message}", error.help)
    finally:
        if sent:
            say(f"{_many(sent)} from before {'was' if sent == 1 else 'were'} handed in to {account.url}.")
    return not refused


def _many(count: int) -> str:
    return "1 submission" if count == 1 else f"{count} submissions"


def submission(snapshot: Snapshot, lessons: Sequence[Lesson], cluster: str) -> Json:
    """What is sent of a snapshot: what these lessons read of it, redacted, and a key of its own. Raises GradingError for too much."""
    rest = {
        "schema": _SCHEMA,
        "lessons": [lesson.id for lesson in lessons],
        "client": version()[:32],
        "cluster": cluster,
        "snapshot": to_wire(_without_home(snapshot), kinds_of(lessons, live=snapshot.is_live)),
    }
    body = {**rest, "key": os.urandom(16).hex(), "digest": digest(rest)}
    if len(_encoded(body)) > MOST_BYTES:
        raise GradingError(
            f"What these lessons read is larger than {MOST_BYTES // 1024 // 1024} MiB, which no server takes.",
            help="Hand in one lesson at a time, or name fewer files.",
        )
    return body


def _encoded(body: Json) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")


def _without_home(snapshot: Snapshot) -> Snapshot:
    """The snapshot without the name of the user's home folder, which is nobody's business."""
    home = str(Path.home()) + os.sep

    def short(name: str) -> str:
        return f"~{os.sep}{name.removeprefix(home)}" if name.startswith(home) else name

    def moved(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        return tuple(replace(problem, file=short(problem.file)) if problem.file else problem for problem in problems)

    if not any(name.startswith(home) for name in snapshot.source.files):
        return snapshot
    objects = tuple(replace(item, file=short(item.file), problems=moved(item.problems)) if item.file else item for item in snapshot.objects)
    source = replace(snapshot.source, files=tuple(short(name) for name in snapshot.source.files))
    return replace(snapshot, source=source, objects=objects, problems=moved(snapshot.problems))


def _deliver(account: Account, waiting: Waiting) -> Mapping[str, Any]:
    """Send a submission, and take it from the outbox once the server has it; gives its answer. Raises NotNow, Refused."""
    answer = ask(account.url, account.token, "/api/submissions", _encoded(waiting.body))
    if answer.status in (200, 201) and "assurance" in answer.data:
        outbox.confirm(waiting)
        return answer.data
    error = str(answer.data.get("error") or "")
    if answer.status in _REFUSALS and error:
        reason = " ".join(filter(None, (error, str(answer.data.get("help") or ""))))
        path = outbox.refuse(waiting, reason)
        raise Refused(
            f"The server does not take it: {error}", help=f"{answer.data.get('help') or ''} It lies in {path.parent} now.".strip()
        )
    raise NotNow(*_why_not(account.url, answer))


def _why_not(url: str, answer: Answer) -> tuple[str]:
    words = {
        401: f"{url} does not accept the token of this terminal: it was revoked, or has expired. Sign in again with: grade login {url}",
        404: f"{url} takes no submissions: it runs an older version of the course, or is no classroom.",
        429: f"{url} takes so many a minute, and has had them. Try again in {answer.retry_after or 60} seconds.",
    }
    usual = f"{url} answered with HTTP status {answer.status}."
    if answer.status >= 500:
        usual = f"{url} could not take it just now (HTTP status {answer.status})."
    return (words.get(answer.status, usual),)


def who_is(url: str, token: str) -> Account:
    """Whose token that is, as the server says. Raises GradingError, in a sentence."""
    answer = ask(url, token, "/api/me")
    name, email = answer.data.get("name"), answer.data.get("email")
    if answer.status == 200 and isinstance(name, str) and isinstance(email, str):
        return Account(url, token, name, email)
    if answer.status == 401:
        raise GradingError(
            f"{url} does not accept that token: it was mistyped or revoked, or has expired.", help=f"Make a new one at {url}/account#tokens"
        )
    if answer.status == 404 and "error" in answer.data:
        raise GradingError(
            f"{url} has the course, and no classroom: it serves one learner, or runs an older version.",
            help="Ask your instructor for the address.",
        )
    if answer.status == 421:
        raise GradingError(
            f"The server at {url} has the course under another name.", help="Write the address as it stands in your browser."
        )
    if answer.status >= 500 or answer.status == 429:
        raise GradingError(f"{url} cannot answer just now (HTTP status {answer.status}).", help="Try again in a while.")
    raise GradingError(f"{url} answers, and is no classroom of this course (HTTP status {answer.status}).", help="Check the address.")


def _in_words(account: Account, data: Mapping[str, Any], reports: Sequence[Report]) -> Iterable[str]:
    """What the server has made of it, and where it sees something otherwise than this run did."""
    theirs = {each["lesson"]: each for each in data.get("lessons", [data]) if isinstance(each, Mapping) and "lesson" in each}
    if not data.get("recorded"):
        yield f"Handed in to {account.url}, which recorded nothing: nothing of it could be judged, or nothing passes yet."
    elif len(reports) == 1 and reports[0].lesson_id in theirs:
        told = theirs[reports[0].lesson_id]
        yield f"Handed in to {account.url}: {told.get('passed')} of {told.get('counted')} objectives, {data.get('assurance')}."
    else:
        complete = sum(bool(each.get("complete")) for each in theirs.values())
        counting = sum(report.counted > 0 for report in reports)
        yield f"Handed in to {account.url}: {complete} of {counting} lessons complete, {data.get('assurance')}."
    other = list(_differences(theirs, reports))
    if other:
        yield f"The server, version {data.get('engine')}, sees {len(other)} otherwise than grade, version {version()}; what it says counts:"
        yield from other


def _differences(theirs: Mapping[str, Mapping[str, Any]], reports: Sequence[Report]) -> Iterable[str]:
    for report in reports:
        told = theirs.get(report.lesson_id, {}).get("objectives")
        statuses = {each.get("id"): each.get("status") for each in told if isinstance(each, Mapping)} if isinstance(told, list) else {}
        for result in report.results:
            status = statuses.get(result.objective.id)
            if status is not None and status != str(result.status):
                yield f"  {report.lesson_id} {result.objective.id}: {status} there, {result.status} here"
