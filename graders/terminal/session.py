"""One run of `grade`: snapshots come in, reports go out, and the exit status follows from them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from graders.engine import evaluate
from graders.objective import Lesson
from graders.render.words import file_place
from graders.report import Report
from graders.snapshot import Snapshot, Source
from graders.terminal.journal import Journal
from graders.terminal.names import is_course
from graders.terminal.output import put, say, style_for

FOR_PROGRAMS = ("json", "junit")  # these are always a whole document, in UTF-8


def now() -> datetime:
    """The time, for a snapshot to be taken at."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """The options of a run, and the lessons that it grades."""

    options: Namespace
    lessons: tuple[Lesson, ...]

    @property
    def for_program(self) -> bool:
        """Whether the format is read by a program, which wants its document whatever happens."""
        return self.options.format in FOR_PROGRAMS

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that the lessons read on a cluster, each once."""
        return tuple(dict.fromkeys(kind for lesson in self.lessons for kind in (*lesson.reads, *lesson.live_reads)))

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Those of the kinds that some lesson wants from all namespaces."""
        return tuple(dict.fromkeys(kind for lesson in self.lessons for kind in lesson.everywhere))

    def evaluate(self, snapshot: Snapshot) -> tuple[Report, ...]:
        """A report for each lesson."""
        return tuple(evaluate(lesson, snapshot) for lesson in self.lessons)

    def show(self, snapshot: Snapshot, cluster: Callable[[], str] = str) -> int:
        """Grade a snapshot, print all about it, record it and hand it in if the options say so; gives the exit status that its reports ask
        for. `cluster` tells the id of the cluster that was read, empty where it is not known."""
        reports = self.evaluate(snapshot)
        say(read_in_words(snapshot))
        self.print(reports)
        say(*problems_in_words(reports))
        Journal(self.options).note(reports)
        if self.options.submit:
            from graders.terminal.submitting import submit

            submit(snapshot, self.lessons, reports, cluster())
        return exit_status(reports)

    def print(self, reports: Sequence[Report]) -> bool:
        """Print the reports; says whether anybody reads them still."""
        return put(self._rendered(reports), utf8=self.for_program)

    def _rendered(self, reports: Sequence[Report]) -> str:
        options = self.options
        course = is_course(options.lesson)
        match options.format:
            case "json":
                from graders.render.json import render_json, render_json_course

                if course:
                    return render_json_course(reports, hints=options.hints, on_one_line=options.watch)
                return render_json(reports[0], hints=options.hints, on_one_line=options.watch)
            case "junit":
                from graders.render.junit import render_junit

                return render_junit(reports)
            case "markdown":
                from graders.render.markdown import render_markdown

                return render_markdown(reports, hints=options.hints)
            case _:
                from graders.render.text import render_text, render_text_course

                style = style_for(options)
                return render_text_course(reports, style) if course else render_text(reports[0], style, hints=options.hints)


class LiveReports:
    """The reports of a watch: shows those that tell something new, each with the time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._journal = Journal(session.options)
        self._shown: object = None

    def show(self, snapshot: Snapshot) -> bool:
        """Print and record the reports of a snapshot when anything but the time differs; says whether to go on."""
        reports = self._session.evaluate(snapshot)
        told = tuple((report.results, report.problems) for report in reports)
        if told == self._shown:
            return True
        gap = "" if self._shown is None else "\n"
        say(f"{gap}{snapshot.taken_at.astimezone():%H:%M:%S}  {read_in_words(snapshot)}")
        self._shown = told
        still_read = self._session.print(reports)
        say(*problems_in_words(reports))
        self._journal.note(reports)
        return still_read

    def show_trouble(self, *sentences: str) -> None:
        """Say once why there is no report now."""
        if sentences != self._shown:
            say(f"{now().astimezone():%H:%M:%S}  {sentences[0]}", *sentences[1:])
            self._shown = sentences


def read_in_words(snapshot: Snapshot) -> str:
    """`Read 3 files, namespace rag-engine`: what the reports are about."""
    source: Source = snapshot.source
    if source.kind == "cluster":
        where = f"cluster context {source.context}" if source.context else "the cluster that this runs in"
    elif source.files == ("-",):
        where = "standard input"
    else:
        where = f"{len(source.files)} file{'' if len(source.files) == 1 else 's'}"
    return f"Read {where}, namespace {source.namespace}"


def problems_in_words(reports: Sequence[Report]) -> Iterator[str]:
    """What is wrong with the input, a line each, but for what a failed objective's evidence tells already."""
    told = {
        (evidence.file, evidence.line, evidence.found)
        for report in reports
        for result in report.results
        if (evidence := result.verdict.evidence) is not None
    }
    for problem in reports[0].problems if reports else ():
        if (problem.file, problem.line, problem.evidence().found) not in told:
            where = file_place(problem.file, problem.line, problem.column)
            yield f"{where}: {problem.message}" if where else problem.message


def exit_status(reports: Sequence[Report]) -> int:
    """That of the one report; of several: 0 all complete, 3 when nothing but unknown stands in the way, else 1.

    One in which nothing counts, as on manifests a lesson about the cluster, stands in nobody's way.
    """
    codes = {report.exit_code for report in reports if report.counted} or {report.exit_code for report in reports}
    return 1 if 1 in codes else max(codes, default=1)
