"""Quizzes: answers are appended; whether a question is right now, and whether it was at the first try, follows from them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import QuizAnswer
from app.services.lesson_texts import Course, LessonText, Question
from graders.errors import UsageError


@dataclass(frozen=True, slots=True)
class Answered:
    """What the learner has answered to one question: the options chosen last, and what came before."""

    chosen: frozenset[int]
    correct: bool
    correct_at_first: bool
    tries: int

    def verdict(self, question: Question) -> str:
        """What to say of it: `Right.`, or how it is not, without telling which option is."""
        if self.correct:
            return "Right." if self.tries == 1 else f"Right, at try {self.tries}."
        if not question.several:
            return "Not right. Read why, and choose again."
        right = right_options(question)
        wrong, missing = len(self.chosen - right), len(right - self.chosen)
        parts = [f"{wrong} of your choices {'is' if wrong == 1 else 'are'} wrong"] if wrong else []
        parts += ["something right is missing"] if missing else []
        return f"Not right yet: {' and '.join(parts)}."


class Score(NamedTuple):
    """Of so many questions: how many are answered, right now, and were right at the first try."""

    asked: int
    answered: int
    right: int
    right_at_first: int


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the questions of one lesson, by the question's id. `since` is set while somebody takes the quiz once more."""

    lesson: LessonText
    answered: Mapping[str, Answered]
    since: datetime | None = None

    def of(self, question: Question) -> Answered | None:
        """What was answered to it, judged by the question as it is now; None also when it has no such options any more."""
        answered = self.answered.get(question.id)
        if answered is None or not answered.chosen <= set(range(len(question.options))):
            return None
        return replace(answered, correct=answered.chosen == right_options(question))

    @property
    def score(self) -> Score:
        """The lesson's score; answers to questions that it no longer asks do not count."""
        known = [answered for question in self.lesson.quiz if (answered := self.of(question))]
        right, at_first = sum(each.correct for each in known), sum(each.correct_at_first for each in known)
        return Score(len(self.lesson.quiz), len(known), right, at_first)


def answers(session: Session, learner_id: int, lesson: LessonText, *, since: datetime | None = None) -> Answers:
    """The learner's answers in one lesson; with `since`, only those given after that."""
    conditions = [col(QuizAnswer.lesson_id) == lesson.id, *([col(QuizAnswer.answered_at) >= since] if since else [])]
    return Answers(lesson, _answered(_rows(session, learner_id, *conditions)), since)


def scores(session: Session, learner_id: int, course: Course) -> dict[str, Score]:
    """By lesson, the score of its quiz; lessons without one are left out."""
    by_lesson: dict[str, list[QuizAnswer]] = {}
    for row in _rows(session, learner_id):
        by_lesson.setdefault(row.lesson_id, []).append(row)
    return {lesson.id: Answers(lesson, _answered(by_lesson.get(lesson.id, ()))).score for lesson in course if lesson.quiz}


def answer(session: Session, learner_id: int, lesson: LessonText, question: Question, chosen: Collection[int]) -> bool:
    """Append an answer; says whether it is right: all options that are, and no others.

    Raises UsageError for none, for several where one is right, and for one that is not there.
    """
    options = frozenset(chosen)
    if not options:
        raise UsageError("Nothing was chosen.", help="Go back, and choose an answer.")
    if not options <= set(range(len(question.options))) or (len(options) > 1 and not question.several):
        raise UsageError("That is not among the answers of this question.", help="Reload the lesson, and answer again.")
    correct = options == right_options(question)
    row = QuizAnswer(
        key=uuid.uuid4().hex,
        learner_id=learner_id,
        lesson_id=lesson.id,
        question_id=question.id,
        chosen=sorted(options),
        correct=correct,
    )
    session.add(row)
    session.flush()
    return correct


def find_question(lesson: LessonText, question_id: str) -> Question | None:
    """The lesson's question of that id."""
    return next((question for question in lesson.quiz if question.id == question_id), None)


def right_options(question: Question) -> frozenset[int]:
    """The positions of the options that are right."""
    return frozenset(position for position, option in enumerate(question.options) if option.correct)


def _rows(session: Session, learner_id: int, *conditions: ColumnElement[bool]) -> Iterable[QuizAnswer]:
    """The answers in the order in which they were given."""
    query = select(QuizAnswer).where(QuizAnswer.learner_id == learner_id, *conditions)
    return session.exec(query.order_by(col(QuizAnswer.answered_at), col(QuizAnswer.id)))


def _answered(rows: Iterable[QuizAnswer]) -> dict[str, Answered]:
    found: dict[str, Answered] = {}
    for row in rows:
        before = found.get(row.question_id)
        first, tries = (before.correct_at_first, before.tries + 1) if before else (row.correct, 1)
        found[row.question_id] = Answered(frozenset(row.chosen), row.correct, first, tries)
    return found
