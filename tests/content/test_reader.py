"""lessons/ as values: what is read, and what is said of files that are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.lesson_texts import ContentError, Course, read_glossary, read_head, read_quiz
from app.services.markdown import Addresses, Markdown
from app.services.markdown_page import Command, Heading, Target, read_page, slug
from graders.lessons import LESSONS
from tests.content.course_folder import CourseFolder

HEAD_WRONG = [
    pytest.param("## No head\n", 1, "has no head", id="no-head"),
    pytest.param("---\nid: lesson-8\n", 1, "The head has no end", id="no-end"),
    pytest.param("---\nid: lesson-8\ntitle: [\n---\n", 4, "", id="no-yaml"),
    pytest.param("---\nid: lesson-8\ntitle: A\nminutes: 3\npart: B\n---\n", 2, "The head has no `summary`", id="no-summary"),
    pytest.param("---\nid: lesson-8\ntitle:\nminutes: 3\npart: B\nsummary: C.\n---\n", 3, "has nothing as `title`", id="empty"),
    pytest.param("---\nid: lesson-8\ntitle: A\nminutes: '3'\npart: B\nsummary: C.\n---\n", 4, "has a text as `minutes`", id="text"),
    pytest.param("---\nid: lesson-8\ntitle: 8\nminutes: 3\npart: B\nsummary: C.\n---\n", 3, "has the number 8 as `title`", id="number"),
    pytest.param("---\nid: lesson-8\nauthor: me\n---\n", 3, "has a field `author`", id="other-field"),
    pytest.param("---\n- a\n---\n", 2, "The head is a list", id="list"),
    pytest.param("---\nid: a\nid: b\n---\n", 3, "`id` stands here twice, first on line 2", id="twice"),
]
QUIZ_WRONG = [
    pytest.param("id: a\n", 1, "Here belongs a list, and there is a map", id="map"),
    pytest.param("- id: a\n  question: B?\n", 1, "A question has no `options`", id="no-options"),
    pytest.param("- id: a\n  question: B?\n  options: C\n", 3, "has a text as `options`", id="options"),
    pytest.param("- id: a\n  question: B?\n  options:\n    - text: C\n", 4, "An option has no `why`", id="no-why"),
    pytest.param("- id: a\n  question: B?\n  options:\n    - text: 6\n      why: D\n", 4, "has the number 6 as `text`", id="number"),
    pytest.param("- id: a\n  question: B?\n  options:\n    - text: C\n      why: D\n      correct: 1\n", 6, "`correct`", id="correct"),
    pytest.param("- id: a\n  question: `b`\n", 2, "", id="sign-at-the-start"),
    pytest.param("- id: a\n---\n- id: b\n", 2, "A second document begins here", id="two-documents"),
]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "line", "message"), HEAD_WRONG)
def test_bad_head_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        read_head(written(tmp_path / "lesson.md", text))
    assert raised.value.line == line
    assert message in raised.value.what
    assert raised.value.message.startswith(f"{tmp_path / 'lesson.md'}:{line}: ")
    assert raised.value.help


@pytest.mark.parametrize(("text", "line", "message"), QUIZ_WRONG)
def test_bad_quiz_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ContentError) as raised:
        read_quiz(written(tmp_path / "quiz.yaml", text), Markdown())
    assert (raised.value.line, message in raised.value.what) == (line, True), raised.value.what


def test_bad_glossary_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path / "glossary.yaml", "- id: pod\n  term: Pod\n  short: A.\n  docs: https://a\n  more: x\n")
    with pytest.raises(ContentError, match=r"glossary\.yaml:5: An entry has a field `more`"):
        read_glossary(path)


def test_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lesson.md"
    path.write_bytes(b"---\n\xff\xfe")
    with pytest.raises(ContentError, match="no text in UTF-8"):
        read_head(path)


def test_second_text_of_a_lesson_is_told(tmp_path: Path) -> None:
    folder = CourseFolder(tmp_path, more={"lesson-08-budgets.md": "---\n"})
    with pytest.raises(ContentError, match="lesson-8 has a second text"):
        folder.lesson()


def test_course_has_every_lesson_written_or_not(tmp_path: Path) -> None:
    course = Course.load(CourseFolder(tmp_path).write())
    assert [lesson.id for lesson in course] == [entry.id for entry in LESSONS]
    assert [lesson.id for lesson in course if lesson.written] == ["lesson-8"]
    assert (course["lesson-7"].title, course["lesson-7"].html) == ("Horizontal Pod Autoscaling", "")
    assert list(course.glossary) == ["node", "pod"]
    assert list(course.parts) == ["", "Staying up"]
    with pytest.raises(KeyError):
        course["lesson-99"]


def test_lesson_is_read_whole(tmp_path: Path) -> None:
    lesson = Course.load(CourseFolder(tmp_path).write(), addresses=Addresses("/course"))["lesson-8"]
    assert (lesson.title, lesson.minutes, lesson.part) == ("Pod Disruption Budgets", 25, "Staying up")
    assert [heading.anchor for heading in lesson.contents] == ["where-we-stand", "summary", "read-on"]
    assert lesson.taught["pdb-exists"] == "where-we-stand"
    assert lesson.sections[0].teaches[0] == "pdb-exists"
    assert "the target" in lesson.sections[0].text
    assert [listing.language for listing in lesson.listings] == ["yaml", "yaml", "yaml", "console"]
    assert 'href="/course/glossary#pod"' in lesson.html
    assert lesson.html is lesson.html, "rendered once"
    assert lesson.html_in("team-a") is lesson.html_in("team-a")
    question = lesson.quiz[0]
    assert (question.id, question.html, question.several) == ("question-0", "<p>What happens in situation 0?</p>\n", False)
    right = question.options[0]
    assert (right.html, right.correct, right.why_html) == ("This", True, "<p>Because.</p>\n")


# The text


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Who decides how many", "who-decides-how-many"),
        ("One port, three names", "one-port-three-names"),
        ("`kubectl apply -f .` again", "kubectl-apply-f-again"),
        ("Don't / do", "dont-do"),
        ("Rolling-update: 25 %", "rolling-update-25"),
        ("Größe", "größe"),
        ("…", "section"),
    ],
)
def test_anchor_is_the_words_of_the_heading(heading: str, anchor: str) -> None:
    assert read_page(f"## {heading}\n").headings[0].anchor == anchor


@given(st.lists(st.sampled_from(["a", "A", "a 2", "a-2", "b"]), max_size=8))
def test_anchors_are_unique_and_stable(headings: list[str]) -> None:
    text = "\n\n".join(f"## {heading}" for heading in headings)
    anchors = [heading.anchor for heading in read_page(text).headings]
    assert len(set(anchors)) == len(headings)
    assert anchors == [heading.anchor for heading in read_page(text).headings]
    assert all(anchor == slug(heading) or anchor.startswith(slug(heading) + "-") for anchor, heading in zip(anchors, headings, strict=True))


def test_contents_are_a_tree() -> None:
    page = read_page("## A\n### B\n### C\n## D\n")
    assert page.contents == (
        Heading(2, "A", "a", 1, (Heading(3, "B", "b", 2), Heading(3, "C", "c", 3))),
        Heading(2, "D", "d", 4),
    )


def test_lines_are_those_of_the_file() -> None:
    page = read_page("\n## A\n\n[a](#a)\nand [b](#b)\n\n- item\n\n  ```yaml\n  a: 1\n  ```\n\n::: note N\n![c](diagrams/c.svg)\n:::\n")
    assert [(link.target.anchor, link.line) for link in page.links] == [("a", 4), ("b", 5)]
    assert [(listing.line, listing.text) for listing in page.listings] == [(9, "a: 1\n")]
    assert [(box.line, box.closed) for box in page.boxes] == [(13, True)]
    assert [(picture.line, picture.alone) for picture in page.pictures] == [(14, True)]


def test_words_are_those_of_the_prose() -> None:
    page = read_page(
        "## Two words\n\nThree `more` — words\n\n| a | b |\n|---|---|\n| c | d |\n\n```text\ne f\n```\n\n::: tip One\nTwo\n:::\n"
    )
    assert page.words == 2 + 3 + 2


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("```yaml\na: 1\n```\n", True),
        ("```yaml\na: 1\n", False),
        ("````yaml\na: 1\n```\n", False),
        ("```yaml\n```\n", True),
        ("```yaml", False),
        ("~~~text\n```\n~~~\n", True),
    ],
)
def test_listing_without_end_is_known(text: str, closed: bool) -> None:
    assert [listing.closed for listing in read_page(text).listings] == [closed]


def test_box_ends_at_its_own_end_and_not_in_a_listing() -> None:
    page = read_page("::: note A\n```text\n:::\n```\n:::\n\nText.\n\n::: tip B\n")
    assert [(box.kind, box.title, box.closed) for box in page.boxes] == [("note", "A", True), ("tip", "B", False)]


def test_commands_of_a_console_listing() -> None:
    page = read_page("```console exit=1\n$ kubectl get \\\n>   pods\nNAME\n> x\n\n$ cat <<'END'\n> a\n>\n> END\n$ true\n\n```\n")
    assert page.listings[0].attributes == {"exit": "1"}
    assert page.listings[0].commands == (
        Command("kubectl get \\\n  pods", ("NAME", "> x"), 2),
        Command("cat <<'END'\na\n\nEND", (), 7),
        Command("true", (), 11),
    )


@pytest.mark.parametrize(
    ("written", "language", "attributes"),
    [
        ("yaml file=hpa.yaml", "yaml", {"file": "hpa.yaml"}),
        ('yaml wrong="the API server refuses it: `a`"', "yaml", {"wrong": "the API server refuses it: `a`"}),
        ("console any-order exit=1", "console", {"any-order": "", "exit": "1"}),
        ("", "", {}),
    ],
)
def test_words_after_a_fence(written: str, language: str, attributes: dict[str, str]) -> None:
    (listing,) = read_page(f"~~~{written}\n~~~\n").listings
    assert (listing.language, listing.attributes, listing.malformed) == (language, attributes, "")


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("#a-b", Target("here", "", "a-b")),
        ("glossary:pod", Target("glossary", "pod", "")),
        ("lesson:lesson-5", Target("lesson", "lesson-5", "")),
        ("lesson:lesson-5#a", Target("lesson", "lesson-5", "a")),
        ("objective:lesson-7/hpa-target", Target("objective", "lesson-7/hpa-target", "")),
        ("exercise:lesson-7", Target("exercise", "lesson-7", "")),
        ("simulator:hpa", Target("simulator", "hpa", "")),
        ("simulator:disruption?value=50%25&replicas=7", Target("simulator", "disruption?value=50%25&replicas=7", "")),
        ("simulator:vpa", Target("unknown", "simulator:vpa", "")),
        ("simulator:hpa?a=<b>", Target("unknown", "simulator:hpa?a=<b>", "")),
        ("https://kubernetes.io/docs/", Target("web", "https://kubernetes.io/docs/", "")),
        ("http://kubernetes.io/", Target("unknown", "http://kubernetes.io/", "")),
        ("glossary:pod/../x", Target("unknown", "glossary:pod/../x", "")),
        ("javascript:alert(1)", Target("unknown", "javascript:alert(1)", "")),
        ("//example.org", Target("unknown", "//example.org", "")),
    ],
)
def test_link_means_what_is_written(href: str, target: Target) -> None:
    assert read_page(f"[a]({href})").links[0].target == target
