"""How long the server needs to judge the whole workspace again after a change of one file, in milliseconds of CPU.

    python -m benchmarks.bench_workbench

The workspace is the solution of the last lesson, 24 files. `judged` is the reading and judging alone, `request` all that the server does
for one change: storing it, judging, and rendering what has changed, with the client's own part in this process.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx2

from app.config import Settings
from app.main import create_app
from app.services import starters, workbench
from graders.lessons import LESSONS

_ROUNDS = 40
_FILE = "deployment.yaml"
_NAMESPACE = "rag-engine"


def judged(lesson_id: str) -> float:
    """The median of judging alone."""
    (lesson,) = (entry.load() for entry in LESSONS if entry.id == lesson_id)
    texts = starters.solution("lesson-15", _NAMESPACE)
    times = []
    for count in range(_ROUNDS):
        changed = [(name, f"{text}# {count}\n" if name == _FILE else text) for name, text in texts.items()]
        began = time.process_time()
        workbench.judge(lesson, changed, _NAMESPACE)
        times.append(time.process_time() - began)
    return median(times) * 1000


async def requests(lesson_ids: list[str], data: Path) -> dict[str, float]:
    """The median of whole requests, by lesson."""
    settings = Settings.local(data)
    base = f"http://127.0.0.1:{settings.port}"
    texts = starters.solution("lesson-15", _NAMESPACE)
    found = {}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=create_app(settings)), base_url=base) as client:
        token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', (await client.get("/")).text)
        assert token is not None
        client.headers.update({"x-csrf-token": token[1], "accept": "application/json"})
        await client.post("/workbench/lesson-15/upload", files=[("files", (name, text.encode())) for name, text in texts.items()])
        version = (await client.get(f"/api/workspace/{_FILE}")).json()["version"]
        for lesson_id in lesson_ids:
            times = []
            for count in range(_ROUNDS):
                form = {"file": _FILE, "version": version, "content": f"{texts[_FILE]}# {lesson_id} {count}\n", "do": "preview"}
                began = time.process_time()
                answer = await client.post(f"/workbench/{lesson_id}", data=form)
                times.append(time.process_time() - began)
                version = answer.json()["version"]
            found[lesson_id] = median(times) * 1000
    return found


def main() -> int:
    """Print the table."""
    lesson_ids = ["lesson-4", "lesson-7", "lesson-11", "lesson-15"]
    with TemporaryDirectory() as folder:
        whole = asyncio.run(requests(lesson_ids, Path(folder)))
    print(f"{'':10} {'judged':>8} {'request':>8}   ms of CPU, median of {_ROUNDS}")
    for lesson_id in lesson_ids:
        print(f"{lesson_id:10} {judged(lesson_id):8.1f} {whole[lesson_id]:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
