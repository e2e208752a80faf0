"""Lets everything work for some minutes at full pace, and tells how memory, lag and logs grow."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
import psutil
import ray

import machine
from actors.collector import collect
from bench.ingest import committed, processes, recording, small_x, tagged, track
from core import db
from core.config import Settings
from jobs import schedule

KEYWORDS = [f"soak {number}" for number in range(50)]
PACE = 1_000  # tweets a second
LINES = 20_000  # that come again and again, each time with ids of their own
APART = 10**12  # between the ids of one time and of the next
LOOK = 5.0  # seconds between two looks
RUN = 60.0  # seconds between two influence runs
SETTLED = 1 / 3  # of the time, after which memory should not grow any more

Say = Callable[[str], object]
Samples = dict[int, list[tuple[str, float, float]]]  # title, minute and MB of a process, by its id


def measure(given: Settings, minutes: float, say: Say) -> dict[str, Any]:
    """Collect PACE tweets a second on 50 keywords and score them each minute; returns the figures by name."""
    with tempfile.TemporaryDirectory(prefix="talker-soak-") as folder:
        home = Path(folder)
        settings = replace(given, home=home, lake=home / "lake", database_url="", x_bearer_token=token_hex(16))
        settings = replace(settings, x_daily_budget_usd=float("inf"))
        say("Recording")
        pipe = home / "tweets"
        os.mkfifo(pipe)
        threading.Thread(target=tell, args=(pipe, recording(LINES)), daemon=True).start()
        with machine.postgres(settings) as settings, machine.ray_cluster(settings):
            engine = db.engine(settings.database_url)
            track(engine, *KEYWORDS)
            with small_x(settings, pipe, f"--rate={PACE}") as reached, collect(reached) as collector:
                scheduler = schedule.scheduler(reached)
                try:
                    seen = watch(reached, collector, scheduler, minutes, say)
                finally:
                    schedule.stop()
            stored = committed(engine)
            engine.dispose()
        return seen | {"tweets": stored, "tweets_per_s": round(stored / minutes / 60)}


def tell(pipe: Path, lines: Sequence[bytes]) -> None:
    """Write messages into a pipe for ever; each time round they are of other tweets."""
    ids = [orjson.loads(line)["data"]["id"].encode() for line in lines]
    named = [tagged(line, name) for line, name in zip(lines, cycle(KEYWORDS), strict=False)]
    with suppress(BrokenPipeError), pipe.open("wb") as out:
        for turn in count():
            for line, old in zip(named, ids, strict=True):
                out.write(line.replace(old, b"%d" % (int(old) + turn * APART)))


def watch(settings: Settings, collector: Any, scheduler: Any, minutes: float, say: Say) -> dict[str, Any]:
    """Look at all processes until the time is over, and let influence be computed each minute."""
    samples: Samples = defaultdict(list)
    began, lags, loads = time.monotonic(), list[float](), list[float]()
    runs, asked, failed = list[float](), [scheduler.run_now.remote()], 0
    while (now := time.monotonic() - began) < minutes * 60:
        say(f"{now / 60:.1f} of {minutes:g} minutes")
        collector.check(timeout=LOOK)
        lanes = ray.get(collector.supervisor.status.remote())
        loads.append(os.getloadavg()[0])
        lags.append(max((lane["lag_s"] for lane in lanes), default=0.0))
        for process, title, megabytes in resident(settings):
            samples[process].append((title, now / 60, megabytes))
        if now > RUN * (len(runs) + failed + 1) and ray.wait(asked, timeout=0)[0]:
            answer = ray.get(asked[0])
            failed += answer is None
            runs += [answer["seconds"]] if answer else []
            asked = [scheduler.run_now.remote()]
    ranked = statistics.quantiles(lags, n=100)
    return {
        "minutes": minutes,
        "load": round(statistics.mean(loads), 1),  # with what others had this machine do
        "lag_p50_s": round(statistics.median(lags), 1),
        "lag_p99_s": round(ranked[98], 1),
        "lag_last_s": lags[-1],
        "runs": len(runs),
        "runs_failed": failed,
        "run_s": [round(one, 1) for one in runs],
        "log_lines": logs(),
        "memory": grown(samples, minutes),
    }


def resident(settings: Settings) -> Iterator[tuple[int, str, float]]:
    """Yield the id, the title and the resident MB of all processes, but for what they share, as Postgres' buffers."""
    for process in processes(settings):
        with suppress(psutil.NoSuchProcess, IndexError):
            title = process.cmdline()[0].rpartition("/")[2].partition(".")[0]
            held = process.memory_info()
            yield process.pid, title, (held.rss - held.shared) / 1e6


def grown(samples: Samples, minutes: float) -> list[dict[str, Any]]:
    """Return what each process that lived until the end holds and by how much that grew, after it had settled."""
    found = []
    for process, seen in samples.items():
        titles, at, megabytes = zip(*seen, strict=True)
        settled = sum(minute <= minutes * SETTLED for minute in at)
        if len(at) > settled + 2 and at[-1] > minutes * 0.9:
            slope = statistics.linear_regression(at[settled:], megabytes[settled:]).slope
            told = {"process": titles[-1], "id": process, "mb": round(megabytes[-1]), "mb_per_min": round(slope, 2)}
            found.append(told)
    return sorted(found, key=lambda one: float(one["mb_per_min"]), reverse=True)


def logs() -> dict[str, int]:
    """Count the lines that our actors logged, by level: in JSON those of ours, plain those of Java."""
    node: Any = ray._private.worker.global_worker.node
    folder = Path(node.get_logs_dir_path())
    told = "".join(file.read_text(errors="replace") for file in folder.glob("worker-*.err"))
    return levels(told)


def levels(told: str) -> dict[str, int]:
    """Count lines of a log by level."""
    return {
        level: told.count(f" {level} ") + told.count(f'"levelname": "{level}"')
        for level in ("INFO", "WARNING", "WARN", "ERROR")
    }
