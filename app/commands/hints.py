"""`course hint`: one hint after the other, for the objective that is named or the first one that is open."""

from __future__ import annotations

from argparse import Namespace

from app.commands.arguments import NAMESPACE, CourseParser
from app.services.content import Exercise
from app.services.folders import Notes
from app.services.judging import judge, source_files
from graders.errors import ClusterUnavailable, GradingError, UsageError
from graders.objective import Lesson, Objective
from graders.terminal.names import find_lesson, nearest
from graders.terminal.output import put, say, style_for

_NOTES = "hints"


def arguments(parser: CourseParser) -> None:
    """What `course hint` takes."""
    parser.add_argument("lesson", metavar="LESSON", help="lesson-7, 7 or hpa")
    parser.add_argument("objective", nargs="?", metavar="OBJECTIVE", help="the first one that is open if left out")
    parser.add_argument("-f", "--file", action="append", dest="files", metavar="PATH", help="manifests to find the first open one in")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Print the next hint; gives the exit status. Raises GradingError."""
    lesson = find_lesson(options.lesson).load()
    namespace = options.namespace or NAMESPACE
    objective = _named(lesson, options.objective) if options.objective else _first_open(lesson, options, namespace)
    if objective is None:
        put(f"Nothing is open in {lesson.title} ({lesson.id}): every objective that counts has passed.\n")
        return 0
    number = _unlock(lesson, objective)
    shown = range(1, len(objective.hints) + 1) if number > len(objective.hints) else [number]
    style = style_for(options)
    lines = [*style.wrap(objective.title.replace("{namespace}", namespace) + f" [{objective.id}]")]
    for each in shown:
        lines += style.wrap(f"Hint {each} of {len(objective.hints)}: {objective.hints[each - 1].replace('{namespace}', namespace)}")
    lines += style.wrap(_what_is_left(lesson, objective, number))
    put("\n".join(lines) + "\n")
    return 0


def _what_is_left(lesson: Lesson, objective: Objective, number: int) -> str:
    left = len(objective.hints) - number
    if left > 0:
        return f"{left} more: course hint {lesson.id} {objective.id}"
    return f"No more hints. Read {objective.docs}, or see the solution: course solution {lesson.id} --spoil"


def _named(lesson: Lesson, word: str) -> Objective:
    wanted = word.strip().lower().removeprefix(f"{lesson.id}/")
    for objective in lesson.objectives:
        if objective.id == wanted:
            return objective
    close = nearest(wanted, [objective.id for objective in lesson.objectives])
    raise UsageError(f"{lesson.title} ({lesson.id}) has no objective `{word}`.{close}", help=f"See them all: grade {lesson.id} --list")


def _first_open(lesson: Lesson, options: Namespace, namespace: str) -> Objective | None:
    files = source_files(options, Exercise.of(lesson.id))
    try:
        report = judge(lesson, options, files, namespace)
    except GradingError as error:
        if options.files or options.context or options.kubeconfig or not isinstance(error, ClusterUnavailable):
            raise
        raise UsageError(
            f"Which objective? {error.message}",
            help=f"Name one, as in: course hint {lesson.id} {lesson.objectives[0].id}. See them all: grade {lesson.id} --list",
        ) from error
    where = ", ".join(files) if files else f"the cluster, namespace {namespace}"
    say(f"The first one that is open in {where}:")
    return report.first_open.objective if report.first_open else None


def _unlock(lesson: Lesson, objective: Objective) -> int:
    """The number of the hint to show now, from 1; one more than there are when all were shown before, or when that cannot be known."""
    try:
        notes = Notes.named(_NOTES)
        held, trouble = notes.read()
    except GradingError as error:  # a hint that cannot be counted is a hint all the same
        say(error.message, error.help)
        return len(objective.hints) + 1
    say(trouble)
    unlocked = held.get("unlocked")
    unlocked = dict(unlocked) if isinstance(unlocked, dict) else {}
    key = f"{lesson.id}/{objective.id}"
    before = unlocked.get(key)
    number = min(before if isinstance(before, int) and before > 0 else 0, len(objective.hints)) + 1
    if number <= len(objective.hints):
        try:
            notes.write({**held, "schema": 1, "unlocked": {**unlocked, key: number}})
        except GradingError as error:
            say(error.message, error.help)
    return number
