"""How long to wait before the next attempt: X's own rules, and its limit of connects."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from actors.connection import Ended

CONNECTS, PERIOD = 45, 900.0  # connects in so many seconds; X allows 50
BUDGET_WAIT = 3600.0  # seconds; a cap is lifted by money or by the month's end, not by asking


def pause(ended: Ended, bad_ends: int, now: float) -> float:
    """Return the seconds to wait before the next attempt, after so many bad ends of the same kind (1 or more).

    X's rules: network errors .25 s more each time up to 16 s; HTTP errors 5 s doubling up to 320 s; a rate limit until
    its reset (docs.x.com/x-api/fundamentals/handling-disconnections). A connection too many is gone from X's count
    after some 20 s, and the first clean close is free.
    """
    if ended.over_budget():
        return BUDGET_WAIT
    if ended.outcome == "network":
        return min(0.25 * (bad_ends - 1), 16.0)
    if ended.rate_limited():
        return until_reset(ended.headers.get("x-rate-limit-reset", ""), now)
    first = 20.0 if ended.status == 429 else 5.0
    doubled = bad_ends - 1 if ended.outcome == "http" else bad_ends - 2
    return min(first * 2.0 ** min(doubled, 6), 320.0) if doubled >= 0 else 0.0


def until_reset(reset: str, now: float) -> float:
    """Return the seconds until X's header, in seconds since 1970, says that a window ends: none is longer than 900."""
    return min(max(1.0, int(reset) - now), PERIOD) if reset.isdecimal() else 60.0


class Connects:
    """The latest connects, to stay below X's limit.

    They are kept in a file: a process that starts anew, however often it dies, does so within the same limit.
    """

    def __init__(self, path: Path):
        self._path = path
        known = path.read_text().split() if path.exists() else []
        self._times = deque(map(float, known), maxlen=CONNECTS)

    def wait(self, now: float) -> float:
        """Return the seconds until another connect is within the limit; `now` is in seconds since 1970."""
        if len(self._times) < CONNECTS:
            return 0.0
        return min(max(0.0, self._times[0] + PERIOD - now), PERIOD)

    def spend(self, now: float) -> None:
        """Note a connect."""
        self._times.append(now)
        self._path.write_text("\n".join(map(str, self._times)))
