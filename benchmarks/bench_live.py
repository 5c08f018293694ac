"""How soon a browser shows what `kubectl apply` has changed: from the API server's answer to a write until an objective turns on the page.

    python -m benchmarks.bench_live --kubeconfig PATH [--changes 120] [--kubectl 15]

The whole course is watched, the page is open in Chromium, and the time at which the page's element changes is taken there, by this
machine's clock. Most writes are sent over a kept connection, so that the time of the answer is exact; some are made by kubectl itself.
The cluster is one to practise on; a namespace of the benchmark's own is made in it, and deleted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from app.config import Settings
from app.main import create_app
from app.serving import Server
from benchmarks.measure import verdict
from tests.api import Api
from tests.web.conftest import CHROMIUM, free_port

NAMESPACE = "bench-live"
_LIMIT = 300.0  # milliseconds, of 95 in 100 changes
_LONGEST = 10.0
_OBJECTIVE = "objective-app-settings"
# The page notes when the objective's status changes; `timeOrigin + now` is the machine's own clock, finer than Date's.
_NOTE = """() => {
  window.turns = [];
  let last = document.getElementById("OBJECTIVE").dataset.status;
  new MutationObserver(() => {
    const status = document.getElementById("OBJECTIVE").dataset.status;
    if (status === last) return;
    last = status;
    window.turns.push([status, performance.timeOrigin + performance.now()]);
  }).observe(document.querySelector(".objective-list"), { childList: true });
}""".replace("OBJECTIVE", _OBJECTIVE)


def _settings(number: int) -> tuple[dict[str, object], str]:
    """A ConfigMap that passes and fails in turn, and which of both it does."""
    level, status = ("info", "passed") if number % 2 == 0 else ("loud", "failed")
    data = {"ENVIRONMENT": "production", "LOG_LEVEL": level}
    metadata = {"name": "rag-engine-config", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}, status


@contextmanager
def _page(kubeconfig: Path) -> Iterator[Page]:
    """Lesson 2's panel in Chromium, on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.local(Path(folder), port=free_port(), namespace=NAMESPACE, kubeconfig=str(kubeconfig))
        server = Server(uvicorn.Config(create_app(settings), host=settings.host, port=settings.port, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            page.goto(f"http://{settings.host}:{settings.port}/cluster/lesson-2")
            page.wait_for_selector('#live-head[data-state="reading"]', timeout=30_000)
            time.sleep(1)  # until every kind is watched
            page.evaluate(_NOTE)
            yield page
            browser.close()
        server.should_exit = True
        thread.join(timeout=10)


def _turned(page: Page, status: str, written: float) -> float:
    """The milliseconds from `written`, by time.time, until the objective had that status on the page."""
    handle = page.wait_for_function("status => window.turns.find(turn => turn[0] === status)", arg=status, timeout=_LONGEST * 1000)
    at: float = handle.json_value()[1]
    page.evaluate("() => { window.turns.length = 0 }")
    return at - written * 1000


def _by_api(page: Page, api: Api, number: int) -> float:
    body, status = _settings(number)
    answered, _ = api.put(body)
    written = time.time()
    assert answered in (200, 201), answered
    took = _turned(page, status, written)
    time.sleep(0.02 * (number % 7))  # so that changes fall everywhere in the time in which they are put together
    return took


def _by_kubectl(page: Page, kubectl: str, kubeconfig: Path, number: int) -> float:
    """From the end of `kubectl apply`."""
    body, status = _settings(number)
    command = (kubectl, "--kubeconfig", str(kubeconfig), "apply", "-f", "-")
    subprocess.run(command, input=json.dumps(body), text=True, check=True, capture_output=True)
    return _turned(page, status, time.time())


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True, type=Path)
    parser.add_argument("--changes", type=int, default=120)
    parser.add_argument("--kubectl", type=int, default=16)
    options = parser.parse_args()
    kubectl = shutil.which("kubectl") or str(Path(shutil.which("python") or "").parent / "kubectl")
    with Api(options.kubeconfig) as api:
        api.ensure_namespace(NAMESPACE)
        try:
            with _page(options.kubeconfig) as page:
                by_api = sorted(_by_api(page, api, number) for number in range(options.changes))
                by_kubectl = sorted(_by_kubectl(page, kubectl, options.kubeconfig, options.changes + n) for n in range(options.kubectl))
        finally:
            api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)
    for name, times in (("from the API server's answer", by_api), ("from the end of kubectl apply", by_kubectl)):
        late = statistics.quantiles(times, n=20)[-1]
        print(f"{name}: {len(times)} changes: median {statistics.median(times):.0f} ms, p95 {late:.0f} ms, longest {times[-1]:.0f} ms")
        print(verdict(f"{name} until the objective has turned in the browser, p95", late, _LIMIT, "ms"))


if __name__ == "__main__":
    main()
