"""Rules of the Prometheus adapter: the metric that each one serves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.adapter_rules import AdapterRule, adapter_rules

RULE = """\
rules:
- seriesQuery: 'http_requests_total{namespace!="",pod!=""}'
  resources:
    overrides:
      namespace: {resource: namespace}
      pod: {resource: pod}
  name:
    matches: "^(.*)_total$"
    as: "${1}_per_second"
  metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)
"""

MIXED = """\
a: b
rules:
  - seriesQuery: a
    x:
      - y
  - metricsQuery: |
      b
    seriesQuery: c
externalRules:
  - seriesQuery: d
"""


def only(text: str) -> AdapterRule:
    rules = adapter_rules(text)
    assert rules is not None
    (rule,) = rules
    return rule


def test_a_rule_as_the_documentation_has_it() -> None:
    rule = only(RULE)
    assert (rule.series, rule.metric, rule.of_pods, rule.counts_up) == ("http_requests_total", "http_requests_per_second", True, False)
    assert rule.metrics_query == "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)"


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        pytest.param("", "http_requests_total", id="left out"),
        pytest.param("name: {as: rps}", "rps", id="as alone"),
        pytest.param('name: {matches: "", as: "rps"}', "rps", id="empty pattern"),
        pytest.param("name: {matches: ^http_(.*)_total$, as: $1}", "requests", id="number"),
        pytest.param("name: {matches: ^http_(.*)_total$}", "requests", id="the group when there is no as"),
        pytest.param("name: {matches: ^http_.*}", "http_requests_total", id="all of it when there is no group"),
        pytest.param("name: {matches: _total, as: rps}", "rps", id="not anchored"),
        pytest.param("name: {matches: ^foo_(.*)$, as: rps}", None, id="does not match"),
        pytest.param('name: {matches: "(", as: rps}', None, id="no pattern"),
        pytest.param('name: {matches: "((a*)*)*b", as: rps}', None, id="a pattern that might take for ever"),
        pytest.param("name: {matches: ^http_(.*)$, as: $7}", None, id="no such group"),
        pytest.param("name:\n    as: 'it''s' # as: other", "it's", id="quotes and a comment"),
        pytest.param('name: {matches: "^foo", as: rps}', None, id="a plain name for what does not match"),
        pytest.param("name:\n    # as: other\n    as: rps", "rps", id="commented out"),
    ],
)
def test_names(name: str, metric: str | None) -> None:
    assert only(f"rules:\n- seriesQuery: http_requests_total\n  {name}\n").metric == metric


def test_a_plain_name_holds_for_every_series() -> None:
    query = """'{__name__=~"^http_requests_.*",pod!=""}'"""
    assert only(f"rules:\n- seriesQuery: {query}\n  name: {{as: rps}}\n").metric == "rps"
    assert only(f"rules:\n- seriesQuery: {query}\n  name: {{as: $0}}\n").metric is None


@pytest.mark.parametrize(
    ("resources", "of_pods"),
    [
        pytest.param("template: <<.Resource>>", True, id="template"),
        pytest.param('overrides: {kubernetes_pod_name: {resource: "pod"}}', True, id="another label"),
        pytest.param("overrides: {pod: {resource: pods}}", True, id="plural"),
        pytest.param("overrides: {namespace: {resource: namespace}}", False, id="namespace alone"),
        pytest.param("overrides: {pod: {resource: podium}}", False, id="a longer word"),
    ],
)
def test_resources(resources: str, of_pods: bool) -> None:
    assert only(f"rules:\n- seriesQuery: a\n  resources:\n    {resources}\n").of_pods is of_pods


@pytest.mark.parametrize(
    ("series", "query", "counts_up"),
    [
        pytest.param("a_total", "sum(<<.Series>>)", True, id="counter"),
        pytest.param("a_total", "sum(irate(<<.Series>>[1m]))", False, id="rate of a counter"),
        pytest.param("a_seconds_count", "avg(<<.Series>>)", True, id="count of a histogram"),
        pytest.param("queue_length", "avg(<<.Series>>)", False, id="gauge"),
    ],
)
def test_counters(series: str, query: str, counts_up: bool) -> None:
    assert only(f"rules:\n- seriesQuery: {series}\n  metricsQuery: {query}\n").counts_up is counts_up


def test_only_rules_of_pods_and_objects_count() -> None:
    assert adapter_rules("seriesQuery elsewhere") == ()
    assert adapter_rules("LOG_LEVEL: info") is None
    assert adapter_rules("externalRules:\n- seriesQuery: a\nresourceRules: {}\n") == ()
    found = adapter_rules(MIXED)
    assert found is not None
    assert [(rule.series_query, rule.metrics_query) for rule in found] == [("a", None), ("c", "b")]


def test_a_series_without_an_exact_name() -> None:
    assert only("rules:\n- seriesQuery: '{__name__=~\"^container_.*\"}'\n").metric is None
    assert only("rules:\n- seriesQuery: '{{'\n").series is None


@given(st.text(alphabet="-: \n#'\"{}[]|>$1arulesmtchQy", max_size=80))
def test_any_text_is_read(text: str) -> None:
    for rule in adapter_rules(f"rules:\n{text}\n- seriesQuery: a") or ():
        assert rule.metric is None or isinstance(rule.metric, str)
        assert rule.counts_up <= (rule.series is not None)
