"""Image references: `registry.example:5000/team/app:v1@sha256:…` taken apart.

The grammar is that of github.com/distribution/reference (ParseNormalizedNamed, regexp.go, with the digest rules of
github.com/opencontainers/go-digest), which kubelets and container runtimes parse `image` with; what it refuses ends as
InvalidImageName. See also https://kubernetes.io/docs/concepts/containers/images/#image-names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_MAX_PATH = 255

# Tags that are moved from build to build by custom.
# fmt: off
_MOVING = frozenset((
    "alpha", "beta", "canary", "current", "dev", "develop", "development", "edge", "experimental", "head", "lts", "main", "mainline",
    "master", "next", "nightly", "prod", "production", "rc", "release", "rolling", "snapshot", "stable", "staging", "test", "testing",
    "trunk", "unstable",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference. `registry` is empty when the runtime's default applies; `tag` and `digest` are None when not given."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def latest(self) -> bool:
        """Whether it means whatever is newest: no digest, and the tag `latest` or none."""
        return self.digest is None and self.tag in (None, "latest")

    @property
    def moving(self) -> bool:
        """Whether its tag is one that by custom is moved to newer builds, such as `stable`, and no digest holds it."""
        if self.digest is not None or self.tag is None:
            return False
        tag = self.tag.lower()
        return tag in _MOVING or re.split(r"[-_.]", tag)[0] == "latest"


def parse_image(text: Any) -> Image | None:
    """The parts of an image reference; None when it is no valid one (upper case in the repository, `${TAG}`, a cut digest, spaces)."""
    if not isinstance(text, str) or _IDENTIFIER.fullmatch(text):
        return None
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return None
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:  # that colon belongs to the registry's port
        name, colon, tag = rest, "", ""
    if colon and not _TAG.fullmatch(tag):
        return None
    first, slash, remainder = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        registry, repository = first, remainder
        if not _DOMAIN.fullmatch(registry):
            return None
    else:
        registry, repository = "", name
    if len(repository) > _MAX_PATH or not _PATH.fullmatch(repository):
        return None
    return Image(registry, repository, tag if colon else None, digest if at else None)
