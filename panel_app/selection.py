"""What a marketer looks at: a keyword and a range, and the word they clicked. Every page follows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import param

from core import queries
from panel_app import data

# How long a range is, and how wide its bins are: 56 to 96 of them, so that a bar can be told from its neighbour.
RANGES = {"1 h": 1, "6 h": 6, "24 h": 24, "72 h": 72, "7 d": 168}
BIN_MINUTES = {1: 1, 6: 5, 24: 15, 72: 60, 168: 180}

ALL = "all"  # moods; None would leave the button of all unpressed


@dataclass(frozen=True, kw_only=True)
class View:
    """One state of the selection, complete: what is drawn depends on nothing else."""

    keyword: str
    keyword_id: int
    hours: int
    end: datetime
    sensitive: bool = False
    version: int = 0
    zone: str = "UTC"
    dark: bool = False
    images: bool = False

    @property
    def bin_width(self) -> timedelta:
        """How much time one bar of the trend holds."""
        return timedelta(minutes=BIN_MINUTES[self.hours])

    @property
    def start(self) -> datetime:
        """Where the range begins: on a whole bin, so that totals and bars agree."""
        start = self.end - timedelta(hours=self.hours)
        return start - (start - queries.EPOCH) % self.bin_width

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The range of the same length just before this one."""
        return self.start - (self.end - self.start), self.start

    def read(self, query: queries.Rows) -> pd.DataFrame:
        """Return a query's rows as of this view."""
        return data.frame(query, self.version)


class Selection(param.Parameterized):
    """The choices of one browser session.

    `view` is the last state that had tweets; `missing` says in a line what is needed before there is a newer one.
    """

    keyword: Any = param.Selector(objects=[])
    hours: Any = param.Selector(objects=RANGES, default=72)
    word = param.String("")
    mood: Any = param.Selector(objects={"All": ALL, "▲ Positive": 1, "● Neutral": 0, "▼ Negative": -1}, default=ALL)
    zone = param.String("UTC")
    dark = param.Boolean(False)
    view: Any = param.Parameter()
    missing = param.String("")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.refresh()

    @param.depends("keyword", "hours", "zone", "dark", watch=True)
    def refresh(self) -> None:
        """Take in what was committed since the last call; costs nothing when nothing was."""
        tracked = data.frame(queries.keywords(), data.watch().version(0)).set_index("name")
        names = list(tracked.index)
        if names != self.param.keyword.objects:
            self.param.keyword.objects = names
        if self.keyword not in names:
            self.keyword = names[0] if names else None  # a change comes back here
        if not self.keyword:
            self.missing = "No keyword is tracked yet. Name one on the Tracking page, or: talker track add NAME"
            return
        chosen = tracked.loc[self.keyword]
        self._see(int(chosen["id"]), bool(chosen["sensitive"]))

    def _see(self, keyword_id: int, sensitive: bool) -> None:
        version = data.watch().version(keyword_id)
        newest = data.frame(queries.newest_tweet(keyword_id), version)
        if newest.empty:
            listening = "They appear here as X delivers them; the Tracking page says whether we listen."
            self.missing = f"No tweet about {self.keyword} yet. {listening}"
            return
        # Recorded tweets end years ago: the range ends where they do, and not in the future where a clock is wrong.
        end = min(newest["created_at"][0].to_pydatetime(), datetime.now(UTC))
        choices: dict[str, Any] = {
            "keyword": self.keyword,
            "hours": self.hours,
            "zone": known_zone(self.zone),
            "dark": self.dark,
            "images": data.settings().app_images,
        }
        view = View(keyword_id=keyword_id, sensitive=sensitive, version=version, end=end, **choices)
        if view != self.view:  # param takes an equal view for a new one, and every page would draw again
            self.view = view
        self.missing = ""


def known_zone(name: str) -> str:
    """Return a time zone's name if this machine knows it, else UTC: the browser may send anything."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
