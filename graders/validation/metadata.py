"""What every object has: its name, namespace, labels and annotations (k8s.io/apimachinery pkg/api/validation ValidateObjectMeta)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation import selectors
from graders.validation.place import Place, each

_LARGEST_ANNOTATIONS = 256 * 1024
_OWN_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")


def object_metadata(place: Place, rule: names.Rule, *, namespaced: bool, own_finalizers: bool) -> None:
    """The metadata of an object whose name follows a rule; `own_finalizers` tells a kind that takes short finalizers of Kubernetes only.

    `resourceVersion` is left alone: an object that was saved from a cluster can be applied to it again.
    """
    _name(place["name"], place["generateName"], rule)
    if namespaced and place["namespace"].text:
        place["namespace"].named(names.dns_label)
    place.fields(_FIELDS)
    for item in place["finalizers"].strings() if own_finalizers else ():
        if item.text and "/" not in item.text and item.text not in _OWN_FINALIZERS:
            item.reject("a name with a DNS name and `/` before it")


def pod_template(place: Place) -> None:
    """The metadata of a Pod template, of which only labels and annotations are looked at."""
    selectors.labels(place["labels"])
    _annotations(place["annotations"])


def claim_template(place: Place) -> None:
    """The metadata of an ephemeral volume's claim, which may hold nothing but labels and annotations."""
    pod_template(place)
    for key, value in place.entries():
        if key not in ("labels", "annotations") and value.value not in ("", 0):
            value.forbid("on the claim of an ephemeral volume")


def _name(name: Place, generated: Place, rule: names.Rule) -> None:
    if generated.text:
        base = generated.text
        words = rule(base[:-2] + "a" if len(base) > 1 and base.endswith("-") else base)
        if words:
            generated.reject(words)
    if not name.empty:
        name.named(rule)
    elif generated.text:
        name.reject("`name`", "only `generateName`", "`kubectl apply` needs a `name`; `generateName` works with `kubectl create` only.")
    else:
        name.require()


def _annotations(place: Place) -> None:
    """Keys of any case, values of any text, and not too much of both."""
    total = 0
    for key, value in place.entries():
        total += len(key.encode(errors="replace")) + len((value.text or "").encode(errors="replace"))
        words = names.qualified(key.lower())
        if words:
            value.reject(
                f"an annotation whose key has {words}", f"the key `{key[:80]}`", f"`{key[:80]}` cannot be the key of an annotation."
            )
    if total > _LARGEST_ANNOTATIONS:
        place.reject("at most 256 KiB of annotations", f"{total // 1024} KiB")


def _finalizers(place: Place) -> None:
    texts = [item.text for item in place.items()]
    for item in place.items():
        item.named(names.qualified, required=True)
    if "foregroundDeletion" in texts and "orphan" in texts:
        place.reject("one of `foregroundDeletion` and `orphan`", "both of them")


def _owners(place: Place) -> None:
    each(_owner)(place)
    distinct = [item for index, item in enumerate(place.structs()) if item.value not in place.value[:index]]
    controllers = [item["controller"] for item in distinct if item["controller"].is_true]
    for second in controllers[1:]:
        second.reject("one owner with `controller: true`", "a second one")


def _owner(place: Place) -> None:
    place.needs("apiVersion", "kind", "name", "uid")
    version = place["apiVersion"]
    if version.text and (version.text.count("/") > 1 or version.text.endswith("/")):
        version.reject("an API version such as `apps/v1`")
    if version.text == "v1" and place["kind"].text == "Event":
        place["kind"].reject("a kind that may own objects")


_FIELDS = {"labels": selectors.labels, "annotations": _annotations, "finalizers": _finalizers, "ownerReferences": _owners}
