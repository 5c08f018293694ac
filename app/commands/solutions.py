"""`course solution`: the files of the solution, once the exercise has been passed or with `--spoil`."""

from __future__ import annotations

from argparse import Namespace

from app.commands.arguments import NAMESPACE, CourseParser
from app.services.content import Exercise, in_namespace
from app.services.judging import judge, source_files
from graders.errors import ClusterUnavailable
from graders.terminal.names import find_lesson
from graders.terminal.output import put, say


def arguments(parser: CourseParser) -> None:
    """What `course solution` takes."""
    parser.add_argument("lesson", metavar="LESSON", help="lesson-7, 7 or hpa")
    parser.add_argument("--spoil", action="store_true", help="show it before you have passed")
    parser.add_argument("-f", "--file", action="append", dest="files", metavar="PATH", help="your manifests, to see that you have passed")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Print the solution's files; gives the exit status. Raises GradingError."""
    entry = find_lesson(options.lesson)
    exercise = Exercise.of(entry.id)
    namespace = options.namespace or NAMESPACE
    files = exercise.files("solution")
    if not files:
        put(f"{entry.title} ({entry.id}) has no solution to show: it is about what a cluster has, not about a manifest.\n")
        return 0
    if not options.spoil and not _passed(options, exercise, namespace):
        return 1
    texts = [(path.relative_to(exercise.folder / "solution"), path.read_text(encoding="utf-8")) for path in files]
    put("---\n".join(f"# {name.as_posix()}\n{in_namespace(text, namespace).rstrip()}\n" for name, text in texts))
    return 0


def _passed(options: Namespace, exercise: Exercise, namespace: str) -> bool:
    """Whether the lesson is complete in the learner's files or cluster; if not, says what to do."""
    lesson = find_lesson(exercise.lesson).load()
    files = source_files(options, exercise)
    spoil = f"To look all the same: course solution {lesson.id} --spoil. It costs nothing: what you have passed stays passed."
    try:
        report = judge(lesson, options, files, namespace)
    except ClusterUnavailable as error:
        say(error.message, f"Name your manifests with -f, so that the course sees that you have passed. {spoil}")
        return False
    where = ", ".join(files) if files else f"the cluster, namespace {namespace}"
    if report.complete:
        return True
    say(f"{report.passed} of {report.counted} objectives have passed in {where}; the solution is for when all have.")
    first = report.first_open
    say(f"For a hint instead: course hint {lesson.id}{f' {first.objective.id}' if first else ''}", spoil)
    return False
