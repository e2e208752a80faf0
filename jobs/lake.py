"""The lake: Parquet files that hold, for Spark, what the tables `tweet` and `author` hold.

Tweets lie by the day on which they were written, and within it, as authors do, by bucket of authors: see jobs.buckets.
In a file the retweets come last, so that who asks for what people wrote themselves need not read them. `manifest.json`
names the files that count and the transaction they reach up to. It is replaced in one step: whatever happens, readers
see all of a change or nothing of it. A file that it does not name is litter of a change that did not come to its end.

A row that changed comes again in a later file. The older one is then outdated: its key is noted with the newer one's
`seq`, and readers leave out what is below. Now and then, and where rows are deleted, a folder's files are written anew
as one, without what is outdated.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.buckets import BUCKETS, bucket

log = logging.getLogger(__name__)

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
            "mentioned_ids": pa.list_(BIGINT),
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
KEYS = {"tweet": ["keyword_id", "id"], "author": ["id"]}
OWNERS = {"tweet": "author_id", "author": "id"}  # by whom rows lie in buckets
REPEATED = ["keyword_id", "kind", "retweet_count", "like_count", "sentiment", "matched", "seq"]  # few different values
OUTDATED = {
    table: pa.schema([*(SCHEMAS[table].field(key) for key in keys), ("newest", BIGINT), ("folder", pa.string())])
    for table, keys in KEYS.items()
}

MOST_FILES = 16  # of one folder when a run reads it: with one more they become one
MOST_OUTDATED = 200_000  # keys noted of a table: Spark holds them in memory
GROUP = 500_000  # rows read and held in memory at a time, some 50 MB
WAITING = 1_000_000  # rows that wait for more of their folder, so that it is written in few pieces
DAY_US = 86_400_000_000

Doomed = Callable[[pa.Table], pa.Array]  # which rows go, true or false for each


@dataclass(frozen=True)
class Manifest:
    """What counts: all transactions below `position`, each file's rows, and by table the file of outdated keys."""

    position: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    outdated: Mapping[str, str] = field(default_factory=dict)
    buckets: int = BUCKETS


class Lake:
    """A folder of Parquet files and its manifest. It is changed by one at a time: see jobs.influence.only_run."""

    def __init__(self, root: Path):
        self.root = root
        self.manifest = Manifest()
        if (root / "manifest.json").exists():
            kept = json.loads((root / "manifest.json").read_text())
            if kept.get("buckets") == BUCKETS:
                self.manifest = Manifest(**kept)
            else:
                log.warning("%s is of another version: it is filled anew from the database", root)

    def commit(self, manifest: Manifest) -> None:
        """Let another manifest count from now on."""
        self.root.mkdir(parents=True, exist_ok=True)
        unfinished = self.root / "manifest.unfinished"
        unfinished.write_text(json.dumps(asdict(manifest), indent=1))
        put(unfinished, self.root / "manifest.json")
        self.manifest = manifest

    def tidy(self) -> None:
        """Remove what the manifest does not name."""
        named = {*self.manifest.files, *self.manifest.outdated.values()}
        for table in SCHEMAS:
            for file in (self.root / table).rglob("*"):
                if file.is_file() and str(file.relative_to(self.root)) not in named:
                    file.unlink()

    def folders(self, table: str) -> list[str]:
        """Return the folders of a table, the days in their order."""
        return sorted({folder_of(name) for name in self.manifest.files if name.startswith(f"{table}/")})

    def files(self, *folders: str) -> list[str]:
        """Return the files that count in some folders."""
        return [name for name in self.manifest.files if folder_of(name) in folders]

    def days(self, first: date, last: date) -> list[str]:
        """Return the folders of the tweets that were written from one day to another."""
        return [folder for folder in self.folders("tweet") if day(first) <= folder_of(folder) <= day(last)]

    def since(self, folder: str) -> datetime:
        """Return when the oldest tweet of a folder was written, from the files' own statistics."""
        column = SCHEMAS["tweet"].get_field_index("created_at")
        groups: list[datetime] = [
            data.row_group(number).column(column).statistics.min
            for data in (pq.read_metadata(self.root / name) for name in self.files(folder))
            for number in range(data.num_row_groups)
        ]
        return min(groups)

    def outdated(self, table: str) -> pa.Table:
        """Return the keys whose row below `newest` is outdated, with the folder it is in."""
        name = self.manifest.outdated.get(table)
        return pq.read_table(self.root / name) if name else OUTDATED[table].empty_table()

    def read(self, names: Iterable[str], columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows of files, a group at a time."""
        for name in names:
            with pq.ParquetFile(self.root / name) as file:
                for batch in file.iter_batches(GROUP, columns=columns):
                    yield pa.Table.from_batches([batch])


def append(lake: Lake, rows: Mapping[str, Iterable[pa.Table]], position: int) -> dict[str, int]:
    """Add rows to each table, which then reaches up to `position`; returns how many came."""
    added = {table: written(lake.root, table, blocks) for table, blocks in rows.items()}
    outdated = {table: noted(lake, table, files) for table, files in added.items()}
    files = {**lake.manifest.files, **{name: n for new in added.values() for name, n in new.items()}}
    lake.commit(Manifest(position, files, {**lake.manifest.outdated, **{t: n for t, n in outdated.items() if n}}))
    return {table: sum(new.values()) for table, new in added.items()}


def written(root: Path, table: str, blocks: Iterable[pa.Table]) -> dict[str, int]:
    """Write rows into a new file in each folder that they touch; returns the files, which do not count yet."""
    waiting: dict[str, list[pa.Table]] = {}
    with Writers(root, table) as writers:
        for block in blocks:
            for folder, rows in by_folder(table, block):
                waiting.setdefault(folder, []).append(rows)
            while sum(len(rows) for tables in waiting.values() for rows in tables) > WAITING:
                fullest = max(waiting, key=lambda folder: sum(map(len, waiting[folder])))
                writers.write(fullest, pa.concat_tables(waiting.pop(fullest)))
        for folder, tables in waiting.items():
            writers.write(folder, pa.concat_tables(tables))
    return writers.rows


class Writers:
    """One new file for each folder; they get their names when all are whole."""

    def __init__(self, root: Path, table: str):
        self.rows: Counter[str] = Counter()
        self._root, self._table = root, table
        self._open: dict[str, tuple[str, pq.ParquetWriter]] = {}

    def __enter__(self) -> Writers:
        return self

    def write(self, folder: str, rows: pa.Table) -> None:
        """Write a group of rows."""
        if folder not in self._open:
            (self._root / folder).mkdir(parents=True, exist_ok=True)
            name = f"{folder}/{uuid4().hex}_{folder.rpartition('=')[2]:0>5}.parquet"  # so Spark knows its bucket
            self._open[folder] = (
                name,
                pq.ParquetWriter(self._root / f"{name}.unfinished", SCHEMAS[self._table], use_dictionary=REPEATED),
            )
        name, writer = self._open[folder]
        for some in apart(self._table, rows.cast(SCHEMAS[self._table])):
            writer.write_table(some, row_group_size=GROUP)
        self.rows[name] += len(rows)

    def __exit__(self, failed: object, error: object, trace: object) -> None:
        for _, writer in self._open.values():
            writer.close()
        for name in self.rows if not failed else ():
            put(self._root / f"{name}.unfinished", self._root / name)


def noted(lake: Lake, table: str, files: Iterable[str]) -> str | None:
    """Note which rows some new files outdate, beside those already noted; returns the file that says so."""
    found = [lake.outdated(table), *(outdated_by(lake, table, name) for name in files)]
    return remembered(lake, table, pa.concat_tables(found)) if any(map(len, found[1:])) else None


def outdated_by(lake: Lake, table: str, name: str) -> pa.Table:
    """Return the keys of a new file that its folder already has. Those of one extract are in memory here."""
    keys, folder = KEYS[table], folder_of(name)
    older = lake.files(folder)
    if not older:
        return OUTDATED[table].empty_table()
    new = pa.concat_tables(lake.read([name], [*keys, "seq"])).rename_columns([*keys, "newest"])
    ids = pc.unique(new["id"])
    near = [rows.filter(pc.is_in(rows["id"], ids)) for rows in lake.read(older, keys)]
    found = pa.concat_tables(near).join(new, keys, join_type="inner")
    return found.append_column("folder", pa.array([folder] * len(found), pa.string())).cast(OUTDATED[table])


def remembered(lake: Lake, table: str, outdated: pa.Table) -> str:
    """Write the outdated keys, each once; returns the name of the file."""
    each = outdated.group_by([*KEYS[table], "folder"]).aggregate([("newest", "max")])
    name = f"{table}/outdated-{uuid4().hex}.parquet"
    pq.write_table(
        each.rename_columns([*KEYS[table], "folder", "newest"]).select(OUTDATED[table].names), lake.root / name
    )
    return name


def compact(lake: Lake, early: bool = False) -> int:
    """Write anew the folders of too many files, and those with the most outdated rows while these are too many.

    Half as much is too much where it is done `early`, so that no run has to. Returns how many folders that were.
    """
    files, outdated = (MOST_FILES // 2, MOST_OUTDATED // 2) if early else (MOST_FILES, MOST_OUTDATED)
    written = 0
    for table in SCHEMAS:
        of_folder = Counter(lake.outdated(table)["folder"].to_pylist())
        many = [folder for folder in lake.folders(table) if len(lake.files(folder)) > files]
        left = of_folder.total() - sum(of_folder[folder] for folder in many)
        for folder, rows in of_folder.most_common() if left > outdated else ():
            if folder not in many and left > outdated // 2:
                many.append(folder)
                left -= rows
        if many:
            rewrite(lake, table, many)
        written += len(many)
    return written


def delete(lake: Lake, table: str, doomed: Doomed, columns: list[str]) -> int:
    """Take rows out of the lake for good, `doomed` tells them by some columns; returns how many went."""
    count = Counter(
        {
            folder: sum(pc.sum(doomed(rows)).as_py() or 0 for rows in lake.read(lake.files(folder), columns))
            for folder in lake.folders(table)
        }
    )
    if touched := +count:
        rewrite(lake, table, touched, doomed)
    return count.total()


def expire(lake: Lake, before: date) -> int:
    """Take the days before another out of the lake; returns how many rows went."""
    old = [folder for folder in lake.folders("tweet") if folder < day(before)]
    rows = sum(lake.manifest.files[name] for name in lake.files(*old))
    if old:
        rewrite(lake, "tweet", old, lambda rows: pa.array(np.ones(len(rows), bool)))
    return rows


def rewrite(lake: Lake, table: str, folders: Iterable[str], doomed: Doomed | None = None) -> None:
    """Write each folder's files anew as one, without what is outdated or doomed."""
    folders, outdated = set(folders), lake.outdated(table)

    def left(rows: pa.Table) -> pa.Table:
        rows = newest(rows, outdated, KEYS[table])
        return rows if doomed is None else rows.filter(pc.invert(doomed(rows)))

    old = lake.files(*folders)
    new = written(lake.root, table, (left(rows) for rows in lake.read(old)))
    files = {name: rows for name, rows in {**lake.manifest.files, **new}.items() if name not in old and rows}
    still = outdated.filter(pc.invert(pc.is_in(outdated["folder"], pa.array(sorted(folders), pa.string()))))
    others = {name: file for name, file in lake.manifest.outdated.items() if name != table}
    noted = {table: remembered(lake, table, still)} if len(still) else {}
    lake.commit(Manifest(lake.manifest.position, files, {**others, **noted}))


def newest(rows: pa.Table, outdated: pa.Table, keys: list[str]) -> pa.Table:
    """Leave out the rows that are outdated."""
    numbered = rows.select([*keys, "seq"]).append_column("row", pa.array(np.arange(len(rows))))
    near = numbered.filter(pc.is_in(rows["id"], outdated["id"].combine_chunks()))
    known = near.join(outdated.drop_columns("folder"), keys, join_type="inner")
    stale = known.filter(pc.less(known["seq"], known["newest"]))["row"].combine_chunks()
    return rows.filter(pc.invert(pc.is_in(numbered["row"], stale))) if len(stale) else rows


def by_folder(table: str, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Part rows by the folder they belong in."""
    buckets = bucket(np.asarray(rows[OWNERS[table]]))
    days = np.asarray(rows["created_at"].cast(BIGINT)) // DAY_US if table == "tweet" else np.zeros(len(rows), np.int64)
    folders = days * BUCKETS + buckets
    order = np.argsort(folders, kind="stable")
    numbers, starts = np.unique(folders[order], return_index=True)
    for number, some in zip(numbers.tolist(), np.split(order, starts)[1:], strict=True):
        place = day(date(1970, 1, 1) + timedelta(days=number // BUCKETS)) if table == "tweet" else f"{table}/all"
        yield f"{place}/bucket={number % BUCKETS}", rows.take(pa.array(some))


def apart(table: str, rows: pa.Table) -> Iterator[pa.Table]:
    """Part retweets from what is not, so that each is read or skipped together; of an author all lies together."""
    retweets = np.asarray(pc.equal(rows["kind"], "retweet")) if table == "tweet" else np.zeros(len(rows), bool)
    ordered = rows.take(pa.array(np.lexsort((np.asarray(rows[OWNERS[table]]), retweets))))
    own = len(rows) - int(retweets.sum())
    yield from (some for some in (ordered.slice(0, own), ordered.slice(own)) if len(some))


def day(written_on: date) -> str:
    """Name the folder of a day's tweets."""
    return f"tweet/day={written_on:%Y-%m-%d}"


def folder_of(name: str) -> str:
    """Return the folder of a file."""
    return name.rpartition("/")[0]


def put(finished: Path, place: Path) -> None:
    """Give a written file its name, so that it appears there whole or, whatever happens, not at all."""
    with finished.open("rb") as file:
        os.fsync(file.fileno())
    finished.rename(place)
    folder = os.open(place.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
