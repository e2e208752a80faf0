"""Lets tweets go that are older than they may get, out of the tables and the lake."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from core import expiry
from jobs import lake
from jobs.influence import only_run


def expire(engine: Engine, folder: Path, days: int, now: datetime) -> dict[str, int]:
    """Delete what is more than some days old; returns how many rows went, by table and for the lake.

    The lake lets go of whole days. Doing it again changes nothing, and what was cut off goes on the next time.

    Raises:
        RunningError: a run uses the lake.
    """
    before = now - timedelta(days=days)
    with only_run(engine):
        went = expiry.expire(engine, before)
        held = lake.Lake(folder)
        went["lake"] = lake.expire(held, before.date())
        held.tidy()
    return went
