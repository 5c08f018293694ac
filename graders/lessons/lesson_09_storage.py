"""Lesson 9: a database whose data outlives its Pods, and a claim that the API's Pods share."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from graders.lessons.claims import class_field, provisioning_failure
from graders.lessons.consumers import container_path
from graders.lessons.deployment_app import astray, container_in_words, in_every_container, labels_in_words, written
from graders.lessons.existence import exists
from graders.lessons.pod_states import condition, newest_event
from graders.objective import Lesson, objective, owns
from graders.semantics.images import parse_image
from graders.semantics.ports import protocol, target_number
from graders.semantics.quantities import parse_quantity
from graders.semantics.selectors import matches_labels
from graders.semantics.volume_binding import CLASS_ANNOTATION, is_default, may_bind
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, blocked, failed, passed, pending
from graders.workloads import APP, WORKLOAD_KINDS, Workload, also_selected

_SET, _NAME = "StatefulSet", "qdrant"
_PORT = 6333
_HOME = "/qdrant"  # the image's working directory, where its program lies too
_DATA = f"{_HOME}/storage"
_COLLECTIONS = f"{_DATA}/collections"
_PATH_VARIABLE = "QDRANT__STORAGE__STORAGE_PATH"
_LEAST_DISK = "10Gi"

_CLAIM, _MODELS = "PersistentVolumeClaim", "rag-engine-models"
_MODELS_PATH = "/app/models"
_LEAST_MODELS = "5Gi"

_ONE_NODE, _ONE_POD = "ReadWriteOnce", "ReadWriteOncePod"
_STATIC = "kubernetes.io/no-provisioner"
_ROUNDING = timedelta(seconds=2)  # times of the API are whole seconds, and a Pod is created right after its claims
_GIB = 2**30

_DOCS = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"
_CLAIM_DOCS = "https://kubernetes.io/docs/concepts/storage/persistent-volumes/"
_CLASS_DOCS = "https://kubernetes.io/docs/concepts/storage/storage-classes/"
_IMAGE_DOCS = "https://kubernetes.io/docs/concepts/containers/images/#image-names"


def _database(snapshot: Snapshot) -> Workload | None:
    """The StatefulSet as a maker of Pods, if it is there; that it is not is for `claim-or-template` to say."""
    found = snapshot.find(_SET, _NAME)
    return Workload.of(found) if found is not None else None


def _container(database: Workload) -> Field | None:
    """The container that runs Qdrant: the one named `qdrant`, else the only one, else the one that exposes its port."""
    containers = database.containers()
    named = [item for item in containers if item.at("name").value == _NAME]
    exposing = [item for item in containers if any(port.at("containerPort").value == _PORT for port in item.at("ports").each())]
    return next(iter(named or (containers if len(containers) == 1 else exposing)), None)


def _mounts(container: Field) -> list[tuple[str, Field]]:
    """The folders of a container that are volumes, each with its mount."""
    listed = ((mount.at("mountPath").text, mount) for mount in container.at("volumeMounts").each())
    return [(container_path(path), mount) for path, mount in listed if path]


def _mounted_at(container: Field, path: str) -> Field | None:
    return next((mount for at, mount in _mounts(container) if at == path), None)


def _mount_paths(container: Field) -> str:
    """Where a container has volumes, in words."""
    return ", ".join(f"`{path}`" for path, _ in _mounts(container))


def _templates(database: Workload) -> dict[str, Field]:
    """The volume claim templates by name. A volume of the Pod template with the same name is replaced by them."""
    listed = database.object.at("spec.volumeClaimTemplates").each()
    return {item.at("metadata.name").text or "": item for item in listed}


@objective(
    "claim-or-template",
    "StatefulSet `qdrant` claims its own disk",
    hints=(
        "`kubectl get statefulset,pvc` shows the set and the claims that it has made: one for each Pod, with the template's name in front.",
        "The templates stand beside the Pod template, not in it. Each has a name, and a spec like any claim's: how it is accessed, how "
        "much it requests. Say no class, or name one: an empty name switches provisioning off.",
    ),
    docs=_DOCS + "#volume-claim-templates",
    owned=owns(_SET, _NAME),
)
def claim_or_template(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, _SET, _NAME)
    database = _database(snapshot)
    if verdict.status is not Status.PASSED or database is None:
        other = snapshot.find("Deployment", _NAME) if database is None else None
        if other is None:
            return verdict
        return failed(other.at("kind"), expected=f"{_SET} `{_NAME}`", found="a Deployment, which gives its Pods no disk of their own")
    templates = _templates(database)
    if not templates:
        place = database.object.at("spec.volumeClaimTemplates")
        return failed(place, expected="a template for a claim of each Pod", found=_unclaimed(database))
    judged = [(template, _fault(template)) for template in _candidates(database, templates)]
    sound = [template for template, fault in judged if fault is None]
    return verdict.advising(*_objections(sound[0])) if sound else judged[0][1] or verdict


def _unclaimed(database: Workload) -> str:
    for volume in database.pod_spec.at("volumes").each():
        claim = volume.at("persistentVolumeClaim.claimName")
        if claim.present:
            return f"no `volumeClaimTemplates`; the claim `{claim.value}` would be one for all Pods"
    return "no `volumeClaimTemplates`"


def _candidates(database: Workload, templates: Mapping[str, Field]) -> list[Field]:
    """The template whose volume is mounted where the data lives, else all of them: where they are mounted is asked elsewhere."""
    container = _container(database)
    mount = _mounted_at(container, _DATA) if container is not None else None
    mine = templates.get(mount.at("name").text or "") if mount is not None else None
    return [mine] if mine is not None else list(templates.values())


def _fault(template: Field) -> Verdict | None:
    """Why a claim template does not give a disk to one Pod; None when it does."""
    spec = template.at("spec")
    modes = spec.at("accessModes")
    given = [item.text for item in modes.each()]
    if _ONE_NODE not in given and given != [_ONE_POD]:
        found = ", ".join(f"`{mode}`" for mode in given if mode) or written(modes)
        return failed(modes, expected=f"`accessModes: [{_ONE_NODE}]`", found=found)
    small = _too_small(spec, _LEAST_DISK)
    if small is not None:
        return small
    name = class_field(template)
    if name.text == "":
        found = f'`{name.path[-1]}: ""`, which waits for a volume that somebody made by hand'
        return failed(name, expected="no storage class, which means the default one, or the name of one", found=found)
    return _raw(spec)


def _too_small(spec: Field, least: str) -> Verdict | None:
    request = spec.at("resources.requests.storage")
    size = parse_quantity(request.value)
    if size is None:
        found = f"{written(request)}, which is no quantity" if request.present else "no request for `storage`"
        return failed(request, expected=f"a request for at least `{least}`", found=found)
    if size >= (parse_quantity(least) or 0):
        return None
    return failed(request, expected=f"at least `{least}`", found=f"`{request.value}`{_in_other_words(size)}")


def _in_other_words(size: Decimal) -> str:
    """A size that is no whole number of Gi, in Gi, or in bytes when it is next to nothing."""
    if size < _GIB // 100:
        return f", which is {size.normalize():f} bytes"
    return f", which is {size / _GIB:.2f}Gi" if size % _GIB else ""


def _raw(spec: Field) -> Verdict | None:
    mode = spec.at("volumeMode")
    if mode.value != "Block":
        return None
    return failed(mode, expected="`Filesystem`, the default", found="`Block`, a raw device that cannot be mounted as a folder")


def _objections(template: Field) -> Iterator[str]:
    modes = [str(item.value) for item in template.at("spec.accessModes").each()]
    if modes == [_ONE_POD]:
        yield f"`{_ONE_POD}` is stricter than `{_ONE_NODE}`, and only CSI drivers know it: make sure that the storage class uses one."
    elif len(modes) > 1:
        more = ", ".join(f"`{mode}`" for mode in modes if mode != _ONE_NODE)
        yield f"A volume has to offer every access mode that is listed: leave out {more}, which one Pod does not need."
    if class_field(template).path[-1] == CLASS_ANNOTATION:
        yield f"The annotation `{CLASS_ANNOTATION}` is deprecated: write `storageClassName`."


@objective(
    "mounted-where-data-lives",
    "The disk is mounted at `/qdrant/storage`",
    hints=(
        "`kubectl describe pod qdrant-0` lists under Mounts which volume stands behind which folder, and under Volumes what each one is.",
        "A mount of the container names the claim template, as if it were a volume. The path has to be the folder itself: one above "
        "hides the program, and what lies in a folder without a volume, or in an emptyDir, goes with the Pod.",
    ),
    docs="https://kubernetes.io/docs/tutorials/stateful-application/basic-stateful-set/#writing-to-stable-storage",
    needs=(claim_or_template,),
    owned=owns(_SET, _NAME, *in_every_container("volumeMounts", "volumeDevices", "volumes"), *astray("volumes", "volumeMounts")),
)
def mounted_where_data_lives(snapshot: Snapshot) -> Verdict:
    database = Workload.of(snapshot.own(_SET, _NAME))
    container = _container(database)
    if container is None:
        names = ", ".join(container_in_words(item) for item in database.containers()) or "none"
        listed = database.pod_spec.at("containers")
        return failed(listed, expected=f"a container that runs Qdrant, named `{_NAME}` or on port {_PORT}", found=names)
    moved = _moved(container)
    if moved is not None:
        found = f"`{moved.value}`, so that nothing is written to `{_DATA}`"
        return failed(moved, expected=f"`{_PATH_VARIABLE}` left out, or `{_DATA}`", found=found)
    mount = _mounted_at(container, _DATA)
    if mount is None:
        return failed(container.at("volumeMounts"), expected=f"a claim template's volume at `{_DATA}`", found=_astray(database, container))
    deeper = _mounted_at(container, _COLLECTIONS)
    for place, path in ((mount, _DATA), (deeper, _COLLECTIONS)):
        if place is not None and place.at("name").text not in _templates(database):
            found = f"at `{path}`, {_source(database, place)}"
            return failed(place.at("name"), expected="the volume of a claim template", found=found)
    read_only = mount.at("readOnly")
    if read_only.value is True:
        return failed(read_only, expected="a mount that can be written to", found=written(read_only))
    return passed()


def _moved(container: Field) -> Field | None:
    """The variable by which Qdrant is told to keep its data elsewhere, if it is set to that. A relative path starts at its home."""
    last = None
    for variable in container.at("env").each():
        if variable.at("name").value == _PATH_VARIABLE:
            last = variable.at("value")
    path = posixpath.normpath(posixpath.join(_HOME, last.text)) if last is not None and last.text else _DATA
    return last if path != _DATA and not path.startswith(f"{_DATA}/") else None


def _astray(database: Workload, container: Field) -> str:
    """Where the disk is instead, in words."""
    templates = _templates(database)
    for path, mount in _mounts(container):
        name = mount.at("name").text or ""
        if name in templates:
            return f"`{name}` at `{path}`" + (", which hides the program that lies there" if path == _HOME else "")
    for other in database.all_containers():
        if other.path != container.path and _mounted_at(other, _DATA) is not None:
            return f"a mount in {container_in_words(other)} only"
    paths = _mount_paths(container)
    return f"volumes at {paths} only" if paths else "no volume mounted"


def _source(workload: Workload, mount: Field) -> str:
    """What a mounted volume is, in words."""
    name = mount.at("name")
    for volume in workload.pod_spec.at("volumes").each():
        if volume.at("name").value == name.value:
            claim = volume.at("persistentVolumeClaim.claimName")
            if claim.present:
                return f"the claim `{claim.value}`"
            kinds = [key for key, field in volume.entries() if key != "name" and field.present]
            return f"an `emptyDir`, which goes with its Pod (`{name.value}`)" if kinds in ([], ["emptyDir"]) else f"a volume `{kinds[0]}`"
    return f"`{name.text}`, a volume that the Pod does not have" if name.text else "a mount without the `name` of a volume"


@objective(
    "headless-service",
    "A headless Service `qdrant` gives it a stable name",
    hints=(
        "`kubectl get services` shows under CLUSTER-IP whether a Service has an address of its own. The name of a headless one leads to "
        "the Pods themselves, and each Pod gets a name below it.",
        "Three things meet: the Service's selector and the labels of the Pod template, the Service's port and that of the container, and "
        "the name that the StatefulSet's spec gives to its governing Service.",
    ),
    docs="https://kubernetes.io/docs/concepts/services-networking/service/#headless-services",
    owned=(*owns("Service", _NAME), *owns(_SET, _NAME, "spec.serviceName", "spec.template.spec.serviceName", "serviceName")),
)
def headless_service(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, "Service", _NAME)
    if verdict.status is not Status.PASSED:
        return verdict
    service, database = snapshot.own("Service", _NAME), _database(snapshot)
    address = service.at("spec.clusterIP")
    if address.value != "None":
        found = written(address) if address.value not in (None, "") else "no `clusterIP`, so it gets an address of its own"
        return failed(address, expected="`clusterIP: None`", found=found)
    fault = _port_fault(service, database)
    if fault is not None:
        return fault
    if database is None:
        return blocked(claim_or_template.id)
    fault = _selection_fault(snapshot, service, database)
    if fault is not None:
        return fault
    governing = database.object.at("spec.serviceName")
    if governing.value != _NAME:
        return failed(governing, expected=f"`serviceName: {_NAME}`", found=written(governing))
    return verdict


def _port_fault(service: K8sObject, database: Workload | None) -> Verdict | None:
    """Why callers of the Service do not find Qdrant at its port; None when they do. A headless Service translates no ports."""
    ports = service.at("spec.ports")
    port = next((item for item in ports.each() if item.at("port").whole == _PORT and protocol(item.at("protocol").value) == "TCP"), None)
    expected = f"`port: {_PORT}`, over TCP"
    if port is None:
        some = next(ports.each(), None)
        if some is None:
            return failed(ports, expected=expected, found="no `ports`")
        place = some.at("protocol" if some.at("port").whole == _PORT else "port")
        return failed(place, expected=expected, found=written(place))
    target = port.at("targetPort")
    if target.text and database is None:
        return None
    number = target_number(database.pod_spec.value if database else None, target.value, _PORT)
    if number == _PORT:
        return None
    found = written(target)
    if target.text:
        found += f", which the Pods give to {number}" if number else ", a name that no TCP port of the Pods has"
    return failed(target, expected=f"a `targetPort` that is {_PORT} in the Pods, or none", found=found)


def _selection_fault(snapshot: Snapshot, service: K8sObject, database: Workload) -> Verdict | None:
    selector = service.at("spec.selector")
    expected = f"a selector that matches the Pods of {database.object.ref}, which carry {labels_in_words(database.pod_labels)}"
    chosen = ", ".join(written(label) for _, label in selector.entries()) or written(selector)
    if not matches_labels(selector.value, database.pod_labels):
        return failed(selector, expected=expected, found=chosen)
    others = also_selected(snapshot, selector, database)
    if others:
        return failed(selector, expected=f"{expected}, and no others", found=f"{chosen}, which also takes in {', '.join(others)}")
    return None


@objective(
    "image-pinned",
    "The image has a fixed version",
    hints=(
        "`kubectl get statefulset -o wide` shows the image. What stands behind its last colon, after the last slash, is its tag.",
        "A database that is a newer version after every restart may find its own data unreadable. `latest` and no tag at all are the same.",
    ),
    docs=_IMAGE_DOCS,
    owned=owns(_SET, _NAME, *in_every_container("image", "imagePullPolicy"), *astray("imagePullSecrets", "imagePullPolicy")),
)
def image_pinned(snapshot: Snapshot) -> Verdict:
    database = _database(snapshot)
    if database is None:
        return blocked(claim_or_template.id)
    container = _container(database)
    if container is None:
        return blocked(mounted_where_data_lives.id)
    place = container.at("image")
    image = parse_image(place.value)
    if image is None:
        found = f"{written(place)}, which no container runtime can read" if place.present else "no `image`"
        return failed(place, expected="an image with a fixed tag or a digest", found=found)
    if image.latest:
        why = "no tag, which means `latest`" if image.tag is None else "the tag `latest`"
        return failed(place, expected="a fixed tag or a digest", found=f"{why}: `{place.value}`")
    advice = []
    if image.moving:
        advice.append(f"The tag `{image.tag}` is moved from build to build by custom: pin a version or a digest.")
    for other in database.all_containers():
        beside = parse_image(other.at("image").value)
        if other.path != container.path and beside is not None and beside.latest:
            who = container_in_words(other).capitalize()
            advice.append(f"{who} runs `{other.at('image').value}`, whatever that is today: pin it as well.")
    return passed(*advice)


@objective(
    "survives-scale-down",
    "Scaling down keeps the data",
    hints=(
        "When a StatefulSet shrinks, the claims of the Pods that go may stay, or go too. `kubectl explain statefulset.spec` tells where.",
        "The retention policy of the claims knows two moments and two answers. What is left out is the careful answer.",
    ),
    docs=_DOCS + "#persistentvolumeclaim-retention",
    owned=owns(
        _SET,
        _NAME,
        "spec.persistentVolumeClaimRetentionPolicy",
        "spec.template.spec.persistentVolumeClaimRetentionPolicy",
        "persistentVolumeClaimRetentionPolicy",
    ),
)
def survives_scale_down(snapshot: Snapshot) -> Verdict:
    database = _database(snapshot)
    if database is None:
        return blocked(claim_or_template.id)
    policy = database.object.at("spec.persistentVolumeClaimRetentionPolicy")
    scaled, deleted = policy.at("whenScaled"), policy.at("whenDeleted")
    if scaled.value not in (None, "", "Retain"):
        return failed(scaled, expected="`Retain`, the default", found=written(scaled))
    if deleted.value == "Delete":
        return passed("`whenDeleted: Delete` takes the data with the StatefulSet: whoever deletes it to create it anew starts empty.")
    return passed()


@objective(
    "shared-cache-claim",
    "A standalone claim `rag-engine-models` exists and is used",
    hints=(
        "`kubectl describe pvc rag-engine-models` shows its size and, under Used By, the Pods that mount it.",
        "Three places: a PersistentVolumeClaim of its own, a volume of the Deployment's Pod template that names it, and a mount of that "
        "volume in the container that serves the app.",
    ),
    docs=_CLAIM_DOCS + "#claims-as-volumes",
    owned=(
        *owns(_CLAIM, _MODELS),
        *owns("Deployment", APP, *in_every_container("volumeMounts", "volumeDevices", "volumes"), *astray("volumes", "volumeMounts")),
    ),
)
def shared_cache_claim(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, _CLAIM, _MODELS)
    if verdict.status is not Status.PASSED:
        return verdict
    claim = snapshot.own(_CLAIM, _MODELS)
    fault = _too_small(claim.at("spec"), _LEAST_MODELS) or _raw(claim.at("spec"))
    if fault is not None:
        return fault
    app = Workload.of(snapshot.related("Deployment", APP))
    fault = _unused(app)
    if fault is not None:
        return fault
    modes, copies = claim.at("spec.accessModes"), app.object.at("spec.replicas").whole or 1
    given = {item.text for item in modes.each()}
    if copies > 1 and _ONE_POD in given:
        return failed(modes, expected=f"an access mode that lets {copies} Pods in", found=f"`{_ONE_POD}`, which lets in one")
    if copies > 1 and given == {_ONE_NODE}:
        return verdict.advising(
            f"`{_ONE_NODE}` lets one node mount it, so the {copies} Pods of {app.object.ref} run on that node or not at all: "
            "`ReadWriteMany` lets all nodes in, where the storage class offers it."
        )
    return verdict


def _unused(app: Workload) -> Verdict | None:
    """Why the app container does not have the claim where it looks for models; None when it has."""
    listed, container = app.pod_spec.at("volumes"), app.app_container()
    expected = f"the claim `{_MODELS}` at `{_MODELS_PATH}`"
    if container is None:
        return failed(app.pod_spec.at("containers"), expected=f"a container that serves the app, with {expected}", found="none")
    held = {volume.at("name").text for volume in listed.each() if volume.at("persistentVolumeClaim.claimName").value == _MODELS} - {None}
    mount = _mounted_at(container, _MODELS_PATH)
    if mount is not None:
        if mount.at("name").text in held:
            return None
        return failed(mount.at("name"), expected=expected, found=_source(app, mount))
    if not held:
        return failed(listed, expected=f"a volume of the claim `{_MODELS}`", found="no volume that names it")
    for path, other in _mounts(container):
        if other.at("name").text in held:
            return failed(other.at("mountPath"), expected=expected, found=f"the claim at `{path}`")
    for beside in app.all_containers():
        if any(other.at("name").text in held for _, other in _mounts(beside)):
            found = f"a mount in {container_in_words(beside)} only"
            return failed(container.at("volumeMounts"), expected=f"{expected} in {container_in_words(container)}", found=found)
    return failed(container.at("volumeMounts"), expected=expected, found="a volume that no container mounts")


@objective(
    "claims-bound",
    "The claims are bound",
    hints=(
        "STATUS in `kubectl get pvc` tells; `kubectl describe pvc` ends in events that say what a claim waits for.",
        "A claim is bound by a volume of its class: one that a provisioner makes, or one that is there already. Compare its class with "
        "`kubectl get storageclass`. Some classes wait until a Pod that uses the claim is scheduled.",
    ),
    docs=_CLASS_DOCS + "#volume-binding-mode",
    live=True,
)
def claims_bound(snapshot: Snapshot) -> Verdict:
    database = _database(snapshot)
    if database is None or not _templates(database):
        return blocked(claim_or_template.id)
    claims = {item.name: item for item in snapshot.all(_CLAIM)}
    if _MODELS not in claims:
        return blocked(shared_cache_claim.id)
    replicas = database.object.at("spec.replicas")
    if replicas.whole == 0:
        return failed(replicas, expected="a Pod, whose disk is claimed", found="`replicas: 0`")
    waiting: Verdict | None = None
    for name in (*_claims_of(database, claims), _MODELS):
        verdict = _binding(snapshot, claims[name]) if name in claims else _unmade(snapshot, database, name)
        if verdict is not None and verdict.status is Status.FAILED:
            return verdict
        waiting = waiting or verdict
    return waiting or passed()


def _claims_of(database: Workload, there: Mapping[str, K8sObject]) -> Iterator[str]:
    """The names of the claims of each Pod in turn, up to the first one that is not there yet."""
    spec = database.object.at("spec")
    replicas, start = spec.at("replicas").whole, spec.at("ordinals.start").whole or 0
    for ordinal in range(start, start + (1 if replicas is None else replicas)):
        for template in _templates(database):
            name = f"{template}-{_NAME}-{ordinal}"
            yield name
            if name not in there:
                return


def _unmade(snapshot: Snapshot, database: Workload, name: str) -> Verdict:
    """What is to be said of a claim that its StatefulSet has not made."""
    report = newest_event(snapshot, database.object, "FailedCreate", naming=name)
    command = " ".join(("kubectl describe", *database.object.kubectl))
    wanted = snapshot.wanted(_CLAIM, name)
    if report is not None:
        return failed(wanted, expected="a claim that is bound", found=f"none: {report}", command=command)
    found = "not made yet by the StatefulSet, which goes Pod by Pod"
    return pending(wanted, expected="a claim that is bound", found=found, command=command)


def _binding(snapshot: Snapshot, claim: K8sObject) -> Verdict | None:
    """What is to be said of a claim that is there; None when it is bound."""
    phase, expected = claim.at("status.phase"), "`Bound`"
    command = " ".join(("kubectl describe", *claim.kubectl))
    leaving = claim.at("metadata.deletionTimestamp")
    if leaving.present:
        return failed(leaving, expected="a claim that stays", found="deleted, and gone as soon as no Pod uses it", command=command)
    if phase.value == "Bound":
        return None
    if phase.value == "Lost":
        return failed(phase, expected=expected, found="`Lost`: its volume is gone", command=command)
    state = f"`{phase.text or 'Pending'}`"
    hopeless = _hopeless(snapshot, claim)
    if hopeless is not None:
        place, why = hopeless
        return failed(place, expected=expected, found=f"{state}: {why}", command=command)
    return pending(phase, expected=expected, found=f"{state}: {_wait(snapshot, claim)}", command=command)


def _hopeless(snapshot: Snapshot, claim: K8sObject) -> tuple[Field, str] | None:
    """A reason for which waiting does not bind a claim, and where it stands; None where there is none, or it may not be seen."""
    name = class_field(claim.root)
    try:
        classes, volumes = snapshot.all("StorageClass"), snapshot.all("PersistentVolume")
    except NotReadable:
        classes, volumes = None, ()
    if classes is not None and not any(may_bind(volume.body, claim.body, claim.namespace) for volume in volumes):
        if name.text and all(item.name != name.text for item in classes):
            there = ", ".join(f"`{item.name}`" for item in classes)
            return name, f"there is no StorageClass `{name.text}`" + (f", only {there}" if there else "")
        if name.text == "":
            return name, "an empty class name takes a volume that is there already, and none fits"
        if not name.present and not any(is_default(item.body) for item in classes):
            return name, "it names no class, and no StorageClass is the default"
    report = provisioning_failure(snapshot, claim)
    return (claim.at("status.phase"), report) if report is not None else None


def _wait(snapshot: Snapshot, claim: K8sObject) -> str:
    """What a claim waits for, in words."""
    name = class_field(claim.root).text
    try:
        item = next((item for item in snapshot.all("StorageClass") if item.name == name), None)
        users = [pod for pod in snapshot.all("Pod") if _uses(pod, claim.name)]
    except NotReadable:
        return "no volume yet"
    if item is None or item.at("volumeBindingMode").value != "WaitForFirstConsumer":
        by_hand = item is not None and item.at("provisioner").value == _STATIC
        return "a volume of its class has to be made by hand" if by_hand else "no volume yet"
    if not users:
        return f"its class `{name}` waits for the first Pod that uses it (WaitForFirstConsumer), and there is none yet"
    return f"its class `{name}` waits until Pod `{users[0].name}` is scheduled (WaitForFirstConsumer){_unscheduled(users[0])}"


def _uses(pod: K8sObject, claim: str) -> bool:
    return any(volume.at("persistentVolumeClaim.claimName").value == claim for volume in pod.at("spec.volumes").each())


def _unscheduled(pod: K8sObject) -> str:
    scheduled = condition(pod, "PodScheduled")
    if scheduled is None or scheduled.at("status").value != "False":
        return ""
    return f"; {scheduled.at('reason').text}: {scheduled.at('message').text}"


@objective(
    "data-survives",
    "Data outlives a Pod",
    hints=(
        "Compare AGE in `kubectl get pods` and in `kubectl get pvc`. A Pod that comes again under its old name gets its old claim.",
        "Write something into the database, delete its Pod, and wait for the next one: whatever it finds there has outlived a Pod.",
    ),
    docs=_DOCS + "#stable-storage",
    live=True,
    bonus=True,
)
def data_survives(snapshot: Snapshot) -> Verdict:
    database = _database(snapshot)
    if database is None or not _templates(database):
        return blocked(claim_or_template.id)
    expected = "a Pod that is younger than its claim"
    command = f"kubectl get pods,pvc -n {snapshot.namespace}"
    pods = [pod for pod in snapshot.all("Pod") if pod.owner() == (_SET, _NAME) and not pod.at("metadata.deletionTimestamp").present]
    claims = {item.name: item for item in snapshot.all(_CLAIM)}
    pairs = [(pod, claims[name]) for pod in pods for name in _own_claims(pod, database) if name in claims]
    if not pairs:
        return pending(database.object, expected=expected, found="no Pod with a claim yet", command=command)
    younger = [pod for pod, claim in pairs if _later(pod, claim)]
    if not younger:
        pod, claim = pairs[0]
        place = pod.at("metadata.creationTimestamp")
        found = f"Pod `{pod.name}`, no younger than its claim `{claim.name}`: it is the first to use it"
        return failed(place, expected=expected, found=found, command=command)
    if not any(_ready(pod) for pod in younger):
        found = f"Pod `{younger[0].name}` is younger, and not ready yet"
        return pending(younger[0], expected=f"{expected}, and ready", found=found, command=command)
    return passed()


def _own_claims(pod: K8sObject, database: Workload) -> Iterator[str]:
    """The names of the claims that a Pod of the StatefulSet has from its templates."""
    for volume in pod.at("spec.volumes").each():
        name = volume.at("persistentVolumeClaim.claimName").text
        if name and volume.at("name").text in _templates(database):
            yield name


def _later(pod: K8sObject, claim: K8sObject) -> bool:
    """Whether a Pod was created so long after its claim that it cannot be the one that the claim was made for."""
    born, claimed = _created(pod), _created(claim)
    return born is not None and claimed is not None and born - claimed >= _ROUNDING


def _created(item: K8sObject) -> datetime | None:
    try:
        created = datetime.fromisoformat(item.at("metadata.creationTimestamp").text or "")
    except ValueError:
        return None
    return created if created.tzinfo is not None else None


def _ready(pod: K8sObject) -> bool:
    listed = pod.at("status.conditions").each()
    return any(condition.at("type").value == "Ready" and condition.at("status").value == "True" for condition in listed)


# Every kind of workload is read: the Service must not take in Pods of any of them, on a cluster as in manifests.
LESSON = Lesson(
    "lesson-9",
    "Persistent storage",
    reads=("Service", _CLAIM, *WORKLOAD_KINDS),
    objectives=(
        claim_or_template,
        mounted_where_data_lives,
        headless_service,
        image_pinned,
        survives_scale_down,
        shared_cache_claim,
        claims_bound,
        data_survives,
    ),
    live_reads=("PersistentVolume", "StorageClass", "Event"),
)
