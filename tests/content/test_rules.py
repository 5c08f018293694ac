"""Each rule of lint by a lesson that keeps it and one that breaks it in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.content.course_folder import (
    HEAD,
    NAME,
    PICTURE,
    QUIZ,
    TEXT,
    Change,
    CourseFolder,
    added,
    glossary,
    head,
    picture,
    quiz,
    text,
)

MARKDOWN, QUESTIONS = f"{NAME}.md", f"{NAME}.quiz.yaml"


def line_of(part: str, whole: str = HEAD + TEXT) -> int:
    """The line in which a part of a file begins."""
    assert part in whole
    return whole[: whole.index(part)].count("\n") + 1


SUMMARY = line_of("## Summary")
FILE = "diagrams/drain.svg"


def without_quiz(folder: CourseFolder) -> None:
    folder.quiz = None


def five_more_questions(folder: CourseFolder) -> None:
    folder.quiz = QUIZ + QUIZ.replace("question-", "more-")


def second_glossary(folder: CourseFolder) -> None:
    folder.more["glossary-more.yaml"] = folder.glossary.replace("Containers", "Some containers")


def other_name(folder: CourseFolder) -> None:
    folder.pictures["eviction.svg"] = folder.pictures["drain.svg"]
    folder.text = folder.text.replace("diagrams/drain.svg", "diagrams/eviction.svg")


# By rule and file: what is changed, the line of the finding, and a part of its message.
BROKEN: dict[tuple[str, str], dict[str, tuple[Change, int, str]]] = {
    ("head", MARKDOWN): {
        "title": (head("title: Pod", "title: A Pod"), 3, "the course has `Pod Disruption Budgets`"),
        "id": (head("id: lesson-8", "id: lesson-9"), 2, "`id` is `lesson-9`"),
        "minutes": (head("minutes: 25", "minutes: 30"), 4, "`minutes` is `30`"),
        "summary": (head("running.", "running"), 6, "`summary` is no sentence"),
    },
    ("length", MARKDOWN): {
        "long": (text("Words", "Words" + " more" * 900), 1, "ask for 1,125 to 1,875"),
        "short": (text("Words that explain a budget to somebody in a hurry. " * 40, ""), 1, "words of prose"),
    },
    ("headings", MARKDOWN): {
        "level-1": (text("## Where we stand", "# Where we stand"), 9, "the first heading, is of level 1"),
        "level-skipped": (added("#### Deep"), SUMMARY, "level 4, after one of level 2"),
        "no-summary": (text("## Summary", "## In short"), line_of("## Read on"), "does not end with"),
        "nothing-to-read": (text("- [Disruptions](https:", "- Books (https:"), line_of("## Read on"), "has no link"),
    },
    ("taught", MARKDOWN): {
        "not-taught": (text("teaches: pdb-exists", "teaches:"), 1, "No section teaches `pdb-exists`"),
        "no-objective": (text("teaches: pdb-exists", "teaches: pdb-exists pdb-existed"), 11, "`pdb-existed` is no objective"),
        "taught-nowhere": (
            text("\n## Where we stand\n", "\n<!-- teaches: pdb-exists -->\n## Where we stand\n"),
            9,
            "before the first heading",
        ),
    },
    ("links", MARKDOWN): {
        "glossary-link": (text("glossary:pod", "glossary:pods"), 15, "The glossary has no `pods`"),
        "lesson-link": (text("lesson:lesson-5", "lesson:lesson-55"), 15, "There is no lesson-55"),
        "anchor-of-a-lesson": (text("lesson:lesson-5", "lesson:lesson-8#where-we-stood"), 15, "no heading `#where-we-stood`"),
        "anchor": (text("#where-we-stand", "#where-we-stood"), line_of("[above]"), "no heading `#where-we-stood`"),
        "objective-link": (text("objective:lesson-8/pdb-exists", "objective:lesson-8/pdb"), 15, "no objective `lesson-8/pdb`"),
        "exercise-link": (text("exercise:lesson-8", "exercise:lesson-88"), 15, "There is no lesson-88"),
        "simulator-field": (text("exercise:lesson-8", "simulator:hpa?minimum=3"), 15, "it has no field `minimum`"),
        "simulator-value": (text("exercise:lesson-8", "simulator:disruption?value=200%25"), 15, "found “200%”"),
        "http": (
            text("https://kubernetes.io/docs/concepts", "http://kubernetes.io/docs/concepts"),
            line_of("- [Disruptions]"),
            "no address that lessons use",
        ),
        "versioned-host": (
            text("https://kubernetes.io/docs/concepts", "https://v1-36.docs.kubernetes.io/docs/concepts"),
            line_of("- [Disruptions]"),
            "names a version",
        ),
        "versioned-path": (text("/docs/concepts/workloads/pods", "/docs/v1.36/pods"), line_of("- [Disruptions]"), "names a version"),
        "link-without-words": (text("[exercise](", "[]("), 15, "no words"),
    },
    ("boxes", MARKDOWN): {
        "box-kind": (
            text("::: break Ask for too much", "::: breaks Ask for too much"),
            line_of("::: break Ask for too"),
            "no box `breaks`",
        ),
        "box-title": (text("::: break Ask for too much", "::: break"), line_of("::: break Ask for too"), "has no title"),
        "box-end": (text("Text.\n:::\n", "Text.\n"), line_of("::: break Ask for nothing"), "has no end"),
        "one-break": (text("::: break Ask for nothing", "::: note Ask for nothing"), 1, "1 of at least 2"),
        "stray-end": (added(":::"), SUMMARY, "comes out as plain text"),
        "comment": (added("<!-- a remark -->"), SUMMARY, "comes out as plain text"),
    },
    ("pictures", MARKDOWN): {
        "picture-missing": (text("diagrams/drain.svg", "diagrams/drains.svg"), 17, "is not there"),
        "picture-elsewhere": (text("diagrams/drain.svg", "https://example.org/a.png"), 17, "no picture of the course"),
        "picture-among-words": (text("![A drain waits]", "Look: ![A drain waits]"), 17, "among words"),
        "picture-without-words": (text("![A drain waits]", "![]"), 17, "no alternative text"),
        "picture-twice": (added("![Again](diagrams/drain.svg)"), 17, "shown twice"),
        "no-picture": (text("![A drain waits](diagrams/drain.svg)", ""), 1, "has no picture"),
    },
    ("listings", MARKDOWN): {
        "no-language": (text("```console", "```"), line_of("```console"), "names no language"),
        "indented-listing": (added("    indented"), SUMMARY, "names no language"),
        "unknown-language": (added("```klingon\nx\n```"), SUMMARY, "no language that can be coloured"),
        "attribute": (text("yaml file=pdb.yaml", "yaml name=pdb.yaml"), line_of("```yaml file"), "`name` means nothing"),
        "attribute-without-value": (text("yaml file=pdb.yaml", "yaml file="), line_of("```yaml file"), "has no value"),
        "two-attributes": (text("yaml file=pdb.yaml", "yaml file=pdb.yaml part=Pod:spec"), line_of("```yaml file"), "at most"),
        "quotation-mark": (text("yaml file=pdb.yaml", 'yaml file="pdb.yaml'), line_of("```yaml file"), "not closed"),
        "exit": (text("```console\n$ kubectl", "```console exit=one\n$ kubectl"), line_of("```console"), "no status"),
        "no-command": (text("$ kubectl get pods", "kubectl get pods"), line_of("```console"), "begins with a command"),
        "background": (
            text("```console\n$ kubectl", "```console background\n$ true\n$ kubectl"),
            line_of("```console"),
            "holds one command",
        ),
    },
    ("manifests", MARKDOWN): {
        "misspelt-field": (
            text("minAvailable: 2\n  selector", "minAvailabel: 2\n  selector"),
            line_of("  minAvailable: 2\n  selector"),
            "`minAvailabel` is not a field",
        ),
        "refused-value": (
            text("minAvailable: 2\n  selector", 'minAvailable: "2"\n  selector'),
            line_of("  minAvailable: 2\n  selector"),
            "minAvailable",
        ),
        "file-elsewhere": (text("file=pdb.yaml", "file=../pdb.yaml"), line_of("```yaml file"), "no file of the learner's folder"),
        "fragment-unmarked": (added("```yaml\nminAvailable: 2\n```"), SUMMARY + 1, "neither `apiVersion` nor `kind`"),
        "empty-listing": (added("```yaml\n# nothing\n```"), SUMMARY, "holds no object"),
        "excerpt-of-nothing": (
            text("solution/pdb.yaml", "solution/budget.yaml"),
            line_of("```yaml excerpt"),
            "no file solution/budget.yaml",
        ),
        "excerpt-changed": (
            text("spec:\n  minAvailable: 2\n  # …", "spec:\n  minAvailable: 3\n  # …"),
            line_of("```yaml excerpt") + 1,
            "`minAvailable: 3` does not stand",
        ),
        "excerpt-with-a-gap": (text("  # …\n", ""), line_of("```yaml excerpt") + 1, "not one after the other"),
        "excerpt-indented-otherwise": (
            text("spec:\n  minAvailable: 2\n  # …", "spec:\nminAvailable: 2\n  # …"),
            line_of("```yaml excerpt") + 1,
            "not one after the other",
        ),
        "part-of-nothing": (
            text("part=PodDisruptionBudget:spec.selector", "part=PodDisruptionBudget"),
            line_of("```yaml part"),
            "names no field",
        ),
        "part-of-no-kind": (
            text("part=PodDisruptionBudget", "part=PodDisruptionBudgets"),
            line_of("```yaml part"),
            "no kind `PodDisruptionBudgets`",
        ),
        "part-of-no-field": (text("spec.selector\n", "spec.selektor\n"), line_of("```yaml part") + 1, "`selektor` is not a field"),
        "part-misspelt": (
            text("selector\nmatchLabels:", "selector\nmatchLabel:"),
            line_of("```yaml part") + 1,
            "`matchLabel` is not a field",
        ),
        "part-no-yaml": (text("selector\nmatchLabels:", "selector\nmatchLabels: {"), line_of("```yaml part") + 3, ""),
        "part-of-an-item": (added("```yaml part=Pod:spec.containers[].resources\nrequests:\n  cpu: 1 core\n```"), SUMMARY + 2, "cpu"),
    },
    ("quiz", MARKDOWN): {
        "no-quiz": (without_quiz, 1, "has no quiz"),
    },
    ("quiz", QUESTIONS): {
        "long-quiz": (five_more_questions, 1, "has 8 questions"),
        "question-twice": (quiz("question-1", "question-0"), 1, "Two questions have the id"),
        "question-id": (quiz("question-1", "Question 1"), 11, "is no id"),
        "two-options": (quiz("    - text: Something else\n      why: No.\n", ""), 1, "has 2 options"),
        "nothing-right": (quiz("      correct: true\n", ""), 1, "No option is right"),
        "options-alike": (quiz("Something else", "This"), 1, "the same"),
        "heading-in-quiz": (quiz("What happens in situation 0?", "'# What happens?'"), 1, "neither headings"),
    },
    ("links", QUESTIONS): {
        "link-in-quiz": (quiz("why: Because.", "why: See [this](glossary:nothing)."), 4, "no `nothing`"),
    },
    ("pictures", FILE): {
        "viewbox": (picture('viewBox="0 0 760 100"', 'viewBox="1 0 760 100"'), 1, "viewBox"),
        "role": (picture(' role="img"', ""), 1, 'role="img"'),
        "width": (picture(' role="img"', ' role="img" width="760"'), 1, "width of its own"),
        "no-title": (picture('<title id="drain-title">A drain</title>', ""), 1, "no <title>"),
        "no-desc": (picture('<desc id="drain-desc">It waits.</desc>', "<desc></desc>"), 1, "no <desc>"),
        "style": (picture("<style>", "<style>.d-x{fill:red}"), 4, "not that of diagrams/style.css"),
        "class": (picture('<rect class="d-box d-accent"', '<rect class="d-box d-blue"'), line_of("<rect", PICTURE), "no class `d-blue`"),
        "colour": (picture('<rect class="d-box d-accent"', '<rect fill="#fff"'), line_of("<rect", PICTURE), "a look of its own"),
        "style-attribute": (
            picture('<rect class="d-box d-accent"', '<rect style="fill:red"'),
            line_of("<rect", PICTURE),
            "left out of pages",
        ),
        "handler": (picture('<rect class="d-box d-accent"', '<rect onclick="x()"'), line_of("<rect", PICTURE), "left out of pages"),
        "script": (picture("<defs>", "<script>x()</script><defs>"), line_of("<defs", PICTURE), "<script> is left out"),
        "id": (
            picture('<rect class="d-box', '<rect id="box" class="d-box'),
            line_of("<rect", PICTURE),
            'id="box" does not begin with `drain`',
        ),
        "reference": (picture("url(#drain-arrow)", "url(#arrow)"), line_of('<path class="d-line', PICTURE), "`#arrow` does not begin"),
        "no-xml": (picture("a &amp; b", "a & b"), 1, "no XML"),
    },
    ("pictures", "diagrams/eviction.svg"): {
        "ids-of-another-picture": (other_name, 2, 'id="drain-title" does not begin'),
    },
}
WHOLE = [
    pytest.param(glossary("- id: node", "- id: zone"), 5, "`pod` stands after `zone`", id="sorted"),
    pytest.param(glossary("- id: node", "- id: pod"), 5, "`pod` is explained already, in glossary.yaml:1", id="id-twice"),
    pytest.param(glossary("term: Node", "term: pod"), 5, "`pod` is explained already", id="term-twice"),
    pytest.param(glossary("A machine.", "A [machine](https://example.org)."), 1, "holds a link", id="link"),
    pytest.param(glossary("A machine.", "A machine"), 1, "no sentence", id="sentence"),
    pytest.param(glossary("https://kubernetes.io/docs/concepts/arch", "http://kubernetes.io/docs/arch"), 1, "https://", id="http"),
    pytest.param(glossary("/docs/concepts/arch", "/docs/v1.37/arch"), 1, "names a version", id="versioned"),
    pytest.param(glossary("- id: node", "- id: No_de"), 1, "is no id", id="no-id"),
]


@pytest.fixture
def folder(tmp_path: Path) -> CourseFolder:
    return CourseFolder(tmp_path)


def test_good_lesson_has_no_findings(folder: CourseFolder) -> None:
    assert folder.findings() == []
    assert folder.findings(whole=True) == []


@pytest.mark.parametrize(
    ("rule", "file", "change", "line", "message"),
    [pytest.param(*place, *case, id=name) for place, cases in BROKEN.items() for name, case in cases.items()],
)
def test_rule_finds_what_breaks_it(folder: CourseFolder, rule: str, file: str, change: Change, line: int, message: str) -> None:
    change(folder)
    found = folder.findings()
    assert (rule, file, line) in {
        (each.rule, each.file.relative_to(folder.root).as_posix(), each.line) for each in found if message in each.message
    }
    assert {each.rule for each in found} <= {rule, *ALONG.get(rule, ())}
    assert all(each.help and each.message.endswith((".", "?")) for each in found)


# What else a fault of one rule may bring along.
ALONG = {"headings": ("links",), "links": ("headings",), "listings": ("manifests",)}


@pytest.mark.parametrize(("change", "line", "message"), WHOLE)
def test_glossary_is_judged_with_the_course(folder: CourseFolder, change: Change, line: int, message: str) -> None:
    change(folder)
    (found,) = [each for each in folder.findings(whole=True) if each.rule == "glossary"]
    assert (found.file.name, found.line) == ("glossary.yaml", line)
    assert message in found.message


def test_entry_of_a_second_glossary_is_told_once(folder: CourseFolder) -> None:
    second_glossary(folder)
    found = [each for each in folder.findings(whole=True) if each.rule == "glossary"]
    assert [(each.file.name, each.line) for each in found] == [("glossary-more.yaml", 1), ("glossary-more.yaml", 5)]


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param("```yaml part=Pod:spec.containers[].resources\nresources:\n  limits:\n    memory: 1Gi\n```", id="with-its-name"),
        pytest.param("```yaml part=Pod:spec.containers[]\n- name: api\n```", id="an-item-with-dash"),
        pytest.param("```yaml part=Pod:spec.containers[]\nname: api\n```", id="an-item"),
        pytest.param(
            "```yaml part=Pod:spec.containers\n- livenessProbe: {httpGet: {path: /, port: 80}}\n```", id="what-is-missing-is-not-shown"
        ),
        pytest.param("```yaml part=ServiceMonitor:spec.endpoints\n- port: http\n```", id="custom-resource"),
        pytest.param('```yaml wrong="the API server refuses it"\nspec: [\n```', id="wrong"),
        pytest.param(
            "```yaml excerpt=solution/pdb.yaml\n    minAvailable: 2   # two\n    selector:\n```", id="excerpt-deeper-and-annotated"
        ),
        pytest.param(
            "```yaml\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n```",
            id="whole-manifests",
        ),
        pytest.param('```console skip="needs a cloud account"\n$ aws s3 ls\n```', id="skipped"),
        pytest.param("```text file=app.properties\na=b\n```", id="file-in-another-language"),
        pytest.param("~~~~json\n{}\n~~~~", id="tildes"),
    ],
)
def test_good_listing_is_no_finding(folder: CourseFolder, listing: str) -> None:
    added(listing)(folder)
    assert folder.findings() == []


def test_unused_term_is_told_of_a_complete_course_only(folder: CourseFolder) -> None:
    assert not [each for each in folder.findings(whole=True) if "No lesson" in each.message]
