"""A practice cluster for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.practice import Cluster


@pytest.fixture
def cluster(practice_cluster: Path, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(practice_cluster, tmp_path / "data")
    yield made
    down = made("down", "--delete")
    assert down.returncode == 0, down.stderr
