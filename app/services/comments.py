"""What instructors say to a learner about an objective or a lesson: written, shown in the learner's workbench, read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from app.errors import NotFound
from app.models import Account, Cohort, Comment, Learner, Membership, Role, utc_now
from app.services.audit import Actor, note
from graders.errors import UnreadableInput
from graders.lessons import LESSONS

LONGEST: Final = 4000  # characters
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Said:
    """A comment as it is shown. `objective_id` is empty when it is about the lesson; `author` is who wrote it, by name."""

    id: int
    cohort_id: int
    cohort: str
    author_id: int | None
    author: str
    lesson_id: str
    objective_id: str
    text: str
    written_at: datetime
    read_at: datetime | None

    @property
    def paragraphs(self) -> list[str]:
        """The text by its empty lines."""
        return [part for part in re.split(r"\n\s*\n", self.text) if part.strip()]


def of(session: Session, learner_id: int, lesson_id: str | None = None, *, cohort_id: int | None = None) -> list[Said]:
    """What was said to a learner, the oldest first: all of it, or about one lesson, or in one cohort."""
    query = (
        select(Comment, Cohort.name, Learner.name, Account.email)
        .join(Cohort, col(Cohort.id) == Comment.cohort_id)
        .outerjoin(Learner, col(Learner.id) == Comment.author_id)
        .outerjoin(Account, col(Account.learner_id) == Comment.author_id)
        .where(Comment.learner_id == learner_id)
        .order_by(col(Comment.written_at), col(Comment.id))
    )
    if lesson_id is not None:
        query = query.where(Comment.lesson_id == lesson_id)
    if cohort_id is not None:
        query = query.where(Comment.cohort_id == cohort_id)
    return [_said(comment, cohort, name or email or "somebody who has left") for comment, cohort, name, email in session.exec(query)]


def _said(comment: Comment, cohort: str, author: str) -> Said:
    assert comment.id is not None
    return Said(
        comment.id,
        comment.cohort_id,
        cohort,
        comment.author_id,
        author,
        comment.lesson_id,
        comment.objective_id,
        comment.text,
        comment.written_at,
        comment.read_at,
    )


def unread(session: Session, learner_id: int) -> dict[str, int]:
    """How many comments a learner has not seen yet, by lesson."""
    query = (
        select(Comment.lesson_id, func.count())
        .where(Comment.learner_id == learner_id, col(Comment.read_at).is_(None))
        .group_by(Comment.lesson_id)
    )
    return dict(session.exec(query).all())


def write(session: Session, actor: Actor, cohort_id: int, learner_id: int, *, lesson_id: str, objective_id: str, text: str) -> Comment:
    """Say something to a learner of the cohort. Raises NotFound for somebody else, or for an objective that there is not;
    UnreadableInput for a text that is empty or too long."""
    membership = session.get(Membership, (cohort_id, learner_id))
    if membership is None or membership.role != Role.LEARNER:
        raise NotFound("This cohort has no such learner.", help="They may have left it. Reload the page.")
    lesson = next((entry for entry in LESSONS if entry.id == lesson_id), None)
    if lesson is None or (objective_id and all(each.id != objective_id for each in lesson.load().objectives)):
        raise NotFound("There is no such objective to comment on.", help="Reload the page.")
    comment = Comment(
        cohort_id=cohort_id,
        learner_id=learner_id,
        author_id=actor.id,
        lesson_id=lesson_id,
        objective_id=objective_id,
        text=checked_text(text),
    )
    session.add(comment)
    session.flush()
    about = f"{lesson_id} {objective_id}".strip()
    note(session, actor, "comment.written", _name(session, learner_id), cohort_id=cohort_id, about=about, comment=comment.id)
    return comment


def checked_text(text: str) -> str:
    """A comment as it is stored: with line ends of Unix, and without what cannot be seen. Raises UnreadableInput when it is none."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise UnreadableInput("The comment is empty.", help="Nothing was sent. Write something, and send it again.")
    if len(text) > LONGEST:
        raise UnreadableInput(
            f"The comment has {len(text)} characters; {LONGEST} is the most.", help="Nothing was sent. Go back and shorten it."
        )
    return text


def delete(session: Session, actor: Actor, cohort_id: int, comment_id: int) -> Comment:
    """Take back what one has written oneself. Raises NotFound for anything else."""
    comment = session.get(Comment, comment_id)
    if comment is None or comment.cohort_id != cohort_id or comment.author_id is None or comment.author_id != actor.id:
        raise NotFound("You have written no such comment here.", help="Only who wrote a comment can take it back. Reload the page.")
    note(session, actor, "comment.deleted", _name(session, comment.learner_id), cohort_id=cohort_id, comment=comment.id)
    session.delete(comment)
    return comment


def mark_read(session: Session, learner_id: int, ids: Sequence[int]) -> None:
    """Note that a learner has been shown these comments."""
    session.exec(
        update(Comment)
        .where(col(Comment.learner_id) == learner_id, col(Comment.id).in_(ids), col(Comment.read_at).is_(None))
        .values(read_at=utc_now())
    )


def _name(session: Session, learner_id: int) -> str:
    account = session.get(Account, learner_id)
    return account.email if account else ""
