"""A folder of lessons for tests: a lesson that is as it should be, to be changed in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.services.content_material import Finding, Material
from app.services.content_rules import findings
from app.services.lesson_texts import ContentError, LessonText, glossary_files, lessons_folder, read_glossary, read_lesson, read_pictures
from app.services.markdown import Markdown
from graders.lessons import LESSONS, all_lessons

LESSON = "lesson-8"
NAME = "lesson-08-pdb"
STYLE = (lessons_folder() / "diagrams" / "style.css").read_text(encoding="utf-8")
_OBJECTIVES = " ".join(objective.id for entry in LESSONS if entry.id == LESSON for objective in entry.load().objectives)

HEAD = """\
---
id: lesson-8
title: Pod Disruption Budgets
minutes: 25
part: Staying up
summary: You keep enough Pods running.
---
"""
TEXT = f"""\

## Where we stand

<!-- teaches: {_OBJECTIVES} -->

{"Words that explain a budget to somebody in a hurry. " * 130}

A [Pod](glossary:pod) of [lesson 5](lesson:lesson-5), [the target](objective:lesson-8/pdb-exists), the [exercise](exercise:lesson-8).

![A drain waits](diagrams/drain.svg)

```yaml file=pdb.yaml
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: search
spec:
  minAvailable: 2
  selector:
    matchLabels:
      app: search
```

```yaml excerpt=solution/pdb.yaml
spec:
  minAvailable: 2
  # …
      app: rag-engine-api
```

```yaml part=PodDisruptionBudget:spec.selector
matchLabels:
  app: search
```

```console
$ kubectl get pods
```

::: break Ask for too much
See [above](#where-we-stand).
:::

::: break Ask for nothing
Text.
:::

## Summary

Text.

## Read on

- [Disruptions](https://kubernetes.io/docs/concepts/workloads/pods/disruptions/)
"""
QUIZ = "".join(
    f"""\
- id: question-{number}
  question: What happens in situation {number}?
  options:
    - text: This
      correct: true
      why: Because.
    - text: That
      why: No.
    - text: Something else
      why: No.
"""
    for number in range(4)
)
GLOSSARY = """\
- id: node
  term: Node
  short: A machine.
  docs: https://kubernetes.io/docs/concepts/architecture/nodes/
- id: pod
  term: Pod
  short: Containers that run together.
  docs: https://kubernetes.io/docs/concepts/workloads/pods/
"""
PICTURE = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 100" role="img" aria-labelledby="drain-title">
<title id="drain-title">A drain</title>
<desc id="drain-desc">It waits.</desc>
<style>{STYLE}</style>
<defs><marker id="drain-arrow" viewBox="0 0 10 10"><path class="d-head" d="M0 0 10 5 0 10z"/></marker></defs>
<rect class="d-box d-accent" x="1" y="1" width="10" height="10"/>
<path class="d-line" d="M0 0H10" marker-end="url(#drain-arrow)"/>
<text class="d-text d-mid" x="5" y="9">a &amp; b</text>
</svg>
"""
EXERCISE = {
    "solution/pdb.yaml": """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: rag-engine-api-pdb
spec:
  minAvailable: 2  # of three
  selector:
    # the labels of the Pods
    matchLabels:
      app: rag-engine-api
"""
}


@dataclass
class CourseFolder:
    """The files of a course with one lesson, to be written with changes and judged."""

    root: Path
    head: str = HEAD
    text: str = TEXT
    quiz: str | None = QUIZ
    glossary: str = GLOSSARY
    pictures: dict[str, str] = field(default_factory=lambda: {"drain.svg": PICTURE})
    more: dict[str, str] = field(default_factory=dict)

    def write(self) -> Path:
        """Write them; gives the folder."""
        files = {f"{NAME}.md": self.head + self.text, "glossary.yaml": self.glossary, "diagrams/style.css": STYLE, **self.more}
        files |= {f"diagrams/{name}": text for name, text in self.pictures.items()}
        if self.quiz is not None:
            files[f"{NAME}.quiz.yaml"] = self.quiz
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self.root

    def lesson(self) -> LessonText:
        """The lesson that is written."""
        self.write()
        return read_lesson(LESSON, self.root, Markdown(pictures=read_pictures(self.root)))

    def findings(self, *, whole: bool = False) -> list[Finding]:
        """What lint finds in the lesson, or with `whole` in the course. Raises ContentError."""
        lesson = self.lesson()
        others = [LessonText(entry.id, entry.title, 30) for entry in LESSONS]
        material = Material(
            self.root,
            tuple(lesson if other.id == LESSON else other for other in others),
            {graded.id: graded for graded in all_lessons()},
            tuple(term for path in glossary_files(self.root) for term in read_glossary(path)),
            read_pictures(self.root),
            STYLE,
            lambda asked, name: EXERCISE.get(name) if asked == LESSON else None,
            {LESSON: NAME},
        )
        return findings(material, None if whole else [LESSON])


Change = Callable[[CourseFolder], None]


def text(old: str, new: str) -> Change:
    """The lesson with some words replaced."""

    def change(folder: CourseFolder) -> None:
        assert old in folder.text, f"`{old}` is in the text"
        folder.text = folder.text.replace(old, new, 1)

    return change


def head(old: str, new: str) -> Change:
    """The head with some words replaced."""

    def change(folder: CourseFolder) -> None:
        assert old in folder.head
        folder.head = folder.head.replace(old, new, 1)

    return change


def quiz(old: str, new: str) -> Change:
    """The quiz with some words replaced."""

    def change(folder: CourseFolder) -> None:
        assert folder.quiz is not None
        assert old in folder.quiz
        folder.quiz = folder.quiz.replace(old, new, 1)

    return change


def glossary(old: str, new: str) -> Change:
    """The glossary with some words replaced."""

    def change(folder: CourseFolder) -> None:
        assert old in folder.glossary
        folder.glossary = folder.glossary.replace(old, new, 1)

    return change


def picture(old: str, new: str) -> Change:
    """The picture with some words replaced."""

    def change(folder: CourseFolder) -> None:
        assert old in folder.pictures["drain.svg"]
        folder.pictures["drain.svg"] = folder.pictures["drain.svg"].replace(old, new, 1)

    return change


def added(listing: str) -> Change:
    """The lesson with something more before its summary."""
    return text("\n## Summary\n", f"\n{listing}\n\n## Summary\n")


__all__ = ["ContentError", "CourseFolder"]
