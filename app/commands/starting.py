"""`course start`: the files of an exercise, and what it needs in the learner's cluster."""

from __future__ import annotations

import os
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from app.commands.arguments import NAMESPACE, CourseParser
from app.commands.asking import agreed
from app.services.content import Exercise, in_namespace
from app.services.folders import Copied, copy_files
from app.services.seeding import Plan, carry_out, chosen_files, made_for, needed, plan, remove, seed_of, workload_in
from app.services.seeds import LARGEST, new_seed
from app.services.session import Place, place_of
from graders.errors import GradingError, UsageError
from graders.terminal.names import find_lesson
from graders.terminal.output import put, say

_PATIENCE = 60.0  # seconds for what is taken away to go


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST:
        raise ArgumentTypeError(f"`{text}` is no whole number from 0 to {LARGEST}")
    return int(text)


def arguments(parser: CourseParser) -> None:
    """What `course start` takes."""
    parser.add_argument("lesson", metavar="LESSON", help="lesson-7, 7 or hpa")
    parser.add_argument("--into", metavar="DIR", help="the folder for the files; ./lesson-07-hpa and the like if left out")
    parser.add_argument("--files-only", "--no-cluster", action="store_true", dest="files_only", help="leave the cluster alone")
    parser.add_argument("--seed", type=_seed, metavar="N", help="where variants are drawn: this draw, to repeat it")
    parser.add_argument("--again", action="store_true", help="take away what is there of this exercise, and draw anew")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Begin the exercise of the lesson that is named; gives the exit status. Raises GradingError."""
    return begin(options, Exercise.of(find_lesson(options.lesson).id))


def begin(options: Namespace, exercise: Exercise) -> int:
    """Copy the files of an exercise and prepare the cluster for it; gives the exit status. Raises GradingError."""
    namespace = options.namespace or NAMESPACE
    varied = bool(exercise.variants())
    if (options.seed is not None or options.again) and not varied:
        raise UsageError(f"{exercise.lesson} has no variants to draw from.", help="Leave --seed and --again out.")
    folder = Path(options.into or exercise.folder.name)
    if options.files_only or not needed(exercise, namespace, 0 if varied else None) or not _has_kubeconfig(options):
        seed = _drawn(exercise, options.seed) if varied else None
        _copy(exercise, folder, namespace, seed)
        if not options.files_only and needed(exercise, namespace, seed):
            say("There is no kubeconfig, so there was no cluster to prepare. One to practise on: course cluster up")
        _farewell(exercise, folder, namespace, seed)
        return 0
    place = place_of(options, namespace, f"course start {exercise.lesson}")
    return _start(options, exercise, folder, place)


def _has_kubeconfig(options: Namespace) -> bool:
    """Whether there is any cluster to speak of. One that is named counts, even where its file is not there: that is to be told."""
    if options.context or options.kubeconfig or os.environ.get("KUBERNETES_SERVICE_HOST"):
        return True
    named = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    return any(_holds_something(Path(path)) for path in named.split(os.pathsep) if path)


def _holds_something(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:  # it is there, and whoever reads it will say what is wrong with it
        return True


def _drawn(exercise: Exercise, seed: int | None, before: int | None = None) -> int:
    return seed if seed is not None else new_seed({name: tuple(files) for name, files in exercise.variants().items()}, before)


def _start(options: Namespace, exercise: Exercise, folder: Path, place: Place) -> int:
    """Begin it in a cluster, from where it stands there."""
    old = made_for(place.writer, exercise.lesson, place.namespace, exercise.folder.parent) if exercise.variants() else []
    before, seed = seed_of(old), None
    if exercise.variants():
        if before is not None and options.seed not in (None, before) and not options.again:
            raise UsageError(
                f"{exercise.lesson} is under way in namespace {place.namespace} with seed {before}.",
                help=f"To begin anew, add --again; to end it: course reset {exercise.lesson}",
            )
        seed = before if before is not None and not options.again else _drawn(exercise, options.seed, before)
    gone = old if options.again else []
    bodies = needed(exercise, place.namespace, seed)
    intended = plan(place.writer, bodies, place.namespace)
    doomed = {step.ref for step in gone}
    to_make = [step.ref for step in intended.make] + [ref for ref in intended.ours if ref in doomed]
    say(f"In {place.words}:")
    _tell(intended, doomed, to_make)
    if (gone or to_make) and not agreed("Go on?", yes=options.yes):
        return 1
    _copy(exercise, folder, place.namespace, seed)
    if gone or to_make:
        if gone:
            left = remove(place.writer, gone, place.namespace, time.monotonic() + _PATIENCE)
            if left:
                raise GradingError(f"Still being deleted: {', '.join(left)}.", help="Run the same command again in a minute.")
            intended = plan(place.writer, bodies, place.namespace)
        made = carry_out(place.writer, intended)
        say(f"Made {len(made)} object{'' if len(made) == 1 else 's'}.")
    _farewell(exercise, folder, place.namespace, seed)
    return 0


def _tell(intended: Plan, doomed: set[str], to_make: list[str]) -> None:
    if doomed:
        say(f"  taken away first: {', '.join(sorted(doomed))}")
    say(f"  to be made: {', '.join(to_make) or 'nothing, all of it is there'}")
    kept = [ref for ref in intended.ours if ref not in doomed]
    if kept:
        say(f"  there already: {', '.join(kept)}")
    foreign = [step.ref for step in intended.foreign]
    if foreign:
        which, it = ("which is not", "it") if len(foreign) == 1 else ("which are not", "one of them")
        say(
            f"  left alone: {', '.join(foreign)}, {which} the course's.",
            f"    If the lesson does not work with {it}, rename or delete it, and start again.",
        )
    if intended.unserved:
        say(f"  left out: {', '.join(intended.unserved)}, which this cluster does not serve. What adds it: course doctor")


def _copy(exercise: Exercise, folder: Path, namespace: str, seed: int | None) -> None:
    """Copy the task, and what to begin with: the broken workloads that were drawn, else the starter."""
    texts: dict[str, str] = {}
    sources = {f"{workload_in(path, namespace)}.yaml": path for path in chosen_files(exercise, seed).values()}
    if not sources:
        sources = {path.relative_to(exercise.folder / "starter").as_posix(): path for path in exercise.files("starter")}
    for name, path in {"task.md": exercise.folder / "task.md", **sources}.items():
        text = path.read_text(encoding="utf-8")
        texts[name] = in_namespace(text, namespace) if path.suffix in (".yaml", ".yml") else text
    _told(copy_files(texts, folder), folder)


def _told(copied: Copied, folder: Path) -> None:
    if copied.written:
        say(f"Copied to {folder}: {', '.join(copied.written)}")
    if copied.same:
        say(f"There already, unchanged: {', '.join(copied.same)}")
    if copied.kept:
        say(f"Kept as you have them: {', '.join(copied.kept)}. For fresh copies use another folder: --into DIR")


def _farewell(exercise: Exercise, folder: Path, namespace: str, seed: int | None) -> None:
    if seed is not None:
        say(f"The variants were drawn with seed {seed}; --seed {seed} repeats them.")
    flag = "" if namespace == NAMESPACE else f" -n {namespace}"
    has_files = bool(exercise.files("starter")) or seed is not None
    files = f"grade {exercise.lesson} -f {folder}{flag}   or, after kubectl apply, " if has_files else ""
    put(f"Read {folder / 'task.md'}, then: {files}grade {exercise.lesson}{flag}\n")
