"""Markdown -> HTML: what pages style, and that nothing typed into a text becomes HTML of its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.services.diagrams import inline_svg
from app.services.markdown import Addresses, Markdown, in_commands
from app.services.markdown_page import read_page
from tests.content.course_folder import PICTURE

MARKDOWN = Markdown(Addresses("/c"), {"drain.svg": PICTURE})


def html(text: str, namespace: str = "rag-engine") -> str:
    return MARKDOWN.html(read_page(text), namespace)


class Elements(HTMLParser):
    """The elements of some HTML with their attributes, as a browser would read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("br", "hr")
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


TAGS = frozenset(
    (
        *("p", "h1", "h2", "h3", "h4", "h5", "h6", "a", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br"),
        *("table", "thead", "tbody", "tr", "th", "td", "div", "span", "aside", "figure"),
    )
)
DRAWN = frozenset(
    ("svg", "g", "desc", "defs", "marker", "path", "line", "rect", "circle", "ellipse", "polygon", "polyline", "text", "tspan", "use")
)
ATTRIBUTES = frozenset(("class", "id", "href", "rel", "role", "tabindex", "scope", "start", "title"))


def assert_harmless(rendered: str, root: str = "/c/") -> None:
    """Only elements and attributes that the renderer makes, and links of known forms only."""
    elements = Elements(rendered)
    assert not elements.open
    for tag, attributes in elements.found:
        assert tag in TAGS | DRAWN
        href = attributes.get("href")
        assert href is None or href.startswith(("#", root, "https://"))
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        if tag in TAGS:
            assert all(name in ATTRIBUTES or name.startswith(("data-", "aria-")) for name in attributes)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick='x()'>b</b> <!-- c --> <![CDATA[d]]> <?e?>",
    "<div>\n\n*a*\n\n</div>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))",
    "[a](<javascript:alert(1)>)",
    "[a](&#106;avascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    '[a](https://x/"onmouseover="alert(1))',
    "[a](https://x/'><script>alert(1)</script>)",
    "[a](glossary:x\"onclick=\"y)",
    "[a](#x\"onclick=\"y)",
    "[a](lesson:lesson-5#\"><script>)",
    "<javascript:alert(1)>",
    "<https://x/<script>>",
    "![a](javascript:alert(1))",
    '![a" onload="x](diagrams/drain.svg)',
    '![a"><script>alert(1)</script>](diagrams/drain.svg)',
    "![a](diagrams/../../secret.svg)",
    "[r]\n\n[r]: javascript:alert(1) 'title'",
    '## a" onclick="b <script>',
    '::: note" onclick="x a<script>\nb\n:::',
    '```"><script>alert(1)</script>\nx\n```',
    '```yaml file="\\"><script>alert(1)</script>"\na: 1\n```',
    "```yaml\n</code></pre><script>alert(1)</script>\n```",
    '```console\n$ echo "<script>alert(1)</script>" \'&\'\n<b>\n```',
    "```\nnever closed <script>",
    "`<script>` ``` `` <i>",
    "| <b> | `|` |\n|:-:|--:|\n| <script> | [a](javascript:x) |",
    "<!-- teaches: \"><script>alert(1)</script> -->",
    "&lt;script&gt; &#60;script&#62; &amp;",
    "\x00 <script>",
    "- " * 200 + "<b>",
    "> " * 200 + "<b>",
    "*" * 500 + "a" + "*" * 500,
    "[" * 500 + "a" + "](#x)" * 500,
    ":::\n" * 50,
    "::: a b\n" * 30,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_typed_becomes_html(text: str) -> None:
    assert_harmless(html(text))
    assert_harmless(MARKDOWN.block(text))
    assert_harmless(MARKDOWN.inline(text))
    assert "<script" not in html(text)


_pieces = st.sampled_from(
    [
        *("<script>", "</a>", "<!--", "-->", '"', "'", "`", "```", "~~~", "\n", "\n\n", ":::", "::: note T", "[a](", ")", "!["),
        *("](#", "|", "---", "javascript:", "glossary:", "https://x", "diagrams/drain.svg", "<!-- teaches: a -->", "$ ", "> ", "- "),
        *("    ", "\t", "\r", "\x0b", "\u2028", "&lt;", "\\", "é", "#"),
    ]
)


@given(st.lists(_pieces | st.text(max_size=3), max_size=30).map("".join))
@example("::: note T\n```")
def test_no_text_breaks_the_renderer(text: str) -> None:
    page = read_page(text)
    assert_harmless(MARKDOWN.html(page))
    assert_harmless(MARKDOWN.html(page, "team-a"))
    anchors = re.findall(r' id="([^"]*)"', MARKDOWN.html(page))
    ours = [anchor for anchor in anchors if not anchor.startswith("drain-")]
    assert len(ours) == len(set(ours))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("[Pod](glossary:pod)", '<a href="/c/glossary#pod" class="term" data-term="pod">Pod</a>', id="term"),
        pytest.param("[a](lesson:lesson-5#b)", '<a href="/c/lessons/lesson-5#b">a</a>', id="lesson"),
        pytest.param("[a](objective:lesson-7/hpa-target)", '<a href="/c/workbench/lesson-7#objective-hpa-target">a</a>', id="objective"),
        pytest.param("[a](exercise:lesson-7)", '<a href="/c/workbench/lesson-7">a</a>', id="exercise"),
        pytest.param("[a](simulator:hpa?load=own&min=2)", '<a href="/c/simulators/hpa?load=own&amp;min=2">a</a>', id="simulator"),
        pytest.param("[a](#größe)", '<a href="#gr%C3%B6%C3%9Fe">a</a>', id="here"),
        pytest.param("[a](https://k8s.io/x?a=1&b=2)", '<a href="https://k8s.io/x?a=1&amp;b=2" rel="noopener noreferrer">a</a>', id="web"),
        pytest.param("[a](ftp://x)", "<p><span>a</span></p>", id="unknown-link-is-its-words"),
        pytest.param(
            "## A & B", '<h2 id="a-b">A &amp; B <a class="anchor" href="#a-b" aria-label="Link to this section">#</a></h2>', id="h"
        ),
        pytest.param("::: break Do it `now`\nx\n:::", '<aside class="box box-break" role="note">\n<p class="box-title">', id="box"),
        pytest.param("::: break Do it `now`\nx\n:::", '<span class="box-kind">Break it</span> Do it <code>now</code></p>', id="box-title"),
        pytest.param("<!-- teaches: a -->\nText", "<p>Text</p>\n", id="teaches-is-not-shown"),
        pytest.param(
            "| A |\n|--:|\n| b |", '<div class="table-scroll" tabindex="0" role="region" aria-label="Table 1: A"><table>', id="table"
        ),
        pytest.param("| A |\n|--:|\n| b |", '<th scope="col" class="align-right">A</th>', id="aligned"),
        pytest.param("```yaml file=a.yaml\na: 1\n```", '<div class="listing" data-language="yaml" data-file="a.yaml">', id="file"),
        pytest.param("```yaml file=a.yaml\na: 1\n```", '<span class="listing-file">a.yaml</span>', id="file-is-named"),
        pytest.param("```yaml excerpt=solution/a.yaml\na: 1\n```", 'data-file="a.yaml"', id="excerpt"),
        pytest.param("```yaml part=Pod:spec.x\na: 1\n```", "Pod: <code>spec.x</code>", id="part"),
        pytest.param('```yaml wrong="no <b>"\na: 1\n```', "<strong>Wrong:</strong> no &lt;b&gt;", id="wrong"),
        pytest.param("```yaml\na: 1\n```", '<span class="nt">a</span>', id="coloured"),
        pytest.param("```text\na < b\n```", "<code>a &lt; b\n</code>", id="text"),
        pytest.param("```console\n$ a \\\n>  b\nc\n```", 'data-copy="a \\&#10; b"', id="copied-without-prompt-and-output"),
        pytest.param(
            "```console\n$ a\nc\n```",
            '<span class="command"><span class="prompt" aria-hidden="true">$ </span>a</span>\n<span class="output">c</span>',
            id="prompt-and-output",
        ),
        pytest.param("![It waits](diagrams/none.svg)", '<p class="picture-missing">It waits</p>', id="picture-missing"),
    ],
)
def test_text_is_rendered_as_pages_expect_it(text: str, wanted: str) -> None:
    assert wanted in html(text)


def test_picture_stands_in_the_page_with_one_name_and_no_style() -> None:
    shown = html("![It waits](diagrams/drain.svg)")
    assert shown.startswith(
        '<figure class="diagram diagram-wide"><div class="diagram-scroll" tabindex="0" role="region" aria-label="Diagram 1">'
        '<svg viewBox="0 0 760 100" role="img" aria-label="It waits" focusable="false" aria-describedby="drain-desc">'
    )
    assert "<style" not in shown
    assert "<title" not in shown
    assert "a &amp; b" in shown


def test_small_picture_needs_no_scrolling() -> None:
    drawn = inline_svg(PICTURE.replace("0 0 760 100", "0 0 300 100"), "It waits")
    assert drawn is not None
    assert not drawn.wide


@pytest.mark.parametrize(
    "part",
    [
        "<script>x()</script>",
        "<foreignObject><p>x</p></foreignObject>",
        '<rect onclick="x()"/>',
        '<rect style="fill:red"/>',
        '<a href="javascript:x()"><text>x</text></a>',
        '<use href="https://example.org/x.svg#a"/>',
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="javascript:x()"/>',
        '<image href="https://example.org/x.png"/>',
        "<animate/>",
    ],
)
def test_picture_brings_nothing_that_could_run(part: str) -> None:
    drawn = inline_svg(PICTURE.replace("<defs>", f"{part}<defs>"), "It waits")
    assert drawn is not None
    assert not re.search(r"script|onclick|style|https:|foreign|<a |<image|animate", drawn.html)


@pytest.mark.parametrize("source", ["", "<svg", "<html/>", '<svg xmlns="http://example.org"/>'])
def test_what_is_no_svg_is_no_picture(source: str) -> None:
    assert inline_svg(source, "a") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kubectl get pods -n rag-engine", "kubectl get pods -n team-a"),
        ("kubectl get pods -nrag-engine -o name", "kubectl get pods -nteam-a -o name"),
        ("kubectl get pods --namespace=rag-engine", "kubectl get pods --namespace=team-a"),
        ("kubectl describe ns rag-engine", "kubectl describe ns team-a"),
        ("kubectl label namespace rag-engine a=b", "kubectl label namespace team-a a=b"),
        ("namespace/rag-engine created", "namespace/team-a created"),
        ("rag-engine   Active   5s", "team-a   Active   5s"),
        ("/api/v1/namespaces/rag-engine/pods", "/api/v1/namespaces/team-a/pods"),
        ("  namespace: rag-engine", "  namespace: team-a"),
        ("curl qdrant.rag-engine.svc.cluster.local", "curl qdrant.team-a.svc.cluster.local"),
        ("kubectl get deployment rag-engine-api", "kubectl get deployment rag-engine-api"),
        ("kubectl get pods -n rag-engine-test", "kubectl get pods -n rag-engine-test"),
        ("kubectl get serviceaccount rag-engine", "kubectl get serviceaccount rag-engine"),
    ],
)
def test_commands_name_the_namespace_of_the_learner(text: str, wanted: str) -> None:
    assert in_commands(text, "team-a") == wanted
    assert in_commands(text, "rag-engine") == text


def test_manifests_and_commands_of_a_page_name_the_namespace_of_the_learner() -> None:
    text = (
        "Run `kubectl get pods -n rag-engine`.\n\n```yaml file=a.yaml\nmetadata:\n  namespace: rag-engine\n```\n\n"
        "```console\n$ grade 1 -n rag-engine\n```\n"
    )
    shown = html(text, "team-a")
    assert "-n rag-engine" not in shown
    assert shown.count("team-a") == 4  # in the sentence, the manifest, the command and what is copied
    assert "team-a" not in html(text)
