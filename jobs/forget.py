"""Takes what is to be forgotten out of the lake's files.

Every deletion leaves tombstones in Postgres. Those since the last extract are heeded here, by each extract and whenever
something is forgotten; doing it again changes nothing.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, Engine, select

from core.models import Author, Tombstone
from jobs.lake import BIGINT, Lake, delete


def forget(engine: Engine, folder: Path) -> int:
    """Take out what new tombstones name; returns how many rows went.

    Nobody else may change the lake meanwhile: see jobs.influence.only_run. If there is a new tombstone it reads the
    keys of every file, and writes anew only the folders that hold something of it.
    """
    lake = Lake(folder)
    with engine.connect() as connection:
        removed = forget_in(lake, connection)
    lake.tidy()
    return removed


def forget_in(lake: Lake, connection: Connection) -> int:
    """Let the lake's manifest count without what new tombstones name; returns how many rows went."""
    asked = select(Tombstone.kind, Tombstone.id, Tombstone.upto, Tombstone.seq)
    new = asked.where(Tombstone.seq >= lake.manifest.position, Tombstone.kind != "place")
    rows = connection.execute(new).all()
    if not rows:
        return 0
    tweets = pa.array([row.id for row in rows if row.kind == "tweet"], BIGINT)
    authors = {row.id: row for row in rows if row.kind == "author"}
    kept = select(Author.id, Author.seq).where(Author.id.in_(authors))  # they have later tweets
    unchanged = {row.id for row in connection.execute(kept) if row.seq <= authors[row.id].seq}
    upto = {id_: row.upto for id_, row in authors.items()}
    until = {id_: row.seq for id_, row in authors.items() if id_ not in unchanged}
    gone = delete(
        lake,
        "tweet",
        lambda rows: pc.or_(pc.is_in(rows["id"], tweets), within(upto, rows["author_id"], rows["id"])),
        ["id", "author_id"],
    )
    return gone + delete(lake, "author", lambda rows: within(until, rows["id"], rows["seq"]), ["id", "seq"])


def within(limits: dict[int, int], ids: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.Array:
    """Say of each row whether its id has a limit, and its value is not above that."""
    which = pc.index_in(ids, pa.array(limits.keys(), BIGINT)).combine_chunks()
    return pc.fill_null(pc.less_equal(values, pc.take(pa.array(limits.values(), BIGINT), which)), False)
