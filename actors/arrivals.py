"""When payloads came, so that how late we are is known in seconds; the spool itself keeps no times."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

EVERY = 1.0  # seconds between two notes
MOST = 10_000  # notes that are kept; when there are more, every other one is dropped


class Arrivals:
    """Notes of how far the spool went at what time. What came before the first note counts as having come then."""

    def __init__(self) -> None:
        self._notes: deque[tuple[int, float]] = deque()

    def note(self, newest: Callable[[], int], now: float | None = None) -> None:
        """Note the newest position, if the last note is not of just now."""
        now = time.monotonic() if now is None else now
        if self._notes and now - self._notes[-1][1] < EVERY:
            return
        self._notes.append((newest(), now))
        if len(self._notes) > MOST:
            self._notes = deque(list(self._notes)[::2])

    def forget(self, upto: int) -> None:
        """Let go of the notes that only concern positions up to this one."""
        while len(self._notes) > 1 and self._notes[0][0] <= upto:
            self._notes.popleft()

    def age(self, position: int, now: float | None = None) -> float:
        """Return how many seconds ago a position came, a second more or less."""
        now = time.monotonic() if now is None else now
        with suppress(RuntimeError):  # a note came while we looked
            return next((now - at for newest, at in self._notes if newest >= position), 0.0)
        return self.age(position, now)
