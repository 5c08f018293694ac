"""What is installed holds all that its commands and its pages need."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cases import EXERCISES, ROOT

# Serves pages from the unpacked wheel, and asks for every file that they name.
PAGES = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import app
assert Path(app.__file__).is_relative_to(sys.argv[1]), app.__file__
from fastapi.testclient import TestClient
from app.config import Settings
from app.main import create_app
with TestClient(create_app(Settings.local(Path(sys.argv[2]))), base_url="http://127.0.0.1:8610") as client:
    for page in ("/", "/lessons/lesson-7", "/workbench/lesson-7", "/cluster/lesson-7", "/progress", "/simulators/hpa"):
        answer = client.get(page)
        assert answer.status_code == 200, (page, answer.text[:500])
        for file in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
            assert client.get(file).status_code == 200, file
    assert "<svg" in client.get("/lessons/lesson-7").text
    assert client.get("/api/schema/autoscaling/v2/HorizontalPodAutoscaler").status_code == 200
print("served")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_holds_lessons_and_exercises(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    lessons = [path for path in (ROOT / "lessons").rglob("*") if path.is_file()]
    solutions = [path for path in EXERCISES.glob("lesson-*/solution/*") if path.is_file()]
    assert lessons
    assert solutions
    assert {f"app/{path.relative_to(ROOT).as_posix()}" for path in (*lessons, *solutions)} <= held
    assert not [name for name in held if "/cases/" in name or "node_modules" in name or "/editor/" in name]


def test_wheel_serves_its_pages_with_all_their_files(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    command = [sys.executable, "-W", "error", "-c", PAGES, str(tmp_path / "installed"), str(tmp_path / "data")]
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout == "served\n", ran.stderr
