"""Executors on a machine that has no disk in common with ours compute the same scores."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from py4j.protocol import Py4JJavaError
from sqlalchemy import delete, select, text, update

from core.config import Settings
from core.models import Influence, Tweet
from jobs import influence, lending, session
from jobs.extract import extract
from jobs.lake import Lake

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PATIENCE = 60
WITHOUT_DISK = 'mount -t tmpfs none "$0" && exec "$@"'

pytestmark = pytest.mark.cluster


@pytest.fixture
def join(ray_cluster):
    """Add a node to Ray, with the resource `far`, for which a folder is another, empty one."""
    import ray

    started = []

    def node(folder):
        start = [str(Path(sys.executable).with_name("ray")), "start", "--block"]
        where = ["--address", ray.get_runtime_context().gcs_address, "--object-store-memory", "100000000"]
        what = ["--num-cpus", "1", "--resources", '{"far": 1}']
        apart = ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", WITHOUT_DISK, str(folder)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([*apart, *start, *where, *what], **quiet))
        wait_until(lambda: nodes() == 2)

    yield node
    for one in started:
        for process in [*psutil.Process(one.pid).children(recursive=True), psutil.Process(one.pid)]:
            process.kill()
        one.wait()
        wait_until(lambda: nodes() == 1)


def nodes():
    import ray

    return sum(node["Alive"] for node in ray.nodes())


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def changed(engine):
    """Let some tweets come again, so that the lake has outdated rows."""
    now = {"retweet_count": 500, "seq": text("pg_current_xact_id()::text::bigint")}
    with engine.begin() as connection:
        connection.execute(update(Tweet).where(Tweet.id < 40).values(now))


def test_executors_that_do_not_see_the_lake_compute_the_same_scores(
    engine, host, join, database_url, filled, monkeypatch, tmp_path
):
    lake = tmp_path / "lake"
    settings = Settings(database_url=database_url, lake=lake)

    def computed():
        influence.run(engine, host.spark(), settings, NOON, session.executors)
        with engine.connect() as connection:
            return connection.execute(select(*Influence.__table__.columns).order_by(Influence.author_id)).all()

    filled(engine)
    extract(engine, lake)
    changed(engine)
    here = computed()
    host.stop()
    join(lake)
    with engine.begin() as connection:
        connection.execute(delete(Influence))
    monkeypatch.setitem(session.CONFIGS, "spark.ray.raydp_spark_executor.actor.resource.far", "1")
    there = computed()

    assert len(here) > 20
    assert there == here
    file = lake / next(iter(Lake(lake).manifest.files))
    assert file.is_file()
    assert not lending.on_every_node(file)
    with pytest.raises(Py4JJavaError, match="FileNotFound"):
        host.spark().read.parquet(str(file)).collect()
    host.stop()
