"""Tweet ids as X makes them: 41 bits of milliseconds since X's epoch, 22 bits to tell tweets apart."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

X_EPOCH = 1_288_834_974_657  # milliseconds
LOW_BITS = 22


def new_id(seconds: float, rng: Random) -> int:
    """Return an id for a moment in seconds since 1970."""
    return (int(seconds * 1000) - X_EPOCH) << LOW_BITS | rng.getrandbits(LOW_BITS)


def first_id(at: datetime) -> int:
    """Return the lowest id of a moment."""
    return (round(at.timestamp() * 1000) - X_EPOCH) << LOW_BITS


def seconds(tweet_id: int) -> float:
    """Return the moment of an id in seconds since 1970."""
    return ((tweet_id >> LOW_BITS) + X_EPOCH) / 1000


def created_at(tweet_id: int) -> str:
    """Return the moment of an id as X writes it."""
    return datetime.fromtimestamp(seconds(tweet_id), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
