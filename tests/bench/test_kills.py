"""What counts as "work goes on" after a kill."""

import sqlite3
from contextlib import closing

import pytest

from actors.spool import Spool
from bench.kills import JOURNAL, MORE, Scene
from core.batches import Batch, save_batch
from core.config import Settings


@pytest.fixture
def scene(engine, keyword, tmp_path):
    keyword()
    Spool(tmp_path / "spool.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "spool.sqlite")) as journal:
        journal.executescript(JOURNAL)
    return Scene(Settings(home=tmp_path), engine, None, None)


def accept(scene, *ids):
    spool = Spool(scene.settings.home / "spool.sqlite")
    spool.append([b'{"data":{"id":"%d"},"matching_rules":[{"tag":"tt:nike"}]}' % id for id in ids])
    spool.close()


def test_work_goes_on_when_some_more_came_and_nothing_of_before_is_missing(scene, tweet_row, author_row):
    def store(upto, *ids):
        tweets = [{**tweet_row(id), "terms": []} for id in ids]
        save_batch(scene.engine, Batch(1, "s", "nike", upto, tweets, [author_row(1)]))

    accept(scene, 1, 2)
    store(1, 1)
    assert not scene.flows(2)  # nothing came since
    accept(scene, *range(3, MORE + 3))
    store(2, *range(3, MORE + 3))
    assert not scene.flows(2)  # one of before is not stored
    store(3, 2)
    assert scene.flows(2)
    assert scene.accepted() == list(range(1, MORE + 3))


def test_while_postgres_is_away_nothing_is_stored(scene, own_postgres):
    from core import db

    scene.engine = db.engine(own_postgres.get_uri() + "&port=1")

    assert scene.stored() == set()
