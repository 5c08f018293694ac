"""Requests of every shape that the app's own description allows, and some that it does not: none ends in an error of ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from fastapi import FastAPI

from app.security import COOKIE, HEADER, csrf_token

VISITOR = "somebody-of-our-own-pages"
EXAMPLES = "12"  # of each route
NOT_TRIED = (
    "/live/events|/progress/events"  # a stream does not end; these have tests of their own
    "|/cluster/start"  # would start one
)


def test_no_request_breaks_the_app(app: FastAPI, server: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{server}/api/openapi.json", "--checks", "not_a_server_error"),
        *("--mode", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", "--no-color"),
        *("--exclude-path-regex", NOT_TRIED, "--request-timeout", "20", "--suppress-health-check", "all"),
        *("--header", f"Cookie: {COOKIE}={VISITOR}", "--header", f"{HEADER}: {csrf_token(app.state.secret, VISITOR)}"),
        *("--report", "junit", "--report-dir", str(report)),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    with urllib.request.urlopen(f"{server}/api/openapi.json") as answer:
        described = json.load(answer)["paths"]
    tried = re.search(r"(\d+) selected / (\d+) total", ran.stdout)
    assert tried is not None, ran.stdout[-3000:]
    operations = sum(len(methods) for methods in described.values())
    assert int(tried[2]) == operations
    assert int(tried[1]) >= operations - len(NOT_TRIED.split("|")) - 2
