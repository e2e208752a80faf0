"""What X allows an app: so many requests of a kind in each quarter of an hour, so many rules, so many posts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from local_x.names import SPELLINGS

WINDOW = 900  # seconds
LIMITS = {
    "stream": 50,
    "rules_read": 450,
    "rules_write": 100,
    "search": 450,
    "counts": 300,
    "tweets": 3500,
    "users": 300,
    "usage": 50,
    "compliance": 150,
    "upload": 150,
    "download": 150,
    "kill": 25,
    "other": 450,
}

FATES = ("complete", "failed", "expired")
CHOICES = {"names": SPELLINGS, "job_fate": FATES}


@dataclass
class Terms:
    """How X treats this app; may change while it runs.

    Attributes:
        keep_alive: seconds of silence after which an empty line is sent; X says at most 20.
        rate: posts a second on the stream at most, what is more waits; 0 is no cap.
        patience: seconds a client may take to make room for more before it is dropped as a slow reader.
        rule_delay: seconds until a change of the rules takes effect; on X up to 20.
        rule_cap: how many rules there may be.
        names: how fields are spelled, one of `names.SPELLINGS`; with "new", search and look-up know no old names.
        evict: whether a second connection closes the first instead of being refused.
        job_seconds: how long a compliance job runs after its upload.
        job_fate: how it ends, one of FATES.
        post_cap: posts an app may read in a month, as /2/usage/tweets says.
    """

    keep_alive: float = 20.0
    rate: float = 250.0
    patience: float = 30.0
    rule_delay: float = 0.0
    rule_cap: int = 1000
    names: str = "old"
    evict: bool = False
    job_seconds: float = 0.0
    job_fate: str = "complete"
    post_cap: int = 3_000_000

    def change(self, **terms: object) -> None:
        """Set some terms anew.

        Raises:
            ValueError: there is no such term, or its value is of the wrong kind.
        """
        for name, value in terms.items():
            kind = type(getattr(self, name, None))
            if name not in self.__dataclass_fields__ or not isinstance(value, (int, float) if kind is float else kind):
                raise ValueError(f"{name}={value!r} is none of the terms {', '.join(self.__dataclass_fields__)}.")
            if value not in CHOICES.get(name, (value,)):
                raise ValueError(f"{name}={value!r} is none of {', '.join(CHOICES[name])}.")
            setattr(self, name, value)


@dataclass
class Bucket:
    """The requests of one kind in the current window."""

    limit: int
    used: int = 0
    reset: float = field(default_factory=lambda: time.time() + WINDOW)

    def take(self) -> bool:
        """Count one request and say whether it is still allowed."""
        if time.time() >= self.reset:
            self.used, self.reset = 0, time.time() + WINDOW
        self.used += 1
        return self.used <= self.limit

    def headers(self) -> dict[str, str]:
        """Return the state as X's headers."""
        return rate_limit_headers(self.limit, max(0, self.limit - self.used), self.reset)


def rate_limit_headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """Return X's three headers; `reset` is in seconds since 1970."""
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(int(reset) + 1),
    }
