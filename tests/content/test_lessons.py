"""The course's own lessons keep the rules, `course lint` tells of them, and only who needs texts loads a Markdown parser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import pytest

from app.commands.lint import gather
from app.services.content_material import Finding
from app.services.content_rules import findings
from app.services.curriculum import number
from app.services.lesson_texts import lessons_folder, read_lesson, read_pictures, text_file
from app.services.markdown import Markdown
from graders.lessons import LESSONS
from tests.app.conftest import Course as CourseCommand
from tests.app.conftest import course, home
from tests.cases import ROOT
from tests.cli.conftest import environment
from tests.content.course_folder import CourseFolder
from tests.content.test_rendering import Elements, assert_harmless

__all__ = ["course", "home"]


@pytest.fixture(scope="module")
def told() -> list[Finding]:
    """What lint says of the course's own lessons."""
    material, unreadable = gather(lessons_folder())
    return unreadable + findings(material)


@pytest.mark.parametrize("lesson", [entry.id for entry in LESSONS])
def test_lesson_has_a_text_that_keeps_the_rules(lesson: str, told: list[Finding]) -> None:
    assert not _shown(each for each in told if each.file.name.startswith(f"lesson-{number(lesson):02}-"))


def test_glossary_and_pictures_keep_the_rules(told: list[Finding]) -> None:
    assert not _shown(each for each in told if not each.file.name.startswith("lesson-"))


def _shown(found: Iterable[Finding]) -> str:
    return "\n".join(f"{each.file.name}:{each.line}: {each.message}" for each in found)


# The command


def test_good_lesson_is_exit_0(course: CourseCommand, tmp_path: Path) -> None:
    root = CourseFolder(tmp_path / "lessons").write()
    ran = course("lint", "8", "--lessons", str(root))
    assert (ran.status, ran.err) == (0, "0 findings.\n")
    assert ran.out.startswith("lesson-8: 1,327 of 1,500 words, 1 commands")


def test_finding_is_exit_1_with_file_and_line_and_what_to_do(course: CourseCommand, tmp_path: Path) -> None:
    folder = CourseFolder(tmp_path / "lessons")
    folder.head = folder.head.replace("minutes: 25", "minutes: 30")
    ran = course("lint", "lesson-8", "--lessons", str(folder.write()))
    assert ran.status == 1
    assert "lesson-08-pdb.md:4: `minutes` is `30`" in " ".join(ran.out.split())
    assert "    Write `minutes: 25`.\n" in ran.out
    assert ran.err == "1 finding.\n"


def test_lesson_without_a_text_is_a_finding(course: CourseCommand, tmp_path: Path) -> None:
    ran = course("lint", "9", "--lessons", str(CourseFolder(tmp_path / "lessons").write()))
    assert (ran.status, ran.err) == (1, "1 finding.\n")
    assert "lesson-09-storage.md:1: lesson-9 has no text." in " ".join(ran.out.split())


def test_unreadable_file_is_a_finding_and_hides_no_other(course: CourseCommand, tmp_path: Path) -> None:
    folder = CourseFolder(tmp_path / "lessons", more={"lesson-07-hpa.md": "no head\n", "glossary-more.yaml": "a: [\n"})
    ran = course("lint", "--lessons", str(folder.write()), "--format", "json")
    report = json.loads(ran.out)
    assert ran.status == 1
    found = [(Path(each["file"]).name, each["rule"]) for each in report["findings"]]
    assert [each for each in found if each[1] != "text"] == [("lesson-07-hpa.md", "readable"), ("glossary-more.yaml", "readable")]
    assert ("lesson-09-storage.md", "text") in found
    assert ("lesson-07-hpa.md", "text") not in found, "it has one, which is told to be unreadable"
    assert report["schema"] == 1


def test_facts_of_a_lesson_are_told(course: CourseCommand, tmp_path: Path) -> None:
    folder = CourseFolder(tmp_path / "lessons")
    folder.text = folder.text.replace("```console", '```console skip="needs a cloud account"')
    (lesson,) = json.loads(course("lint", "8", "--lessons", str(folder.write()), "--format", "json").out)["lessons"]
    assert (lesson["commands"], lesson["skipped"], lesson["reasons"]) == (1, 1, ["needs a cloud account"])
    assert lesson["words_wanted"] == 1500


def test_misspelt_word_is_a_finding_unless_it_is_accepted(course: CourseCommand, tmp_path: Path) -> None:
    pytest.importorskip("codespell_lib")
    folder = CourseFolder(tmp_path / "lessons")
    folder.text = folder.text.replace("a budget", "teh budget, not `teh` code,", 1)
    root = folder.write()
    ran = course("lint", "8", "--lessons", str(root), "--format", "json")
    assert [(each["rule"], each["line"]) for each in json.loads(ran.out)["findings"]] == [("spelling", 13)]
    (root / "spelling.txt").write_text("teh\n", encoding="utf-8")
    assert course("lint", "8", "--lessons", str(root)).status == 0


def test_missing_spelling_checker_is_told(course: CourseCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.lint.find_spec", lambda _name: None)
    ran = course("lint", "8", "--lessons", str(CourseFolder(tmp_path / "lessons").write()))
    assert (ran.status, ran.err) == (0, "Spelling was left out: codespell is not installed.\n0 findings.\n")


@pytest.mark.parametrize("line", [("lint", "--lessons", "nowhere"), ("lint", "99")], ids=" ".join)
def test_slip_is_exit_2(course: CourseCommand, line: tuple[str, ...]) -> None:
    assert course(*line).status == 2


PARSERS = frozenset(("markdown_it", "pygments", "app.services.lesson_texts"))


@pytest.mark.parametrize(
    ("program", "line"),
    [("app.cli", ("list",)), ("app.cli", ("start", "7", "--files-only")), ("graders.cli", ("7", "--list"))],
    ids=["list", "start", "grade"],
)
def test_commands_that_need_no_text_load_no_parser(home: Path, program: str, line: tuple[str, ...]) -> None:
    code = f"import sys; from {program} import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code, *line], env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=True
    )
    assert not PARSERS & set(ran.stderr.split())


def test_texts_need_no_web() -> None:
    code = "import sys; from app.services.lesson_texts import Course; Course.load(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=True)
    assert not {"fastapi", "starlette", "jinja2", "sqlmodel"} & set(ran.stdout.split())


@pytest.mark.parametrize("lesson", [entry.id for entry in LESSONS])
def test_page_of_a_lesson_is_harmless_and_its_ids_are_unique(lesson: str) -> None:
    if text_file(lesson, lessons_folder()) is None:
        pytest.skip("it has no text yet")
    text = read_lesson(lesson, lessons_folder(), Markdown(pictures=read_pictures(lessons_folder())))
    page = Elements(text.html)
    ids = [value for _, attributes in page.found if (value := attributes.get("id"))]
    assert len(ids) == len(set(ids))
    here = [unquote(href[1:]) for _, attributes in page.found if (href := attributes.get("href")) and href.startswith("#")]
    assert set(here) <= set(ids)
    options = [option for question in text.quiz for option in question.options]
    shown = [*(question.html for question in text.quiz), *(option.html for option in options), *(option.why_html for option in options)]
    for html in (text.html, text.html_in("team-a"), *shown):
        assert_harmless(html, "/")
