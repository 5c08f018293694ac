"""What `course lint` asks of the lessons' pictures. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from xml.etree import ElementTree

from app.services.content_material import Finding, Material
from app.services.diagrams import ELEMENTS, SVG, harmless

_CLASS = re.compile(r"\.(d-[a-z]+)")
_COLOURS = frozenset(("fill", "stroke", "color", "stop-color", "opacity", "fill-opacity", "stroke-width", "stroke-dasharray"))
_COLOURS_TOO = frozenset(("font", "font-family", "font-size", "font-weight", "filter"))
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def pictures(material: Material, only: Collection[str] | None) -> Iterator[Finding]:
    """What is wrong with the pictures of these names; with None with all, and with those that no lesson shows."""
    classes = frozenset(_CLASS.findall(material.style))
    for name, text in material.pictures.items():
        if only is not None and name not in only:
            continue
        file = material.root / "diagrams" / name
        for near, what, advice in _picture(name.removesuffix(".svg"), text, material.style, classes):
            line = text[: max(text.find(near), 0)].count("\n") + 1 if near else 1
            yield Finding("pictures", file, line, what, advice)
    if only is None and material.complete:
        shown = {picture.file for lesson in material.lessons for picture in lesson.page.pictures}
        for name in material.pictures.keys() - shown:
            yield Finding("pictures", material.root / "diagrams" / name, 1, "No lesson shows this picture.", "Show it, or delete the file.")


def _picture(name: str, text: str, style: str, classes: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a picture: a text near which it stands, a sentence, and what to do."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 # the course's own files
    except ElementTree.ParseError as error:
        yield "", f"The picture is no XML: {error}.", "Mend it there; & is written &amp;, and < is written &lt;."
        return
    if root.tag != f"{SVG}svg":
        yield "", "The picture is no SVG.", 'Begin it with <svg xmlns="http://www.w3.org/2000/svg" …>.'
        return
    yield from _root(root)
    styles = list(root.iter(f"{SVG}style"))
    if len(styles) != 1 or _squeezed("".join(styles[0].itertext())) != _squeezed(style):
        yield "<style", "Its <style> is not that of diagrams/style.css.", "Copy that file into one <style> below <desc>."
    for node in root.iter():
        yield from _node(node, name, classes)


def _root(root: ElementTree.Element) -> Iterator[tuple[str, str, str]]:
    if not re.fullmatch(r"0 0 \d+(\.\d+)? \d+(\.\d+)?", root.get("viewBox", "")):
        yield "<svg", "The picture has no viewBox that begins at 0 0.", 'Write viewBox="0 0 760 300" with its size.'
    if root.get("role") != "img":
        yield "<svg", 'The picture has no role="img".', "Add it to <svg>."
    for size in ("width", "height"):
        if root.get(size) is not None:
            yield "<svg", f"The picture has a {size} of its own.", "Remove it; the page decides how large it is."
    for needed in ("title", "desc"):
        node = root.find(f"{SVG}{needed}")
        if node is None or not "".join(node.itertext()).strip():
            yield "<svg", f"The picture has no <{needed}>.", "Add it as a child of <svg>, for those who hear it."


def _node(node: ElementTree.Element, name: str, classes: Collection[str]) -> Iterator[tuple[str, str, str]]:
    tag = str(node.tag).removeprefix(SVG)
    if tag not in ELEMENTS:
        yield f"<{tag}", f"<{tag}> is left out of pages.", f"Draw with {', '.join(sorted(ELEMENTS - {'svg', 'title', 'desc', 'style'}))}."
    for key, value in node.attrib.items():
        near = f'{key}="{value}"'
        if key == "id" and not value.startswith(name):
            yield near, f'id="{value}" does not begin with `{name}`.', f'Call it "{name}-{value}", here and where it is referred to.'
        elif key == "class":
            for unknown in sorted(set(value.split()) - set(classes)):
                yield near, f"There is no class `{unknown}`.", f"diagrams/style.css has {', '.join(sorted(classes))}."
        elif key in _COLOURS_TOO or (key in _COLOURS and value != "none" and not _REFERENCE.fullmatch(value)):
            yield near, f"`{near}` is a look of its own.", "Use a class, so that it follows the theme."
        elif not key.startswith("{") and not harmless(key, value):
            yield near, f"`{near}` is left out of pages.", "Remove it."
    refers = _REFERENCE.findall(" ".join(node.attrib.values()))
    yield from (
        (f"#{each}", f"`#{each}` does not begin with `{name}`.", "Prefix the id that it refers to.")
        for each in refers
        if not each.startswith(name)
    )


def _squeezed(css: str) -> str:
    return re.sub(r"\s+", "", css)
