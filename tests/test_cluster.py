"""From a laptop to a cluster: two hosts, brought up, used and taken down by the README's commands."""

import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from sqlalchemy import func, select

from actors.metrics import ABOUT
from bench.ingest import recording
from core import store
from core.models import Influence, InfluenceRun, Tweet
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS
from tests.hosts import forwarded, hosts, needed

pytestmark = pytest.mark.cluster

TALKER = str(Path(sys.executable).with_name("talker"))
SECRET = "canary-of-x"
README = (Path(__file__).parent.parent / "README.md").read_text()
JOBS = re.findall(r"^talker cluster submit -- talker (.+?) *(?:#.*)?$", README, re.MULTILINE)
GOES_ON = 60  # seconds in which work must go on when a worker is gone
RECORDED = 2000
# All that is recorded is in the first of these windows. Into the other some is carried that was said before it.
WINDOWS = datetime(2026, 6, 4, 12, tzinfo=UTC), datetime(2026, 6, 5, 12, tzinfo=UTC)
LAKE = "home/.twittertalker/lake"
# What a Ray that is closed to us answers.
ASK = "import requests; print(requests.get('http://127.0.0.1:8265/api/jobs/', headers=HEADERS).status_code)"


class Laptop:
    """Runs the README's commands on the host that is no part of the cluster."""

    def __init__(self, host, settings):
        self._host, self._settings = host, settings

    def run(self, *arguments):
        command = self._host.command(TALKER, *arguments, env=self._settings)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert SECRET not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    def talker(self, *arguments):
        status, told = self.run(*arguments)
        assert status == 0, f"{arguments}: {told}"
        return told

    def submit(self, *command, status=0):
        """Run a command as a job, again if it met one of the scheduler's runs; returns all that it says."""
        told = "in progress"
        while "in progress" in told:
            found, told = self.run("cluster", "submit", "--", "talker", *command)
        assert found == status, f"{command}: {told}"
        return told

    def answer(self, *command):
        """What a job says in JSON."""
        return json.loads(re.search(r"^{.*}$", self.submit(*command), re.MULTILINE)[0])

    def status(self):
        return json.loads(self.talker("cluster", "status", "--json"))


@pytest.fixture
def x(engine):
    """A small X that speaks of the tracked keywords, from some hours ago on."""
    for name, query in KEYWORDS.items():
        store.add_keyword(engine, name, query=query)
    return LocalX(Scenario(1, datetime.now(UTC) - timedelta(hours=24)), SECRET, speed=0, rate=60.0)


@pytest.fixture
def recorded():
    return recording(RECORDED)


@pytest.fixture
def places(engine, x, tmp_path):
    """Head, worker and laptop, the one that runs the commands; all reach Postgres and X by the network alone."""
    needed()
    with hosts(("head", "worker", "laptop"), tmp_path) as (head, worker, desk), running(x) as url:
        here = head.address.rpartition(".")[0] + ".1"
        socket = f"{engine.url.query['host']}/.s.PGSQL.5432"
        with forwarded(here, socket) as postgres, forwarded(here, ("127.0.0.1", int(url.rpartition(":")[2]))) as api:
            settings = {
                "TALKER_CLUSTER_HEAD": head.address,
                "TALKER_CLUSTER_WORKERS": worker.address,
                "TALKER_CLUSTER_USER": desk.user,
                "TALKER_CLUSTER_KEY": str(desk.home / ".ssh/cluster"),
                "TALKER_DATABASE_URL": f"postgresql://{engine.url.username}@{here}:{postgres}/{engine.url.database}",
                "TALKER_X_BASE_URL": f"http://{here}:{api}",
                "TALKER_X_BEARER_TOKEN": SECRET,
                "TALKER_X_DAILY_BUDGET_USD": "inf",
                "TALKER_SPARK_EXECUTORS": "2",
            }
            yield head, worker, Laptop(desk, settings)


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def runs(host, title):
    """Whether a process of this title runs on a host."""
    for one in host.processes():
        with suppress(psutil.NoSuchProcess):
            if "".join(one.cmdline()[:1]).startswith(title):
                return True
    return False


def stored(engine):
    with engine.connect() as connection:
        return set(connection.execute(select(Tweet.id).where(Tweet.matched)).scalars())


def scored(engine, window_end):
    """The rows of a window."""
    with engine.connect() as connection:
        asked = select(*Influence.__table__.columns).where(Influence.window_end == window_end)
        return connection.execute(asked.order_by(Influence.keyword_id, Influence.author_id)).all()


def written(engine, window_end):
    """How much each author wrote on each keyword in a window, counted by Postgres."""
    own = select(Tweet.keyword_id, Tweet.author_id, func.count()).group_by(Tweet.keyword_id, Tweet.author_id)
    with engine.connect() as connection:
        since = window_end - timedelta(hours=72)
        asked = own.where(Tweet.kind != "retweet", Tweet.created_at > since, Tweet.created_at <= window_end)
        return {(keyword, author): tweets for keyword, author, tweets in connection.execute(asked)}


def first_run(engine):
    """Whether the scheduler's own first run is done."""
    with engine.connect() as connection:
        return connection.execute(select(InfluenceRun).where(InfluenceRun.state == "done")).first()


@contextmanager
def timed(what):
    """Tell how long something takes, as measured facts of the documents come from here: pytest -s shows them."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201


def test_two_hosts_collect_and_score_lose_a_worker_and_leave_nothing(places, engine, x, recorded, pairs_file):
    head, worker, laptop = places
    try:
        with timed("up"):
            laptop.talker("cluster", "up")
        is_closed(head)
        collects_and_scores(laptop, engine, head, worker)
        runs_the_jobs_of_the_readme(laptop, head, recorded, pairs_file)
        before = scores_where_the_lake_is_not(laptop, engine, head, worker)
        loses_a_worker(laptop, engine, x, worker, {tweet_id(line) for line in recorded})
        scores_again(laptop, engine, before)
    finally:
        with timed("down"):
            laptop.talker("cluster", "down")
    assert head.processes() == worker.processes() == []


def is_closed(head):
    """Without the token nobody is served, and nobody outside reaches the dashboard."""

    def answer(headers):
        asked = ASK.replace("HEADERS", headers)
        return subprocess.check_output(head.command(f"{head.home}/venv/bin/python", "-c", asked), text=True).strip()

    token = (head.own / "home/twittertalker/token").read_text()
    assert answer("{}") == "401"
    assert answer(f"{{'Authorization': 'Bearer {token}'}}") == "200"
    heard = subprocess.check_output(head.command("ss", "-ltnH"), text=True)
    assert re.findall(r"(\S+):8265 ", heard) == ["127.0.0.1"]


def collects_and_scores(laptop, engine, head, worker):
    """Both hosts work, what must stay on the head stays there, and the rows are those of the tweets."""
    with timed("collect"):
        laptop.submit("up", "--detach")
        wait_for(lambda: runs(head, "ray::KeywordTracker") and runs(worker, "ray::KeywordTracker"))
    with timed("score"):
        wait_for(lambda: stored(engine) and first_run(engine))
    told = laptop.status()
    hosts_of = defaultdict(set)
    for one in told["actors"]:
        hosts_of[one["actor"].rstrip("0123456789").partition(":")[0]].add(one["host"].split()[0])
    assert hosts_of["tracker"] == hosts_of["raydp-executor-"] == {"head", "worker"}
    assert hosts_of["reader"] == hosts_of["supervisor"] == hosts_of["spark-host"] == {"head"}
    wait_for(lambda: {f"ray_{name}" for name in ABOUT} <= exported(head))


def exported(head):
    """The names of the metrics that Prometheus finds, on the hosts that Ray's own list names."""
    listed = (head.own / "ray").glob("session_2*/prom_metrics_service_discovery.json")
    targets = [one for file in listed for some in json.loads(file.read_text()) for one in some["targets"]]
    told = "".join(urlopen(f"http://{one}/metrics", timeout=10).read().decode() for one in targets)
    return set(re.findall(r"^(\w+)[{ ]", told, re.MULTILINE))


def runs_the_jobs_of_the_readme(laptop, head, recorded, pairs):
    """Each is done, or fails with the line that says why; the collector, which runs, is found and left alone.

    The runs of influence are for others: `scores_where_the_lake_is_not`, `scores_again`.
    """
    (head.own / "home/recording.jsonl.gz").write_bytes(gzip.compress(b"\n".join(recorded)))
    shutil.copy(pairs, head.own / "home")
    up, _, _, replay, train = (shlex.split(job.replace("/data", str(head.home))) for job in JOBS)
    with timed("jobs"), ThreadPoolExecutor() as pool:
        again = pool.submit(laptop.submit, *up)
        failed = pool.submit(laptop.submit, *train[:-1], "/nowhere.csv", status=1)
        trained = pool.submit(laptop.answer, *train, "--seeds", "1", "--json")
        replayed = pool.submit(laptop.answer, *replay, "--json")
    assert "It already runs" in again.result()
    assert "file '/nowhere.csv' does not exist" in failed.result()
    assert trained.result()["trained"]["data_sha256"] == hashlib.sha256(pairs.read_bytes()).hexdigest()
    assert (replayed.result()["stored"], replayed.result()["duplicate"]) == (RECORDED, 0)
    (kept,) = head.own.glob("home/venv/lib/*/site-packages/core/weights.json")
    assert json.loads(kept.read_text()) == trained.result()


def scores_where_the_lake_is_not(laptop, engine, head, worker):
    """The worker's executor, too, computes what is only in the files of the head, with the weights that were learnt."""
    assert (head.own / LAKE).is_dir()
    assert not (worker.own / LAKE).exists()
    backfill = re.sub(r"2026-\d\d-\d\d 2026-\d\d-\d\d", " ".join(end.isoformat() for end in WINDOWS), JOBS[2])
    with timed("backfill"):
        laptop.submit(*backfill.split())
    whole, carried = (scored(engine, end) for end in WINDOWS)
    assert {(row.keyword_id, row.author_id): row.tweets for row in whole}.items() <= written(engine, WINDOWS[0]).items()
    assert min(len(whole), len(carried)) > 50
    return carried


def scores_again(laptop, engine, before):
    """The same window has the same rows when it is computed again, and where all executors see the files."""
    with timed("score without the worker"):
        answer = laptop.answer(*JOBS[1].split(), "--window-end", WINDOWS[1].isoformat())
    assert answer["rows"] == len(before)
    assert scored(engine, WINDOWS[1]) == before


def loses_a_worker(laptop, engine, x, worker, recorded):
    """When the worker's Ray is killed, tweets flow on, and none is lost."""
    (raylet,) = [one for one in worker.processes() if one.name() == "raylet"]
    os.kill(raylet.pid, signal.SIGKILL)
    killed = time.monotonic()
    with timed("a worker was lost; tweets flow"):
        wait_for(lambda: not runs(worker, "ray::KeywordTracker"))
        more = len(x.emitted()) + 1  # none that the worker could have stored before it was gone
        wait_for(lambda: len(x.emitted()) > more and stored(engine) >= set(x.emitted()[: more + 1]))
    assert time.monotonic() - killed < GOES_ON
    x.change(rate=0.001)
    wait_for(lambda: stored(engine) == {*x.emitted(), *recorded})


def tweet_id(line):
    return int(json.loads(line)["data"]["id"])
