"""Feeds recorded payloads through the same spool, trackers and commit as the stream."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from actors.supervisor import Supervisor
from core import batches, db, queries, store
from core.config import TalkerError

CHUNK = 2_000  # lines put into the spool together


class ReplayError(TalkerError):
    """A file cannot be read to its end."""


def replay(
    files: Sequence[Path],
    patterns: Mapping[str, str],
    database_url: str,
    folder: Path,
    progress: Callable[[int], object],
    most: int = 8,
) -> dict[str, int]:
    """Replay files and return how many tweets were read, stored and duplicate, and payloads malformed or dead.

    Keywords are found by the tags of the rules a payload matched, and by `patterns` (a regular expression by keyword);
    those in `patterns` that are not tracked yet are tracked from now on. The counts are read from what was committed,
    so a tracker that died in between does not change them. `progress` is called with bytes read of the files, `most`
    is how many trackers there may be.

    Raises:
        ReplayError: a file is missing or damaged; what came before the damage is stored.
    """
    engine = db.engine(database_url)
    track_missing(engine, patterns)
    path = folder / f"replay-{uuid.uuid4().hex}.sqlite"
    supervisor = Supervisor(database_url, path, patterns, most)
    try:
        feed(supervisor, (line for file in files for line in lines(file, progress)))
        with engine.connect() as connection:
            outcome = connection.execute(queries.replayed(supervisor.spool.name)).one()
        return {"read": supervisor.read, **outcome._asdict()}
    finally:
        batches.forget_spool(engine, supervisor.spool.name)
        supervisor.spool.destroy()
        engine.dispose()


def feed(supervisor: Supervisor, payloads: Iterable[bytes]) -> None:
    """Put payloads into the spool while the trackers work, and return when all is committed."""
    for chunk in chunks(payloads):
        supervisor.spool.append(chunk)
        while supervisor.step(timeout=0) and supervisor.full():
            supervisor.step()
    while supervisor.step():
        pass


def track_missing(engine: Engine, names: Mapping[str, str]) -> None:
    """Track the keywords that are not tracked yet."""
    with engine.connect() as connection:
        tracked = {row.name.casefold() for row in connection.execute(queries.keywords())}
    for name in names:
        if name.casefold() not in tracked:
            store.add_keyword(engine, name)


def chunks(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield payloads some thousand at a time."""
    every = iter(payloads)
    while chunk := list(islice(every, CHUNK)):
        yield chunk


def lines(file: Path, progress: Callable[[int], object]) -> Iterator[bytes]:
    r"""Yield a file's lines that are not blank, split at \n only: a text may hold other line ends."""
    try:
        with file.open("rb") as raw:
            done = 0
            for line in gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw:
                if stripped := line.strip():
                    yield stripped
                progress(raw.tell() - done)
                done = raw.tell()
    except (OSError, EOFError) as error:  # gzip's own error is an OSError
        raise ReplayError(f"{file} cannot be read to its end: {error}") from error
