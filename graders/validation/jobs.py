"""Jobs and CronJobs (k8s.io/kubernetes pkg/apis/batch/validation)."""

from __future__ import annotations

from graders.semantics import names
from graders.semantics.selectors import matches
from graders.validation import pods, schedules
from graders.validation.place import Check, Place, between, name, one_of, one_of_or_default
from graders.validation.selectors import must_match, selector

_LARGEST_NAME_OF_CRON_JOB = 52
_MOST_PARALLEL = 100_000
_MANY_COMPLETIONS, _MOST_WITH_MANY = 100_000, 10_000
_MOST_RULES, _MOST_EXIT_CODES = 20, 255
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_GENERATED = ("job-name", "batch.kubernetes.io/job-name", "controller-uid", "batch.kubernetes.io/controller-uid")


def job(place: Place) -> None:
    """A Job."""
    spec = place["spec"]
    _spec(spec)
    if spec["manualSelector"].is_true:
        if spec["selector"].value is None:
            spec["selector"].require("with `manualSelector: true`")
        else:
            selector(spec["selector"])
            must_match(spec["selector"], spec["template"]["metadata"]["labels"])
    else:
        _generated_labels(place)
    _room_for_index(place)


def cron_job(place: Place) -> None:
    """A CronJob."""
    spec = place["spec"]
    own = place["metadata"]["name"]
    if own.text and _LARGEST_NAME_OF_CRON_JOB < len(own.text) <= 253:
        own.reject(f"at most {_LARGEST_NAME_OF_CRON_JOB} characters long, for its Jobs' names are longer")
    spec["schedule"].named(schedules.schedule, required=True)
    spec.fields(_CRON_JOB)
    inner = spec["jobTemplate"]["spec"]
    _spec(inner)
    inner["selector"].forbid("in a CronJob, which makes its own")
    if inner["manualSelector"].is_true:
        inner["manualSelector"].reject("left out or `false` in a CronJob")


def _spec(spec: Place) -> None:
    pods.template(spec["template"])
    _restart_policy(spec)
    spec.fields(_JOB)
    _indexes(spec)
    if spec["podFailurePolicy"].is_map:
        _failure_policy(spec)
    if spec["successPolicy"].is_map:
        _success_policy(spec)


def _restart_policy(spec: Place) -> None:
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy.empty or policy.text == "Always":
        policy.reject("`OnFailure` or `Never` in a Job", policy.shown() if policy else "none, which means `Always`")
    elif policy.text == "OnFailure" and spec["podFailurePolicy"]:
        policy.reject("`Never` with `podFailurePolicy`")


def _generated_labels(place: Place) -> None:
    """Labels and selector of a Job are its own, unless `manualSelector` says otherwise."""
    own, labels = place["metadata"]["name"].text or "", place["spec"]["template"]["metadata"]["labels"]
    for key in _GENERATED:
        if labels[key].text is not None and (labels[key].text != own or "uid" in key):
            labels[key].reject("left out: Kubernetes sets this label")
    selected = place["spec"]["selector"]
    if selected.is_map:
        selector(selected)
        generated = {key: "" if "uid" in key else own for key in _GENERATED}
        if not matches(selected.value, generated):
            selected.reject("left out: Kubernetes sets the selector of a Job")


def _room_for_index(place: Place) -> None:
    own, spec = place["metadata"]["name"], place["spec"]
    count = spec["completions"].whole or 0
    if spec["completionMode"].text == "Indexed" and count > 0 and own.text and names.dns_label(f"{own.text}-{count - 1}"):
        own.reject("a DNS label with room for the index of each Pod")


def _indexes(spec: Place) -> None:
    mode, completions, failed = spec["completionMode"], spec["completions"], spec["maxFailedIndexes"]
    if failed and not spec["backoffLimitPerIndex"]:
        spec["backoffLimitPerIndex"].require("with `maxFailedIndexes`")
    if mode.text != "Indexed":
        for key in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            spec[key].forbid("unless `completionMode` is `Indexed`")
        return
    if not completions and spec["parallelism"]:
        completions.require("with `completionMode: Indexed`")
    parallel, count, most = spec["parallelism"].whole or 0, completions.whole, failed.whole
    if parallel > _MOST_PARALLEL:
        spec["parallelism"].reject(f"at most {_MOST_PARALLEL} with `completionMode: Indexed`")
    if most is not None and most > min(count if count is not None else _MOST_PARALLEL, _MOST_PARALLEL):
        failed.reject("at most `completions`")
    if count is not None and count > _MANY_COMPLETIONS and spec["backoffLimitPerIndex"]:
        if most is None:
            failed.require(f"with more than {_MANY_COMPLETIONS} completions")
        for place in (spec["parallelism"], failed):
            if (place.whole or 0) > _MOST_WITH_MANY:
                place.reject(f"at most {_MOST_WITH_MANY} with so many completions")


def _failure_policy(spec: Place) -> None:
    rules = spec["podFailurePolicy"]["rules"]
    if rules.size > _MOST_RULES:
        rules.reject(f"at most {_MOST_RULES} rules", f"{rules.size}")
    replacement = spec["podReplacementPolicy"]
    if replacement.text not in (None, "Failed"):
        replacement.reject("`Failed` with `podFailurePolicy`")
    inner = spec["template"]["spec"]
    containers = {item["name"].text for part in ("containers", "initContainers") for item in inner[part].structs()}
    for rule in rules.structs():
        _failure_rule(rule, per_index=bool(spec["backoffLimitPerIndex"]))
        container = rule["onExitCodes"]["containerName"]
        if container.text is not None and container.text not in containers:
            container.reject("the name of a container of the Pod template")


def _failure_rule(rule: Place, *, per_index: bool) -> None:
    action, codes, conditions = rule["action"], rule["onExitCodes"], rule["onPodConditions"]
    if action.empty:
        action.require()
    one_of_or_default(*_ACTIONS)(action)
    if action.text == "FailIndex" and not per_index:
        action.reject("another one unless `backoffLimitPerIndex` is set")
    if bool(codes) == (not conditions.empty):
        rule.reject("a rule with either `onExitCodes` or `onPodConditions`", "both" if codes else "neither")
    if codes.is_map:
        _exit_codes(codes)
    if conditions.size > _MOST_RULES:
        conditions.reject(f"at most {_MOST_RULES} of them", f"{conditions.size}")
    for item in conditions.structs():
        item["type"].named(names.qualified, required=True)
        one_of_or_default("True", "False", "Unknown")(item["status"])


def _exit_codes(place: Place) -> None:
    operator, values = place["operator"], place["values"]
    if operator.require():
        one_of("In", "NotIn")(operator)
    if values.empty:
        values.require()
    elif values.size > _MOST_EXIT_CODES:
        values.reject(f"at most {_MOST_EXIT_CODES} values", f"{values.size}")
    codes = [item.whole or 0 for item in values.items()]
    if codes != sorted(set(codes)):
        values.reject("numbers in order, each of them once", "others")
    if operator.text == "In" and 0 in codes:
        values.reject("numbers other than 0 with `In`", "0 among them")


def _success_policy(spec: Place) -> None:
    rules = spec["successPolicy"]["rules"]
    if rules.size > _MOST_RULES:
        rules.reject(f"at most {_MOST_RULES} rules", f"{rules.size}")
    if not rules.require():
        return
    completions = 1 if spec["completions"].value is None else spec["completions"].whole
    for rule in rules.structs():
        count, indexes = rule["succeededCount"], rule["succeededIndexes"]
        if not count and not indexes:
            rule.reject("a rule with `succeededCount` or `succeededIndexes`", "neither")
        between(0)(count)
        total = _number_of_indexes(indexes.text, completions) if indexes.text is not None and completions is not None else None
        if indexes.text is not None and completions is not None and total is None:
            indexes.reject("indexes in order, such as `0,2-4`, all below `completions`")
        if count.whole is not None and any(limit is not None and count.whole > limit for limit in (completions, total)):
            count.reject("at most the number of completions and of indexes")


def _number_of_indexes(text: str, completions: int) -> int | None:
    """How many indexes `0,2-4` stands for; None when it is not in order, beyond the completions, or something else."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, dash, second = part.partition("-")
        if not first.isdecimal() or not first.isascii() or (dash and not (second.isdecimal() and second.isascii())):
            return None
        low, high = int(first[:12]), int((second if dash else first)[:12])
        if low <= last or high >= completions or (dash and low >= high):
            return None
        total, last = total + high - low + 1, high
    return total


_COUNT = between(0)
_JOB: dict[str, Check] = {
    "parallelism": _COUNT,
    "completions": _COUNT,
    "activeDeadlineSeconds": _COUNT,
    "backoffLimit": _COUNT,
    "ttlSecondsAfterFinished": _COUNT,
    "backoffLimitPerIndex": _COUNT,
    "maxFailedIndexes": _COUNT,
    "completionMode": one_of("NonIndexed", "Indexed"),
    "podReplacementPolicy": one_of("Failed", "TerminatingOrFailed"),
    "managedBy": name(lambda text: "at most 63 characters" if len(text) > 63 else names.domain_path(text)),
}
_CRON_JOB: dict[str, Check] = {
    "concurrencyPolicy": one_of_or_default("Allow", "Forbid", "Replace"),
    "startingDeadlineSeconds": _COUNT,
    "successfulJobsHistoryLimit": _COUNT,
    "failedJobsHistoryLimit": _COUNT,
    "timeZone": name(schedules.time_zone),
}
