"""Roles and their bindings (k8s.io/kubernetes pkg/apis/rbac/validation)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation.place import Place, listed
from graders.validation.selectors import selector

_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def role(place: Place) -> None:
    """A Role."""
    for rule in place["rules"].structs():
        _rule(rule, namespaced=True)


def cluster_role(place: Place) -> None:
    """A ClusterRole."""
    for rule in place["rules"].structs():
        _rule(rule, namespaced=False)
    chosen = place["aggregationRule"]["clusterRoleSelectors"]
    if place["aggregationRule"].is_map:
        chosen.require()
        for item in chosen.structs():
            selector(item)


def role_binding(place: Place) -> None:
    """A RoleBinding."""
    _binding(place, ("Role", "ClusterRole"), namespaced=True)


def cluster_role_binding(place: Place) -> None:
    """A ClusterRoleBinding."""
    _binding(place, ("ClusterRole",), namespaced=False)


def _rule(rule: Place, *, namespaced: bool) -> None:
    rule["verbs"].require()
    urls = rule["nonResourceURLs"]
    if urls.empty:
        rule.needs("apiGroups", "resources")
    elif namespaced:
        urls.forbid("in a Role, which is about one namespace")
    elif not all(rule[key].empty for key in ("apiGroups", "resources", "resourceNames")):
        urls.forbid("beside `resources`")


def _binding(place: Place, kinds: tuple[str, ...], *, namespaced: bool) -> None:
    reference = place["roleRef"]
    if reference["apiGroup"].text and reference["apiGroup"].text != _GROUP:
        reference["apiGroup"].reject(f"`{_GROUP}`")
    if reference["kind"].empty or reference["kind"].text not in (None, *kinds):
        reference["kind"].reject(listed(kinds))
    reference["name"].named(names.path_segment, required=True)
    for item in place["subjects"].structs():
        _subject(item, namespaced=namespaced)


def _subject(item: Place, *, namespaced: bool) -> None:
    kind, group = item["kind"], item["apiGroup"]
    item["name"].require()
    if kind.empty or kind.text not in (None, *_SUBJECTS):
        kind.reject(listed(_SUBJECTS))
    elif kind.text == "ServiceAccount":
        if item["name"].text:
            item["name"].named(names.dns_subdomain)
        if group.text:
            group.forbid("for a ServiceAccount")
        if not namespaced:
            item["namespace"].require("for a ServiceAccount")
    elif group.text and group.text != _GROUP:
        group.reject(f"`{_GROUP}`")
