"""What the Prometheus Operator takes: the fields of its objects, and the names and durations in them.

From its custom resource definitions, version 0.93, and https://prometheus-operator.dev/docs/api-reference/api/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graders.semantics.durations import SECOND, prometheus_duration

API_VERSION = "monitoring.coreos.com/v1"
DEFAULT_INTERVAL = 30 * SECOND  # of a Prometheus object that says nothing else

_SPEC = """
attachMetadata bodySizeLimit convertClassicHistogramsToNHCB endpoints fallbackScrapeProtocol jobLabel keepDroppedTargets labelLimit
labelNameLengthLimit labelValueLengthLimit namespaceSelector nativeHistogramBucketLimit nativeHistogramMinBucketFactor podTargetLabels
sampleLimit scrapeClass scrapeClassicHistograms scrapeNativeHistograms scrapeProtocols selector selectorMechanism serviceDiscoveryRole
targetLabels targetLimit
"""
_ENDPOINT = """
authorization basicAuth bearerTokenFile bearerTokenSecret enableHttp2 filterRunning followRedirects honorLabels honorTimestamps interval
metricRelabelings noProxy oauth2 params path port proxyConnectHeader proxyFromEnvironment proxyUrl relabelings scheme scrapeTimeout
targetPort tlsConfig trackTimestampsStaleness
"""
_GROUP = "interval labels limit name partial_response_strategy query_offset rules"
_RULE = "alert annotations expr for keep_firing_for labels record"

SPEC_FIELDS = frozenset(_SPEC.split())
ENDPOINT_FIELDS = frozenset(_ENDPOINT.split())
GROUP_FIELDS = frozenset(_GROUP.split())
RULE_FIELDS = frozenset(_RULE.split())


def stray_key(value: Any, fields: frozenset[str]) -> str | None:
    """The first key of a map that is none of `fields`, which the API server would refuse; None when there is none."""
    return next((str(key) for key in value if key not in fields), None) if isinstance(value, Mapping) else None


def interval(written: Any) -> int | None:
    """A scrape interval or a timeout in nanoseconds, None when it is none. Left out, empty or 0 it is 0: Prometheus' own counts then."""
    if written is None or written == "":
        return 0
    return prometheus_duration(written) if isinstance(written, str) else None


def takes_namespace(selector: Any, namespace: str, own: str) -> bool:
    """Whether a `namespaceSelector` takes in `namespace`; left out or empty it takes in `own`, the one that the monitor is in."""
    if selector is None:
        return namespace == own
    if not isinstance(selector, Mapping) or selector.get("any") not in (None, False, True):
        return False
    if selector.get("any"):
        return True
    names = selector.get("matchNames")
    if not names:
        return namespace == own
    return isinstance(names, list | tuple) and namespace in names


def job_label(monitor_spec: Any, service: str, labels: Mapping[str, str]) -> str:
    """The value of the label `job` on what is scraped through a Service: that of its label `jobLabel`, else the Service's name."""
    key = monitor_spec.get("jobLabel") if isinstance(monitor_spec, Mapping) else None
    return labels.get(key, "") or service if isinstance(key, str) else service
