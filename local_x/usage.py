"""The bill: posts read, each counted once a day."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_x.connections import iso
from local_x.limits import Terms

PROJECT = "1"
DAY = 86_400  # seconds


class Usage:
    """The posts delivered on each UTC day, by the stream, search and look-up; included posts count, users do not."""

    def __init__(self, terms: Terms, clock: Callable[[], float] = time.time):
        self._terms, self._clock = terms, clock
        self._days: defaultdict[int, set[str]] = defaultdict(set)  # by number since 1970

    def read(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Count the posts of messages: each one's `data`, and the included."""
        today = self._days[int(self._clock()) // DAY]
        for message in messages:
            today.add(message["data"]["id"])
            today.update(tweet["id"] for tweet in message.get("includes", {}).get("tweets", ()))

    def answer(self, days: int) -> dict[str, Any]:
        """Answer GET /2/usage/tweets for the last days."""
        since = int(self._clock()) // DAY - days
        daily = [
            {"date": iso(day * DAY), "usage": str(len(posts))}
            for day, posts in sorted(self._days.items())
            if day > since
        ]
        total = str(sum(map(len, self._days.values())))
        return {
            "data": {
                "project_id": PROJECT,
                "project_cap": str(self._terms.post_cap),
                "project_usage": total,
                "cap_reset_day": 1,
                "daily_project_usage": {"project_id": PROJECT, "usage": daily},
                "daily_client_app_usage": [{"client_app_id": "1", "usage_result_count": len(daily), "usage": daily}],
            }
        }
