"""Jobs, CronJobs and their schedules."""

from __future__ import annotations

from typing import Any

import pytest

from graders.validation.schedules import schedule, time_zone
from tests.validation.objects import GONE, judged, places, rows

_JOB, _CRON = "Job/import", "CronJob/backup"
_RULES = "spec.podFailurePolicy.rules"
_SUCCESS = "spec.successPolicy.rules[0]"


@rows(
    (_JOB, "spec.selector", {}),
    (_JOB, "spec.template.metadata.labels", {"job-name": "import"}),
    (_JOB, "spec.parallelism", 0),
    (_JOB, _SUCCESS, {"succeededIndexes": ""}),
    (_CRON, "spec.timeZone", "Etc/UTC"),
    (_CRON, "spec.schedule", "@every 1h30m"),
    ("Job/chosen", "spec.completions", 3),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_JOB, "spec.template.spec.restartPolicy", GONE),
    (_JOB, "spec.template.spec.restartPolicy", "Always"),
    (_JOB, "spec.template.spec.restartPolicy", "OnFailure"),
    (_JOB, "spec.backoffLimit", -1),
    (_JOB, "spec.completions", -1),
    (_JOB, "spec.completions", GONE),
    (_JOB, "spec.completionMode", "indexed"),
    (_JOB, "spec.completionMode", "NonIndexed", "spec.backoffLimitPerIndex"),
    (_JOB, "spec.backoffLimitPerIndex", GONE),
    (_JOB, "spec.maxFailedIndexes", 6),
    (_JOB, "spec.parallelism", 100_001),
    (_JOB, "spec.selector", {"matchLabels": {"app": "import"}}),
    (_JOB, "spec.template.metadata.labels", {"job-name": "other"}, "spec.template.metadata.labels.job-name"),
    (_JOB, "spec.podReplacementPolicy", "TerminatingOrFailed"),
    (_JOB, f"{_RULES}[0].action", "Retry"),
    (_JOB, f"{_RULES}[0].action", GONE),
    (_JOB, f"{_RULES}[0].onExitCodes", GONE, f"{_RULES}[0]"),
    (_JOB, f"{_RULES}[0].onExitCodes.operator", "Is"),
    (_JOB, f"{_RULES}[0].onExitCodes.values", [2, 1]),
    (_JOB, f"{_RULES}[0].onExitCodes.values", [0, 1]),
    (_JOB, f"{_RULES}[0].onExitCodes.values", []),
    (_JOB, f"{_RULES}[0].onExitCodes.containerName", "other"),
    (_JOB, f"{_RULES}[1].onPodConditions[0].type", GONE),
    (_JOB, f"{_RULES}[1].onPodConditions[0].status", "true"),
    (_JOB, "spec.successPolicy.rules", []),
    (_JOB, _SUCCESS, {}),
    (_JOB, f"{_SUCCESS}.succeededIndexes", "3,2"),
    (_JOB, f"{_SUCCESS}.succeededIndexes", "0-5"),
    (_JOB, f"{_SUCCESS}.succeededIndexes", "first"),
    (_JOB, f"{_SUCCESS}.succeededCount", 4),
    ("Job/chosen", "spec.selector", GONE),
    ("Job/chosen", "spec.selector.matchLabels.app", "other", "spec.template.metadata.labels"),
    ("Job/chosen", "spec.managedBy", "controller"),
    (_CRON, "spec.schedule", GONE),
    (_CRON, "spec.schedule", "0 3 * *"),
    (_CRON, "spec.timeZone", "Berlin"),
    (_CRON, "spec.timeZone", "Local"),
    (_CRON, "spec.concurrencyPolicy", "Queue"),
    (_CRON, "spec.startingDeadlineSeconds", -1),
    (_CRON, "spec.failedJobsHistoryLimit", -1),
    (_CRON, "spec.jobTemplate.spec.selector", {"matchLabels": {"a": "b"}}),
    (_CRON, "spec.jobTemplate.spec.manualSelector", True),
    (_CRON, "spec.jobTemplate.spec.template.spec.restartPolicy", GONE),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@pytest.mark.parametrize(
    "text",
    [
        *("* * * * *", "*/5 0-23/2 1,15 jan-mar MON-FRI", "? ? ? ? ?", "0 0 31 12 6", "5/15 * * * *", "@daily", "@every 1h30m", "@every 0"),
        *("@every .5s", ",1 * * * *", "  0   3 * * *  ", "+5 * * * *", "@every -1h"),
    ],
)
def test_accepts_a_schedule(text: str) -> None:
    assert schedule(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "5-1 * * * *", "*/0 * * * *"),
        *(
            "a * * * *",
            "1-2-3 * * * *",
            "1/2/3 * * * *",
            "*/-1 * * * *",
            "@Daily",
            "@never",
            "@every",
            "@every 1d",
            "@every day",
            "-1 * * * *",
        ),
        *("TZ=Europe/Berlin 0 3 * * *", "CRON_TZ=UTC @daily", "* * * jan-foo *", "1,60 * * * *"),
    ],
)
def test_refuses_a_schedule(text: str) -> None:
    assert schedule(text)


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+1"])
def test_accepts_a_time_zone(zone: str) -> None:
    assert time_zone(zone) is None


@pytest.mark.parametrize("zone", ["", "Local", "local", "Berlin", "../etc/passwd", "Europe/", "/Europe", "Europe/-x", "+02:00", "é"])
def test_refuses_a_time_zone(zone: str) -> None:
    assert time_zone(zone)
