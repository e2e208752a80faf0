"""When X was last heard, kept beside the spool: it tells the next reader what a killed one could not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

EVERY = 1.0  # seconds between two marks


class Heartbeat:
    """A file whose time of change is the last sign of life; it needs no write of its own to disk."""

    def __init__(self, path: Path):
        self._path = path
        self._marked = float("-inf")

    def beat(self) -> None:
        """Note a sign of life; cheap, so it may be called for every line."""
        now = time.monotonic()
        if now - self._marked >= EVERY:
            self._marked = now
            self._path.touch()

    def last(self) -> datetime | None:
        """Return when the last one was, also of an earlier process; None when there never was one."""
        return datetime.fromtimestamp(self._path.stat().st_mtime, UTC) if self._path.exists() else None
