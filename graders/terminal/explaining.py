"""`--list` and `--explain`: what there is to do, without grading anything."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from graders.errors import UsageError
from graders.lessons import LESSONS
from graders.objective import Lesson, Objective
from graders.render.text import render_list
from graders.terminal.names import find_lessons, nearest
from graders.terminal.output import put, style_for


def list_names(options: Namespace) -> int:
    """Print the lessons, or the objectives of those that are named."""
    if not options.lesson:
        rows = [(entry.id, f"{entry.title} (also: {', '.join(entry.names)})") for entry in LESSONS]
    else:
        lessons = [entry.load() for entry in find_lessons(options.lesson)]
        rows = [
            (objective.id if len(lessons) == 1 else f"{lesson.id}/{objective.id}", _titled(objective, options.namespace))
            for lesson in lessons
            for objective in lesson.objectives
        ]
    put(render_list(rows, style_for(options)))
    return 0


def explain(options: Namespace) -> int:
    """Print what an objective asks, in each lesson that has one of that name. Raises UsageError."""
    named, _, wanted = options.explain.strip().rpartition("/")
    word = named or options.lesson or ""
    lessons = [entry.load() for entry in (find_lessons(word) if word else LESSONS)]
    found = [(lesson, objective) for lesson in lessons for objective in lesson.objectives if objective.id == wanted.lower()]
    if not found:
        raise _no_such(wanted, lessons, word)
    style = style_for(options)
    put("\n".join(render_list(_rows(lesson, objective, options.namespace), style) for lesson, objective in found))
    return 0


def _rows(lesson: Lesson, objective: Objective, namespace: str) -> list[tuple[str, str]]:
    return [
        ("objective", f"{lesson.id}/{objective.id}"),
        ("asks", _titled(objective, namespace)),
        ("needs", ", ".join(objective.needs) or "nothing before it"),
        ("reads", ", ".join((*lesson.reads, *(lesson.live_reads if objective.live else ()))) or "nothing"),
        *((f"hint {number}", hint.replace("{namespace}", namespace)) for number, hint in enumerate(objective.hints, start=1)),
        ("docs", objective.docs),
    ]


def _titled(objective: Objective, namespace: str) -> str:
    marks = [mark for mark, is_so in (("bonus", objective.bonus), ("on a cluster only", objective.live)) if is_so]
    return objective.title.replace("{namespace}", namespace) + (f" ({', '.join(marks)})" if marks else "")


def _no_such(wanted: str, lessons: Sequence[Lesson], word: str) -> UsageError:
    close = nearest(wanted, [objective.id for lesson in lessons for objective in lesson.objectives])
    where = f"{lessons[0].title} ({lessons[0].id}) has" if len(lessons) == 1 else "There is"
    return UsageError(f"{where} no objective `{wanted}`.{close}", help=f"See them all: grade {word or 'all'} --list")
