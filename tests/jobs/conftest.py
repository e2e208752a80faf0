"""One Spark on one Ray for all tests of the jobs."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, insert

from core.config import Settings
from core.models import Author, Keyword, Tweet
from core.weights import CRITERIA

if TYPE_CHECKING:
    from jobs.session import SparkHost

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
Row = Callable[..., dict[str, Any]]
COLUMNS = ("follower_count", "listed_count", "posts", "retweets_received", "mentions_received")

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


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled pairs of made-up people: chosen is mostly who is on more lists and, against all sense, less followed."""
    random = np.random.default_rng(1)
    people = np.expm1(random.normal(5, 2, size=(120, len(CRITERIA))).clip(0))
    a, b = random.integers(0, len(people), (2, 600))
    followers, listed = np.log1p(people[:, :2]).T
    worth = listed - 0.4 * followers
    pairs = pd.DataFrame({"Choice": (worth[a] - worth[b] + random.normal(0, 0.5, 600) > 0).astype(int)})
    for side, rows in (("A", a), ("B", b)):
        for place, column in enumerate(COLUMNS):
            pairs[f"{side}_{column}"] = people[rows, place]
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    pd.concat([pairs, pairs[:50]]).to_csv(path, index=False)
    return path
