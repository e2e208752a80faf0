"""The budget: what X's bill has of ours, today and this month, and whether more may be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Engine

from core import queries, store
from core.config import Settings

FIRST_SHARE = 0.8  # of the day's budget: what is above is left to the stream alone


@dataclass(frozen=True)
class Prices:
    """What a UTC day may cost, and what X takes for a post, a user and a request that counts, in dollars."""

    daily: float = 10.0
    post: float = 0.005
    user: float = 0.01
    request: float = 0.005

    @classmethod
    def of(cls, settings: Settings) -> Prices:
        """Return the prices that the settings have."""
        return cls(settings.x_daily_budget_usd, settings.x_post_usd, settings.x_user_usd, settings.x_request_usd)


@dataclass(frozen=True)
class Bill:
    """What was read in a time, and its price; `posts` is the higher of our own count and X's, day by day."""

    posts: int
    users: int
    requests: int
    usd: float


class Budget:
    """Keeps the bill in Postgres, where everybody who reads from X adds to it."""

    def __init__(self, engine: Engine, prices: Prices, clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.prices = prices
        self._engine, self._clock = engine, clock

    def spend(self, *, posts: Iterable[int] = (), users: Iterable[int] = (), requests: int = 0) -> int:
        """Put on the bill what X has just delivered; returns how many posts and users were not on today's yet."""
        return store.spend(self._engine, self._clock(), posts=posts, users=users, requests=requests)

    def may_read(self, posts: int = 0, users: int = 0, requests: int = 0) -> bool:
        """Say whether so much may be read beside the stream: below 80 % of the day's budget, so that it goes on.

        Posts that are on today's bill already cost nothing: ask for `unpaid` ones only.
        """
        more = self._usd(posts, users, requests)
        return self.today().usd + more <= FIRST_SHARE * self.prices.daily

    def unpaid(self, posts: Collection[int]) -> int:
        """Count those of some posts that are not on today's bill yet."""
        wanted = set(posts)
        with self._engine.connect() as connection:
            paid = connection.execute(queries.paid(self._clock().date(), "post", wanted)).scalars()
            return len(wanted - set(paid))

    def today(self) -> Bill:
        """Return the bill of this UTC day."""
        return self._since(midnight(self._clock()))

    def month(self) -> Bill:
        """Return the bill of this month, in UTC."""
        return self._since(midnight(self._clock()).replace(day=1))

    def state(self) -> str:
        """Say what is read of the stream, as the tables tell it."""
        with self._engine.connect() as connection:
            now = connection.execute(queries.reading()).one()
        if now.gap:
            return f"not listening ({now.gap})"
        return f"a sample of {now.percent} %" if now.percent else "all"

    def x_says(self) -> int | None:
        """Return how many posts X itself counts for today, as it last said; None where it has not."""
        with self._engine.connect() as connection:
            day = connection.execute(queries.usage(self._clock().date())).first()
            return day.posts if day else None

    def _since(self, start: datetime) -> Bill:
        amounts: Counter[str] = Counter()
        posts: dict[date, int] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(queries.spent(start)):
                amounts[row.kind] += row.amount
                if row.kind == "post":
                    posts[row.day] = row.amount
            for row in connection.execute(queries.usage(start.date())):
                posts[row.day] = max(row.posts, posts.get(row.day, 0))
        total = sum(posts.values())
        return Bill(total, amounts["user"], amounts["request"], self._usd(total, amounts["user"], amounts["request"]))

    def _usd(self, posts: int, users: int, requests: int) -> float:
        prices = self.prices
        return round(posts * prices.post + users * prices.user + requests * prices.request, 6)


def midnight(at: datetime) -> datetime:
    """Return when the UTC day of a time began."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
