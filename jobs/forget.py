"""Takes what is to be forgotten out of the lake's files.

Every deletion leaves tombstones in Postgres; those since the last time are read here, as an extract reads tweets: the
file .forgotten in the lake keeps up to which transaction that was done. A file that holds something of them is written
anew and takes the old one's name, so a reader finds either the one or the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Engine, select, text

from core.models import Tombstone
from jobs.extract import BIGINT, CHUNK, put

KEYS = ("id", "author_id", "seq")  # what tells whether a row is gone


def forget(engine: Engine, lake: Path) -> int:
    """Take out what tombstones set since the last time name; returns how many rows went.

    Nobody else may change the lake meanwhile: see jobs.influence.only_run. It reads the keys of every file if there is
    a new tombstone, and rewrites only the files that hold something of them.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        horizon = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
        asked = select(Tombstone.kind, Tombstone.id, Tombstone.upto, Tombstone.seq)
        rows = connection.execute(
            asked.where(Tombstone.seq >= position(lake, horizon), Tombstone.kind != "place")
        ).all()
    gone = {kind: table([row[1:] for row in rows if row.kind == kind]) for kind in ("tweet", "author")}
    removed = sum(clean(file, gone) for file in sorted(lake.rglob("*.parquet"))) if rows else 0
    remember(lake, horizon)
    return removed


def position(lake: Path, horizon: int) -> int:
    """Return the transaction from which on tombstones are new; a lake that is ahead belongs to another database."""
    kept = lake / ".forgotten"
    done = int(kept.read_text()) if kept.exists() else 0
    return done if done <= horizon else 0


def remember(lake: Path, horizon: int) -> None:
    """Keep up to which transaction the tombstones are done with."""
    lake.mkdir(parents=True, exist_ok=True)
    written = lake / ".forgotten.unfinished"
    written.write_text(str(horizon))
    put(written, lake / ".forgotten")


def table(rows: list[tuple[int, int, int]]) -> pa.Table:
    """Return tombstones of one kind as columns."""
    columns = [pa.array(values, BIGINT) for values in zip(*rows, strict=True)] if rows else [pa.array([], BIGINT)] * 3
    return pa.table(columns, names=["id", "upto", "seq"])


def clean(file: Path, gone: dict[str, pa.Table]) -> int:
    """Write a file anew without what is gone, if it holds any; returns how many rows went."""
    with pq.ParquetFile(file) as source:
        keys = [name for name in KEYS if name in source.schema_arrow.names]
        removed = sum(doomed(batch, gone).true_count for batch in source.iter_batches(CHUNK, columns=keys))
        if removed:
            unfinished = file.with_name(".unfinished")  # as an extract's: readers pass over it
            with pq.ParquetWriter(unfinished, source.schema_arrow) as writer:
                for batch in remaining(source, gone):
                    writer.write_batch(batch)
            put(unfinished, file)
    return int(removed)


def remaining(source: pq.ParquetFile, gone: dict[str, pa.Table]) -> Iterator[pa.RecordBatch]:
    """Yield what stays of a file."""
    for batch in source.iter_batches(CHUNK):
        yield batch.filter(pc.invert(doomed(batch, gone)))


def doomed(batch: pa.RecordBatch, gone: dict[str, pa.Table]) -> pa.BooleanArray:
    """Say of each row whether it is gone: a tweet by itself or with its author, a profile as it was until then."""
    if "author_id" not in batch.schema.names:
        return known(batch["id"], batch["seq"], gone["author"], "seq")
    by_author = known(batch["author_id"], batch["id"], gone["author"], "upto")
    return pc.or_(pc.is_in(batch["id"], gone["tweet"]["id"].combine_chunks()), by_author)


def known(ids: pa.Array, values: pa.Array, tombstones: pa.Table, limit: str) -> pa.BooleanArray:
    """Say of each row whether a tombstone has its id and a limit that is not below its value."""
    which = pc.index_in(ids, tombstones["id"].combine_chunks())
    return pc.fill_null(pc.less_equal(values, pc.take(tombstones[limit].combine_chunks(), which)), False)
