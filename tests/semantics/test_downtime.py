"""Whether an alert's expression has a result while an app is up, down or gone."""

from __future__ import annotations

import pytest

from graders.semantics.downtime import State, contradiction, downtime_selectors, fires, of_deployment
from graders.semantics.promql import Selector, parse, selectors

T, F, N = True, False, None


@pytest.mark.parametrize(
    ("text", "up", "down", "gone"),
    [
        pytest.param("up == 0", F, T, F, id="each target"),
        pytest.param("0 == up", F, T, F, id="number first"),
        pytest.param("up < 1", F, T, F, id="below one"),
        pytest.param("up != 1", F, T, F, id="not one"),
        pytest.param("up == 1", T, F, F, id="the wrong way round"),
        pytest.param("up", T, T, F, id="no comparison"),
        pytest.param("up == bool 0", T, T, F, id="bool gives a result for every series"),
        pytest.param("absent(up)", F, F, T, id="absent"),
        pytest.param("absent(up == 1)", F, T, T, id="absent healthy ones"),
        pytest.param("absent_over_time(up[5m])", F, F, T, id="absent for a while"),
        pytest.param("absent(http_requests_total)", F, T, T, id="the app's own metric goes with it"),
        pytest.param("absent(rate(http_requests_total[5m]))", N, N, N, id="not known when that is absent"),
        pytest.param("count(up == 1) < 1", F, F, F, id="nothing to count"),
        pytest.param("count(up == 0) > 0", F, T, F, id="something to count"),
        pytest.param("count(up == 1) < 1 or absent(up == 1)", F, T, T, id="mended"),
        pytest.param("(count(up == 1) or vector(0)) < 1", F, T, T, id="mended with a number"),
        pytest.param("sum(up) == 0", F, T, F, id="sum"),
        pytest.param("sum by (job) (up) < 2", F, T, F, id="sum by label"),
        pytest.param("avg(up) < 0.5", F, T, F, id="average"),
        pytest.param("max(up) == 0", F, T, F, id="most"),
        pytest.param("min(up) == 0", F, T, F, id="least"),
        pytest.param("group(up == 0)", F, T, F, id="group"),
        pytest.param("1 - avg(up) > 0.5", F, T, F, id="share that is down"),
        pytest.param("-up > -1", F, T, F, id="negative"),
        pytest.param("avg_over_time(up[5m]) < 0.9", F, N, N, id="over time"),
        pytest.param("kube_pod_container_status_ready == 0", F, T, F, id="containers that are not ready"),
        pytest.param("present_over_time(up[5m]) == 0", F, F, F, id="what was there was 1"),
        pytest.param("quantile_over_time(0.5, up[5m]) == 0", F, N, N, id="last argument"),
        pytest.param("min_over_time(up[5m]) == 1", T, N, N, id="the wrong way round over time"),
        pytest.param("up == 0 and up offset 5m == 1", F, N, F, id="it was up a while ago"),
        pytest.param("up == 0 and max_over_time(up[1h]) == 1", F, N, F, id="it was up within an hour"),
        pytest.param("up == 0 or up offset 5m == 0", F, T, N, id="either is enough"),
        pytest.param("absent(up offset 5m)", F, N, N, id="absent a while ago"),
        pytest.param("changes(up[5m]) > 2", N, N, N, id="not known how often it changes"),
        pytest.param("up == 0 and on() vector(1)", F, T, F, id="and"),
        pytest.param("up == 0 unless up == 1", F, T, F, id="unless"),
        pytest.param("up == 0 unless maintenance", F, N, F, id="unless something not known"),
        pytest.param("maintenance or up == 0", N, T, N, id="or something not known"),
        pytest.param("kube_deployment_status_replicas_available < 1", F, T, F, id="available replicas"),
        pytest.param("kube_deployment_status_replicas_ready == 0", F, T, F, id="ready replicas"),
        pytest.param("kube_deployment_status_replicas_unavailable > 0", F, T, F, id="unavailable replicas"),
        pytest.param("kube_deployment_status_replicas_available != kube_deployment_spec_replicas", F, T, F, id="fewer than wanted"),
        pytest.param("kube_deployment_status_replicas_available / kube_deployment_spec_replicas < 0.5", F, T, F, id="a share"),
        pytest.param("kube_deployment_status_replicas_available > 5", F, F, F, id="never"),
        pytest.param('kube_pod_status_ready{condition="true"} == 0', F, T, F, id="no ready Pod"),
        pytest.param('kube_pod_status_ready{condition="false"} == 1', F, T, F, id="unready Pods"),
        pytest.param('sum(kube_pod_status_ready{condition="true"}) < 1', F, T, F, id="sum of ready Pods"),
        pytest.param("kube_pod_status_ready == 0", T, T, F, id="one of the three conditions is always 0"),
        pytest.param('kube_deployment_status_condition{condition="Available",status="false"} == 1', F, T, F, id="condition"),
        pytest.param('kube_deployment_status_condition{condition="Available",status="true"} == 1', T, F, F, id="the other status"),
        pytest.param("up * 0", T, T, F, id="arithmetic keeps series"),
        pytest.param("up / 0 > 1", T, F, F, id="division by zero"),
        pytest.param("(sum(up) or up) < 1", N, N, F, id="not known which labels are the same"),
        pytest.param("(sum by (job) (up) or vector(0)) < 1", N, N, T, id="labels differ"),
        pytest.param("up ^ 2 == 0", N, N, F, id="arithmetic that is not known"),
        pytest.param("up > kube_deployment_spec_replicas", N, N, F, id="different numbers of series"),
        pytest.param("scalar(up) == 0", N, N, N, id="scalar"),
        pytest.param("1", T, T, T, id="a number"),
        pytest.param("http_requests_total == 0", N, N, N, id="a metric that is not known"),
    ],
)
def test_results(text: str, up: bool | None, down: bool | None, gone: bool | None) -> None:
    expression = parse(text)
    assert [fires(expression, state, lambda _: True) for state in State] == [up, down, gone]


def test_another_apps_series_are_not_known() -> None:
    assert fires(parse('up{job="other"} == 0'), State.UP, lambda selector: not selector.matchers) is None


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        pytest.param("up == 0", ["up"], id="up"),
        pytest.param("absent(anything)", ["anything"], id="absent"),
        pytest.param("absent(sum(a) + b)", ["a", "b"], id="all that is in it"),
        pytest.param("kube_deployment_spec_replicas > 0", [], id="wanted replicas tell nothing"),
        pytest.param("requests > 1 unless on() up", ["up"], id="among others"),
        pytest.param("uptime_seconds > 1", [], id="a longer name"),
    ],
)
def test_series_that_tell_downtime(text: str, metrics: list[str]) -> None:
    assert [selector.metric for selector in downtime_selectors(parse(text))] == metrics


@pytest.mark.parametrize(
    ("text", "label"),
    [
        pytest.param("up", None, id="no labels"),
        pytest.param('up{job="api"}', None, id="the same"),
        pytest.param('up{cluster="x"}', None, id="a label that is not known"),
        pytest.param('up{job=~"a.+",namespace="other"}', "namespace", id="one of two"),
        pytest.param('up{job!="api"}', "job", id="left out"),
        pytest.param('up{job=~"(a*)*"}', None, id="a pattern that is not understood"),
    ],
)
def test_contradiction(text: str, label: str | None) -> None:
    (selector,) = selectors(parse(text))
    found = contradiction(selector, {"job": "api", "namespace": "n"})
    assert (found.label if found else None) == label


def test_metrics_of_kube_state_metrics_are_told_by_their_name() -> None:
    assert of_deployment(Selector("kube_pod_status_ready", ()))
    assert not of_deployment(Selector("up", ()))
    assert not of_deployment(Selector(None, ()))
