"""One Spark on one Ray for all tests of the jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from core.config import Settings

if TYPE_CHECKING:
    from jobs.session import SparkHost

os.environ["RAY_AUTH_MODE"] = "token"  # Ray reads it when it is imported, which a test's own imports may do


@pytest.fixture(scope="session")
def host(ray_cluster: None, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkHost]:
    """A SparkHost in this process; its lake is for one test alone, as each test empties the tables."""
    from jobs.session import SparkHost

    host = SparkHost(Settings(database_url=database_url, lake=tmp_path_factory.mktemp("lake")))
    yield host
    host.stop()
