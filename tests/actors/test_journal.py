"""The posts of the stream on disk: billed once a day, and told to Postgres until it has them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from actors.journal import Journal

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    one = Journal(tmp_path / "spool.paid")
    yield one
    one.close()


def test_a_post_is_noted_once_a_day(journal):
    assert [journal.note([1, 2], NOON), journal.note([2, 3], NOON), journal.note([3], NOON)] == [2, 1, 0]
    assert journal.note([3], NOON + timedelta(days=1)) == 1
    assert (journal.count(NOON), journal.count(NOON + timedelta(days=1))) == (3, 1)


def test_what_postgres_has_is_no_longer_told_and_a_past_day_is_forgotten(journal):
    journal.note([1, 2], NOON)
    journal.note([2], NOON + timedelta(days=1))
    told = []
    while untold := journal.untold(limit=1):
        told += untold
        journal.tell(untold)

    assert told == [(1, NOON), (2, NOON), (2, NOON + timedelta(days=1))]
    assert (journal.count(NOON), journal.count(NOON + timedelta(days=1))) == (0, 1)


def test_the_pace_is_that_of_the_whole_stream_whatever_share_is_read(journal):
    for minute in range(60):
        journal.note(range(minute * 10, minute * 10 + 10), NOON + timedelta(minutes=minute), percent=20)

    assert journal.pace(NOON + timedelta(hours=1)) == pytest.approx(50 / 60, rel=0.02)
    assert journal.pace(NOON + timedelta(hours=2)) == 0


def test_the_pace_of_a_stream_that_has_just_begun_is_not_stretched_over_an_hour(journal):
    journal.note(range(300), NOON)

    assert journal.pace(NOON + timedelta(minutes=2)) == pytest.approx(300 / 120)


def test_what_was_noted_survives_a_kill(tmp_path):
    note = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from actors.journal import Journal
Journal(Path({str(tmp_path / "spool.paid")!r})).note([1, 2, 3], datetime.fromisoformat({NOON.isoformat()!r}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", note], check=False, cwd=os.getcwd())

    assert killed.returncode == -signal.SIGKILL
    assert Journal(tmp_path / "spool.paid").count(NOON) == 3
