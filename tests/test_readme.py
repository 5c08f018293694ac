"""What the README shows is what its commands print."""

from __future__ import annotations

import re
import shlex

import pytest

from graders.cli import main
from graders.lessons import LESSONS
from tests.cases import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_report_in_the_readme_is_the_real_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```\npython3 dev\.py grade (?P<words>[^\n]+)\n```.*?```text\n(?P<report>.*?)```", README, re.DOTALL)
    assert found, "the README shows a command and its report"
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(found["words"])) == 1
    assert capsys.readouterr().out == found["report"]


def test_readme_counts_the_lessons() -> None:
    assert f": {len(LESSONS)} lessons " in README


def test_every_file_and_folder_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"\]\(([^)#:]+)\)|^\| `([\w/.]+)` \|", README, re.MULTILINE))
    paths = {link or folder for link, folder in named}
    assert paths
    assert not {path for path in paths if not (ROOT / path).exists()}
