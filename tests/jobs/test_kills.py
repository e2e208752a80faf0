"""kill -9 in the middle of a run: the same rows as undisturbed in the end, and never half of them."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

import machine
from core import db
from core.config import Settings
from core.models import Influence, InfluenceRun
from jobs import influence
from jobs.session import executors, spark_host

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PATIENCE = 180

pytestmark = pytest.mark.cluster


def rows(engine):
    with engine.connect() as connection:
        return connection.execute(select(*Influence.__table__.columns).order_by(Influence.author_id)).all()


def runs(engine):
    with engine.connect() as connection:
        return connection.execute(select(*InfluenceRun.__table__.columns)).all()


def when_computing(engine, before=None):
    """Wait until a run, not the one that began at `before`, is past its extract; returns when it began."""
    until = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < until
        for told in runs(engine):
            if (told.state, told.stage) == ("running", "compute") and told.started_at != before:
                return told.started_at
        time.sleep(0.02)


def process_of(actor_class):
    """The process of a living actor of some class."""
    from ray._private.state import actors

    alive = (a["Pid"] for a in actors().values() if actor_class in a["ActorClassName"] and a["State"] == "ALIVE")
    return psutil.Process(next(alive))


def kill(server):
    """Kill every process of a Postgres."""
    postmaster = psutil.Process(server.get_pid())
    family = [postmaster, *postmaster.children()]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)


@pytest.fixture
def run(host, tmp_path):
    """Run the job on a database."""

    def once(engine, database_url):
        settings = Settings(database_url=database_url, lake=tmp_path / "lake")
        return influence.run(engine, host.spark(), settings, NOON, executors)

    return once


def test_an_executor_killed_amid_a_run_changes_nothing(engine, run, database_url, filled):
    filled(engine)
    run(engine, database_url)
    undisturbed = rows(engine)
    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(run, engine, database_url)
        when_computing(engine)
        process_of("RayDPExecutor").kill()
        answer = disturbed.result()

    assert answer["rows"] == len(undisturbed) > 50
    assert rows(engine) == undisturbed


def test_postgres_killed_amid_a_run_leaves_the_window_as_it_was(run, filled, tmp_path):
    server = machine.embedded(tmp_path / "postgres")
    url = server.get_uri()
    engine = db.engine(url)
    db.upgrade(engine)
    filled(engine)
    run(engine, url)
    undisturbed = rows(engine)
    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(run, engine, url)
        when_computing(engine)
        kill(server)
        with pytest.raises(SQLAlchemyError):
            disturbed.result()
    server.ensure_postgres_running()

    assert rows(engine) == undisturbed
    assert [told.state for told in runs(engine)] == ["running"]  # nobody was there to be told
    assert run(engine, url)["rows"] == len(undisturbed) > 50
    assert rows(engine) == undisturbed
    assert [told.state for told in runs(engine)] == ["done"]
    engine.dispose()
    server.cleanup()


def test_of_two_who_start_a_window_at_once_one_computes_it_and_the_other_is_told(engine, run, database_url, filled):
    filled(engine)
    start = Barrier(2)

    def started():
        start.wait()
        try:
            return run(engine, database_url)
        except influence.RunningError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        answers = [one.result() for one in [pool.submit(started), pool.submit(started)]]
    (refused,) = [answer for answer in answers if isinstance(answer, str)]
    (computed,) = [answer for answer in answers if isinstance(answer, dict)]

    assert "in progress" in refused
    assert computed["rows"] == len(rows(engine)) > 50
    assert [told.state for told in runs(engine)] == ["done"]


def test_a_spark_host_killed_amid_a_run_is_started_again_and_does_it(engine, host, run, database_url, filled, tmp_path):
    import ray

    filled(engine)
    run(engine, database_url)
    undisturbed = rows(engine)
    host.stop()  # RayDP names its actors: one session at a time
    assert executors() == 0
    settings = Settings(database_url=database_url, lake=tmp_path / "lake")
    actor = spark_host(settings)
    assert actor == spark_host(settings)
    assert ray.get(actor.health.remote()) == {"spark": False, "executors": 0}
    disturbed, began = actor.run_influence.remote(NOON.isoformat()), None
    for victim in (java, psutil.Process):  # only its Java, then the whole of it
        began = when_computing(engine, began)
        victim(process_of("SparkHost").pid).kill()
    answer = ray.get(disturbed, timeout=PATIENCE)

    assert json.loads(json.dumps(answer)) == answer
    assert (answer["window_end"], answer["executors"]) == (NOON.isoformat(), 1)
    assert answer["rows"] == len(undisturbed) > 50
    assert rows(engine) == undisturbed
    assert [(told.state, told.error) for told in runs(engine)] == [("done", None)]
    ray.kill(actor)


def java(pid):
    """The Java that a process started."""
    (found,) = [child for child in psutil.Process(pid).children() if child.name() == "java"]
    return found
