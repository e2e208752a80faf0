"""A reader that is killed cannot tell that nobody listens; the next one does, from the last sign of life on."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from actors.heartbeat import Heartbeat
from core import store
from core.models import Gap
from local_x.server import LocalX, running
from tests.actors.conftest import TOKEN, wait_for

READER = """
import sys, pathlib
from actors.stream import Reader
Reader(sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4]), silence=5).run()
"""


def gaps(engine):
    with engine.connect() as connection:
        return connection.execute(select(Gap.reason, Gap.started_at, Gap.ended_at).order_by(Gap.id)).all()


def test_a_reader_killed_amid_the_stream_leaves_a_gap_that_the_next_one_tells(scenario, engine, make_reader, tmp_path):
    x = LocalX(scenario, TOKEN, speed=0, rate=100.0)
    store.add_keyword(engine, "#oneminutechoir")
    url = engine.url.render_as_string(hide_password=False)
    with running(x) as base_url:
        first = subprocess.Popen([sys.executable, "-c", READER, TOKEN, base_url, url, str(tmp_path / "spool.sqlite")])
        wait_for(lambda: len(x.emitted()) > 20, seconds=60)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        killed = datetime.now(UTC)
        assert gaps(engine) == []
        second = make_reader(TOKEN, base_url, pause=lambda *_: 0.1)
        thread = threading.Thread(target=second.run)
        thread.start()
        wait_for(lambda: second.health()["state"] == "listening" and gaps(engine)[-1:] and gaps(engine)[-1].ended_at)
        second.stop()
        thread.join()

    [gap] = gaps(engine)
    assert gap.reason == "no reader"
    assert killed - timedelta(seconds=3) < gap.started_at < killed < gap.ended_at


def test_a_gap_that_was_open_already_goes_on(follow, engine, tmp_path):
    store.open_gap(engine, datetime(2026, 6, 22, tzinfo=UTC), "network")
    Heartbeat(tmp_path / "spool.heard").beat()
    following = follow()
    following.wait_for(lambda: following.gaps() == [("network", True)])


def test_the_very_first_reader_has_missed_nothing(follow):
    following = follow()
    following.heard(5)

    assert following.gaps() == []


def test_a_connection_on_which_x_has_nothing_to_say_is_a_sign_of_life(follow, tmp_path):
    following = follow(keyword="nobody says this", keep_alive=0.2, reading={"silence": 5.0})
    following.wait_for(lambda: Heartbeat(tmp_path / "spool.heard").last())
    heard = Heartbeat(tmp_path / "spool.heard").last()
    following.wait_for(lambda: Heartbeat(tmp_path / "spool.heard").last() > heard)


def test_the_time_is_that_of_the_last_beat(tmp_path):
    heartbeat = Heartbeat(tmp_path / "heard")
    assert heartbeat.last() is None
    before = time.time()
    heartbeat.beat()

    assert before - 1 < heartbeat.last().timestamp() < time.time() + 1
