"""Brings tweets and authors from Postgres to the lake, only what is new, changed or gone.

Each row's `seq` is the transaction that last wrote it. An extract reads the range from where the last one ended up to
the oldest transaction still in flight (pg_snapshot_xmin), so it can neither skip a row that is committed late nor read
half a batch. What was deleted is known by its tombstone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sqlalchemy import Connection, Engine, text

from jobs.forget import forget_in
from jobs.lake import SCHEMAS, Lake, Manifest, append, compact

log = logging.getLogger(__name__)

BLOCK = 16 * 2**20  # bytes of CSV that become rows at a time
LISTS = "mentioned_ids"


def extract(engine: Engine, folder: Path) -> dict[str, int]:
    """Bring the lake up to all that is committed; returns how many rows were new or changed, by table.

    A lake that is ahead of the database belongs to another one and is started anew. The cost is that of the new rows,
    of a look at the keys in the folders they touch, and now and then of writing such a folder anew.
    """
    lake = Lake(folder)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        horizon = connection.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
        if lake.manifest.position > horizon:
            log.warning("%s is ahead of the database, which must be another one: it is started anew", folder)
            lake.commit(Manifest())
        forget_in(lake, connection)
        start = lake.manifest.position
        came = append(lake, {table: new_rows(connection, table, start, horizon) for table in SCHEMAS}, horizon)
    compact(lake)
    lake.tidy()
    return came


def new_rows(connection: Connection, table: str, start: int, upto: int) -> Iterator[pa.Table]:
    """Yield the rows of start <= seq < upto, by COPY, in blocks of some hundred thousand."""
    names = SCHEMAS[table].names
    columns = (f"array_to_string({name}, ' ')" if name == LISTS else name for name in names)
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE seq >= {start:d} AND seq < {upto:d}"  # noqa: S608 - ours
    types = {field.name: pa.string() if field.name == LISTS else field.type for field in SCHEMAS[table]}
    parsing = csv.ConvertOptions(column_types=types, true_values=["t"], false_values=["f"], strings_can_be_null=True)
    reading = csv.ReadOptions(column_names=names, block_size=BLOCK, skip_rows=1)
    receiving, sending = os.pipe()
    with ThreadPoolExecutor(1) as pool, os.fdopen(receiving, "rb") as received:
        sent = pool.submit(send, connection, f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)", sending)
        for batch in csv.open_csv(received, reading, convert_options=parsing) if received.peek(1) else ():
            yield with_lists(pa.Table.from_batches([batch])).select(names)
        sent.result()  # raises here what failed there


def send(connection: Connection, statement: str, pipe: int) -> None:
    """Copy out of Postgres into a pipe, and close it."""
    with os.fdopen(pipe, "wb") as file, closing(connection.connection.cursor()) as cursor:
        cursor.copy_expert(statement, file)


def with_lists(rows: pa.Table) -> pa.Table:
    """Turn the lists, which came as "1 2", into lists of numbers; none is NULL."""
    if LISTS not in rows.column_names:
        return rows
    place = rows.column_names.index(LISTS)
    given = pc.if_else(pc.equal(rows[LISTS], ""), None, rows[LISTS])
    return rows.set_column(place, LISTS, pc.split_pattern(given, " ").cast(pa.list_(pa.int64())))
