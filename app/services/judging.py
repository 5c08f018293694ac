"""Grading for the other commands, on the files or the cluster that `grade` would read."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from app.services.content import Exercise
from graders.engine import evaluate
from graders.errors import UnreadableInput
from graders.objective import Lesson
from graders.report import Report
from graders.sources.manifests import SUFFIXES


def source_files(options: Namespace, exercise: Exercise) -> list[str]:
    """The files that the options name, else the exercise's folder below this one if it is there; none means the cluster."""
    if options.files:
        return list(options.files)
    folder = Path(exercise.folder.name)
    there = not (options.context or options.kubeconfig) and folder.is_dir()
    return [str(folder)] if there and any(path.suffix in SUFFIXES for path in folder.rglob("*")) else []


def judge(lesson: Lesson, options: Namespace, files: list[str], namespace: str) -> Report:
    """The report on these files, or on the cluster when there are none. Raises UnreadableInput, ClusterUnavailable."""
    now = datetime.now(UTC)
    if files:
        from graders.sources.manifests import read_paths

        if "-" in files:
            raise UnreadableInput("Standard input is not read here.", help="Name a file or a folder with -f.")
        return evaluate(lesson, read_paths(files, namespace=namespace, taken_at=now))
    from graders.sources import cluster

    kinds = (*lesson.reads, *lesson.live_reads)
    connected = cluster.connect(context=options.context, kubeconfig=options.kubeconfig, timeout=options.timeout)
    return evaluate(lesson, connected.snapshot(kinds, namespace=namespace, taken_at=now, everywhere=lesson.everywhere))
