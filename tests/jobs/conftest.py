"""One Spark on one Ray for all tests of the jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from core.config import Settings
from core.weights import CRITERIA

if TYPE_CHECKING:
    from jobs.session import SparkHost

COLUMNS = ("follower_count", "listed_count", "posts", "retweets_received", "mentions_received")

os.environ["RAY_AUTH_MODE"] = "token"  # Ray reads it when it is imported, which a test's own imports may do


@pytest.fixture(scope="session")
def host(ray_cluster: None, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHost]:
    """A SparkHost in this process; its lake is for one test alone, as each test empties the tables."""
    from jobs.session import SparkHost

    host = SparkHost(Settings(database_url=database_url, lake=tmp_path_factory.mktemp("lake")))
    yield host
    host.stop()


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
