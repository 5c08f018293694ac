"""The lessons' SVG pictures, as they go into a page: shapes and words with classes, nothing that could run or bring colours of its own."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import NamedTuple
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = frozenset(
    (
        *("svg", "g", "defs", "marker", "clipPath", "symbol", "use", "title", "desc", "style"),
        *("rect", "circle", "ellipse", "line", "path", "polyline", "polygon", "text", "tspan"),
    )
)
_LEFT_OUT = frozenset(("title", "style"))  # the name is the alternative text, the style is the page's
_NOT_SIGNIFICANT = re.compile(r"\s+")
_WIDE = 480  # of the picture's own units; narrower ones fit a telephone


class Drawn(NamedTuple):
    """A picture for a page, and whether it needs more room than a telephone has."""

    html: str
    wide: bool


@lru_cache(maxsize=256)
def inline_svg(source: str, alt: str) -> Drawn | None:
    """The picture with `alt` as its name and its `<desc>` as its description; None where the source is no SVG."""
    try:
        root = ElementTree.fromstring(source)  # noqa: S314 # the course's own files
    except ElementTree.ParseError:
        return None
    if root.tag != f"{SVG}svg":
        return None
    described = root.find(f"{SVG}desc")
    kept = {name: value for name, value in root.attrib.items() if name in ("viewBox", "class")}
    head = {**kept, "role": "img", "aria-label": alt, "focusable": "false"}
    if described is not None and described.get("id"):
        head["aria-describedby"] = described.attrib["id"]
    box = root.get("viewBox", "").replace(",", " ").split()
    try:
        wide = len(box) == 4 and float(box[2]) > _WIDE
    except ValueError:
        wide = False
    return Drawn(f"<svg{_attributes(head)}>{_inside(root)}</svg>", wide)


def _element(node: ElementTree.Element) -> str:
    name = node.tag.removeprefix(SVG) if isinstance(node.tag, str) else ""
    if name not in ELEMENTS or name in _LEFT_OUT:
        return ""
    return f"<{name}{_attributes(node.attrib)}>{_inside(node)}</{name}>"


def _inside(node: ElementTree.Element) -> str:
    return _text(node.text) + "".join(_element(child) + _text(child.tail) for child in node)


def _text(text: str | None) -> str:
    return escape(_NOT_SIGNIFICANT.sub(" ", text), quote=False) if text else ""


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if harmless(name, value))


def harmless(name: str, value: str) -> bool:
    """Whether an attribute may stand in a page: no handler, no style, no address but one of this picture."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9:-]*", name) or name.lower().startswith("on") or name == "style":
        return False
    return name != "href" or value.startswith("#")
