"""The buffer between X and the trackers: durable before anything else sees a payload.

One SQLite file with one row a payload. Positions only ever grow, also over restarts. The reader process appends,
the supervisor process reads and acknowledges; SQLite's write-ahead log lets them do so at the same time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

# AUTOINCREMENT: a position is never given twice, even after its row is gone.
SCHEMA = """
CREATE TABLE IF NOT EXISTS payload (position INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS identity (name TEXT NOT NULL);
INSERT INTO identity SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM identity)
"""
PAGE = 65_536  # bytes: dozens of payloads fit, and few pages are written twice
LOG = 250  # pages of the log that wait to go into the file
PAGES = ("page_count", "freelist_count", "page_size")


class Spool:
    """Payloads in the order they came, kept until they are acknowledged."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        # Autocommit: each statement that stands alone is its own transaction. One thread at a time uses a Spool.
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute(f"PRAGMA page_size = {PAGE}")  # of a file that is new
        self._db.execute("PRAGMA journal_mode = wal")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {LOG}")
        self._db.execute("PRAGMA synchronous = full")  # an append that returned survives a power cut
        self._db.execute("PRAGMA secure_delete = on")  # what is let go of may have to be forgotten
        self._db.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute("COMMIT")
        self.name: str = self._db.execute("SELECT name FROM identity").fetchone()[0]

    def append(self, payloads: Sequence[bytes]) -> None:
        """Add payloads in order; when this returns they are on disk.

        Raises:
            sqlite3.OperationalError: the disk is full or does not answer; none of them was added, add them again later.
        """
        with self._db:  # all of them or none
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO payload (body) VALUES (?)", [(payload,) for payload in payloads])

    def read(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Return up to `limit` payloads with their positions, in order, from behind a position."""
        query = "SELECT position, body FROM payload WHERE position > ? ORDER BY position LIMIT ?"
        return self._db.execute(query, (after, limit)).fetchall()

    def acknowledge(self, upto: int) -> None:
        """Let go of the payloads up to and including a position; the log takes as many bytes for a while."""
        self._db.execute("DELETE FROM payload WHERE position <= ?", (upto,))

    def rewrite(self, change: Callable[[bytes], bytes]) -> None:
        """Let each payload that waits be changed in its place; on disk nothing stays of what was there."""
        last = 0
        while some := self.read(last, 500):
            changed = [(new, position) for position, body in some if (new := change(body)) != body]
            if changed:
                self._db.executemany("UPDATE payload SET body = ? WHERE position = ?", changed)
            last = some[-1][0]
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def depth(self) -> int:
        """Count the payloads that wait."""
        return int(self._db.execute("SELECT count(*) FROM payload").fetchone()[0])

    def oldest(self) -> int | None:
        """Return the position of the oldest payload that waits; None when none does."""
        found: int | None = self._db.execute("SELECT min(position) FROM payload").fetchone()[0]
        return found

    def newest(self) -> int:
        """Return the position of the newest payload; 0 when none waits."""
        found: int | None = self._db.execute("SELECT max(position) FROM payload").fetchone()[0]
        return found or 0

    def size(self) -> int:
        """Return the bytes in use. The file stays as large as it ever was: SQLite fills its free pages again."""
        pages, free, page = (self._db.execute(f"PRAGMA {one}").fetchone()[0] for one in PAGES)
        return int((pages - free) * page)

    def full(self, megabytes: int) -> bool:
        """Say whether it holds more than so many megabytes, so that nothing more should be read from X."""
        return self.size() > megabytes * 1024 * 1024

    def close(self) -> None:
        """Close the file; what it holds stays."""
        self._db.close()

    def destroy(self) -> None:
        """Close and delete the file with what it holds."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
