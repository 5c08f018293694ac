"""What an instructor's board costs the server, with 1,000 learners in 16 lessons each, on SQLite and on PostgreSQL.

python -m benchmarks.bench_board        needs PostgreSQL's server for that half (Debian: apt install postgresql)

Time by the clock says what a reader waits for, and is only as good as the machine is quiet; time on the processor is that of the app alone,
without PostgreSQL's. The page is asked of the whole app, in this process; beside it an answer of the same size that was made before.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from app.config import Settings
from app.db import open_database, session_of
from app.main import create_app
from app.models import utc_now
from app.security import _signature, session_cookie
from app.services import board, board_picture, sign_ins
from benchmarks.classroom_data import Made, fill
from benchmarks.measure import verdict
from tests.postgres import Postgres, programs

LEARNERS, RUNS = 1000, 15
MOST_MS, MOST_KB = 100.0, 150.0
_KEY = "Qm7-vX2_pL9sTz4rWb8nKd3fHj6yGc1aEu5oRi0x"


def main() -> int:
    """Print the figures for each database; 1 when a limit is not kept."""
    with tempfile.TemporaryDirectory() as scratch:
        kept = [measured("SQLite", f"sqlite:///{scratch}/board.db", Path(scratch) / "sqlite")]
        with postgres() as url:
            if url is None:
                print("no PostgreSQL here: that half is left out")
            else:
                kept.append(measured("PostgreSQL", url, Path(scratch) / "postgresql"))
    return 0 if all(kept) else 1


@contextmanager
def postgres() -> Iterator[str | None]:
    """A database of a PostgreSQL server that is started for it; None where there is none."""
    found = programs()
    if found is None:
        yield None
        return
    server = Postgres(found)
    try:
        yield server.database(empty=True)
    finally:
        server.stop()


def measured(name: str, url: str, data: Path) -> bool:
    """Fill a database, ask for the board and its parts, and print what that took."""
    engine = open_database(url)
    made = fill(engine, LEARNERS, all_lessons=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()
    settings = Settings.for_classroom({"COURSE_URL": "http://localhost", "COURSE_SECRET": _KEY, "DATABASE_URL": url}, data)
    app = create_app(settings)
    sizes: list[int] = []

    @app.get("/static-board", name="health:alive")
    async def same(_: Request) -> Response:
        return Response(b"x" * sizes[0], media_type="text/html")

    with session_of(app.state.engine, writes=True) as session:
        secret = sign_ins.sign_in(session, made.instructor, "a benchmark")
    with TestClient(app, base_url=settings.url) as client:
        client.cookies.set(session_cookie(settings), f"{secret}.{_signature(app.state.secret, secret)}")
        address = f"/cohorts/{made.cohort}/board"

        def page() -> int:
            answer = client.get(address, headers={"accept": "text/html", "accept-encoding": "gzip"})
            assert answer.status_code == 200, answer.text[:500]
            return len(answer.content)

        sizes.append(page())
        with client.stream("GET", address, headers={"accept": "text/html", "accept-encoding": "gzip"}) as answer:
            packed = sum(len(part) for part in answer.iter_raw())
        results = timed({"page": page, "as large": lambda: client.get("/static-board")})
        parts = timed(pieces(app, made))
    wall, processor, quickest = results["page"]
    print(f"{name}: {LEARNERS} learners, 16 lessons, {sizes[0] / 1000:.0f} kB, of which {packed / 1000:.0f} kB are sent")
    print(verdict("the page, time on the processor", processor, MOST_MS, "ms"))
    print(verdict("the page by the clock, the quickest of all", quickest, MOST_MS, "ms"))
    ratio = wall / results["as large"][0]
    print(f"      {wall:8.2f} ms   by the clock, the median; {ratio:.1f} times an answer as large that is there already")
    print(verdict("the page as it is sent", packed / 1000, MOST_KB, "kB"))
    for part, (part_wall, part_processor, _) in parts.items():
        print(f"      {part_wall:8.2f} ms   {part} ({part_processor:.2f} ms on the processor)")
    return max(processor, quickest) <= MOST_MS and packed / 1000 <= MOST_KB


def pieces(app: object, made: Made) -> dict[str, Callable[[], object]]:
    """The board's parts: reading it, drawing it, and the row of one learner, which is what an update costs."""
    engine = app.state.engine  # type: ignore[attr-defined] # an app of Starlette has it

    def read() -> board.Board:
        with session_of(engine, writes=False) as session:
            return board.read(session, made.cohort, board.Wish(), utc_now())

    def one() -> object:
        with session_of(engine, writes=False) as session:
            return board.lines_of(session, made.cohort, utc_now(), [made.learners[7]])

    whole = read()
    rows = board_picture.rows(whole, "/cohorts/1").encode()
    return {
        "reading it": read,
        "drawing it": lambda: board_picture.rows(whole, "/cohorts/1"),
        "compressing it": lambda: gzip.compress(rows, 5),
        "reading one row": one,
    }


def timed(functions: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float, float]]:
    """Median milliseconds by the clock and on this process's processors, and the fewest by the clock; the functions called in turn."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in functions}
    for _ in range(RUNS):
        for name, function in functions.items():
            wall, processor = time.perf_counter(), time.process_time()
            function()
            found[name][0].append((time.perf_counter() - wall) * 1000)
            found[name][1].append((time.process_time() - processor) * 1000)
    return {name: (statistics.median(walls), statistics.median(processors), min(walls)) for name, (walls, processors) in found.items()}


if __name__ == "__main__":
    raise SystemExit(main())
