"""What the tests share: one throwaway Postgres, one Ray a session, and rows made from defaults."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Engine, insert, select, text

import machine
from core import db
from core.models import Author, Base, Influence, Keyword, Term, Trend, Tweet

os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}  # Ray reads them when it is imported

hypothesis.settings.register_profile("untimed", deadline=None)  # other tests run beside: no test is a measurement
hypothesis.settings.load_profile("untimed")

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PEERINDEX = ("follower_count", "listed_count", "posts", "retweets_received", "mentions_received")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files that take minutes begin first, the cluster of two hosts before all: what begins last is waited for."""
    slow = {item.path for item in items for mark in ("cluster", "browser") if any(item.iter_markers(mark))}
    items.sort(key=lambda item: (item.path.name != "test_cluster.py", item.path not in slow))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real tweets and labelled data, which is not part of the repository."""
    folder = Path(os.environ.get("TALKER_TEST_DATA", "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set TALKER_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A throwaway Postgres with the schema of this version."""
    server = machine.embedded(tmp_path_factory.mktemp("pg") / "postgres")
    engine = db.engine(server.get_uri())
    db.upgrade(engine)
    engine.dispose()
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on empty tables."""
    engine = db.engine(database_url)
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One small Ray for all tests, with a token of its own."""
    token = tmp_path_factory.mktemp("ray") / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(token)
    from jobs.session import use_bundled_java

    use_bundled_java()  # before Ray: its workers inherit the environment, and Spark starts a bare `java`
    import ray

    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def keyword(engine: Engine) -> Callable[..., int]:
    """Make a tracked keyword; returns its id."""

    def make(name: str = "nike", **fields: Any) -> int:
        row = {"name": name, "query": name, "language": None} | fields
        with engine.begin() as connection:
            return connection.execute(insert(Keyword).values(row).returning(Keyword.id)).scalar_one()

    return make


@pytest.fixture
def author_row() -> Callable[..., dict[str, Any]]:
    """Make a row of `author` from defaults, so that a test names only the fields it is about."""

    def make(id: int = 1, **fields: Any) -> dict[str, Any]:
        row = {column.key: None for column in Author.__table__.columns if column.key != "seq"}
        known = {"id": id, "username": f"user{id}", "name": f"User {id}", "synthetic": True, "seen_at": NOON}
        return row | known | {"followers_count": 100, "listed_count": 1, "tweet_count": 10} | fields

    return make


@pytest.fixture
def tweet_row() -> Callable[..., dict[str, Any]]:
    """Make a row of `tweet` from defaults; the keyword is 1 unless given."""

    def make(id: int = 1, **fields: Any) -> dict[str, Any]:
        row = {column.key: None for column in Tweet.__table__.columns if column.key != "seq"}
        known = {"keyword_id": 1, "id": id, "author_id": 1, "created_at": NOON, "kind": "original", "text": "hello"}
        return row | known | {"lang": "en", "mentioned_ids": [], "sentiment": 0.0, "label": 0, "matched": True} | fields

    return make


@pytest.fixture
def influence_row() -> Callable[..., dict[str, Any]]:
    """Make a row of `influence` from defaults."""

    def make(author_id: int = 1, **fields: Any) -> dict[str, Any]:
        row = {column.key: None for column in Influence.__table__.columns}
        known = {"keyword_id": 1, "window_end": NOON, "author_id": author_id, "score": 50.0, "reach": 30.0}
        return row | known | {"resonance": 20.0, "tweets": 1, "scored": 1, "sentiment": 0.5, "label": 1} | fields

    return make


@pytest.fixture
def rows(engine: Engine) -> Callable[[Any], Any]:
    """Run a read and return its rows."""

    def read(query: Any) -> Any:
        with engine.connect() as connection:
            return connection.execute(query).all()

    return read


@pytest.fixture
def tables(engine: Engine) -> Callable[[], dict[str, list[Any]]]:
    """Read what the trackers write: every row, without the keys that only say when it was written."""

    def read() -> dict[str, list[Any]]:
        found = {}
        with engine.connect() as connection:
            for table in (Author, Tweet, Trend, Term):
                own_key = {"id"} if table in (Trend, Term) else set()
                columns = [column for column in table.__table__.columns if column.key not in own_key | {"seq"}]
                found[table.__tablename__] = connection.execute(select(*columns).order_by(*columns)).all()
        return found

    return read


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled pairs of made-up people: chosen is mostly who is on more lists and, against all sense, less followed."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(1)
    people = np.expm1(random.normal(5, 2, size=(120, len(PEERINDEX))).clip(0))
    a, b = random.integers(0, len(people), (2, 600))
    followers, listed = np.log1p(people[:, :2]).T
    worth = listed - 0.4 * followers
    pairs = pd.DataFrame({"Choice": (worth[a] - worth[b] + random.normal(0, 0.5, 600) > 0).astype(int)})
    for side, rows in (("A", a), ("B", b)):
        for place, column in enumerate(PEERINDEX):
            pairs[f"{side}_{column}"] = people[rows, place]
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    pd.concat([pairs, pairs[:50]]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all pages."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory):
    """A Postgres of these tests' own, which they may stop."""
    server = machine.embedded(tmp_path_factory.mktemp("pg") / "postgres")
    engine = db.engine(server.get_uri())
    db.upgrade(engine)
    engine.dispose()
    yield server
    server.cleanup()
