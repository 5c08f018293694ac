"""A lesson's commands, run in order on a stage and compared with what the lesson shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from app.services.lesson_texts import LessonText
from app.services.markdown_page import Command, Listing
from cluster import build
from tests.content.stage import Running, Shell, Shown, Stage
from tests.content.transcript import first_difference, matches, only_reads

_LONGEST = 130.0  # seconds for one command
_AGAIN = 60.0  # seconds in which what only reads is asked again
_PAUSE = 0.4


@cache
def _releases() -> tuple[str, str]:
    """The Kubernetes that the practice cluster of this run reports, and the one that the lessons show."""
    return build.kubernetes_version(build.chosen()), build.kubernetes_version(build.versions()[0])


def _as_shown(printed: Sequence[str]) -> list[str]:
    """What was printed on an older Kubernetes, with the release that the lessons show."""
    here, shown = _releases()
    return [line.replace(here, shown) for line in printed]


def perform(lesson: LessonText, binary: Path, folder: Path, stopped: threading.Event) -> list[str]:
    """What differs from the lesson, each as a text to read. `stopped` ends it early."""
    stage = Stage(binary, folder / lesson.id, lesson.id)
    try:
        stage.prepare()
        return Performance(lesson, stage.shell(), stopped).run()
    finally:
        stage.close()


@dataclass
class Performance:
    """A lesson played from its first listing to its last. It goes on after a difference, so that one run tells of all."""

    lesson: LessonText
    shell: Shell
    stopped: threading.Event = field(default_factory=threading.Event)
    differences: list[str] = field(default_factory=list)
    beside: list[tuple[Listing, Command, Running]] = field(default_factory=list)
    section: str = ""

    def run(self) -> list[str]:
        """What differs, each as a text to read."""
        try:
            for listing in self.lesson.listings:
                if listing.section != self.section:
                    self.end_of_section()
                    self.section = listing.section
                self.play(listing)
            self.end_of_section()
        finally:
            for _, _, running in self.beside:
                running.stop()
        return self.differences

    def play(self, listing: Listing) -> None:
        """Save the file of a listing, or run its commands."""
        if "file" in listing.attributes:
            path = self.shell.folder / listing.attributes["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(listing.text, encoding="utf-8")
        if listing.language != "console" or "skip" in listing.attributes or self.stopped.is_set():
            return
        commands = listing.commands
        if "background" in listing.attributes:
            self.beside.append((listing, commands[0], self.shell.begin(commands[0].text)))
            time.sleep(1)  # as somebody who goes on reading
            return
        status = int(listing.attributes.get("exit", "0"))
        for command in commands:
            wanted = (status,) if command is commands[-1] else (0, status)
            self.play_command(command, wanted, any_order="any-order" in listing.attributes)

    def play_command(self, command: Command, wanted: tuple[int, ...], *, any_order: bool) -> None:
        """Run a command, again while it only reads and does not yet show what the lesson shows."""
        deadline = time.monotonic() + (_AGAIN if only_reads(command.text) else 0)
        while not self.stopped.is_set():
            shown = self.shell.run(command.text, _LONGEST)
            fits = not command.output or matches(command.output, _as_shown(shown.lines), any_order=any_order)
            if fits and shown.status in wanted:
                return
            if time.monotonic() > deadline:
                self.differs(command, shown, wanted)
                return
            time.sleep(_PAUSE)

    def end_of_section(self) -> None:
        """Wait until what runs beside has shown what it should, and stop it."""
        for listing, command, running in self.beside:
            deadline = time.monotonic() + _AGAIN
            any_order = "any-order" in listing.attributes
            while not matches(command.output, _as_shown(running.lines()), any_order=any_order, open_end=True):
                if time.monotonic() > deadline or self.stopped.is_set():
                    self.differs(command, Shown(0, running.lines()), (0,))
                    break
                time.sleep(_PAUSE)
            running.stop()
        self.beside.clear()

    def differs(self, command: Command, shown: Shown, wanted: tuple[int, ...]) -> None:
        """Note a difference: file and line, command, expected, got."""
        assert self.lesson.path is not None
        ended = "was stopped, it took too long" if shown.status is None else f"ended with status {shown.status}, expected {wanted[-1]}"
        near = first_difference(command.output, _as_shown(shown.lines)) if command.output else ""
        parts = [
            f"{self.lesson.path.name}:{command.line}: $ {command.text}",
            f"  it {ended}" if shown.status not in wanted else "  it printed something else",
            *([f"  the first line that does not agree: {near}"] if near else []),
            "  expected:",
            *(f"    {line}" for line in command.output or ("(anything)",)),
            "  got:",
            *(f"    {line}" for line in shown.lines or ("(nothing)",)),
        ]
        self.differences.append("\n".join(parts))
