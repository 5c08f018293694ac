"""Puts into a wheel what learners need beside the package: lessons, exercises, static files; an editable install reads the checkout's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The cases, by far most of the files, are for the tests.
PARTS = ("task.md", "starter", "solution", "seeds")
# What browsers are given; the editor's source stays here.
SERVED = ("build", "css", "icon.svg", "js", "vendor")


class ExercisesInWheel(BuildHookInterface):  # type: ignore[type-arg] # it is generic in a configuration that is not looked at
    """Hatchling's hook, named in pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to the files of a wheel; `version` is `standard` or `editable`."""
        if version != "standard":
            return
        included = build_data["force_include"]
        for exercise in sorted(Path(self.root, "exercises").glob("lesson-*")):
            for part in PARTS:
                if (exercise / part).exists():
                    included[str(exercise / part)] = f"app/exercises/{exercise.name}/{part}"
        lessons = Path(self.root, "lessons")
        if lessons.is_dir():
            included[str(lessons)] = "app/lessons"
        for part in SERVED:
            included[str(Path(self.root, "static", part))] = f"app/static/{part}"
