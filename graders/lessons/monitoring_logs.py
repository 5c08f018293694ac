"""Lesson 12: logs that the node keeps, and a collector that ships them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from graders.lessons.consumers import container_path
from graders.objective import objective, owns
from graders.semantics.env import Origin, candidates
from graders.semantics.tolerations import tolerates
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP, Workload

COLLECTOR = "DaemonSet"
_CONFIG = "rag-engine-config"
_LEVEL = "LOG_LEVEL"
_VAR_LOG = "/var/log"
_POD_LOGS = "/var/log/pods"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_OS = ("kubernetes.io/os", "beta.kubernetes.io/os")

_DOCS = "https://kubernetes.io/docs/concepts/cluster-administration/logging/"
_AGENT_DOCS = _DOCS + "#using-a-node-logging-agent"

# Arguments of servers and loggers that name a file to write to, with what follows in the same argument or the next.
_FILE_FLAG = re.compile(
    r"--?(?:(?:access|error|request)-?)?log-?(?:file|path|dir|to-file|output)(?:-?name)?(?:=(?P<value>.*))?", re.IGNORECASE
)
_FILE_VARIABLE = re.compile(r"(?:\w+_)?LOG(?:GING)?_?(?:FILE|FILENAME|PATH|DIR|DIRECTORY)(?:_?(?:NAME|PATH))?", re.ASCII)
_REDIRECTED = re.compile(r"(?<![<>&\-=])(?:[12]|&)?>{1,2}(?![&>=])\s*(?P<file>[^\s;|&<>()]+)")
_STREAM_NAMES = (
    "- stdout stderr /dev/stdout /dev/stderr /dev/fd/1 /dev/fd/2 /dev/tty /proc/1/fd/1 /proc/1/fd/2 /proc/self/fd/1 /proc/self/fd/2"
)
_STREAMS = frozenset(_STREAM_NAMES.split())
_NOWHERE = "/dev/null"
_THEN = re.compile(r"(?:;|&&|\|\||\n)\s*\S")  # another command follows
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh"))
_READ_ONLY_VOLUMES = ("configMap", "secret", "projected", "downwardAPI")
_LOG_FOLDERS = frozenset(("log", "logs"))


@objective(
    "logs-to-stdout",
    "The API logs to standard output",
    hints=(
        "`kubectl logs` shows what a container writes to its standard output and error, and nothing else. A file's content stays there.",
        "Look at `args`, `command`, `env` and `volumeMounts` of the app's container for files or folders of logs; how much is logged is a "
        "setting of lesson 2.",
    ),
    docs=_DOCS,
    owned=owns(
        "Deployment",
        APP,
        "spec.template.spec.volumes",
        *(f"spec.template.spec.containers[name=api].{key}" for key in ("args", "command", "env", "envFrom", "volumeMounts")),
    ),
)
def logs_to_stdout(snapshot: Snapshot) -> Verdict:
    app = Workload.of(snapshot.related("Deployment", APP))
    container = app.app_container()
    if container is None:
        return failed(app.pod_spec.at("containers"), expected="the app's container, named `api`", found="none of that name")
    for place, found in _to_files(app, container):
        return failed(place, expected="logs on standard output", found=found)
    return _level(snapshot, container)


def _to_files(app: Workload, container: Field) -> Iterator[tuple[Field, str]]:
    """The places that send the logs of a container elsewhere, each with what it does."""
    words = [*container.at("command").each(), *container.at("args").each()]
    in_shell = False
    for at, word in enumerate(words):
        following = words[at + 1].text if at + 1 < len(words) else None
        target = _in_line(word.text or "") if in_shell else _in_argument(word.text or "", following)
        in_shell = in_shell or posixpath.basename(word.text or "") in _SHELLS
        if target is not None:
            yield word, f"`{_brief(word.text or '')}`, which writes to {target}"
    for variable in container.at("env").each():
        name, value = variable.at("name").text or "", variable.at("value")
        if _FILE_VARIABLE.fullmatch(name) and _is_file(value.text):
            yield value, f"`{name}`, which names a file or a folder: `{value.text}`"
    writable = {volume.at("name").text for volume in app.pod_spec.at("volumes").each() if not _read_only(volume)}
    for mount in container.at("volumeMounts").each():
        name, path = mount.at("name").text or "", mount.at("mountPath").text or ""
        if name in writable and not mount.at("readOnly").flag and _for_logs(name, path):
            yield mount.at("mountPath"), f"volume `{name}` at `{path}`, a place for log files"


def _in_argument(word: str, following: str | None) -> str | None:
    """The file that an argument names for logs, in itself or in the next one; None when it names none."""
    flag = _FILE_FLAG.fullmatch(word)
    if flag is None:
        return None
    value = flag["value"] if flag["value"] is not None else following
    return f"`{value}`" if _is_file(value) else None


def _in_line(line: str) -> str | None:
    """The file that a line for the shell writes to; None when it writes to none."""
    words = line.split()
    for word, following in zip(words, [*words[1:], None], strict=True):
        target = _in_argument(word, following)
        if target is not None:
            return target
    for redirected in _REDIRECTED.finditer(line):
        target = redirected["file"].strip("\"'")
        if target == _NOWHERE and _THEN.search(line, redirected.end()):
            continue  # what a command before the app's own says, such as one that waits for the database
        if _is_file(target):
            return f"`{redirected['file']}`"
    return None


def _is_file(value: str | None) -> bool:
    return bool(value) and value not in _STREAMS


def _read_only(volume: Field) -> bool:
    return any(volume.key(kind).present for kind in _READ_ONLY_VOLUMES)


def _for_logs(name: str, path: str) -> bool:
    """Whether a volume's name or the folder where it is mounted says that it is for logs."""
    return not _LOG_FOLDERS.isdisjoint((*name.split("-"), *container_path(path).split("/")))


def _level(snapshot: Snapshot, container: Field) -> Verdict:
    expected = f"`{_LEVEL}` from ConfigMap `{_CONFIG}`, key `{_LEVEL}`"
    found = candidates(container.value, _LEVEL, lambda kind, name: _keys(snapshot, kind, name))
    origin = next((each for each in reversed(found) if (each.kind, each.name) == ("ConfigMap", _CONFIG) or each.there is not None), None)
    origin = origin or (found[-1] if found else None)
    if origin is None:
        return failed(container.at("env"), expected=expected, found=f"no variable `{_LEVEL}`")
    place = container.key(*origin.path)
    if (origin.kind, origin.name) != ("ConfigMap", _CONFIG):
        return failed(place, expected=expected, found=_in_words(origin))
    if origin.key != _LEVEL:
        return failed(place, expected=expected, found=f"key `{origin.key}`")
    if origin.there is False:
        return failed(place, expected=expected, found=f"ConfigMap `{_CONFIG}` without the key `{_LEVEL}`, or no such ConfigMap")
    return passed()


def _keys(snapshot: Snapshot, kind: str, name: str) -> Collection[str] | None:
    """The keys of a ConfigMap, none where a cluster has no such object, None where that is not known."""
    if kind != "ConfigMap":
        return None
    try:
        item = snapshot.find(kind, name)
    except NotReadable:
        return None
    if item is None:
        return () if snapshot.is_live else None
    return {key for key, _ in item.at("data").entries()}


def _in_words(origin: Origin) -> str:
    if origin.kind in ("ConfigMap", "Secret"):
        return f"{origin.kind} `{origin.name}`, key `{origin.key}`"
    return "a value written into the manifest" if origin.kind == "value" else f"`{origin.kind}`"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


_NEAR = 1  # the weight of what reads the logs, and lacks something else


class _Fault(NamedTuple):
    """What keeps a DaemonSet from collecting every node's logs. `weight` tells how far from it the DaemonSet is."""

    weight: int
    verdict: Verdict


@objective(
    "log-collector",
    "A collector ships every node's logs",
    hints=(
        "The kubelet keeps what containers write below one folder of its node. A collector reads it there, with a Pod on each node.",
        "The kind that runs one Pod a node, a hostPath volume mounted so that nothing can be written, and a toleration for the taint that "
        "`kubectl describe node` shows on control-plane nodes.",
    ),
    docs=_AGENT_DOCS,
)
def log_collector(snapshot: Snapshot) -> Verdict:
    faults = []
    for item in snapshot.every(COLLECTOR):
        judged = _collects(item)
        if isinstance(judged, Verdict):
            return judged
        faults.append(judged)
    snapshot.everywhere(COLLECTOR)  # a collector mostly stands in a namespace of its own, where it may be that none could be read
    nearest = min(faults, key=lambda fault: fault.weight, default=None)
    if nearest is not None and (nearest.weight <= _NEAR or not snapshot.is_live):  # a cluster's own have nothing to do with it
        return nearest.verdict
    return failed(
        snapshot.wanted(COLLECTOR, "log-collector"),
        expected=f"a {COLLECTOR} that reads `{_VAR_LOG}` of every node",
        found=f"no {COLLECTOR}" + (" that does" if faults else ""),
        command="kubectl get daemonsets --all-namespaces",
    )


def _collects(item: K8sObject) -> Verdict | _Fault:
    """Passed for a collector of every node's logs, else what it lacks."""
    if item.api_version != "apps/v1":
        return _fault(3, item.at("apiVersion"), "`apiVersion: apps/v1`", f"`{item.api_version}`")
    spec = Workload.of(item).pod_spec
    mounts = list(_log_mounts(Workload.of(item)))
    if not mounts:
        return _no_mount(spec)
    for problem in item.problems:
        if problem.rejected:
            return _Fault(1, Verdict(Status.FAILED, problem.evidence()))
    for mount, _ in mounts:
        if mount.at("readOnly").flag is not True:
            found = "`readOnly: false`" if mount.at("readOnly").present else "no `readOnly`, so it may write there"
            return _fault(1, mount.at("readOnly"), "`readOnly: true`", found)
    if not tolerates(spec.at("tolerations").value, _CONTROL_PLANE, "NoSchedule"):
        expected = f"a toleration for the taint `{_CONTROL_PLANE}:NoSchedule`"
        listed = "; ".join(_toleration(each) for each in spec.at("tolerations").each())
        return _fault(1, spec.at("tolerations"), expected, listed or "no tolerations")
    chosen = _narrowed(spec)
    if chosen is not None:
        return _fault(1, chosen, "a Pod on every node", f"only nodes with {_words(chosen)}")
    path = mounts[0][1]
    if path == _VAR_LOG:
        return passed()
    return passed(f"{item.ref} reads `{path}` of its node; what is meant to be read is `{_VAR_LOG}`.")


def _fault(weight: int, place: Field, expected: str, found: str) -> _Fault:
    return _Fault(weight, failed(place, expected=expected, found=found))


def _log_mounts(collector: Workload) -> Iterator[tuple[Field, str]]:
    """The mounts through which containers see the node's logs, each with the folder of the node that it shows."""
    folders = {
        volume.at("name").text: volume.at("hostPath.path").text
        for volume in collector.pod_spec.at("volumes").each()
        if volume.at("hostPath.path").text
    }
    for container in (*collector.containers(), *collector.init_containers()):
        for mount in container.at("volumeMounts").each():
            folder = folders.get(mount.at("name").text)
            if folder:
                path = container_path(posixpath.join(folder, mount.at("subPath").text or ""))
                if path in ("/var", _VAR_LOG, _POD_LOGS):
                    yield mount, path


def _no_mount(spec: Field) -> _Fault:
    expected = f"a hostPath volume with `{_VAR_LOG}` of the node, mounted"
    for volume in spec.at("volumes").each():
        path = volume.at("hostPath.path")
        if path.text and container_path(path.text) in (_VAR_LOG, _POD_LOGS):
            return _fault(1, volume, expected, f"volume `{volume.at('name').text}`, which no container mounts")
    for volume in spec.at("volumes").each():
        path = volume.at("hostPath.path")
        if path.present:
            return _fault(2, path, expected, f"`{path.value}`")
    return _fault(3, spec.at("volumes"), expected, "no volume of the node's files")


def _toleration(item: Field) -> str:
    parts = (f"{key}: {field.value}" for key, field in item.entries())
    return f"`{', '.join(parts)}`"


def _narrowed(spec: Field) -> Field | None:
    """The field that keeps the Pods off some Linux nodes; None when there is none that surely does."""
    for key, field in spec.at("nodeSelector").entries():
        if key not in _OS or field.value != "linux":
            return field
    terms = spec.at("affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms")
    narrow = [next((each for each in term.at("matchExpressions").each() if _narrow(each)), None) for term in terms.each()]
    return narrow[0] if narrow and None not in narrow else None  # one term that fits is enough


def _narrow(expression: Field) -> bool:
    key, operator = expression.at("key").value, expression.at("operator").value
    if operator == "In":
        return not (key in _OS and any(each.value == "linux" for each in expression.at("values").each()))
    if operator in ("Exists", "Gt", "Lt"):
        return not (operator == "Exists" and key in (*_OS, "kubernetes.io/hostname"))
    return bool(key == _CONTROL_PLANE)


def _words(field: Field) -> str:
    if field.path[-2] == "nodeSelector":
        return f"the label `{field.path[-1]}: {field.value}`"
    return f"`{field.at('key').value} {field.at('operator').value}`"
