"""How many pages a second the app serves, against a bare page of the same stack: wrk, 64 connections, in turns, in one run.

python -m benchmarks.bench_pages        needs wrk (Debian: apt install wrk)
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONNECTIONS, SECONDS, ROUNDS = 64, 4, 5
LEAST_SHARE, MOST_P99 = 0.4, 150.0

HELLO = """
import sys, uvicorn
from fastapi import FastAPI, Request
from jinja2 import Environment
from starlette.responses import HTMLResponse
app = FastAPI()
page = Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><title>{{ title }}</title><h1>{{ title }}</h1>"
    "<ul>{% for n in range(40) %}<li>Line {{ n }} of {{ title }}</li>{% endfor %}</ul>"
)
@app.get("/")
async def hello(request: Request):
    return HTMLResponse(page.render(title="Hello"))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
"""

FILL = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.models import Origin
from app.services import attempts
from graders.engine import evaluate
from graders.lessons import LESSONS
from graders.render.json import report_data
from graders.sources.manifests import read_paths
app = create_app(Settings.local(Path(sys.argv[1])))
now = datetime(2026, 11, 24, tzinfo=UTC)
with session_of(app.state.engine, writes=True) as session:
    for number in range(200):
        entry = LESSONS[1 + number % 15]
        snapshot = read_paths(["exercises/guide"], namespace="rag-engine", taken_at=now + timedelta(minutes=number))
        attempts.take_in(session, app.state.learner.id, report_data(evaluate(entry.load(), snapshot)), Origin.TERMINAL, key=str(number))
"""


def main() -> int:
    """Print requests a second and the 99th percentile for each page, and its share of the bare one."""
    if shutil.which("wrk") is None:
        print("This needs wrk: apt install wrk", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        subprocess.run([sys.executable, "-c", FILL, str(data)], check=True)
        hello, ours = (
            [sys.executable, "-c", HELLO, "8651"],
            [*(sys.executable, "-m", "app", "serve", "--no-browser", "--port", "8652", "--data", str(data))],
        )
        with server(hello, "http://127.0.0.1:8651/"), server(ours, "http://127.0.0.1:8652/"):
            pages = {
                "a bare page": "http://127.0.0.1:8651/",
                "lesson-7": "http://127.0.0.1:8652/lessons/lesson-7",
                "course map": "http://127.0.0.1:8652/",
            }
            rates: dict[str, list[float]] = {name: [] for name in pages}
            slowest: dict[str, list[float]] = {name: [] for name in pages}
            for _ in range(ROUNDS):
                for name, address in pages.items():
                    rate, p99 = load(address)
                    rates[name].append(rate)
                    slowest[name].append(p99)
    bare = statistics.median(rates["a bare page"])
    good = True
    for name in pages:
        rate, p99 = statistics.median(rates[name]), statistics.median(slowest[name])
        print(f"{name:12} {rate:7.0f} requests/s, {rate / bare:5.2f} of the bare page, p99 {p99:6.1f} ms")
        if name == "lesson-7":
            good = rate / bare >= LEAST_SHARE and p99 <= MOST_P99
    print(
        f"limits for the lesson: at least {LEAST_SHARE} of the bare page, p99 at most {MOST_P99:.0f} ms: {'kept' if good else 'NOT KEPT'}"
    )
    return 0 if good else 1


@contextmanager
def server(command: list[str], address: str) -> Iterator[None]:
    """A server while the block runs, from when it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def load(address: str) -> tuple[float, float]:
    """Requests a second, and the 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", address]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if re.search(r"Non-2xx|Socket errors", said):
        raise SystemExit(f"{address} did not answer as it should:\n{said}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    assert rate is not None
    assert p99 is not None
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]


if __name__ == "__main__":
    raise SystemExit(main())
