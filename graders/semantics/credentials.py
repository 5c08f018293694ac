"""What in a configuration is a credential, and how to write it so that it no longer is one.

A credential is recognised by its form (a URL with a password, RFC 3986 section 3.2.1; keys that start with `sk-`; tokens with the prefixes
that their services publish; PEM private keys, RFC 7468) or by the name that it stands under. A name counts by its last word:
`API_TOKEN` and `jwtSecret` do, `MAX_TOKENS` and `SECRET_NAME` do not. Text that only refers to a value kept elsewhere, `${DB_PASSWORD}`,
is none. Masked text is recognised as what it was: `find(key, mask(key, value)) == find(key, value)`.

All patterns take time in proportion to the text: they are run over whatever a learner submits.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any

MASK = "***"

PRIVATE_KEY = "a private key"
URL = "a URL with a password"
SK_KEY = "an OpenAI-style key"
TOKEN = "an access token"  # noqa: S105 - the words for one, not one
NAMED = "a value under a key named like a credential"

# The password ends at the last @ of the authority; one with a slash in it, which should have been encoded, at the next @.
_SCHEME_END = re.compile(
    r"(?<=[A-Za-z0-9+.-])://([^\s/?#:@\"<>`]*):([^\s/?#\"<>`]+|(?![0-9]*[/?#])[^\s@\"<>`,]{1,200})@",
)
_SK = re.compile(r"(?<![A-Za-z0-9_-])sk-(?:\*\*\*(?![A-Za-z0-9_*-])|[A-Za-z0-9_-]{8,})")
_SK_ALONE = re.compile(r"\s*([\"']?)sk-(?!learn\b)(?:\*\*\*|[^\s\"'*]{6,})\1\s*")
_SK_KINDS = ("proj-", "test-", "live-", "ant-", "svcacct-", "admin-", "or-", "***")
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])(gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA)(?:\*\*\*(?![A-Za-z0-9_*-])|[A-Za-z0-9_-]{16,})")
_HINT = re.compile(r"://|sk-|-----BEGIN|gh[pousr]_|github_pat_|glpat-|xox|AKIA")
_PEM = re.compile(r"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----")
_REFERENCE = re.compile(
    r"\$\{\w+(?::?-|:?\?[^}]*)?\}|(?:\$\([\w.-]+\))+|\$[A-Z_][A-Z0-9_]*|\{\{-?[\s\w.$|]*-?\}\}|\{\w*\}|%\(\w+\)s|%s|</?[\w .-]+>"
)
_EXPANSION = re.compile(r"\"?\$(?:\(|\{\w+\})")  # a value that a shell or the app puts together from others
_PATH = re.compile(r"(?:/[\w.@+-]+){2,}/?")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_LINE_BREAKS = {ord(character): None for character in "\r\n\t"}

_NAMES = frozenset(("password", "passwords", "passwd", "passphrase", "passcode", "token", "secret", "credential", "credentials"))
_ENDINGS = (
    *("password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "privatekey"),
    *("authtoken", "accesstoken", "apitoken", "bearertoken", "clientsecret", "jwtsecret"),
)
_KEYS = frozenset(("api", "access", "secret", "private", "signing", "encryption", "auth", "account", "master"))
# `COST_PER_TOKEN` and the tokens of a language model are no credentials.
_OTHER_TOKENS = frozenset(("max", "min", "per", "num", "pad", "eos", "bos", "unk", "sep", "cls", "stop"))
_SWITCHES = frozenset(("", "true", "false", "yes", "no", "on", "off", "enabled", "disabled", "none", "null", "required", "optional"))

# One entry of a file: `key=value` or `key: value` on a line of its own; one of JSON; one of a connection string or command line.
_LINE = re.compile(
    r"^(?P<before>[ \t]*(?:-[ \t]+)?(?:export[ \t]+)?[\"']?(?P<key>[A-Za-z][\w.-]*+)[\"']?[ \t]*[=:](?!//)[ \t]*)"
    r"(?P<value>\"[^\"\n]*+\"|'[^'\n]*+'|\*\*\*|[^\s\"'#,;{}\[\]|>&*!][^\s,;]*+)(?=[ \t]*[,;]?[ \t]*(?:[#;].*)?\r?$)",
    re.MULTILINE,
)
_JSON_ENTRY = re.compile(r"(?P<before>\"(?P<key>[A-Za-z][\w.-]*+)\"\s*+:\s*+)(?P<value>\"(?:[^\"\\\n]|\\.)*+\")")
_ASSIGNMENT = re.compile(r"(?P<before>(?<![\w.-])-{0,2}(?P<key>[A-Za-z][\w.-]*+)=)(?P<value>\"[^\"]*+\"|'[^']*+'|[^\s\"';&|,]++)")
_FLAG = re.compile(r"(?P<before>(?<![\w.-])--(?P<key>[A-Za-z][\w.-]*+)\s++(?!-))(?P<value>\"[^\"]*+\"|'[^']*+'|[^\s\"';&|]++)")

# What stands in for a value whose parts cannot be blanked out one by one.
_WHOLE = {
    PRIVATE_KEY: "-----BEGIN PRIVATE KEY-----\n***",
    URL: "url://***:***@***",
    SK_KEY: "sk-***",
    TOKEN: "ghp_***",
    NAMED: "password=***",
}


def find(key: str, value: Any) -> str | None:
    """What credential stands under `key`, in words that complete "it is …"; None when there is none.

    `value` is a scalar as YAML gives it; anything else is none.
    """
    text = _scalar_text(value)
    if text is None:
        return None
    if is_named(key):
        return NAMED if _is_value(text) else None
    kind = _kind(text)
    if kind is None:
        inner = _encoded(text)
        kind = _kind(inner) if inner is not None else None
    return kind


def mask(key: str, value: Any) -> Any:
    """The value with the credentials in it blanked out, of the same JSON type; the very same object when there are none."""
    text = _scalar_text(value)
    if text is None:
        return value
    if is_named(key):
        hidden = MASK if isinstance(value, str) else 0
        return hidden if _is_value(text) else value
    if not isinstance(value, str):
        return value
    kind = _kind(text)
    if kind is not None:
        return _masked(text, kind)
    inner = _encoded(text)
    kind = _kind(inner) if inner is not None else None
    if inner is None or kind is None:
        return value
    return encode(_masked(inner, kind).encode("utf-8"))


def mask_text(text: str) -> str:
    """A text of no particular key with the credentials blanked out that show by their form; the same object when there are none."""
    return _apply(_FORMS, text) if len(text) > 7 and _HINT.search(text) else text


def find_binary(key: str, value: Any) -> str | None:
    """As `find`, for a value that is base64 as in a ConfigMap's `binaryData`. What does not decode is looked at as it stands."""
    decoded = decode_base64(value)
    return find(key, value if decoded is None else decoded.decode("utf-8", "surrogateescape"))


def mask_binary(key: str, value: Any) -> Any:
    """As `mask`, for a value that is base64 as in a ConfigMap's `binaryData`."""
    decoded = decode_base64(value)
    if decoded is None:
        return mask(key, value)
    text = decoded.decode("utf-8", "surrogateescape")
    hidden = mask(key, text)
    return value if hidden is text else encode(hidden.encode("utf-8", "surrogateescape"))


def mask_command(words: Sequence[Any], also: frozenset[str] = frozenset()) -> list[Any]:
    """The words of a command line with credentials blanked out: by form, in `NAME=value`, and after a flag `--name`.

    `also` are further names whose values are blanked out. What is no string stays as it is.
    """

    def named(key: str) -> bool:
        return key in also or is_named(key)

    masked: list[Any] = []
    after_flag = False
    for word in words:
        if not isinstance(word, str):
            masked.append(word)
            after_flag = False
            continue
        flag = word.startswith("-") and "=" not in word and not any(character.isspace() for character in word)
        if after_flag and not flag and _is_value(word):
            masked.append(MASK)
        else:
            for pattern in (_ASSIGNMENT, _FLAG):
                word = _entries(word, pattern, named) or word
            masked.append(mask_text(word))
        after_flag = flag and named(word.lstrip("-"))
    return masked


def is_named(key: str) -> bool:
    """Whether a key is named like a credential: by its last word, or by the last two as in `…_API_KEY`."""
    words = [word.lower() for word in _WORDS.findall(key.removesuffix(".txt"))]
    while words and words[-1].isdigit():
        words.pop()
    if not words or _OTHER_TOKENS.intersection(words[:-1]):
        return False
    last = words[-1]
    if last in ("key", "keys"):
        return len(words) > 1 and words[-2] in _KEYS
    return last in _NAMES or last.endswith(_ENDINGS) or (last in ("pwd", "pass") and len(words) > 1)


def is_reference(text: str) -> bool:
    """Whether a text is nothing but a reference to a value that is kept elsewhere: `${NAME}`, `$(NAME)`, `{{ .name }}`."""
    return _REFERENCE.fullmatch(text.strip()) is not None


def decode_base64(value: Any) -> bytes | None:
    """The bytes of a base64 text as Go's encoding/json reads it into []byte; None when it refuses.

    That is base64.StdEncoding: padding is required, line breaks are ignored, any other white space is an error.
    """
    if not isinstance(value, str):
        return None
    compact = value.replace("\n", "").replace("\r", "")
    return binascii.a2b_base64(compact) if _BASE64.fullmatch(compact) else None


def encode(content: bytes) -> str:
    """Bytes as base64."""
    return binascii.b2a_base64(content, newline=False).decode("ascii")


def _scalar_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _is_value(text: str) -> bool:
    """Whether a text under a telling name is a value of its own: no switch, no reference, no path of a file that holds it."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    return bare.lower() not in _SWITCHES and not is_reference(bare) and _PATH.fullmatch(bare) is None


def _encoded(text: str) -> str | None:
    """What a text says that is base64 of readable text; None when it is not."""
    if len(text) < 8:
        return None
    decoded = decode_base64(text.strip())
    if not decoded:
        return None
    try:
        inner = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return inner if inner.translate(_LINE_BREAKS).isprintable() else None


# A rule gives the text with all of its kind blanked out, or None when there is none of it. Masked text is matched again.
_Rule = Callable[[str], str | None]


def _private_keys(text: str) -> str | None:
    if "-----BEGIN" not in text:
        return None
    pieces, position = [], 0
    while (begin := _PEM.search(text, position)) is not None:
        end = text.find(f"-----END {begin[1]}-----", begin.end())
        pieces += [text[position : begin.end()], "\n***"]
        position = len(text) if end < 0 else end
        if end >= 0:
            pieces.append("\n")
    return "".join((*pieces, text[position:])) if pieces else None


def _urls(text: str) -> str | None:
    if "://" not in text:
        return None
    found = False

    def hide(match: re.Match[str]) -> str:
        nonlocal found
        if is_reference(match[2]):
            return match[0]
        found = True
        return f"://{match[1]}:{MASK}@"

    masked = _SCHEME_END.sub(hide, text)
    return masked if found else None


def _sk_keys(text: str) -> str | None:
    if "sk-" not in text:
        return None
    if _SK_ALONE.fullmatch(text):
        return "sk-***"
    found = False

    def hide(match: re.Match[str]) -> str:
        nonlocal found
        rest = match[0][3:]
        if not rest.startswith(_SK_KINDS) and (len(rest) < 16 or not any(character.isdigit() for character in rest)):
            return match[0]  # words joined by hyphens
        found = True
        return "sk-***"

    masked = _SK.sub(hide, text)
    return masked if found else None


def _tokens(text: str) -> str | None:
    masked, count = _TOKEN.subn(rf"\1{MASK}", text)
    return masked if count else None


def _named_entries(text: str) -> str | None:
    masked = text
    for pattern in (_JSON_ENTRY, _LINE, _ASSIGNMENT):
        masked = _entries(masked, pattern, is_named) or masked
    return masked if masked is not text else None


def _entries(text: str, pattern: re.Pattern[str], named: Callable[[str], bool]) -> str | None:
    """The text with the values of the entries blanked out whose key is `named`; None when there is no such entry."""
    found = False

    def hide(match: re.Match[str]) -> str:
        nonlocal found
        value = match["value"]
        if not named(match["key"]) or not _is_value(value) or _EXPANSION.match(value):
            return match[0]
        found = True
        quote = value[0] if value[0] in "\"'" else ""
        return f"{match['before']}{quote}{MASK}{quote}"

    masked = pattern.sub(hide, text)
    return masked if found else None


_FORMS: tuple[tuple[str, _Rule], ...] = ((PRIVATE_KEY, _private_keys), (URL, _urls), (SK_KEY, _sk_keys), (TOKEN, _tokens))
_RULES: tuple[tuple[str, _Rule], ...] = (*_FORMS, (NAMED, _named_entries))


def _kind(text: str) -> str | None:
    """What credential a text holds, whatever its key."""
    for kind, rule in _RULES:
        if rule(text) is not None:
            return kind
    return None


def _masked(text: str, kind: str) -> str:
    """A text that holds a credential of `kind` (and perhaps more), masked so that it still reads as one of that kind."""
    masked = _apply(_RULES, text)
    return masked if _kind(masked) == kind and _apply(_RULES, masked) == masked else _WHOLE[kind]


def _apply(rules: Sequence[tuple[str, _Rule]], text: str) -> str:
    for _, rule in rules:
        text = rule(text) or text
    return text
