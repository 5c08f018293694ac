"""The learner's folders: the one that an exercise is copied to, and the one where the course keeps its notes."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.errors import GradingError
from graders.folders import data_folder

__all__ = ["Copied", "Notes", "copy_files", "data_folder"]


@dataclass(frozen=True, slots=True)
class Notes:
    """A small JSON file, written whole or not at all."""

    path: Path

    @classmethod
    def named(cls, name: str) -> Notes:
        """Those of that name in the data folder."""
        return cls(data_folder() / f"{name}.json")

    def read(self) -> tuple[dict[str, Any], str]:
        """What is noted, and a sentence when the file was broken: then it is renamed, and kept. Raises GradingError when unreadable."""
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}, ""
        except OSError as error:
            raise _unusable(self.path, "read", error) from error
        except (ValueError, RecursionError):
            held = None
        if isinstance(held, dict):
            return held, ""
        aside = self._aside()
        try:
            self.path.replace(aside)
        except OSError as error:
            raise _unusable(self.path, "renamed", error) from error
        return {}, f"{self.path} was broken and is now {aside.name}; the course begins a new one."

    def write(self, held: Mapping[str, Any]) -> None:
        """Note this. Raises GradingError when it cannot be written."""
        unfinished = ""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.path.parent, prefix=self.path.stem, delete=False) as file:
                unfinished = file.name
                json.dump(held, file, indent=1, sort_keys=True)
                file.write("\n")
            Path(unfinished).replace(self.path)
        except OSError as error:
            if unfinished:
                with contextlib.suppress(OSError):
                    Path(unfinished).unlink()
            raise _unusable(self.path, "written", error) from error

    def _aside(self) -> Path:
        count = 1
        while (aside := self.path.with_name(f"{self.path.name}.broken-{count}")).exists():
            count += 1
        return aside


def _unusable(path: Path, what: str, error: OSError) -> GradingError:
    return GradingError(
        f"{path} cannot be {what}: {error.strerror or error}.",
        help="Set XDG_DATA_HOME to a folder that you may write to, or mend that one.",
    )


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of the files: written now, there already and the same, there already and changed by the learner."""

    written: tuple[str, ...]
    same: tuple[str, ...]
    kept: tuple[str, ...]


def copy_files(files: Mapping[str, str], folder: Path) -> Copied:
    """Write text files, by name with `/`, into a folder, but never over one that is there. Line ends do not make a difference.

    Raises GradingError when the folder cannot be written to, or when a name that is needed is taken by something else.
    """
    written: list[str] = []
    same: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with target.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                written.append(name)
            except FileExistsError:
                there = target.read_bytes().replace(b"\r\n", b"\n")
                (same if there == text.encode() else kept).append(name)
        except OSError as error:
            raise GradingError(
                f"{target} cannot be written: {error.strerror or error}.", help="Name another folder with --into DIR."
            ) from error
    return Copied(tuple(written), tuple(same), tuple(kept))
