"""How fast tweets come in: from a file and over HTTP, beside the machine's own limit and a plain program.

Everything is measured in one run, on the real parts: spool, Ray, trackers, an embedded Postgres with its durability on.
The start of processes is no part of a rate: each measurement begins when the parts have done a little work.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
import psutil
import ray
import tweepy
from sqlalchemy import Engine, text
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import machine
from actors import tracker
from actors.collector import collect
from actors.lanes import Stretch
from actors.parse import MARK, RULES
from actors.replay import feed
from actors.supervisor import Supervisor
from core import batches, copying, db, store
from core.config import Settings
from local_x.fields import EVERYTHING
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.stories import KEYWORDS
from local_x.stream import recorded

END = datetime(2026, 6, 22, 9, tzinfo=UTC)  # of the recorded time
TWEETS, WARM = 100_000, 20_000  # a file's first and last batches weigh little; by then a hot keyword is split
SAMPLE = 3_000  # tweets that the slow ways are measured with
MANY, MOST = 100, 200  # keywords
PACE, LEAD, SECONDS = 250, 25, 20  # posts a second, how long until all processes run, and how long after that
LOOK = 0.05  # seconds between two looks at the table

Say = Callable[[str], object]


def measure(given: Settings, say: Say) -> dict[str, Any]:
    """Run every part of the benchmark, saying which; returns the figures by name."""
    with tempfile.TemporaryDirectory(prefix="talker-bench-") as folder:
        home = Path(folder)
        own: dict[str, Any] = {"home": home, "lake": home / "lake", "database_url": "", "x_bearer_token": token_hex(16)}
        settings = replace(given, **own, x_daily_budget_usd=float("inf"))
        say("Recording")
        lines = recording(WARM + TWEETS)
        (home / "tweets.jsonl").write_bytes(b"".join(line + b"\n" for line in paced(lines)[WARM:]))
        with machine.postgres(settings) as settings, machine.ray_cluster(settings):
            engine = db.engine(settings.database_url)
            track(engine, *KEYWORDS)
            say("The machine's limit")
            alone = limit(engine, lines[:SAMPLE])
            say("A plain program")
            naive = plain(engine, lines[:SAMPLE])
            say("From a file")
            file = from_file(settings, paced(lines))
            clear(engine)
            say("From a file of many hours")
            sparse = from_file(settings, lines)["file_per_s"]
            clear(engine)
            say("Over HTTP")
            http = over_http(settings, engine, home / "tweets.jsonl")
            clear(engine)
            say(f"{PACE} tweets a second over {MANY} keywords")
            late = latency(settings, engine, lines)
            engine.dispose()
    bound = (os.cpu_count() or 1) / sum(alone.values())
    rates = file | {"sparse_file_per_s": sparse, "http_per_s": http, "limit_per_s": bound, "naive_per_s": naive}
    ratios = {"file_of_limit": file["file_per_s"] / bound, "file_of_naive": file["file_per_s"] / naive}
    parts = {f"{name}_us": seconds * 1e6 for name, seconds in alone.items()}
    load = {"tweets": TWEETS, "payload_bytes": statistics.mean(map(len, lines)), "load_before": os.getloadavg()[0]}
    return {name: round(value, 3) for name, value in (rates | ratios | late | parts | load).items()}


def recording(number: int) -> list[bytes]:
    """Return what the small X's stream says of its keywords in the hours before `END`."""
    rules = RuleStore()
    rules.add([{"value": query, "tag": MARK + name} for name, query in KEYWORDS.items()])
    told: Iterator[bytes] = recorded(Scenario(1, END), rules, EVERYTHING, hours=480)
    return [line for line, _ in zip(told, range(number), strict=False)]


def paced(lines: list[bytes]) -> list[bytes]:
    """Return messages as if X had told them at its full pace, the most that one connection gets.

    The scenario has some tweets a minute; then almost each moves minutes and hours of its own, which the counters of a
    keyword that needs this speed do not.
    """
    told: dict[str, str] = {}  # when each tweet was written, by id: a retweet brings its original again
    return [written(line, END + timedelta(seconds=number / PACE), told) for number, line in enumerate(lines)]


def written(line: bytes, at: datetime, told: dict[str, str]) -> bytes:
    """Return a message whose tweet was written at another time, and what it carries when that was told."""
    message = orjson.loads(line)
    told.setdefault(message["data"]["id"], at.isoformat(timespec="milliseconds"))
    for tweet in (message["data"], *message["includes"].get("tweets", ())):
        tweet["created_at"] = told.get(tweet["id"], tweet["created_at"])
    return orjson.dumps(message)


def track(engine: Engine, *names: str) -> list[int]:
    """Track keywords; returns their ids."""
    return [store.add_keyword(engine, name, query=f'"{name.strip("#")}"') for name in names]


def clear(engine: Engine) -> None:
    """Empty the tables that the trackers write."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE author, tweet, trend, term, spool_offset, dead_letter"))


def limit(engine: Engine, lines: list[bytes]) -> dict[str, float]:
    """Return the seconds that parsing, VADER and COPY take for one tweet, each alone in one process."""
    texts = [orjson.loads(line)["data"]["text"] for line in lines]
    analyzer = SentimentIntensityAnalyzer()
    rows = tracker.batch(Stretch(1, "", "", "", 0, list(enumerate(lines)), ".")).tweets
    table = copying.rendered([row[column] for column in batches.SCALARS] for row in rows)
    return {
        "orjson": seconds(lambda: [orjson.loads(line) and None for line in lines]) / len(lines),
        "vader": seconds(lambda: [analyzer.polarity_scores(one)["compound"] for one in texts]) / len(lines),
        "copy": seconds(lambda: copy(engine, batches.SCALARS, table)) / len(lines),
    }


def seconds(act: Callable[[], object]) -> float:
    """Return how long an act takes, at its best of three times."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return min(taken)


def copy(engine: Engine, columns: Sequence[str], table: bytes) -> None:
    """COPY rendered rows of `tweet` into a temporary table."""
    named = ", ".join(columns)
    with engine.begin() as connection:
        connection.execute(
            text(f"CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT {named} FROM tweet WITH NO DATA")  # noqa: S608
        )
        copying.send(connection, copying.statement("copied", columns), table)


class Plain(tweepy.StreamingClient):
    """What one would write first: tweepy's objects, VADER, one INSERT and one commit a tweet."""

    def __init__(self, connection: Any):
        super().__init__("no token")
        self._connection, self._analyzer = connection, SentimentIntensityAnalyzer()

    def on_tweet(self, tweet: Any) -> None:
        """Score and store a tweet."""
        score = self._analyzer.polarity_scores(tweet.text)["compound"]
        label, counts = (score >= 0.05) - (score <= -0.05), tweet.public_metrics
        values = (tweet.id, tweet.author_id, tweet.created_at, tweet.text, tweet.lang, score, label)
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(INSERT, (*values, counts["retweet_count"], counts["like_count"]))
        self._connection.commit()


INSERT = """
INSERT INTO tweet (keyword_id, kind, id, author_id, created_at, text, lang, sentiment, label, retweet_count, like_count)
VALUES (1, 'original', %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


def plain(engine: Engine, lines: list[bytes]) -> float:
    """Return the tweets that the plain program stores in a second."""
    with closing(engine.raw_connection()) as connection:
        client = Plain(connection)
        client.on_data(lines[0])
        began = time.perf_counter()
        for line in lines[1:]:
            client.on_data(line)
        taken = time.perf_counter() - began
    clear(engine)
    return (len(lines) - 1) / taken


def from_file(settings: Settings, lines: list[bytes]) -> dict[str, float]:
    """Return the tweets of a recording that are committed in a second, and the work a tweet is for all processors.

    The work is what it is however busy the machine is with other things; the rate is not.
    """
    supervisor = Supervisor(settings.database_url, settings.home / "file.sqlite", most=settings.max_trackers)
    feed(supervisor, lines[:WARM])
    began, before = time.perf_counter(), worked(settings)
    feed(supervisor, lines[WARM:])
    taken, work = time.perf_counter() - began, worked(settings) - before
    supervisor.spool.destroy()
    tweets = len(lines) - WARM
    return {"file_per_s": tweets / taken, "file_cpu_us": work / tweets * 1e6}


@contextmanager
def small_x(settings: Settings, file: Path, *options: str) -> Iterator[Settings]:
    """Serve a recording as X; yields settings that lead there."""
    arguments = ("serve", f"--token={settings.x_bearer_token}", f"--recording={file}", *options)
    with machine.child("local_x", *arguments) as x:
        yield replace(settings, x_base_url=x["api"])


def over_http(settings: Settings, engine: Engine, file: Path) -> float:
    """Return the tweets a second that come through tweepy from the small X and are committed."""
    with small_x(settings, file, "--rate=0") as reached, collect(reached) as collector:
        seen: list[tuple[float, int]] = []
        while not seen or seen[-1][1] < TWEETS:
            collector.check(timeout=LOOK)
            if stored := committed(engine):
                seen.append((time.perf_counter(), stored))
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / (ended - began)


def committed(engine: Engine) -> int:
    """Count the tweets that the trackers have committed."""
    with engine.connect() as connection:
        return int(
            connection.execute(text("SELECT coalesce(sum(stored + duplicate), 0) FROM spool_offset")).scalar_one()
        )


def latency(settings: Settings, engine: Engine, lines: list[bytes]) -> dict[str, float]:
    """Return how late a tweet's row is there, at a steady pace over many keywords, and what all processes hold.

    The small X writes into each tweet when it goes out; another connection than the trackers' looks for the rows, so a
    row counts as late until somebody can see it. What the lead brings is left out: it waits for processes that start.
    """
    names, posts = [f"bench {number}" for number in range(MANY)], PACE * (LEAD + SECONDS)
    track(engine, *names)
    file = settings.home / "paced.jsonl"
    file.write_bytes(b"".join(tagged(line, name) for line, name in zip(lines[:posts], cycle(names))))
    with small_x(settings, file, f"--rate={PACE}") as reached, collect(reached) as collector:
        led = datetime.now(UTC) + timedelta(seconds=LEAD)
        late = [seen - emitted for emitted, seen in seen_rows(engine, collector.check, posts) if emitted > led]
        ranked = statistics.quantiles((delay.total_seconds() for delay in late), n=100)
        track(engine, *(f"quiet {number}" for number in range(MOST - MANY - len(KEYWORDS))))
        while len(ray.get(collector.supervisor.status.remote())) < MOST:
            collector.check(timeout=LOOK)
        return {"latency_p50_s": ranked[49], "latency_p99_s": ranked[98], **memory(processes(settings))}


def tagged(line: bytes, name: str) -> bytes:
    """Return a message as the rule of another keyword would have delivered it."""
    head, mark, _ = line.rpartition(RULES)
    return head + mark + orjson.dumps([{"id": "1", "tag": MARK + name}]) + b"}\n"


def seen_rows(engine: Engine, check: Callable[[float], object], number: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield when each delivered tweet was emitted and when its row was first seen, until so many are."""
    seen: set[int] = set()
    since = 0
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while len(seen) < number:
            check(LOOK)
            rows = connection.execute(text(NEW_ROWS), {"since": since}).all()
            now = datetime.now(UTC)
            for row in rows:
                since = row.oldest
                if row.id not in seen:
                    seen.add(row.id)
                    yield row.created_at, now


NEW_ROWS = """
SELECT id, created_at, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest
FROM tweet WHERE seq >= :since AND matched
"""


def processes(settings: Settings) -> Iterator[psutil.Process]:
    """Yield us, our Ray and our Postgres."""
    postmaster = int((settings.home / "postgres" / "postmaster.pid").read_text().split()[0])
    for root in (psutil.Process(), psutil.Process(postmaster)):
        yield from (root, *root.children(recursive=True))


def memory(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """Return the resident megabytes of processes: `rss` counts pages that some share for each of them, `pss` once."""
    total: Counter[str] = Counter()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            held = process.memory_full_info()
            total.update(rss_mb=held.rss, pss_mb=held.pss)
    return {name: size / 1e6 for name, size in total.items()}


def worked(settings: Settings) -> float:
    """Return the seconds that processors have worked for all processes that run now."""
    total = 0.0
    for process in processes(settings):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total
