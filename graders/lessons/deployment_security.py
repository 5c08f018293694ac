"""Lesson 4: what the containers may do on their node."""

from __future__ import annotations

from graders.lessons.deployment_app import KIND, astray, container_in_words, deployment_exists, in_every_container, workload, written
from graders.objective import objective, owns
from graders.semantics.security import added, containers_of, drops_all, effective
from graders.snapshot import Snapshot
from graders.verdict import Verdict, failed, passed
from graders.workloads import APP

_DOCS = "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"
_OF_CONTAINERS = ("allowPrivilegeEscalation", "readOnlyRootFilesystem")
_MAY_ADD = ("NET_BIND_SERVICE",)


@objective(
    "runs-as-non-root",
    "Pods do not run as root",
    hints=(
        "A security context stands at two levels: that of the Pod holds for all of its containers, that of a container overrides it.",
        "Three fields: one that refuses root, one that names a user, and one (of the Pod alone) that names the group of its volumes. "
        "Look at init containers and sidecars too.",
    ),
    docs=_DOCS,
    needs=(deployment_exists,),
    owned=owns(
        KIND,
        APP,
        "spec.template.spec.securityContext",
        *in_every_container(*(f"securityContext.{field}" for field in ("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup"))),
    ),
)
def runs_as_non_root(snapshot: Snapshot) -> Verdict:
    pod_spec = workload(snapshot).pod_spec
    for path, _ in containers_of(pod_spec.value):
        who = container_in_words(pod_spec.key(*path))
        refuses = effective(pod_spec.value, path, "runAsNonRoot")
        if refuses.value is not True:
            place = pod_spec.key(*refuses.path) if refuses.value is not None else pod_spec.at("securityContext.runAsNonRoot")
            return failed(place, expected=f"`runAsNonRoot: true` for {who}", found=written(place))
        user = effective(pod_spec.value, path, "runAsUser")
        place = pod_spec.key(*user.path)
        if user.value is not None and (place.whole is None or place.whole <= 0):
            return failed(place, expected=f"a user other than 0, which is root, for {who}", found=written(place))
    group = pod_spec.at("securityContext.fsGroup")
    if group.whole is None or group.whole < 0:
        return failed(group, expected="a number as `fsGroup`, in the security context of the Pod", found=written(group))
    if group.whole == 0:
        return passed("`fsGroup: 0` is the group of root: give the volumes to a group of the app's own.")
    return passed()


@objective(
    "container-locked-down",
    "The container cannot gain privileges or write its image",
    hints=(
        "Three fields of the container's own security context; a Pod does not have them. Each container needs them, init containers too.",
        "One forbids gaining privileges, one makes the root file system read-only, one drops capabilities, whose names are in capitals.",
    ),
    docs=_DOCS + "#set-capabilities-for-a-container",
    needs=(deployment_exists,),
    owned=owns(
        KIND,
        APP,
        *in_every_container("securityContext", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities", "privileged"),
        *(f"spec.template.spec.securityContext.{field}" for field in (*_OF_CONTAINERS, "capabilities", "privileged")),
        *astray(*_OF_CONTAINERS, "capabilities"),
    ),
)
def container_locked_down(snapshot: Snapshot) -> Verdict:
    pod_spec = workload(snapshot).pod_spec
    for path, _ in containers_of(pod_spec.value):
        container = pod_spec.key(*path)
        who, context = container_in_words(container), container.at("securityContext")
        for name, wanted in (("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True)):
            field = context.key(name)
            if field.value is not wanted:
                return failed(field, expected=f"`{name}: {str(wanted).lower()}` for {who}", found=written(field))
        if context.at("privileged").value not in (None, False):
            return failed(context.at("privileged"), expected=f"no privileges for {who}", found=written(context.at("privileged")))
        dropped = context.at("capabilities.drop")
        if not drops_all(pod_spec.value, path):
            listed = ", ".join(f"`{item.value}`" for item in dropped.each())
            found = listed or (written(dropped) if dropped.present else "no capabilities dropped")
            return failed(dropped, expected=f"`ALL` dropped by {who}", found=found)
        extra = [str(name) for name in added(pod_spec.value, path) if name not in _MAY_ADD]
        if extra:
            return failed(
                context.at("capabilities.add"),
                expected=f"no capability added to {who} but {_MAY_ADD[0]}",
                found=", ".join(f"`{name}`" for name in extra),
            )
    return passed()
