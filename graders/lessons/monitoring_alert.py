"""Lesson 12: an alert that fires when the API is down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from graders.objective import objective, owns
from graders.semantics.downtime import State, contradiction, downtime_selectors, fires, of_deployment
from graders.semantics.durations import HOUR, prometheus_duration
from graders.semantics.prometheus_operator import API_VERSION, GROUP_FIELDS, RULE_FIELDS, job_label, stray_key
from graders.semantics.promql import Expression, NotUnderstood, Selector, parse, selectors
from graders.snapshot import Field, NotReadable, Snapshot
from graders.verdict import Verdict, failed, passed
from graders.workloads import APP

KIND = "PrometheusRule"
_NAME = "rag-engine-alerts"
_DOCS = "https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/"
_MONITOR = ("ServiceMonitor", "rag-engine-metrics")
_EXPECTED = "`up`, `absent(…)` or a count of ready replicas of the API"


class _Fault(NamedTuple):
    """What keeps a rule from being the alert that is asked for. `weight` tells how far from it the rule is."""

    weight: int
    place: Field
    expected: str
    found: str


@objective(
    "alert-on-downtime",
    "An alert fires when the API is down",
    hints=(
        "Prometheus keeps a series for every target that tells whether its last scrape worked; kube-state-metrics counts ready replicas.",
        "A PrometheusRule has groups, and a group has rules. An alerting rule has an expression, how long it must hold, a label that says "
        "how bad it is, and an annotation for people. Prometheus fires for every series that the expression returns.",
    ),
    docs=_DOCS,
    owned=owns(KIND, "*"),
)
def alert_on_downtime(snapshot: Snapshot) -> Verdict:
    objects = snapshot.every(KIND)
    if not objects:
        snapshot.everywhere(KIND)
        return failed(
            snapshot.wanted(KIND, _NAME),
            expected=f"a {KIND} with an alert on the API's downtime",
            found=f"no {KIND}",
        )
    labels = _target_labels(snapshot)
    nearest: _Fault | None = None
    for rule in _alerts(snapshot):
        fault = rule if isinstance(rule, _Fault) else _fault(rule, snapshot, labels)
        if fault is None:
            return passed(*_patience(rule)) if isinstance(rule, Field) else passed()
        if nearest is None or fault.weight < nearest.weight:
            nearest = fault
    snapshot.everywhere(KIND)  # the rule may stand where none could be read
    if nearest is None:
        return failed(objects[0].at("spec.groups"), expected="a rule with `alert`", found="no alerting rule")
    return failed(nearest.place, expected=nearest.expected, found=nearest.found)


def _alerts(snapshot: Snapshot) -> Iterator[Field | _Fault]:
    """The alerting rules of all objects; in place of those of an object that the API server refuses, why it does."""
    for item in snapshot.every(KIND):
        groups = item.at("spec.groups")
        refused = _refused(item.at("apiVersion"), groups)
        if refused is not None:
            yield refused
        else:
            yield from (rule for group in groups.each() for rule in group.at("rules").each() if rule.at("alert").present)


def _refused(version: Field, groups: Field) -> _Fault | None:
    """The first thing for which the API server refuses an object with rules; None when it takes it."""
    if version.value != API_VERSION:
        return _Fault(3, version, f"`apiVersion: {API_VERSION}`", f"`{version.value}`")
    names: set[str] = set()
    for group in groups.each():
        stray, name = stray_key(group.value, GROUP_FIELDS), group.at("name")
        if stray is not None:
            return _Fault(1, group.key(stray), "a field of a group of rules", f"`{stray}`, which is none")
        if not name.text or name.text in names:
            return _Fault(1, name, "a name of its own for each group", f"`{name.text}` twice" if name.text else _shown(name))
        names.add(name.text)
        for rule in group.at("rules").each():
            refused = _refused_rule(rule)
            if refused is not None:
                return refused
    return None


def _refused_rule(rule: Field) -> _Fault | None:
    stray, expression, wait = stray_key(rule.value, RULE_FIELDS), rule.at("expr"), rule.at("for")
    if stray is not None:
        return _Fault(1, rule.key(stray), "a field of a rule", f"`{stray}`, which is none")
    if expression.text is None and expression.whole is None:
        return _Fault(1, expression, f"an expression that reads {_EXPECTED}", _shown(expression))
    if wait.present and wait.value != "" and prometheus_duration(wait.text or "") is None:
        return _Fault(1, wait, "how long it must hold, such as `2m`", _shown(wait))
    for key in ("labels", "annotations"):
        for _, value in rule.key(key).entries():
            if value.text is None:
                return _Fault(1, value, "a string, in quotes", _shown(value))
    return None


def _fault(rule: Field, snapshot: Snapshot, labels: Mapping[str, str]) -> _Fault | None:
    """The first thing that is wrong with an alerting rule; what it measures weighs most."""
    return _wrong_expression(rule, snapshot, labels) or _wrong_frame(rule)


def _wrong_frame(rule: Field) -> _Fault | None:
    name, wait = rule.at("alert"), rule.at("for")
    if rule.at("record").present:
        return _Fault(1, rule.at("record"), "`alert` alone", "`record` as well: Prometheus takes one of the two")
    if not name.text:
        return _Fault(1, name, "a name for the alert", _shown(name))
    if not prometheus_duration(wait.text or ""):
        return _Fault(1, wait, "how long it must hold, such as `2m`", _shown(wait))
    for place in (rule.at("labels.severity"), rule.at("annotations.summary")):
        if not (place.text or "").strip():
            return _Fault(1, place, f"a text for `{place.path[-1]}` under `{place.path[-2]}`", _shown(place))
    return None


def _patience(rule: Field) -> tuple[str, ...]:
    amount = prometheus_duration(rule.at("for").text or "") or 0
    if amount <= HOUR:
        return ()
    return (f"The API would have to be down for {rule.at('for').text} before anybody hears of it: a few minutes are usual.",)


def _wrong_expression(rule: Field, snapshot: Snapshot, labels: Mapping[str, str]) -> _Fault | None:
    place = rule.at("expr")
    if place.text is None:
        return _Fault(4, place, f"an expression that reads {_EXPECTED}", _shown(place))
    try:
        expression = parse(place.text)
    except NotUnderstood as reason:
        return _Fault(2, place, "an expression in PromQL", f"{_brief(place.text)}: {reason}")
    chosen = downtime_selectors(expression)
    if not chosen:
        read = ", ".join(sorted({f"`{each.metric}`" for each in selectors(expression) if each.metric})) or "no metric by its name"
        return _Fault(4, place, f"an expression that reads {_EXPECTED}", read)
    foreign = [contradiction(each, _labels(each, snapshot, labels)) for each in chosen]
    if None not in foreign:
        matcher = next(each for each in foreign if each is not None)
        about = _labels(chosen[0], snapshot, labels)[matcher.label]
        return _Fault(
            3,
            place,
            f'the API\'s own series, which have `{matcher.label}="{about}"`',
            f'`{matcher.label}{matcher.operator}"{matcher.value}"`',
        )
    return _wrong_moment(place, expression, lambda each: contradiction(each, _labels(each, snapshot, labels)) is None)


def _wrong_moment(place: Field, expression: Expression, ours: Callable[[Selector], bool]) -> _Fault | None:
    """Whether it fires while the API is up, or keeps quiet while it is down; an expression that is not understood is trusted."""
    if fires(expression, State.UP, ours):
        found = f"{_brief(place.text or '')}, which has a result while the API is up as well"
        return _Fault(2, place, "an expression without a result while the API is up", found)
    if fires(expression, State.DOWN, ours) is False and fires(expression, State.GONE, ours) is False:
        return _Fault(2, place, "an expression with a result while the API is down", f"{_brief(place.text or '')}, which has none")
    return None


def _labels(selector: Selector, snapshot: Snapshot, labels: Mapping[str, str]) -> Mapping[str, str]:
    """The labels of the app's series that are known: of what is scraped from it, or of what is told about its Deployment."""
    if not of_deployment(selector):
        return labels
    own = {"namespace": snapshot.namespace, "pod": labels["pod"]}
    return own | ({"deployment": APP} if (selector.metric or "").startswith("kube_deployment_") else {})


def _target_labels(snapshot: Snapshot) -> Mapping[str, str]:
    """The labels that Prometheus gives to what it scrapes through the ServiceMonitor."""
    job = APP
    try:
        monitor, service = snapshot.find(*_MONITOR), snapshot.find("Service", APP)
    except NotReadable:
        monitor = service = None
    if monitor is not None:
        job = job_label(monitor.at("spec").value, APP, service.labels if service is not None else {})
    return {"namespace": snapshot.namespace, "job": job, "service": APP, "pod": f"{APP}-5d9c7b6f4-x7k2p"}


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= 80 else line[:77] + '…'}`"


def _shown(field: Field) -> str:
    """The value as YAML would hold it, so that a number is told from a string."""
    name = field.path[-1]
    if not field.present:
        return f"no `{name}`"
    if field.text is not None:
        return f'`{name}: "{field.text}"`'
    if isinstance(field.value, bool):
        return f"`{name}: {str(field.value).lower()}`, a boolean"
    return f"`{name}: {field.value}`, a number" if isinstance(field.value, int | float) else f"a list or a map as `{name}`"
