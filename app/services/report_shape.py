"""What a JSON report must be like before it is taken in: docs/report.schema.json, and that it agrees with itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from graders.lessons import LESSONS

_LESSONS = frozenset(entry.id for entry in LESSONS)
_LONGEST_ID = 64  # characters, as the database has room for
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Nothing was done for the course before; times of long ago can overflow in somebody's zone."""
_TOLERANCE = timedelta(days=1)  # clocks differ; a report of next year would be the newest one for ever

Text = Annotated[str, StringConstraints(min_length=1)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=_LONGEST_ID)]
Count = Annotated[int, Field(ge=0)]
Place = Annotated[int, Field(ge=1)] | None


class _Form(BaseModel):
    # Fields that a later version has added are dropped.
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class _Source(_Form):
    kind: Literal["manifests", "cluster"]
    files: list[str]
    context: str | None
    namespace: Text

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if self.files if self.kind == "cluster" else self.context is not None:
            raise ValueError("a cluster has no files, and manifests have no context")
        return self


class _Evidence(_Form):
    object: str
    path: str | None
    expected: str
    found: str
    file: str | None
    line: Place
    command: str | None


class _Objective(_Form):
    id: Identifier
    title: Text
    status: Literal["passed", "failed", "pending", "blocked", "skipped", "unknown"]
    bonus: bool
    live: bool
    advice: str | None
    evidence: _Evidence | None
    reason: str | None
    needs: list[str]
    docs: Annotated[str, StringConstraints(pattern=r"^https://")]

    @model_validator(mode="after")
    def _says_what_its_status_needs(self) -> Self:
        if (self.status in ("failed", "pending")) is not (self.evidence is not None):
            raise ValueError("evidence belongs to what has failed or is pending")
        if (self.status in ("blocked", "skipped", "unknown")) is not bool(self.reason):
            raise ValueError("a reason belongs to what is blocked, skipped or unknown")
        if self.advice is not None and self.status != "passed":
            raise ValueError("advice belongs to what has passed")
        return self


class _Problem(_Form):
    file: str | None
    line: Place
    column: Place
    message: Text


class _Report(_Form):
    # BaseModel has a method of the field's own name. No Literal: True would be 1.
    version: Annotated[int, Field(alias="schema", ge=1, le=1)]
    lesson: str
    title: Text
    source: _Source
    graded_at: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
    complete: bool
    passed: Count
    counted: Count
    objectives: list[_Objective]
    problems: list[_Problem]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.lesson not in _LESSONS:
            raise ValueError("the course has no such lesson")
        if len({objective.id for objective in self.objectives}) < len(self.objectives):
            raise ValueError("an objective stands there twice")
        counted = [each.status for each in self.objectives if not each.bonus and each.status != "skipped"]
        passed = counted.count("passed")
        if (self.passed, self.counted) != (passed, len(counted)) or self.complete is not (0 < len(counted) == passed):
            raise ValueError("the counts are not those of the objectives")
        if not EARLIEST <= datetime.fromisoformat(self.graded_at) <= datetime.now(UTC) + _TOLERANCE:
            raise ValueError("it comes from the future, or from before there was a course")
        return self


def checked_report(data: object) -> dict[str, Any]:
    """The report, without fields that this version does not know. Raises ValueError, with a sentence that quotes nothing of it."""
    try:
        return _Report.model_validate(data).model_dump(by_alias=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{where or 'report'}: {first['msg'].removeprefix('Value error, ')}") from None
