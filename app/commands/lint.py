"""`course lint`: whether the lessons are as docs/writing-lessons.md asks."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from app.commands.arguments import CourseParser
from app.services.content import Exercise
from app.services.content_material import Finding, Material
from app.services.content_rules import WORDS_A_MINUTE, findings
from app.services.curriculum import MINUTES, number
from app.services.lesson_texts import (
    ContentError,
    LessonText,
    Term,
    glossary_files,
    lessons_folder,
    read_glossary,
    read_lesson,
    read_pictures,
)
from app.services.markdown import Markdown
from graders.errors import UsageError
from graders.lessons import LESSONS, all_lessons
from graders.terminal.names import find_lesson
from graders.terminal.output import put, say, style_for

_CHECKER = "codespell_lib"
_PATIENCE = 60  # seconds for the spelling checker
_MISSPELT = re.compile(r"(.+?):(\d+): (\S+) ==> (.+)")
_NOT_PROSE = r"`[^`]*`|\]\([^)]*\)|https?://\S+"


def arguments(parser: CourseParser) -> None:
    """What `course lint` takes."""
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="lesson-7, 7 or hpa; the whole course if left out")
    parser.add_argument("--lessons", dest="root", metavar="DIR", help="the folder of lessons instead of the course's own")
    parser.output_options(formats=True)


def run(options: Namespace) -> int:
    """Print what is wrong; gives the exit status: 0 nothing, 1 something. Raises GradingError."""
    root = Path(options.root) if options.root else lessons_folder()
    if not root.is_dir():
        raise UsageError(f"{root} is no folder of lessons.", help="Name one with --lessons DIR.")
    only = [find_lesson(name).id for name in options.lessons] or None
    material, unreadable = gather(root, only)
    found = [each for each in unreadable if only is None or _concerns(each, only)] + findings(material, only)
    report = _as_json if options.format == "json" else _as_text
    report(options, material, found, only)
    return 1 if found else 0


def gather(root: Path, only: Sequence[str] | None = None) -> tuple[Material, list[Finding]]:
    """All that the rules look at, and the files that are missing or could not be read. `only` spares the spelling of other lessons."""
    unreadable: list[Finding] = []
    try:
        pictures = read_pictures(root)
    except ContentError as error:
        unreadable.append(_unreadable(error))
        pictures = {}
    markdown = Markdown(pictures=pictures)
    lessons: list[LessonText] = []
    for entry in LESSONS:
        try:
            lessons.append(read_lesson(entry.id, root, markdown))
            if not lessons[-1].written:
                unreadable.append(_without_text(entry.id, root))
        except ContentError as error:
            unreadable.append(_unreadable(error))
            lessons.append(LessonText(entry.id, entry.title, MINUTES[entry.id]))
    terms: list[Term] = []
    for path in glossary_files(root):
        try:
            terms += read_glossary(path)
        except ContentError as error:
            unreadable.append(_unreadable(error))
    style = root / "diagrams" / "style.css"
    material = Material(
        root,
        tuple(lessons),
        {lesson.id: lesson for lesson in all_lessons()},
        tuple(terms),
        pictures,
        style.read_text(encoding="utf-8") if style.is_file() else "",
        _exercise_file,
        {entry.id: Exercise.of(entry.id).folder.name for entry in LESSONS},
        _misspelt(_prose(root, lessons, only), root / "spelling.txt"),
    )
    return material, unreadable


def _prose(root: Path, lessons: Sequence[LessonText], only: Sequence[str] | None) -> list[Path]:
    if only is None:
        return [*sorted(root.glob("*.md")), *sorted(root.glob("*.yaml"))]
    return [path for lesson in lessons if lesson.id in only for path in (lesson.path, lesson.quiz_path) if path is not None]


def _exercise_file(lesson: str, name: str) -> str | None:
    folder = Exercise.of(lesson).folder.resolve()
    path = (folder / name).resolve()
    return path.read_text(encoding="utf-8") if path.is_relative_to(folder) and path.is_file() else None


def _unreadable(error: ContentError) -> Finding:
    return Finding("readable", error.file, error.line, error.what, error.help)


def _without_text(lesson: str, root: Path) -> Finding:
    path = root / f"{Exercise.of(lesson).folder.name}.md"
    return Finding("text", path, 1, f"{lesson} has no text.", "Write it, as docs/writing-lessons.md shows.")


def _concerns(finding: Finding, only: Sequence[str]) -> bool:
    name = finding.file.name
    return not name.startswith("lesson-") or name.startswith(tuple(f"lesson-{number(lesson):02}-" for lesson in only))


def _misspelt(files: Sequence[Path], accepted: Path) -> tuple[tuple[Path, int, str, str], ...] | None:
    """Words that codespell takes for slips, by file and line; None where it is not installed. `accepted` lists words that it may not."""
    if find_spec(_CHECKER) is None:
        return None
    if not files:
        return ()
    command = [sys.executable, "-m", _CHECKER, "--disable-colors", "--ignore-regex", _NOT_PROSE]
    command += ["--ignore-words", str(accepted)] if accepted.is_file() else []
    ran = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, encoding="utf-8", check=False, timeout=_PATIENCE)  # noqa: S603 # our own words
    return tuple(
        (Path(found[1]), int(found[2]), found[3], found[4]) for line in ran.stdout.splitlines() if (found := _MISSPELT.fullmatch(line))
    )


def _as_text(options: Namespace, material: Material, found: Sequence[Finding], only: Sequence[str] | None) -> None:
    style = style_for(options)
    lines: list[str] = []
    for each in found:
        lines += style.wrap(f"{_shown(each.file)}:{each.line}: {each.message}", rest="    ")
        lines += style.wrap(each.help, "    ", "    ")
    chosen = [lesson for lesson in material.lessons if only is None or lesson.id in only]
    for lesson in chosen:
        if lesson.written:
            facts = _facts(lesson)
            counts = f"{facts['commands']} commands, {facts['skipped']} of them skipped, {facts['questions']} questions"
            lines += style.wrap(f"{lesson.id}: {facts['words']:,} of {facts['words_wanted']:,} words, {counts}")
    put("".join(f"{line}\n" for line in lines))
    if material.misspelt is None:
        say("Spelling was left out: codespell is not installed.")
    say(f"{len(found)} finding{'' if len(found) == 1 else 's'}.")


def _as_json(_options: Namespace, material: Material, found: Sequence[Finding], only: Sequence[str] | None) -> None:
    import json

    report = {
        "schema": 1,
        "findings": [{**each._asdict(), "file": _shown(each.file)} for each in found],
        "lessons": [_facts(lesson) for lesson in material.lessons if only is None or lesson.id in only],
        "left_out": ["spelling"] if material.misspelt is None else [],
    }
    put(json.dumps(report, ensure_ascii=False, indent=2) + "\n", utf8=True)


def _facts(lesson: LessonText) -> dict[str, object]:
    consoles = [listing for listing in lesson.listings if listing.language == "console"]
    return {
        "id": lesson.id,
        "written": lesson.written,
        "words": lesson.words,
        "words_wanted": MINUTES[lesson.id] * WORDS_A_MINUTE,
        "commands": sum(len(listing.commands) for listing in consoles),
        "skipped": sum(len(listing.commands) for listing in consoles if "skip" in listing.attributes),
        "reasons": sorted({listing.attributes["skip"] for listing in consoles if "skip" in listing.attributes}),
        "questions": len(lesson.quiz),
    }


def _shown(path: Path) -> str:
    """A path as it is shortest to type."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()
