"""The learner's files: one workspace of named manifests for the whole course, each with a version that tells who has seen what.

Text is kept as it was typed, with line ends of Unix. A version is a number that no other text of the workspace ever had, so a file that was
deleted and made anew is not taken for the old one. Whoever writes names the version they have seen, and learns when there is a newer one.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.models import Choice, WorkspaceFile, utc_now
from graders.errors import GradingError, UsageError
from graders.sources.manifests import MAX_BYTES, SUFFIXES

MAX_FILES = 200
MAX_TOTAL = 5_000_000  # bytes of all files together
MAX_NAME = 100  # characters
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CLOCK = "workspace-clock"
_LINE_END = re.compile(r"\r\n?")


class Refused(UsageError):
    """A file or a name that the workspace does not take."""


class NoSuchFile(GradingError):
    """The workspace has no file of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The workspace has no file {_shown(name)}.", help="It was renamed or deleted, perhaps in another tab.")
        self.name = name


class Changed(GradingError):
    """Somebody, such as another tab, has changed the file since it was read. `theirs` is as it is now; None when it is gone."""

    def __init__(self, name: str, theirs: WorkspaceFile | None) -> None:
        what = "was deleted or renamed" if theirs is None else "was changed"
        super().__init__(
            f"{_shown(name)} {what} elsewhere, perhaps in another tab, after this page had read it.",
            help="Nothing was stored, and both texts are here: choose one, or put them together.",
        )
        self.name = name
        self.theirs = theirs


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of files that were to be added: stored now, there already and the same, there already and different (so kept)."""

    added: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def files(session: Session, learner_id: int) -> list[WorkspaceFile]:
    """All files, by name."""
    found = session.exec(select(WorkspaceFile).where(WorkspaceFile.learner_id == learner_id)).all()
    return sorted(found, key=lambda file: (file.name.lower(), file.name))


def find(session: Session, learner_id: int, name: str) -> WorkspaceFile:
    """One file. Raises NoSuchFile."""
    query = select(WorkspaceFile).where(WorkspaceFile.learner_id == learner_id, WorkspaceFile.name == name)
    file = session.exec(query).first()
    if file is None:
        raise NoSuchFile(name)
    return file


def save(session: Session, learner_id: int, name: str, text: str, *, seen: int) -> WorkspaceFile:
    """Store what was typed into a file whose version `seen` was before the typist. Raises Changed when that is no longer the newest,
    unless the text is the same; Refused for a text that is no manifest's."""
    held = files(session, learner_id)
    file = next((file for file in held if file.name == name), None)
    if file is None:
        raise Changed(name, None)
    text = checked_text(name, text)
    if text == file.content:
        return file
    if file.version != seen:
        raise Changed(name, file)
    _make_room(held, {name: text})
    return _write(session, file, text)


def create(session: Session, learner_id: int, name: str, text: str = "") -> WorkspaceFile:
    """Make a new file. Raises Refused, also when there is one of that name."""
    held = files(session, learner_id)
    name, text = checked_name(name), checked_text(name, text)
    _check_free(held, name)
    _make_room(held, {name: text})
    return _add(session, learner_id, name, text)


def rename(session: Session, learner_id: int, name: str, new: str) -> WorkspaceFile:
    """Give a file another name. Raises NoSuchFile, Refused."""
    file = find(session, learner_id, name)
    new = checked_name(new)
    if new != name:
        _check_free([other for other in files(session, learner_id) if other is not file], new)
        file.name = new
        _write(session, file, file.content)
    return file


def delete(session: Session, learner_id: int, name: str, *, seen: int) -> None:
    """Take a file away, if it is still as it was seen. Raises NoSuchFile, Changed."""
    file = find(session, learner_id, name)
    if file.version != seen:
        raise Changed(name, file)
    session.delete(file)
    _tick(session, learner_id)  # whatever comes by that name has a version of its own
    session.flush()


def replace_text(session: Session, learner_id: int, name: str, text: str, *, seen: int) -> WorkspaceFile:
    """Set a file to a text of the course's, if it is still as it was seen. Raises NoSuchFile, Changed, Refused."""
    find(session, learner_id, name)
    return save(session, learner_id, name, text, seen=seen)


def take(session: Session, learner_id: int, texts: Mapping[str, str], *, over: bool = False) -> Taken:
    """Add files by name, all or none. One that is there with another text is kept, or with `over` replaced. Raises Refused."""
    held = files(session, learner_id)
    by_name = {file.name: file for file in held}
    checked = {checked_name(name): checked_text(name, text) for name, text in texts.items()}
    same = {name for name, text in checked.items() if name in by_name and by_name[name].content == text}
    kept = set() if over else {name for name in checked if name in by_name} - same
    todo = {name: text for name, text in checked.items() if name not in same | kept}
    for name in todo.keys() - by_name.keys():
        _check_free(held, name)
    _make_room(held, todo)
    for name, text in todo.items():
        if name in by_name:
            _write(session, by_name[name], text)
        else:
            _add(session, learner_id, name, text)
    return Taken(tuple(todo), tuple(sorted(same)), tuple(sorted(kept)))


def upload(session: Session, learner_id: int, uploads: Sequence[tuple[str, bytes]], *, over: bool = False) -> Taken:
    """Add files as they come from a disk, all or none; as `take`. Raises Refused, which says what is wrong with each."""
    texts: dict[str, str] = {}
    wrong: list[str] = []
    for name, content in uploads:
        name = name.replace("\\", "/").rpartition("/")[2]
        try:
            if name in texts:
                raise Refused(f"{_shown(name)} was chosen twice.")
            texts[checked_name(name)] = checked_text(name, _decoded(name, content))
        except Refused as refusal:
            wrong.append(f"{refusal.message} {refusal.help}".strip())
    if not uploads:
        raise Refused("No file was chosen.", help="Choose one or more files that end in .yaml, .yml or .json.")
    if wrong:
        more = f" And {len(wrong) - 5} more." if len(wrong) > 5 else ""
        raise Refused(" ".join(wrong[:5]) + more, help="Nothing was stored of what was chosen.")
    return take(session, learner_id, texts, over=over)


def as_zip(held: Sequence[WorkspaceFile]) -> bytes:
    """All files in one archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in held:
            archive.writestr(zipfile.ZipInfo(file.name, file.updated_at.timetuple()[:6]), file.content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def checked_name(name: str) -> str:
    """The name, without spaces around it. Raises Refused when no file may have it."""
    name = name.strip()
    if name.lower().endswith((".zip", ".tar", ".gz", ".tgz")):
        raise Refused(f"{_shown(name)} is an archive.", help="Unpack it, and choose the files in it: several at once are fine.")
    if not name.endswith(SUFFIXES):
        raise Refused(f"{_shown(name)} does not end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.", help="Give it such a name.")
    if len(name) > MAX_NAME:
        raise Refused(f"{_shown(name)} has {len(name)} characters; {MAX_NAME} are the most.", help="Give it a shorter name.")
    if not _NAME.fullmatch(name):
        raise Refused(
            f"{_shown(name)} is no name for a file here.",
            help="It begins with a letter or a digit, and has only letters from a to z, digits, dots, hyphens and underscores.",
        )
    return name


def checked_text(name: str, text: str) -> str:
    """The text with line ends of Unix and without a byte order mark. Raises Refused when it is too long, or no text."""
    text = _LINE_END.sub("\n", text).removeprefix("\ufeff")
    if "\0" in text:
        raise Refused(f"{_shown(name)} holds a NUL character, which no manifest may.", help="Is it a manifest, and saved as text?")
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise Refused(f"{_shown(name)} is larger than {MAX_BYTES // 1_000_000} MB; no manifest is.", help="Is it the file you meant?")
    return text


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{_shown(name)} is no text in UTF-8.", help="Save it as UTF-8 text.") from None


def _check_free(held: Sequence[WorkspaceFile], name: str) -> None:
    there = next((file.name for file in held if file.name.lower() == name.lower()), None)
    if there is not None:  # names that differ in case only are one file on many disks
        raise Refused(f"There is a file {there} already.", help="Choose another name.")


def _make_room(held: Sequence[WorkspaceFile], coming: Mapping[str, str]) -> None:
    """Raises Refused when the workspace would hold too much."""
    sizes = {file.name: len(file.content.encode(errors="replace")) for file in held}
    before = sum(sizes.values())
    sizes |= {name: len(text.encode(errors="replace")) for name, text in coming.items()}
    if len(sizes) > max(MAX_FILES, len(held)):
        raise Refused(f"The workspace holds {MAX_FILES} files at most.", help="Nothing was stored. Delete files that you no longer need.")
    if sum(sizes.values()) > max(MAX_TOTAL, before):
        raise Refused(
            f"The workspace holds {MAX_TOTAL // 1_000_000} MB at most.", help="Nothing was stored. Delete what you no longer need."
        )


def _add(session: Session, learner_id: int, name: str, text: str) -> WorkspaceFile:
    file = WorkspaceFile(learner_id=learner_id, name=name, content=text, version=_tick(session, learner_id))
    session.add(file)
    session.flush()
    return file


def _write(session: Session, file: WorkspaceFile, text: str) -> WorkspaceFile:
    file.content, file.version, file.updated_at = text, _tick(session, file.learner_id), utc_now()
    session.add(file)
    session.flush()
    return file


def _tick(session: Session, learner_id: int) -> int:
    """The next version: greater than every one that the workspace has had."""
    newest = session.exec(select(func.max(col(WorkspaceFile.version))).where(WorkspaceFile.learner_id == learner_id)).one()
    clock = session.get(Choice, (learner_id, _CLOCK)) or Choice(learner_id=learner_id, name=_CLOCK, value="0")
    clock.value = str(max(int(clock.value), newest or 0) + 1)
    session.add(clock)
    session.flush()
    return int(clock.value)


def _shown(name: str) -> str:
    """A name that somebody else has chosen, as it may stand in a sentence."""
    name = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
    return name if 0 < len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}…" if name else "A file without a name"
