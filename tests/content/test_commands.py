"""Every command of every lesson is run, in order, and prints what the lesson shows (docs/writing-lessons.md, Commands).

Each lesson has a practice cluster of its own, and several are played at once: most of the time they wait for something to happen.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from app.services.lesson_texts import LessonText, lessons_folder, read_lesson
from app.services.markdown import Markdown
from graders.lessons import LESSONS
from tests.content.performance import perform

pytestmark = pytest.mark.cluster
_AT_ONCE = min(4, 2 * (os.cpu_count() or 1))


def _with_commands() -> list[LessonText]:
    lessons = [read_lesson(entry.id, lessons_folder(), Markdown()) for entry in LESSONS]
    return [lesson for lesson in lessons if any(listing.language == "console" for listing in lesson.listings)]


@pytest.fixture(scope="module")
def performances(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[list[str]]]]:
    """What differs, by lesson, for those of this run; all are begun at once."""
    if os.environ.get("COURSE_TEST_KUBECONFIG"):
        pytest.skip("commands of lessons change nodes and namespaces, so they run on practice clusters of their own only")
    binary: Path = request.getfixturevalue("practice_cluster")
    folder = tmp_path_factory.mktemp("stages")
    calls = [item.callspec for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    lessons = [lesson for call in calls if isinstance(lesson := call.params.get("lesson"), LessonText)]
    stopped = threading.Event()
    with ThreadPoolExecutor(_AT_ONCE) as players:
        yield {lesson.id: players.submit(perform, lesson, binary, folder, stopped) for lesson in lessons}
        stopped.set()
        players.shutdown(cancel_futures=True)


@pytest.mark.parametrize("lesson", _with_commands(), ids=lambda lesson: lesson.id)
def test_commands_print_what_the_lesson_shows(lesson: LessonText, performances: Mapping[str, Future[list[str]]]) -> None:
    differences = performances[lesson.id].result()
    if differences:
        pytest.fail("\n\n".join(differences), pytrace=False)
