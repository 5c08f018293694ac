"""`course reset`: take away what `start` made for an exercise, and nothing else."""

from __future__ import annotations

import time
from argparse import Namespace

from app.commands.arguments import NAMESPACE, CourseParser, seconds
from app.commands.asking import agreed
from app.services.content import Exercise
from app.services.guards import is_ours
from app.services.seeding import left_in, made_for, remove, remove_namespace
from app.services.session import Place, place_of
from graders.errors import GradingError
from graders.terminal.names import find_lesson
from graders.terminal.output import put, say


def arguments(parser: CourseParser) -> None:
    """What `course reset` takes."""
    parser.add_argument("lesson", metavar="LESSON", help="lesson-7, 7 or hpa")
    parser.add_argument(
        "--all", action="store_true", dest="everything", help="the namespace as well, if the course made it and it is empty then"
    )
    parser.add_argument("--wait", type=seconds, metavar="60s", default=60.0, help="how long to wait until all of it is gone")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Take away what was made for the lesson that is named; gives the exit status. Raises GradingError."""
    return clear(options, Exercise.of(find_lesson(options.lesson).id))


def clear(options: Namespace, exercise: Exercise) -> int:
    """Take away what was made for an exercise; gives the exit status. Raises GradingError."""
    place = place_of(options, options.namespace or NAMESPACE, f"course reset {exercise.lesson}")
    made = made_for(place.writer, exercise.lesson, place.namespace, exercise.folder.parent)
    say(f"In {place.words}:")
    say(f"  to be deleted: {', '.join(step.ref for step in made) or f'nothing; the course made nothing there for {exercise.lesson}'}")
    with_namespace = options.everything and _is_ours(place)
    if options.everything and not with_namespace:
        say(f"  left alone: namespace {place.namespace}, which the course did not make, or which is not there")
    if with_namespace:
        say(f"  and then, if nothing else is in it: namespace {place.namespace}")
    if not made and not with_namespace:
        return 0
    if not agreed("Delete it?", yes=options.yes):
        return 1
    deadline = time.monotonic() + options.wait
    left = remove(place.writer, made, place.namespace, deadline)
    if left:
        raise GradingError(
            f"Not gone within {options.wait:g} s: {', '.join(left)}.", help=f"Look at it with: kubectl get all -n {place.namespace}"
        )
    if made:
        put(f"Deleted {len(made)} object{'' if len(made) == 1 else 's'}.\n")
    if any(step.body["kind"] == "StatefulSet" for step in made):
        say(f"The claims of a StatefulSet stay, with their data: kubectl get pvc -n {place.namespace}{place.writer.flags}")
    return _remove_namespace(place, deadline) if with_namespace else 0


def _is_ours(place: Place) -> bool:
    resource = place.writer.resource("v1", "Namespace")
    there = place.writer.get(resource, "", place.namespace) if resource else None
    return there is not None and is_ours(there)


def _remove_namespace(place: Place, deadline: float) -> int:
    left = left_in(place.writer, place.namespace, deadline)
    if left:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise GradingError(
            f"Namespace {place.namespace} was kept: it still holds {', '.join(left[:5])}{more}.",
            help=f"If you want none of it: kubectl delete namespace {place.namespace}{place.writer.flags}",
        )
    if not remove_namespace(place.writer, place.namespace, deadline):
        raise GradingError(
            f"Namespace {place.namespace} is still being deleted.", help=f"See why with: kubectl describe namespace {place.namespace}"
        )
    put(f"Deleted namespace {place.namespace}.\n")
    return 0
