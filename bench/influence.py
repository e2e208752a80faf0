"""Measures the influence job: warm and cold on RayDP, DuckDB on the same files, and a run with new rows.

Each run is of a window of its own, a quarter hour after the last one, as in life.
"""

from __future__ import annotations

import io
import statistics
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from time import monotonic
from typing import Any

import psutil
import pyarrow as pa
import ray
from pyarrow import csv
from sqlalchemy import Engine, insert, text

from bench import made_up
from bench.duck import influence as in_duckdb
from core import db
from core.config import Settings
from core.models import Keyword
from core.queries import QUARTER
from core.weights import load
from jobs.criteria import Window
from jobs.influence import window_of
from jobs.lake import SCHEMAS, Lake, append
from jobs.session import spark_host

END = datetime(2026, 6, 19, 12, tzinfo=UTC)
RUNS = 12  # after the first, each a quarter hour later: for hours Java goes on compiling what runs often
MOST = 150_000_000  # rows in all of them: of many rows fewer runs, or it would take a day
WARM = 5  # the last of them, which are measured
FEW = 1000  # one in so many rows is new in each of them
CORES = 2
Timed = tuple[float, dict[str, Any]]  # the seconds that a run took, and its answer


def measure(settings: Settings, rows: int) -> dict[str, Any]:
    """Fill an empty database and lake with `rows` made-up tweets, run the job, and say how long all of it took.

    Before each later run a few rows come by Postgres, as in life: late tweets of the same authors from all the window,
    and one in ten an older tweet with new counts. Then a tenth as many as there are come.
    """
    # One executor: two would each have to compile the code.
    settings = replace(settings, spark_executors=1, spark_cores=CORES)
    engine, authors = db.engine(settings.database_url), max(rows // 10, 100)
    quarters = range(1, max(1, min(RUNS, MOST // rows)) + 1)
    lake, weights = fill(engine, settings, rows, authors), load(settings.weights_method)
    # First, while the lake is as it was filled: it is compacted as rows come.
    duckdb_s = statistics.median(in_duckdb(lake, window(settings, n), weights, CORES) for n in quarters[-WARM:])
    with peak() as memory:
        host = spark_host(settings)
        cold = timed(host, END)
        runs = []
        for n in quarters:
            ray.get(host.compact.remote())  # as the scheduler has it done between two runs
            insert_tweets(engine, rows, rows // FEW, authors, n)
            runs.append(timed(host, END + n * QUARTER))
        insert_tweets(engine, rows, rows // 10, authors, quarters[-1] + 1)
        again = timed(host, END + (quarters[-1] + 1) * QUARTER)
        ray.kill(host)
    engine.dispose()
    return figures(rows, duckdb_s, cold, runs, again) | {"peak_mb": memory["mb"]}


def figures(rows: int, duckdb_s: float, cold: Timed, runs: list[Timed], again: Timed) -> dict[str, Any]:
    """Say what was found: how long the first run took, those after it, and one with many new rows."""
    warm = runs[-WARM:]
    warm_s = statistics.median(seconds for seconds, _ in warm)
    compute_s, load_s = (statistics.median(answer[name] for _, answer in warm) for name in ("compute_s", "load_s"))
    return {
        "rows": rows,
        "cold_s": round(cold[0], 1),
        "runs_s": [round(seconds, 1) for seconds, _ in runs],
        "warm_s": round(warm_s, 1),
        "compute_s": compute_s,
        "load_s": load_s,
        "duckdb_s": round(duckdb_s, 1),
        "compute_to_duckdb": round(compute_s / duckdb_s, 2),
        "rows_per_s_per_core": round(rows / warm_s / CORES),
        "scored_authors": warm[0][1]["authors"],
        "stored_rows": warm[0][1]["rows"],
        "new_rows": again[1]["new_tweets"],
        "new_rows_s": round(again[0], 1),
        **{f"new_rows_{name}": again[1][name] for name in ("extract_s", "compute_s", "load_s")},
        "cores": CORES,
    }


def window(settings: Settings, quarters: int) -> Window:
    """Return the window so many quarter hours after END."""
    return window_of(settings, {}, END + quarters * QUARTER)


def fill(engine: Engine, settings: Settings, rows: int, authors: int) -> Lake:
    """Track the keywords, and put made-up tweets and authors straight into the lake."""
    with engine.begin() as connection:
        names = [{"name": f"keyword {n}", "query": "none"} for n in range(1, made_up.KEYWORDS + 1)]
        connection.execute(insert(Keyword), names)
        position = connection.execute(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")).scalar_one()
    lake = Lake(settings.lake)
    append(lake, {"tweet": made_up.tweets(rows, authors, END), "author": made_up.authors(authors)}, position)
    return lake


def insert_tweets(engine: Engine, before: int, rows: int, authors: int, coming: int) -> None:
    """Put late tweets into Postgres by COPY, for the so many-th time; one in ten is one that the lake has already."""
    columns = [name for name in SCHEMAS["tweet"].names if name not in ("mentioned_ids", "seq")]
    statement = f"COPY tweet ({', '.join(columns)}, text) FROM STDIN (FORMAT csv)"
    again = rows // 10
    late = part(made_up.tweets(rows - again, authors, END, before, coming), 0, rows - again)
    known = part(made_up.tweets(before, authors, END), coming * again, again)
    with engine.begin() as connection, closing(connection.connection.cursor()) as cursor:
        for block in chain(late, known):
            some = block.select(columns).append_column("text", [["made up"] * len(block)])
            sink = io.BytesIO()
            csv.write_csv(some, sink, csv.WriteOptions(include_header=False))
            cursor.copy_expert(statement, io.BytesIO(sink.getvalue()))
    with engine.begin() as connection:
        connection.execute(text("ANALYZE tweet"))


def part(blocks: Iterable[pa.Table], skipped: int, count: int) -> Iterator[pa.Table]:
    """Yield so many rows after some that are skipped."""
    for block in blocks:
        yield block.slice(skipped, count)
        count -= max(0, min(count, len(block) - skipped))
        skipped = max(0, skipped - len(block))
        if not count:
            return


def timed(host: Any, end: datetime) -> Timed:
    """Run the job on one window; returns how long it took, and its answer."""
    began = monotonic()
    answer: dict[str, Any] = ray.get(host.run_influence.remote(end.isoformat()))
    return monotonic() - began, answer


@contextmanager
def peak() -> Iterator[dict[str, int]]:
    """Watch the memory of our child processes: yields where the most of it, in megabytes, is found afterwards."""
    found, over = {"mb": 0}, threading.Event()

    def watch() -> None:
        while not over.wait(0.25):
            found["mb"] = max(found["mb"], resident() // 2**20)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()


def resident() -> int:
    """Return the bytes of memory that Spark's processes hold: its host, its driver and its executors."""
    held = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "java" in process.name() or "SparkHost" in " ".join(process.cmdline()):
                held += process.memory_info().rss
        except psutil.Error:
            continue  # it ended while we looked
    return held
