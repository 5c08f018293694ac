"""`course start` and `course reset` before a server that fails, or something else in its place: a sentence, and nothing done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.conftest import Course
from tests.sources.faulty import Fault, kubeconfig, serving, url
from tests.sources.test_cluster_faults import FAULTS


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("command", ["start", "reset"])
def test_fault_is_told_in_a_sentence(course: Course, home: Path, tmp_path: Path, fault: Fault, command: str) -> None:
    with serving([], fault) as server:
        file = kubeconfig(tmp_path / "config", url(server))
        ran = course(command, "7", "--yes", "--kubeconfig", str(file), "--timeout", "1s")
    assert (ran.status, ran.out) == (3, "")
    first, second = ran.err.splitlines()[-2:]
    assert first.endswith(".")
    assert "with: kubectl" in second or "course doctor" in second
    assert "broke (" not in ran.err
    assert not list(home.iterdir())
