"""The posts that the stream delivered, noted on disk before the spool has them: X bills them whatever becomes of us.

One SQLite file beside the spool. A reader that is killed has noted all that it wrote to the spool, and the next one
tells Postgres what the last one could not. What was lost in memory with it, the posts of a fifth of a second, only X
knows: its own count, which is asked for, has them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS paid (day INTEGER, id INTEGER, at REAL NOT NULL, told INTEGER NOT NULL DEFAULT 0,
                                 PRIMARY KEY (day, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS paid_untold ON paid (day) WHERE told = 0;
CREATE TABLE IF NOT EXISTS minute (minute INTEGER PRIMARY KEY, posts REAL NOT NULL)
"""
# The first time a post comes on a day it is billed, and the stream's pace is that of the billed ones.
NOTE = "INSERT OR IGNORE INTO paid (day, id, at) VALUES (?, ?, ?)"
PACE = "INSERT INTO minute VALUES (?, ?) ON CONFLICT (minute) DO UPDATE SET posts = posts + excluded.posts"
DAY, MINUTE = 86_400, 60


class Journal:
    """Which posts are on today's bill, which of them Postgres knows, and how fast they came. Safe from any thread."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = wal")
        self._db.execute("PRAGMA synchronous = full")
        self._db.executescript(SCHEMA)
        self._one = threading.Lock()

    def note(self, posts: Collection[int], at: datetime, percent: int = 100) -> int:
        """Note what was delivered while a share of the stream was read; returns how many were not on the day's bill.

        Raises:
            sqlite3.OperationalError: the disk is full or does not answer; none was noted.
        """
        seconds = at.timestamp()
        day = int(seconds) // DAY
        with self._one, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            new = self._db.executemany(NOTE, [(day, post, seconds) for post in posts]).rowcount
            self._db.execute(PACE, (int(seconds) // MINUTE, new * 100 / percent))
        return new

    def count(self, at: datetime) -> int:
        """Count the posts on the bill of a time's UTC day."""
        day = int(at.timestamp()) // DAY
        with self._one:
            return int(self._db.execute("SELECT count(*) FROM paid WHERE day = ?", (day,)).fetchone()[0])

    def pace(self, at: datetime, window: float = 3600.0) -> float:
        """Estimate how many billed posts a second the whole stream has, from the minutes of the last hour.

        What was read of a share stands for all of it. The time since the first post counts, a minute at least.
        """
        since = int(at.timestamp() - window) // MINUTE
        query = "SELECT coalesce(sum(posts), 0), min(minute) FROM minute WHERE minute > ?"
        with self._one:
            posts, first = self._db.execute(query, (since,)).fetchone()
        return float(posts / max(60.0, at.timestamp() - first * MINUTE)) if posts else 0.0

    def untold(self, limit: int = 10_000) -> list[tuple[int, datetime]]:
        """Return posts that Postgres has not got yet, and when they came, of one day at a time."""
        query = """SELECT id, at FROM paid WHERE told = 0 AND day = (SELECT min(day) FROM paid WHERE told = 0)
                   ORDER BY id LIMIT ?"""
        with self._one:
            rows = self._db.execute(query, (limit,)).fetchall()
        return [(post, datetime.fromtimestamp(seconds, UTC)) for post, seconds in rows]

    def tell(self, told: Collection[tuple[int, datetime]]) -> None:
        """Note that Postgres has some posts, and forget what is older than a day."""
        rows = [(int(at.timestamp()) // DAY, post) for post, at in told]
        with self._one, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("UPDATE paid SET told = 1 WHERE day = ? AND id = ?", rows)
            newest = max((day for day, _ in rows), default=0)
            self._db.execute("DELETE FROM paid WHERE day < ? AND told = 1", (newest,))
            self._db.execute("DELETE FROM minute WHERE minute < ?", ((newest - 1) * DAY // MINUTE,))

    def close(self) -> None:
        """Close the file; what it holds stays."""
        self._db.close()
