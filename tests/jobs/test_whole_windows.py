"""Whoever reads scores while windows are loaded sees each window whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Condition, Event

import pytest

from core import db, queries, store

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
AUTHORS = 300
PATIENCE = 60


class Reader:
    """Reads as the app does, again and again until it is stopped, and keeps what it saw."""

    def __init__(self, database_url):
        self.seen, self.stopped = [], Event()
        self._url, self._read = database_url, Condition()

    def __call__(self):
        engine = db.engine(self._url)
        while not self.stopped.is_set():
            with engine.connect() as connection:
                best = connection.execute(queries.top_influencers(1, label=1, limit=10 * AUTHORS)).all()
                voices = connection.execute(queries.moods(1)).all()
                audience = connection.execute(queries.audience(1)).all()
            with self._read:
                self.seen.append((best, voices, audience))
                self._read.notify_all()
        engine.dispose()

    def wait(self):
        """Wait until something has been read that was asked for after now."""
        with self._read:
            wanted = len(self.seen) + 2
            assert self._read.wait_for(lambda: len(self.seen) >= wanted, PATIENCE)


@pytest.fixture
def reader(database_url):
    """A reader at work."""
    reader = Reader(database_url)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader)
        yield reader
        reader.stopped.set()
        reading.result()


def test_a_reader_sees_only_whole_windows_while_they_are_loaded(engine, keyword, influence_row, reader, monkeypatch):
    monkeypatch.setattr(store, "COPIED_AT_ONCE", AUTHORS // 3)  # a window comes in several pieces
    keyword()

    def rows(load):
        for author in range(1, AUTHORS + 1):
            if author % (AUTHORS // 3) == 0:
                reader.wait()
            yield influence_row(author, score=load)

    loads = [NOON, NOON, NOON + QUARTER, NOON, NOON + QUARTER, NOON + 2 * QUARTER]  # for the first time, and again
    for load, end in enumerate(loads):
        token = store.start_influence_run(engine, NOON, end, "v")
        audience = [{"keyword_id": 1, "tweets": load, "voices": AUTHORS, "known": 1, "followers_count": load}]
        store.finish_influence_run(engine, end, token, rows(load), audience, tweets=1, authors=1, executors=1)
        reader.wait()

    for best, voices, audience in reader.seen:
        assert len(best) in (0, AUTHORS)
        assert len({(row.window_end, row.score) for row in best}) <= 1  # of one load
        assert [row.voices for row in voices] in ([], [AUTHORS])
        assert [row.voices for row in audience] in ([], [AUTHORS])
    shown = [best[0].score for best, _, _ in reader.seen if best]
    assert shown == sorted(shown)
    assert {0, 1, 2, 4, 5} == set(shown)  # not 3, which was an older window's
