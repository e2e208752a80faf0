"""What a tweet costs at each stage, and how many processes of each kind a stream needs, by simulation with these costs.

Costs are processor time, which is what it is however busy the machine is with other things.
"""

from __future__ import annotations

import heapq
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil

import machine
from actors import packs, parse, tracker
from actors.lanes import BATCH, FEW, Stretch
from actors.spool import Spool
from actors.stream import GROUP, Reader
from actors.supervisor import PAUSE
from bench.influence import END, fill, timed
from bench.ingest import clear, from_file, paced, recording, small_x, tagged, track, worked
from core import db
from core.batches import Batch, save_batch
from core.config import Settings
from core.queries import QUARTER
from jobs.session import end_host, spark_host
from local_x.stories import KEYWORDS

TWEETS, WARM = 40_000, 5_000
SCORED, RUNS = 1_000_000, 3
AVERAGE = 5_800  # tweets a second that all of X writes: 500 million a day
SPAN = 30.0  # seconds that are simulated
SHARE = 0.7  # of its time that a processor should work at most: what is above makes queues
Costs = Mapping[str, float]  # microseconds of a processor for a tweet, by stage


def measure(given: Settings, say: Callable[[str], object]) -> dict[str, Any]:
    """Measure each stage, and let a simulation find what streams of several sizes need; returns the figures by name."""
    with tempfile.TemporaryDirectory(prefix="talker-bench-") as folder:
        home = Path(folder)
        settings = replace(given, home=home, lake=home / "lake", database_url="", x_bearer_token=token_hex(16))
        say("Recording")
        lines = paced(recording(WARM + TWEETS))
        with machine.postgres(settings) as settings:
            say("Measuring each stage")
            costs = {name: round(cost, 1) for name, cost in stages(settings, lines)}
            with machine.ray_cluster(settings):
                say("Measuring one and two trackers")
                stored = [storing(settings, lines, most) for most in (1, 2)]
                say("Measuring one and two executors")
                scored = [scoring(settings, number) for number in (1, 2)]
    say("Simulating")
    return {
        "us": costs,
        **{f"trackers_{name}": told for name, told in scaled(stored).items()},
        **{f"executors_{name}": told for name, told in scaled(scored).items()},
        "load": round(os.getloadavg()[2], 1),  # of the last 15 minutes, with what others had this machine do
        "streams": [needs(AVERAGE * times, costs) for times in (0.04, 1, 10, 100)],
    }


def scaled(found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Tell the rate and the microseconds of all processors for a tweet with one process and with two.

    The efficiency is what each of two brings, as a share of what one brings alone. On a machine with other work two get
    more of it than one; of the work for a tweet that is no matter.
    """
    (one, alone), (two, both) = found
    per_s, cpu_us = [round(one), round(two)], [round(alone, 1), round(both, 1)]
    return {"per_s": per_s, "efficiency": round(two / one / 2, 2), "cpu_us": cpu_us}


def stages(settings: Settings, lines: list[bytes]) -> Iterator[tuple[str, float]]:
    """Yield each stage and the microseconds of a processor that it takes for a tweet, the database's own apart."""
    engine = db.engine(settings.database_url)
    name = next(iter(KEYWORDS))
    (keyword, *_) = track(engine, *KEYWORDS)
    yield "read", reading(settings, lines)
    spool = Spool(settings.home / "stages.sqlite")
    yield "spool", cost(spool.append, [lines[at : at + GROUP] for at in range(0, len(lines), GROUP)])
    yield "route", cost(route, [spool.read(at, BATCH) for at in range(0, len(lines), BATCH)])
    pieces = [[tagged(line, name).strip() for line in lines[at : at + BATCH]] for at in range(0, len(lines), BATCH)]
    stretches = [Stretch(keyword, name, name, "s", (at + 1) * BATCH, numbered(at, p)) for at, p in enumerate(pieces)]
    batches: list[Batch] = []
    tracker.batch(stretches[0])  # what is loaded once is no cost of a tweet
    yield "score", cost(lambda some: batches.append(tracker.batch(some)), stretches[1:], BATCH)
    save_batch(engine, tracker.batch(stretches[0]))
    before = of_postgres(settings)
    yield "commit", cost(lambda one: save_batch(engine, one), batches, BATCH)
    yield "postgres", (of_postgres(settings) - before) / (len(batches) * BATCH) * 1e6
    engine.dispose()


def route(payloads: list[tuple[int, bytes]]) -> None:
    """Find the keywords of payloads as the supervisor does."""
    judge = packs.Judge()
    for _, raw in payloads:
        tracker.keywords_named(parse.tags_at_end(judge.addressed(raw, lambda: None)) or frozenset())


def storing(settings: Settings, lines: list[bytes], most: int) -> tuple[float, float]:
    """Return the tweets a second that so many tracker processes store, with all else that this takes, and the work."""
    engine = db.engine(settings.database_url)
    clear(engine)
    engine.dispose()
    found = from_file(replace(settings, max_trackers=most), lines)
    return found["file_per_s"], found["file_cpu_us"]


def scoring(settings: Settings, executors: int) -> tuple[float, float]:
    """Return the made-up tweets a second that warm influence runs score on executors of one core, and the work."""
    with tempfile.TemporaryDirectory(prefix="talker-bench-") as folder:
        own = replace(settings, home=Path(folder), lake=Path(folder) / "lake", database_url="")
        with machine.postgres(replace(own, spark_executors=executors, spark_cores=1)) as own:
            engine = db.engine(own.database_url)
            fill(engine, own, SCORED, SCORED // 10)
            engine.dispose()
            host = spark_host(own)
            timed(host, END)  # starts Spark, and compiles
            before = worked(own)
            taken = [timed(host, END + quarter * QUARTER)[0] for quarter in range(1, RUNS + 1)]
            work = (worked(own) - before) / RUNS
            end_host()
    return SCORED / min(taken), work / SCORED * 1e6


def numbered(at: int, piece: list[bytes]) -> list[tuple[int, bytes]]:
    """Return payloads with their positions in the spool."""
    return list(enumerate(piece, at * BATCH + 1))


def cost(act: Callable[[Any], object], pieces: Sequence[Any], each: int = 0) -> float:
    """Return the microseconds of a processor that this process takes for each tweet of some pieces."""
    began = time.process_time()
    for piece in pieces:
        act(piece)
    return (time.process_time() - began) / sum(each or len(piece) for piece in pieces) * 1e6


def reading(settings: Settings, lines: list[bytes]) -> float:
    """Return the microseconds of a processor that the reader takes for a tweet, from the socket into the spool."""
    file = settings.home / "read.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    with small_x(settings, file, "--rate=0") as x:
        spool = settings.home / "read.sqlite"
        reader = Reader(x.x_bearer_token, x.x_base_url, x.database_url, spool)
        thread = threading.Thread(target=reader.run)
        thread.start()
        waiting = Spool(spool)
        while waiting.depth() < WARM:
            time.sleep(0.05)
        began, first = time.process_time(), waiting.depth()
        while waiting.depth() < WARM + TWEETS // 2:
            time.sleep(0.05)
        taken, last = time.process_time() - began, waiting.depth()
        reader.stop()
        thread.join()
        waiting.close()
    return taken / (last - first) * 1e6


def of_postgres(settings: Settings) -> float:
    """Return the seconds that processors have worked for Postgres' processes that run now."""
    postmaster = psutil.Process(int((settings.home / "postgres/postmaster.pid").read_text().split()[0]))
    total = 0.0
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def needs(rate: float, costs: Costs) -> dict[str, Any]:
    """Return how many processes of each kind carry a stream, each working for SHARE of its time, and how late it is.

    Readers count as those that as many apps of X would need; one connection brings 250 posts a second.
    """
    processes = {
        "readers": processors(rate, costs["read"]),
        "supervisors": processors(rate, costs["route"]),
        # A tracker waits for the commit of one batch before it scores the next.
        "trackers": processors(rate, costs["score"] + costs["commit"] + costs["postgres"]),
        "postgres_cores": processors(rate, costs["postgres"]),
    }
    late = simulate(rate, processes["trackers"], processes["postgres_cores"], costs)
    return {"tweets_per_s": round(rate), **processes, **late}


def processors(rate: float, us: float) -> int:
    """Return how many processors a stage needs."""
    return max(1, -int(-rate * us / 1e6 / SHARE // 1))


def simulate(rate: float, trackers: int, cores: int, costs: Costs, seed: int = 1) -> dict[str, float]:
    """Let trackers work in simulated time as ours do, and return how late tweets are and how busy each kind is.

    Each takes what waits for it, when that is FEW tweets or PAUSE seconds old, scores it alone, and then waits for one
    of Postgres' cores. Tweets come to each at random; how many in a span is all that counts, so the cost is that of the
    batches.
    """
    random_, own = random.Random(seed), rate / trackers
    scoring, committing = (costs["score"] + costs["commit"]) / 1e6, costs["postgres"] / 1e6
    free = [0.0] * cores
    turns = [(random_.uniform(0, PAUSE), tracker, 0.0) for tracker in range(trackers)]
    heapq.heapify(turns)
    late: list[float] = []
    busy = worked = 0.0
    while turns[0][0] < SPAN:
        now, which, since = heapq.heappop(turns)
        number = min(BATCH, max(1, round(random_.gauss(own * (now - since), (own * (now - since)) ** 0.5))))
        scored = now + number * scoring
        begun = max(scored, heapq.heappop(free))
        ended = begun + number * committing
        heapq.heappush(free, ended)
        busy, worked = busy + ended - now, worked + number * committing
        late.append(ended - since)  # of its oldest tweet
        upto = min(now, since + number / own)
        wait = min(PAUSE, FEW / own)
        heapq.heappush(turns, (max(ended, now + wait), which, upto))
    ranked = statistics.quantiles(late, n=100)
    return {
        "lag_p50_s": round(ranked[49], 3),
        "lag_p99_s": round(ranked[98], 3),
        "trackers_busy": round(busy / trackers / SPAN, 2),
        "postgres_busy": round(worked / cores / SPAN, 2),
    }
