"""What is installed holds the lessons and exercises that its commands read."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.cases import EXERCISES, ROOT


def test_wheel_holds_lessons_and_exercises(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    lessons = [path for path in (ROOT / "lessons").rglob("*") if path.is_file()]
    solutions = [path for path in EXERCISES.glob("lesson-*/solution/*") if path.is_file()]
    assert lessons
    assert solutions
    assert {f"app/{path.relative_to(ROOT).as_posix()}" for path in (*lessons, *solutions)} <= held
    assert not [name for name in held if "/cases/" in name]
