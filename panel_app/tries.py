"""How often somebody may try: counted in this process, which is the only one that serves the app."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

SECONDS = 300.0
KEYS = 10_000  # remembered at once: the oldest go first, so that made-up names cannot fill the memory


class Tries:
    """Counts the tries of each key in the last five minutes.

    A restart forgets them, which is no way in: whoever can restart the app has it anyway.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic):
        self._most = most
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def spent(self, key: str) -> bool:
        """Count a try, and say whether it is one too many; such a one is not counted."""
        now = self._clock()
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while times and times[0] <= now - SECONDS:
            times.popleft()
        if len(times) >= self._most:
            return True
        times.append(now)
        while len(self._times) > KEYS:
            self._times.popitem(last=False)
        return False

    def forget(self, key: str) -> None:
        """Begin anew for a key that has proved itself."""
        self._times.pop(key, None)
