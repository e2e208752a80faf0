"""One Spark on one Ray for all tests of the jobs."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, insert

from core.config import Settings
from core.models import Author, Keyword, Tweet

if TYPE_CHECKING:
    from jobs.session import SparkHost

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
Row = Callable[..., dict[str, Any]]

os.environ["RAY_AUTH_MODE"] = "token"  # Ray reads it when it is imported, which a test's own imports may do


@pytest.fixture(scope="session")
def host(ray_cluster: None, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHost]:
    """A SparkHost in this process; its lake is for one test alone, as each test empties the tables."""
    from jobs.session import SparkHost

    host = SparkHost(Settings(database_url=database_url, lake=tmp_path_factory.mktemp("lake")))
    yield host
    host.stop()


@pytest.fixture
def filled(author_row: Row, tweet_row: Row) -> Callable[[Engine], None]:
    """Put in a keyword and enough of everything that each author has a rank, from before the window too."""
    dice = random.Random(3)

    def some(id: int) -> dict[str, Any]:
        retweet = id % 9 == 0
        return tweet_row(
            id,
            author_id=dice.randint(1, 90),
            created_at=NOON - timedelta(minutes=dice.randint(0, 5000)),
            kind="retweet" if retweet else "original",
            original_id=dice.randint(1, 899) if retweet else None,
            retweet_count=dice.choice([None, dice.randint(0, 99)]),
            sentiment=dice.choice([None, round(dice.uniform(-1, 1), 4)]),
            mentioned_ids=[dice.randint(1, 90)],
        )

    def fill(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(insert(Keyword), [{"name": "nike", "query": "nike"}])
            connection.execute(insert(Author), [author_row(id, followers_count=id * id) for id in range(1, 91)])
            connection.execute(insert(Tweet), [some(id) for id in range(1, 900)])

    return fill
