"""Markdown of the course -> safe HTML.

HTML in a text is shown as it was typed, a link leads nowhere unless its form is known, and the output has neither `style` attributes nor
scripts, so that it stands under a strict Content-Security-Policy. What a text may hold: docs/writing-lessons.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any
from urllib.parse import quote

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from app.services.content import NAMESPACE, in_namespace
from app.services.diagrams import inline_svg
from app.services.markdown_page import BOXES, DIAGRAM, Listing, Page, Target, listing_head, parser, plain_words, read_page

# Where a command or what it prints names the namespace.
_NAMESPACES = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"((?:^|\s)-n[ =]?)({NAMESPACE})(?![\w./-])",
        rf"(--namespace[ =])({NAMESPACE})(?![\w./-])",
        rf"(\bnamespaces?(?:/|[ \t]+\"?|:[ \t]*|\":[ \t]*\"))({NAMESPACE})(?![\w.-])",
        rf"(\bns(?:/|[ \t]+))({NAMESPACE})(?![\w./-])",
        rf"(\bmetadata\.name[=:][ \t]*)({NAMESPACE})(?![\w./-])",
        rf"^()({NAMESPACE})(?=[ \t]+(?:Active|Terminating)\b)",
        rf"(\.)({NAMESPACE})(?=\.svc\b)",
    )
)
Tokens = Sequence[Token]
Environment = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Addresses:
    """The paths of pages that lessons link to. The web app passes one that knows under which path it is served."""

    root: str = ""

    def lesson(self, lesson: str, anchor: str = "") -> str:
        """`/lessons/lesson-5#one-port-three-names`."""
        return f"{self.root}/lessons/{lesson}" + (f"#{anchor}" if anchor else "")

    def exercise(self, lesson: str) -> str:
        """`/workbench/lesson-7`."""
        return f"{self.root}/workbench/{lesson}"

    def objective(self, lesson: str, objective: str) -> str:
        """`/workbench/lesson-7#objective-hpa-target`."""
        return f"{self.root}/workbench/{lesson}#objective-{objective}"

    def simulator(self, simulator: str) -> str:
        """`/simulators/hpa?load=spike`."""
        return f"{self.root}/simulators/{simulator}"

    def term(self, term: str) -> str:
        """`/glossary#pod`."""
        return f"{self.root}/glossary#{term}"


class Markdown:
    """Renders texts, for some addresses and some pictures (SVG by file name). Has no state of its own; threads may share it."""

    def __init__(self, addresses: Addresses | None = None, pictures: Mapping[str, str] | None = None) -> None:
        self._addresses = addresses or Addresses()
        self._pictures = pictures or {}

    def html(self, page: Page, namespace: str = NAMESPACE) -> str:
        """The page as HTML; commands and manifests name the learner's namespace."""
        return self._render(page.tokens, namespace)

    def block(self, text: str) -> str:
        """A few paragraphs, such as a question of a quiz, as HTML."""
        return self._render(read_page(text).tokens)

    def inline(self, text: str) -> str:
        """One line, such as an answer of a quiz, as HTML without a paragraph around it."""
        return self._render(parser().parseInline(text))

    def _render(self, tokens: Tokens, namespace: str = NAMESPACE) -> str:
        environment = {"addresses": self._addresses, "pictures": self._pictures, "namespace": namespace, "table": 0, "picture": 0}
        return _renderer().render(tokens, parser().options, environment)


def in_commands(text: str, namespace: str) -> str:
    """Commands and what they print, as they read in another namespace than the course's own."""
    if namespace == NAMESPACE:
        return text
    for place in _NAMESPACES:
        text = place.sub(lambda found: found[1] + namespace, text)
    return text


def _box_open(tokens: Tokens, index: int, _env: Environment) -> str:
    kind = tokens[index].meta["kind"]
    known = kind if kind in BOXES else "note"
    return f'<aside class="box box-{known}" role="note">\n'


def _box_title_open(tokens: Tokens, index: int, _env: Environment) -> str:
    kind = tokens[index - 1].meta["kind"]
    return f'<p class="box-title"><span class="box-kind">{BOXES.get(kind, "Note")}</span> '


def _box_title_close(_tokens: Tokens, _index: int, _env: Environment) -> str:
    return "</p>\n"


def _box_close(_tokens: Tokens, _index: int, _env: Environment) -> str:
    return "</aside>\n"


def _teaches(_tokens: Tokens, _index: int, _env: Environment) -> str:
    return ""


def _heading_open(tokens: Tokens, index: int, _env: Environment) -> str:
    token = tokens[index]
    return f'<{token.tag} id="{escape(str(token.attrs["id"]))}">'


def _heading_close(tokens: Tokens, index: int, _env: Environment) -> str:
    anchor = escape(str(tokens[index - 2].attrs["id"]))
    return f' <a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a></{tokens[index].tag}>\n'


def _link_open(tokens: Tokens, index: int, env: Environment) -> str:
    target, addresses = Target.of(str(tokens[index].attrs.get("href", ""))), env["addresses"]
    match target.kind:
        case "here":
            return _a(f"#{target.anchor}")
        case "glossary":
            return _a(addresses.term(target.target), f' class="term" data-term="{escape(target.target)}"')
        case "lesson":
            return _a(addresses.lesson(target.target, target.anchor))
        case "objective":
            return _a(addresses.objective(*target.target.split("/")))
        case "exercise":
            return _a(addresses.exercise(target.target))
        case "simulator":
            return _a(addresses.simulator(target.target))
        case "web":
            return _a(target.target, ' rel="noopener noreferrer"')
    return "<span>"


def _link_close(tokens: Tokens, index: int, _env: Environment) -> str:
    depth = 0
    for at in range(index, -1, -1):
        depth += (tokens[at].type == "link_close") - (tokens[at].type == "link_open")
        if depth == 0:
            return "</span>" if Target.of(str(tokens[at].attrs.get("href", ""))).kind == "unknown" else "</a>"
    return ""


def _image(tokens: Tokens, index: int, _env: Environment) -> str:
    return f'<span class="picture-missing">{escape(tokens[index].content)}</span>'


def _picture(tokens: Tokens, index: int, env: Environment) -> str:
    found = DIAGRAM.fullmatch(str(tokens[index].attrs["src"]))
    svg = env["pictures"].get(found[1]) if found else None
    drawn = inline_svg(svg, tokens[index].content) if svg is not None else None
    if drawn is None:
        return f'<p class="picture-missing">{escape(tokens[index].content)}</p>\n'
    if not drawn.wide:
        return f'<figure class="diagram">{drawn.html}</figure>\n'
    number = _next(env, "picture")
    return (
        f'<figure class="diagram diagram-wide"><div class="diagram-scroll" tabindex="0" role="region" aria-label="Diagram {number}">'
        f"{drawn.html}</div></figure>\n"
    )


def _table_open(tokens: Tokens, index: int, env: Environment) -> str:
    heads = []
    for at in range(index, len(tokens)):
        if tokens[at].type == "th_open":
            heads.append(plain_words(tokens[at + 1]))
        elif tokens[at].type == "thead_close":
            break
    label = f"Table {_next(env, 'table')}: {', '.join(head for head in heads if head)}".removesuffix(": ")
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table>\n'


def _table_close(_tokens: Tokens, _index: int, _env: Environment) -> str:
    return "</table></div>\n"


def _th_open(tokens: Tokens, index: int, _env: Environment) -> str:
    return f'<th scope="col"{_aligned(tokens[index])}>'


def _td_open(tokens: Tokens, index: int, _env: Environment) -> str:
    return f"<td{_aligned(tokens[index])}>"


def _code_inline(tokens: Tokens, index: int, env: Environment) -> str:
    return f"<code>{escape(in_commands(tokens[index].content, env['namespace']))}</code>"


def _code_block(tokens: Tokens, index: int, env: Environment) -> str:
    return _fence(tokens, index, env)


def _fence(tokens: Tokens, index: int, env: Environment) -> str:
    language, attributes, _ = listing_head(tokens[index].info)
    listing = Listing(language, attributes, tokens[index].content, 0)
    return _console(listing, env["namespace"]) if language == "console" else _code(listing, env["namespace"])


@cache
def _renderer() -> RendererHTML:
    renderer = RendererHTML()
    rules: dict[str, Callable[[Tokens, int, Environment], str]] = {
        "box_open": _box_open,
        "box_title_open": _box_title_open,
        "box_title_close": _box_title_close,
        "box_close": _box_close,
        "teaches": _teaches,
        "heading_open": _heading_open,
        "heading_close": _heading_close,
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
        "picture": _picture,
        "table_open": _table_open,
        "table_close": _table_close,
        "th_open": _th_open,
        "td_open": _td_open,
        "code_inline": _code_inline,
        "code_block": _code_block,
        "fence": _fence,
    }
    for name, rule in rules.items():
        renderer.rules[name] = _as_markdown_it_calls(rule)  # type: ignore[assignment] # typed as methods; functions serve as well
    return renderer


def _as_markdown_it_calls(rule: Callable[[Tokens, int, Environment], str]) -> Callable[..., str]:
    return lambda tokens, index, _options, environment: rule(tokens, index, environment)


def _a(href: str, more: str = "") -> str:
    return f'<a href="{escape(_encoded(href))}"{more}>'


def _encoded(url: str) -> str:
    """A URL whose odd signs are written as %XX; those that are already are left alone."""
    return quote(url, safe="%:/?#[]@!$&'()*+,;=~")


def _next(env: Environment, what: str) -> int:
    env[what] += 1
    return int(env[what])


def _aligned(cell: Token) -> str:
    """The alignment that markdown-it gives as a style, as a class."""
    side = str(cell.attrs.get("style", "")).removeprefix("text-align:")
    return f' class="align-{side}"' if side in ("left", "center", "right") else ""


def _console(listing: Listing, namespace: str) -> str:
    commands = in_commands("\n".join(command.text for command in listing.commands), namespace)
    shown: list[str] = []
    typing = True
    for line in in_commands(listing.text.rstrip("\n"), namespace).split("\n"):
        if line.startswith("$ ") or (typing and shown and (line == ">" or line.startswith("> "))):
            shown.append(
                f'<span class="command"><span class="prompt" aria-hidden="true">{escape(line[:2])}</span>{escape(line[2:])}</span>'
            )
            typing = True
        else:
            shown.append(f'<span class="output">{escape(line)}</span>')
            typing = False
    copied = escape(commands).replace("\n", "&#10;")
    code = "\n".join(shown)
    return (
        f'<div class="listing listing-console" data-language="console" data-copy="{copied}">'
        f'<pre tabindex="0"><code>{code}\n</code></pre></div>\n'
    )


def _code(listing: Listing, namespace: str) -> str:
    text = in_namespace(listing.text, namespace)
    file, head = _head(listing)
    kind = " listing-wrong" if "wrong" in listing.attributes else ""
    named = f' data-file="{escape(file)}"' if file else ""
    header = f'<p class="listing-head">{head}</p>' if head else ""
    return (
        f'<div class="listing{kind}" data-language="{escape(listing.language or "text")}"{named}>{header}'
        f'<pre tabindex="0"><code>{_highlighted(text, listing.language)}</code></pre></div>\n'
    )


def _head(listing: Listing) -> tuple[str, str]:
    """The file that a listing belongs to, and the line above it, as HTML."""
    attributes = listing.attributes
    if "file" in attributes:
        return attributes["file"], f'<span class="listing-file">{escape(attributes["file"])}</span>'
    if "excerpt" in attributes:
        name = attributes["excerpt"].rpartition("/")[2]
        return name, f'<span class="listing-file">{escape(name)}</span> <span class="listing-note">in part</span>'
    if "part" in attributes:
        kind, _, path = attributes["part"].partition(":")
        return "", f'<span class="listing-note">{escape(kind)}: <code>{escape(path)}</code></span>'
    if "wrong" in attributes:
        return "", f'<span class="listing-note"><strong>Wrong:</strong> {escape(attributes["wrong"])}</span>'
    return "", ""


def known_language(name: str) -> bool:
    """Whether listings of a language are coloured, or are plain text by intention."""
    return name in ("console", "text") or _lexer(name) is not None


@cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name, stripnl=False) if name and name != "text" else None
    except ClassNotFound:
        return None


def _highlighted(text: str, language: str) -> str:
    lexer = _lexer(language)
    if lexer is None:
        return escape(text)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    return str(highlight(text, lexer, HtmlFormatter(nowrap=True)))
