"""The rules of `course lint`: what docs/writing-lessons.md asks of texts, quizzes and the glossary. Pure; reading is done before.

Rules about YAML listings stand in `content_manifests`, those about pictures in `content_pictures`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from app.services.content_manifests import manifests
from app.services.content_material import Finding, Material
from app.services.content_pictures import pictures
from app.services.curriculum import MINUTES, number
from app.services.lesson_texts import LessonText, Term
from app.services.markdown import known_language
from app.services.markdown_page import BOXES, Link, Listing, Page, Target, read_page
from app.services.simulators import unplayable

WORDS_A_MINUTE = 60
_GIVE = 0.25
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSIONED = re.compile(r"//v\d+|/v?\d+\.\d+(\.\d+|\.x)?(/|$)|/(stable|latest)-\d")
_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "yaml": frozenset(("file", "excerpt", "part", "wrong")),
    "console": frozenset(("exit", "skip", "any-order", "background")),
}
_FLAGS = frozenset(("any-order", "background"))
_QUESTIONS, _OPTIONS = (4, 6), (3, 5)
_FIRST_WITH_BREAKS, _LAST_WITH_BREAKS, _BREAKS = 1, 13, 2
_LAST_WITH_PICTURE = 12


def findings(material: Material, only: Iterable[str] | None = None) -> list[Finding]:
    """What is wrong, by file and line: in the lessons of these ids, or with None in the course as a whole."""
    chosen = [lesson for lesson in material.lessons if lesson.written and (only is None or lesson.id in set(only))]
    found: list[Finding] = []
    for lesson in chosen:
        for rule in (*_LESSON_RULES, manifests):
            found += rule(lesson, material)
    drawn = {picture.file for lesson in chosen for picture in lesson.page.pictures}
    found += pictures(material, None if only is None else drawn)
    if only is None:
        found += _glossary(material)
    files = None if only is None else {path for lesson in chosen for path in (lesson.path, lesson.quiz_path)}
    found += _spelling(material, files)
    return sorted(set(found), key=lambda each: (str(each.file), each.line, each.rule, each.message))


# The text


def _at(lesson: LessonText, rule: str, line: int, message: str, advice: str) -> Finding:
    assert lesson.path is not None, "only lessons with a text are judged"
    return Finding(rule, lesson.path, line, message, advice)


def _head(lesson: LessonText, material: Material) -> Iterator[Finding]:
    assert lesson.head is not None, "a lesson with a text has a head"
    assert lesson.path is not None
    head, graded = lesson.head, material.graded[lesson.id]
    for key, found, wanted in (
        ("id", head.id, lesson.id),
        ("title", head.title, graded.title),
        ("minutes", head.minutes, MINUTES[lesson.id]),
    ):
        if found != wanted:
            yield _at(lesson, "head", head.lines[key], f"`{key}` is `{found}`, and the course has `{wanted}`.", f"Write `{key}: {wanted}`.")
    if not head.summary.rstrip().endswith("."):
        yield _at(lesson, "head", head.lines["summary"], "`summary` is no sentence.", "End it with a full stop.")
    folder = material.folders.get(lesson.id)
    if folder and lesson.path.stem != folder:
        yield _at(lesson, "head", 1, f"The file is called {lesson.path.name}, and its exercise {folder}.", f"Call it {folder}.md.")


def _length(lesson: LessonText, _material: Material) -> Iterator[Finding]:
    wanted = MINUTES[lesson.id] * WORDS_A_MINUTE
    least, most = round(wanted * (1 - _GIVE)), round(wanted * (1 + _GIVE))
    if not least <= lesson.words <= most:
        what = f"The text has {lesson.words:,} words of prose, and {MINUTES[lesson.id]} minutes ask for {least:,} to {most:,}."
        yield _at(
            lesson, "length", 1, what, "Cut it." if lesson.words > most else "Explain more; listings, tables and output do not count."
        )


def _headings(lesson: LessonText, _material: Material) -> Iterator[Finding]:
    before = 1
    for heading in lesson.page.headings:
        if heading.level == 1 or heading.level > before + 1:
            what = f"`{heading.text}` is a heading of level {heading.level}, after one of level {before}."
            if before == 1:
                what = f"`{heading.text}`, the first heading, is of level {heading.level}."
            yield _at(lesson, "headings", heading.line, what, f"Begin it with {'#' * min(before + 1, max(heading.level, 2))}.")
        before = max(heading.level, 1)
    tops = [heading for heading in lesson.page.headings if heading.level == 2]
    if [heading.text for heading in tops[-2:]] != ["Summary", "Read on"]:
        line = tops[-1].line if tops else 1
        yield _at(lesson, "headings", line, "The text does not end with `## Summary` and `## Read on`.", "Make them its last two sections.")
    elif not any(link.target.kind == "web" and link.section == tops[-1].anchor for link in lesson.links):
        yield _at(lesson, "headings", tops[-1].line, "`Read on` has no link.", "Link to the official documentation.")


def _taught(lesson: LessonText, material: Material) -> Iterator[Finding]:
    known = [objective.id for objective in material.graded[lesson.id].objectives]
    for objective, anchor, line in lesson.page.teaches:
        if objective not in known:
            what = f"`{objective}` is no objective of {lesson.id}."
            yield _at(lesson, "taught", line, what, f"Its objectives are {', '.join(known)}.")
        if not anchor:
            what = f"`{objective}` is taught before the first heading, so there is no section to lead to."
            yield _at(lesson, "taught", line, what, "Put the line below a heading.")
    for objective in known:
        if objective not in lesson.taught:
            what = f"No section teaches `{objective}`."
            yield _at(lesson, "taught", 1, what, f"Write <!-- teaches: {objective} --> below the heading of the one that does.")


def _links(lesson: LessonText, material: Material) -> Iterator[Finding]:
    assert lesson.path is not None
    yield from _resolved(lesson.links, lesson, lesson.path, material)


def _resolved(links: Iterable[Link], lesson: LessonText, file: Path, material: Material) -> Iterator[Finding]:
    for link in links:
        wrong = _broken(link.target, lesson, material)
        if wrong:
            yield Finding("links", file, link.line, *wrong)
        elif not link.text.strip():
            yield Finding("links", file, link.line, "A link has no words.", "Write [words](address).")


def _broken(target: Target, lesson: LessonText, material: Material) -> tuple[str, str] | None:
    """What is wrong with a link's target, and what to do; None when it leads somewhere."""
    match target.kind:
        case "unknown":
            what = f"`{target.target}` is no address that lessons use."
            forms = "https://, #heading, glossary:, lesson:, objective:, exercise: or simulator:"
            return what, f"Use {forms}, as docs/writing-lessons.md lists them."
        case "web":
            return _dated(target.target)
        case "glossary":
            if all(term.id != target.target for term in material.terms):
                return f"The glossary has no `{target.target}`.", "Add it to glossary.yaml, or mend the id."
        case "objective":
            name, _, objective = target.target.partition("/")
            graded = material.graded.get(name)
            if graded is None or all(each.id != objective for each in graded.objectives):
                return f"There is no objective `{target.target}`.", f"List them with: grade {name if graded else lesson.id} --list"
        case "exercise":
            if target.target not in material.graded:
                return f"There is no {target.target}.", "See: course list"
        case "simulator":
            wrong = unplayable(target.target)
            return (f"The simulator does not play this: {wrong}", "Copy the address of a run that it does play.") if wrong else None
        case _:
            return _no_heading(target, lesson, material)
    return None


def _no_heading(target: Target, lesson: LessonText, material: Material) -> tuple[str, str] | None:
    other = next((each for each in material.lessons if each.id == (target.target or lesson.id)), None)
    if other is None:
        return f"There is no {target.target}.", "See: course list"
    anchors = [heading.anchor for heading in other.page.headings]
    if not target.anchor or not other.written or target.anchor in anchors:
        return None
    from difflib import get_close_matches

    near = get_close_matches(target.anchor, anchors, 1, 0.5)
    return f"{other.id} has no heading `#{target.anchor}`.", f"Did you mean #{near[0]}?" if near else f"It has: {', '.join(anchors)}."


def _dated(url: str) -> tuple[str, str] | None:
    if not _VERSIONED.search(url):
        return None
    return f"{url} names a version, and will be out of date.", "Use the address without it, which leads to the current version."


def _boxes(lesson: LessonText, _material: Material) -> Iterator[Finding]:
    for box in lesson.page.boxes:
        if box.kind not in BOXES:
            yield _at(lesson, "boxes", box.line, f"There is no box `{box.kind}`.", f"There are {', '.join(BOXES)}.")
        if not box.title:
            yield _at(lesson, "boxes", box.line, "The box has no title.", f"Write ::: {box.kind} and its title.")
        if not box.closed:
            yield _at(lesson, "boxes", box.line, "The box has no end.", "Put ::: on a line of its own after it.")
    for text, line in lesson.page.stray:
        yield _at(lesson, "boxes", line, f"`{text[:60]}` comes out as plain text.", "A box begins with ::: kind Title, and ends with :::.")
    breaks = sum(box.kind == "break" for box in lesson.page.boxes)
    if _FIRST_WITH_BREAKS <= number(lesson.id) <= _LAST_WITH_BREAKS and breaks < _BREAKS:
        yield _at(
            lesson,
            "boxes",
            1,
            f"The text has {breaks} of at least {_BREAKS} `break` boxes.",
            "Let the reader break something, see it, mend it.",
        )


def _pictures(lesson: LessonText, material: Material) -> Iterator[Finding]:
    seen = Counter(picture.file for picture in lesson.page.pictures if picture.file)
    for picture in lesson.page.pictures:
        where = f"`{picture.source}`"
        if not picture.file:
            yield _at(lesson, "pictures", picture.line, f"{where} is no picture of the course.", "Use diagrams/NAME.svg.")
        elif picture.file not in material.pictures:
            yield _at(
                lesson, "pictures", picture.line, f"{where} is not there.", f"Draw lessons/diagrams/{picture.file}, or mend the name."
            )
        elif not picture.alone:
            yield _at(lesson, "pictures", picture.line, f"{where} stands among words, and is not shown.", "Put it on a line of its own.")
        if not picture.alt.strip():
            yield _at(lesson, "pictures", picture.line, f"{where} has no alternative text.", "Say in the brackets what it shows.")
        if seen[picture.file] > 1:
            yield _at(lesson, "pictures", picture.line, f"{where} is shown twice; its ids would be, too.", "Keep one.")
    if not seen and number(lesson.id) <= _LAST_WITH_PICTURE:
        yield _at(lesson, "pictures", 1, "The text has no picture.", "Draw one that shows its idea.")


def _listings(lesson: LessonText, _material: Material) -> Iterator[Finding]:
    for listing in lesson.listings:
        for what, advice in _listing(listing):
            yield _at(lesson, "listings", listing.line, what, advice)


def _listing(listing: Listing) -> Iterator[tuple[str, str]]:
    if not listing.closed:
        yield "The listing has no end.", "Close it with the fence that it began with, on a line of its own."
    if listing.malformed:
        yield listing.malformed, "Close it."
        return
    if not listing.language:
        yield (
            "The listing names no language.",
            "Write yaml, console, text or another one after the fence. Indented text is a listing as well.",
        )
        return
    if not known_language(listing.language):
        yield f"`{listing.language}` is no language that can be coloured.", "Use text, or another name for it."
    known = _ATTRIBUTES.get(listing.language, frozenset(("file",)))
    for name, value in listing.attributes.items():
        if name not in known:
            yield f"`{name}` means nothing on a listing in {listing.language}.", f"Known are {', '.join(sorted(known))}."
        elif not value and name not in _FLAGS:
            yield f"`{name}` has no value.", f'Write {name}="…".'
    if listing.language == "yaml" and len(known & listing.attributes.keys()) > 1:
        yield "A listing in yaml carries one of file=, excerpt=, part= and wrong= at most.", "Keep the one that fits."
    if listing.language == "console":
        yield from _console(listing)


def _console(listing: Listing) -> Iterator[tuple[str, str]]:
    if not listing.text.startswith("$ "):
        yield "A console listing begins with a command.", "Begin it with `$ `; what is only output is `text`."
    status = listing.attributes.get("exit")
    if status is not None and not (status.isascii() and status.isdigit() and int(status) < 256):
        yield f"`exit={status}` is no status.", "Write a number, such as exit=1."
    if "background" in listing.attributes and len(listing.commands) != 1:
        yield "A listing in the background holds one command.", "Move the others to a listing of their own."


# The quiz


def _quiz(lesson: LessonText, material: Material) -> Iterator[Finding]:
    if lesson.quiz_path is None:
        assert lesson.path is not None
        name = lesson.path.with_suffix(".quiz.yaml").name
        yield _at(lesson, "quiz", 1, "The lesson has no quiz.", f"Write {_QUESTIONS[0]} to {_QUESTIONS[1]} questions in {name}.")
        return
    file = lesson.quiz_path
    least, most = _QUESTIONS
    if not least <= len(lesson.quiz) <= most:
        yield Finding("quiz", file, 1, f"The quiz has {len(lesson.quiz)} questions.", f"Ask {least} to {most}.")
    ids = Counter(question.id for question in lesson.quiz)
    for question in lesson.quiz:
        wrong: list[tuple[str, str]] = []
        if not _ID.fullmatch(question.id):
            wrong.append((f"`{question.id}` is no id.", "Use small letters, digits and `-`."))
        if ids[question.id] > 1:
            wrong.append((f"Two questions have the id `{question.id}`.", "Rename the new one; ids of published questions are permanent."))
        if not _OPTIONS[0] <= len(question.options) <= _OPTIONS[1]:
            wrong.append((f"The question has {len(question.options)} options.", f"Give {_OPTIONS[0]} to {_OPTIONS[1]}."))
        right = sum(option.correct for option in question.options)
        if right in (0, len(question.options)):
            what = "No option is right." if not right else "Every option is right."
            wrong.append((what, "Mark those that are with `correct: true`; at least one is, and one is not."))
        if len({option.text for option in question.options}) < len(question.options):
            wrong.append(("Two options are the same.", "Make them differ."))
        for what, advice in wrong:
            yield Finding("quiz", file, question.line, what, advice)
        texts = [(question.text, question.line)]
        texts += [(text, option.line) for option in question.options for text in (option.text, option.why)]
        for text, line in texts:
            yield from _quiz_text(read_page(text), line, lesson, material)


def _quiz_text(page: Page, line: int, lesson: LessonText, material: Material) -> Iterator[Finding]:
    assert lesson.quiz_path is not None
    file = lesson.quiz_path
    yield from (found._replace(line=line) for found in _resolved(page.links, lesson, file, material))
    if page.headings or page.pictures:
        yield Finding("quiz", file, line, "A quiz has neither headings nor pictures.", "Say it in words.")
    if any(not known_language(listing.language) for listing in page.listings):
        yield Finding(
            "quiz", file, line, "A listing names no language that can be coloured.", "Write yaml, text or another one after the fence."
        )


_LESSON_RULES: tuple[Callable[[LessonText, Material], Iterator[Finding]], ...] = (
    _head,
    _length,
    _headings,
    _taught,
    _links,
    _boxes,
    _pictures,
    _listings,
    _quiz,
)


# The glossary and the spelling


def _glossary(material: Material) -> Iterator[Finding]:
    first: dict[str, Term] = {}
    named: dict[str, Term] = {}
    before: dict[Path, str] = {}
    for term in material.terms:
        for what, advice in _term(term):
            yield Finding("glossary", term.file, term.line, what, advice)
        for what, key, seen in (("id", term.id, first), ("term", term.term.lower(), named)):
            other = seen.setdefault(key, term)
            if other is not term and (what == "id" or other.id != term.id):
                where = f"{other.file.name}:{other.line}"
                yield Finding("glossary", term.file, term.line, f"`{key}` is explained already, in {where}.", "Keep the better of the two.")
        if term.file.stem == "glossary" and term.id < before.get(term.file, ""):
            what = f"`{term.id}` stands after `{before[term.file]}`."
            yield Finding("glossary", term.file, term.line, what, "Sort the entries by id.")
        before[term.file] = term.id
    if material.complete:
        yield from _unused(material)


def _term(term: Term) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(term.id):
        yield f"`{term.id}` is no id.", "Use small letters, digits and `-`."
    if "](" in term.short or "://" in term.short:
        yield f"The explanation of `{term.id}` holds a link.", "Explain it in plain words; `docs` is its link."
    if not term.short.rstrip().endswith((".", ")")):
        yield f"The explanation of `{term.id}` is no sentence.", "End it with a full stop."
    if not term.docs.startswith("https://"):
        yield f"The documentation of `{term.id}` has no address that begins with https://.", "Give one of the official documentation."
    dated = _dated(term.docs)
    if dated:
        yield dated


def _unused(material: Material) -> Iterator[Finding]:
    used = {link.target.target for lesson in material.lessons for link in lesson.links if link.target.kind == "glossary"}
    for term in material.terms:
        if term.id not in used:
            what = f"No lesson links to `{term.id}`."
            yield Finding("glossary", term.file, term.line, what, f"Link to it where it is introduced: [{term.term}](glossary:{term.id}).")


def _spelling(material: Material, files: set[Path | None] | None) -> Iterator[Finding]:
    for path, line, word, meant in material.misspelt or ():
        if files is None or path in files:
            yield Finding("spelling", path, line, f"`{word}` is misspelt.", f"Did you mean {meant}?")
