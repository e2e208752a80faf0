"""Brings tweets and authors from Postgres to Parquet files in the lake, only what is new or changed.

Each row's `seq` is the transaction that last wrote it. An extract reads the range from where the last one ended up to
the oldest transaction still in flight (pg_snapshot_xmin), so it can neither skip a row that is committed late nor read
half a batch. A file is named by its range, FROM-TO.parquet: the names are the only record of the position. A row that
changed comes again in a later file; readers keep the one of the highest `seq`.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, select, text

from core.models import Base

log = logging.getLogger(__name__)

# Rows held in memory at a time: some 10 MB, whatever the table's size.
CHUNK = 20_000

BIGINT, TIME = pa.int64(), pa.timestamp("us", tz="UTC")
SCHEMAS = {
    "tweet": pa.schema(
        {
            "keyword_id": pa.int32(),
            "id": BIGINT,
            "author_id": BIGINT,
            "created_at": TIME,
            "kind": pa.string(),
            "original_id": BIGINT,
            "retweet_count": BIGINT,
            "like_count": BIGINT,
            "sentiment": pa.float64(),
            "matched": pa.bool_(),
            "seq": BIGINT,
        }
    ),
    "author": pa.schema(
        {"id": BIGINT, "followers_count": BIGINT, "listed_count": BIGINT, "tweet_count": BIGINT, "seq": BIGINT}
    ),
}


def extract(engine: Engine, lake: Path) -> dict[str, int]:
    """Bring the lake up to all that is committed; returns how many rows were new or changed, by table.

    One extract at a time: see jobs.influence.only_run. A lake that is ahead of the database belongs to another one and
    is started anew.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        horizon = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
        for name in SCHEMAS:
            start_anew_if_ahead(lake / name, horizon)
        return {name: append(connection, lake / name, horizon) for name in SCHEMAS}


def position(folder: Path) -> int:
    """Return where the next range begins: the end of the newest file's."""
    return max((int(file.stem.split("-")[1]) for file in folder.glob("*-*.parquet")), default=0)


def start_anew_if_ahead(folder: Path, horizon: int) -> None:
    """Empty a table's folder that holds later transactions than the database has."""
    if position(folder) > horizon:
        log.warning("%s is ahead of the database, which must be another one: it is started anew", folder)
        shutil.rmtree(folder)


def append(connection: Connection, folder: Path, upto: int) -> int:
    """Write the rows written before transaction `upto` and after the newest file; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    schema, start, rows = SCHEMAS[folder.name], position(folder), 0
    unfinished = folder / ".unfinished"  # Spark and `position` pass over it; the next extract writes it anew
    with pq.ParquetWriter(unfinished, schema) as writer:
        for batch in new_rows(connection, folder.name, schema, start, upto):
            writer.write_batch(batch)
            rows += len(batch)
    if rows or not start:  # the first file is kept even if empty, so that Spark finds the columns
        put(unfinished, folder / f"{start}-{upto}.parquet")
    return rows


def new_rows(connection: Connection, name: str, schema: pa.Schema, start: int, upto: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of start <= seq < upto in batches of at most CHUNK, by a cursor in the server."""
    kept = Base.metadata.tables[name].c
    statement = select(*(kept[column] for column in schema.names)).where(kept.seq >= start, kept.seq < upto)
    for rows in connection.execution_options(yield_per=CHUNK).execute(statement).partitions():
        columns = zip(schema.types, zip(*rows, strict=True), strict=True)
        yield pa.record_batch([pa.array(values, kind) for kind, values in columns], schema)


def put(written: Path, place: Path) -> None:
    """Give a written file its name, so that it appears there whole or, whatever happens, not at all."""
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.rename(place)
    folder = os.open(place.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
