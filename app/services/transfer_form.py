"""The form of a saved file: everything of one learner as JSON, and what it must be like to be taken in."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.models import Origin
from app.services.report_shape import EARLIEST, checked_report
from graders.errors import UnreadableInput
from graders.lessons import LESSONS

SCHEMA: Final = 1
KIND: Final = "kubernetes-course-progress"
LARGEST: Final = 64_000_000
"""Bytes; years of attempts have far fewer."""

_HELP = "Choose a file that this page has saved."
_LESSONS = frozenset(entry.id for entry in LESSONS)


def _known_lesson(id: str) -> str:
    if id not in _LESSONS:
        raise ValueError("the course has no such lesson")
    return id


Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{8,64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
LessonId = Annotated[str, AfterValidator(_known_lesson)]
# In JSON a time is a string, which `strict` would refuse.
Time = Annotated[AwareDatetime, Field(strict=False, ge=EARLIEST, le=EARLIEST.replace(year=2100))]


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class AttemptForm(_Form):
    """An attempt: where it was made, and its report."""

    key: Key
    origin: Annotated[Origin, Field(strict=False)]
    report: Annotated[dict[str, Any], AfterValidator(checked_report)]


class AnswerForm(_Form):
    """An answer to a question of a quiz."""

    key: Key
    lesson: LessonId
    question: Name
    chosen: Annotated[list[Annotated[int, Field(ge=0, le=99)]], Field(min_length=1, max_length=20)]
    correct: bool
    at: Time


class HintForm(_Form):
    """A hint that was shown."""

    lesson: LessonId
    objective: Name
    number: Annotated[int, Field(ge=1, le=99)]
    at: Time


class SolutionForm(_Form):
    """A solution that was looked at."""

    lesson: LessonId
    earned: bool
    at: Time


class ReadingForm(_Form):
    """How far a lesson was read."""

    lesson: LessonId
    anchor: Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]*$", max_length=200)]
    seconds: Annotated[int, Field(ge=0, le=10**8)]
    at: Time


class FileForm(_Form):
    """A file of the workspace."""

    name: Annotated[str, StringConstraints(max_length=200)]
    content: Annotated[str, StringConstraints(max_length=2_000_000)]


class ChoiceForm(_Form):
    """Something that was chosen."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9./-]*$", max_length=64)]
    value: Annotated[str, StringConstraints(max_length=1000)]


class Saved(_Form):
    """All of it. Lists may be left out by a version that had none."""

    # BaseModel has a method of the field's own name.
    version: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    kind: Literal["kubernetes-course-progress"]
    saved_at: Time
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    attempts: list[AttemptForm] = []
    answers: list[AnswerForm] = []
    hints: list[HintForm] = []
    solutions: list[SolutionForm] = []
    readings: list[ReadingForm] = []
    files: list[FileForm] = []
    choices: list[ChoiceForm] = []


def read_saved(content: bytes) -> Saved:
    """The content of a saved file. Raises UnreadableInput, in a sentence that quotes nothing of it."""
    if len(content) > LARGEST:
        raise UnreadableInput(f"The file is larger than {LARGEST // 1_000_000} MB; no saved progress is.", help=_HELP)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise UnreadableInput("The file is no JSON, or it was cut off.", help=_HELP) from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise UnreadableInput("The file is JSON, but none that the course has saved.", help=_HELP)
    version = data.get("schema")
    if version != SCHEMA:
        newer = isinstance(version, int) and version > SCHEMA
        advice = "Update the course, then take it in." if newer else _HELP
        raise UnreadableInput(
            f"The file is of {'a newer' if newer else 'another'} form than this version of the course knows.", help=advice
        )
    try:
        return Saved.model_validate(data)
    except (ValidationError, RecursionError) as error:
        raise UnreadableInput(
            f"The file is damaged: {_where(error)}.", help="Nothing was taken in. Save it again where it comes from, if you can."
        ) from None


def _where(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it is nested too deeply"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = " ".join(f"{step + 1}" if isinstance(step, int) else str(step) for step in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
