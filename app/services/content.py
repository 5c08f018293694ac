"""The exercises' files: where they are, and how they read in another namespace than the course's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services.curriculum import number
from graders.errors import GradingError

_HERE = Path(__file__).resolve().parent.parent
NAMESPACE = "rag-engine"
Body = dict[str, Any]


def course_folder(name: str) -> Path:
    """A folder of the course's own files, such as `static`: in the package where it is installed, beside it in a checkout."""
    packaged = _HERE / name
    return packaged if packaged.is_dir() else _HERE.parent / name


def exercises() -> Path:
    """The folder of all exercises."""
    return course_folder("exercises")


@dataclass(frozen=True, slots=True)
class Exercise:
    """The exercise of one lesson, a folder such as `lesson-07-hpa`."""

    lesson: str
    folder: Path

    @classmethod
    def of(cls, lesson: str, root: Path | None = None) -> Exercise:
        """The exercise of `lesson-7` below `root`, the course's own folder when None. Raises GradingError when it has none."""
        root = root or exercises()
        found = sorted(root.glob(f"lesson-{number(lesson):02}-*"))
        if not found:
            raise GradingError(
                f"{lesson} has no exercise in {root}.", help="Install the course again, or see what there is with: course list"
            )
        return cls(lesson, found[0])

    def files(self, part: str) -> list[Path]:
        """The files below one part of it, `starter` or `solution`, in order; none when it has no such part."""
        return sorted(path for path in (self.folder / part).rglob("*") if path.is_file() and not path.name.startswith("."))

    def variants(self) -> dict[str, dict[str, Path]]:
        """For a lesson of broken workloads: by objective and variant, the file of what is broken."""
        found: dict[str, dict[str, Path]] = {}
        for path in sorted((self.folder / "seeds").glob("*/*.yaml")):
            found.setdefault(path.parent.name, {})[path.stem] = path
        return found


# The places where an exercise names its namespace.
_PLACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"^([ \t-]*namespace:[ \t]*)({NAMESPACE})(?=[ \t]*(?:#.*)?$)",
        rf"^(kind:[ \t]*Namespace\nmetadata:\n[ \t]+name:[ \t]*)({NAMESPACE})(?=[ \t]*(?:#.*)?$)",
        rf"^([ \t]*includedNamespaces:\n(?:[ \t]*#.*\n)*[ \t]*-[ \t]*)({NAMESPACE})(?=[ \t]*(?:#.*)?$)",
        rf"(\.)({NAMESPACE})(?=\.svc\b)",
        rf'(namespace=")({NAMESPACE})(?=")',
    )
)


def in_namespace(text: str, namespace: str) -> str:
    """A file of an exercise as it reads for another namespace: objects, DNS names and queries name that one."""
    if namespace == NAMESPACE:
        return text
    for place in _PLACES:
        text = place.sub(lambda found: found[1] + namespace, text)
    return text


def objects(path: Path, namespace: str) -> list[Body]:
    """The objects in a file of the course, for a namespace; nothing is left out of Secrets. Raises GradingError."""
    import yaml

    try:
        text = in_namespace(path.read_text(encoding="utf-8"), namespace)
        # As the grader does: the C parser where it is there.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = [document for document in yaml.load_all(text, loader) if document is not None]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise GradingError(f"{path} of the course cannot be read: {type(error).__name__}.", help="Install the course again.") from error
    for body in documents:
        if not isinstance(body, Mapping) or not isinstance(body.get("metadata"), Mapping) or not body.get("kind"):
            raise GradingError(f"{path} of the course holds something that is no object.", help="Install the course again.")
    return documents
