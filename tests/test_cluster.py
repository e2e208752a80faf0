"""From a laptop to a cluster: two hosts, brought up, used and taken down by the README's commands."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from core import store
from core.models import Influence, Tweet
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS
from tests.conftest import NOON
from tests.hosts import forwarded, hosts, needed

pytestmark = pytest.mark.cluster

TALKER = str(Path(sys.executable).with_name("talker"))
SECRET = "canary-of-x"
GOES_ON = 60  # seconds in which work must go on when a worker is gone


class Laptop:
    """Runs the README's commands on the host that is no part of the cluster."""

    def __init__(self, host, settings):
        self._host, self._settings = host, settings

    def talker(self, *arguments):
        command = self._host.command(TALKER, *arguments, env=self._settings)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        assert SECRET not in done.stdout + done.stderr
        return done

    def where(self):
        """The hosts of each kind of actor, as the cluster's status tells."""
        kinds = defaultdict(set)
        for one in json.loads(self.talker("cluster", "status", "--json").stdout)["actors"]:
            kinds[one["actor"].rstrip("0123456789").partition(":")[0]].add(one["host"].split()[0])
        return kinds


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


def scored(engine):
    """How many authors are scored, by window."""
    by_window = select(Influence.window_end, func.count()).group_by(Influence.window_end)
    with engine.connect() as connection:
        return dict(connection.execute(by_window).all())


def ids(engine):
    with engine.connect() as connection:
        return set(connection.execute(select(Tweet.id).where(Tweet.matched)).scalars())


def test_two_hosts_collect_and_score_lose_a_worker_and_leave_nothing(engine, database_url, tmp_path):
    needed()
    for name, query in KEYWORDS.items():
        store.add_keyword(engine, name, query=query)
    x = LocalX(Scenario(1, NOON), SECRET, speed=0, rate=60.0)
    with hosts(("head", "worker", "laptop"), tmp_path) as (head, worker, desk), running(x) as url:
        here = head.address.rpartition(".")[0] + ".1"
        socket = f"{engine.url.query['host']}/.s.PGSQL.5432"
        with (
            forwarded(here, socket) as postgres,
            forwarded(here, ("127.0.0.1", int(url.rpartition(":")[2]))) as api,
        ):
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
            laptop = Laptop(desk, settings)
            laptop.talker("cluster", "up")
            try:
                use(laptop, engine, x, head, worker)
            finally:
                laptop.talker("cluster", "down")
            assert head.processes() == worker.processes() == []


def use(laptop, engine, x, head, worker):
    """Collect and score on both hosts, and lose one."""
    asked = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8265/api/jobs/"]
    assert subprocess.check_output(head.command(*asked), text=True) == "401"
    heard = subprocess.check_output(head.command("ss", "-ltnH"), text=True)
    assert "127.0.0.1:8265" in heard
    assert "0.0.0.0:8265" not in heard
    assert "*:8265" not in heard

    laptop.talker("cluster", "submit", "--", "talker", "up", "--detach")
    wait_for(lambda: runs(head, "ray::KeywordTracker") and runs(worker, "ray::KeywordTracker"))
    wait_for(lambda: ids(engine) and scored(engine))  # the scheduler's first run
    told = laptop.talker("cluster", "submit", "--", "talker", "influence", "run", "--json").stdout
    answer = json.loads(next(line for line in told.splitlines() if line.startswith("{")))
    hosts_of = laptop.where()
    assert hosts_of["tracker"] == hosts_of["raydp-executor-"] == {"head", "worker"}
    assert hosts_of["reader"] == hosts_of["supervisor"] == hosts_of["spark-host"] == {"head"}
    assert answer["executors"] == 2
    assert scored(engine)[datetime.fromisoformat(answer["window_end"])] == answer["rows"] > 0

    (raylet,) = [one for one in worker.processes() if one.name() == "raylet"]
    os.kill(raylet.pid, signal.SIGKILL)
    emitted = x.emitted()
    more = len(emitted) + 1
    wait_for(lambda: len(x.emitted()) > more and ids(engine) >= set(x.emitted()[: more + 1]), GOES_ON)
    x.change(rate=0.001)
    wait_for(lambda: ids(engine) == set(x.emitted()))
