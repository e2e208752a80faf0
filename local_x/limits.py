"""X's rate limits: so many requests of a kind in each quarter of an hour."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

WINDOW = 900  # seconds
LIMITS = {"stream": 50, "rules_read": 450, "rules_write": 100, "other": 450}


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
        remaining = max(0, self.limit - self.used)
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(remaining),
            "x-rate-limit-reset": str(int(self.reset) + 1),
        }
