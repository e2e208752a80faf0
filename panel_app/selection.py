"""What a marketer looks at: a keyword and a range, and the word they clicked. Every page follows it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import param

from core import queries
from panel_app import ahead, cuts, data, look

CUSTOM = 0  # of the ranges, that which somebody set: from a time to a time, and it stays
RANGES = {"1 h": 1, "6 h": 6, "24 h": 24, "3 d": 72, "7 d": 168, "30 d": 720}

ALL = "all"  # moods; None would leave the button of all unpressed
APART, COMMON = "apart", "common"  # words: those that set a mood apart, or the commonest
AUTO = ""  # bars as wide as suits the range


@dataclass(frozen=True, kw_only=True)
class View:
    """One state of the selection, complete: what is drawn depends on nothing else.

    It holds start <= time < end, in whole minutes. `hours` is CUSTOM where somebody set both ends; else the range moves
    on with the newest tweet.
    """

    keyword: str
    keyword_id: int
    start: datetime
    end: datetime
    newest: datetime
    hours: int = CUSTOM
    bar: str = AUTO
    sensitive: bool = False
    version: int = 0
    zone: str = "UTC"
    dark: bool = False
    images: bool = False

    @property
    def bin_width(self) -> timedelta:
        """How much time one bar of the trend holds; a day may be an hour longer or shorter."""
        return cuts.width_for(self.end - self.start, self.bar)

    @property
    def edges(self) -> list[datetime]:
        """Where the bars begin, and where the last one ends."""
        return cuts.edges(self.start, self.end, self.bin_width, self.zone)

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The range of the same length just before this one."""
        return self.start - (self.end - self.start), self.start

    @property
    def choice(self) -> tuple[object, ...]:
        """What somebody chose of it: the rest moves by itself."""
        ends = (self.start, self.end) if self.hours == CUSTOM else ()
        return self.keyword_id, self.hours, self.bar, self.zone, self.dark, *ends

    @property
    def span(self) -> str:
        """How long the range is, in words."""
        return look.span(timedelta(hours=self.hours) if self.hours else self.end - self.start)

    @property
    def scored_until(self) -> datetime | None:
        """Up to when scores are wanted: those of a range that stays are of its end, else they are the newest."""
        return self.end if self.hours == CUSTOM else None

    def read(self, query: queries.Rows) -> pd.DataFrame:
        """Return a query's rows as of this view."""
        return data.frame(query, self.version)


class Choices(param.Parameterized):
    """What can be chosen, and what is seen of it.

    `view` is the last state that had tweets; `missing` says in a line what is needed before there is a newer one.
    """

    keyword: Any = param.Selector(objects=[])
    hours: Any = param.Selector(objects={**RANGES, "Custom": CUSTOM}, default=72)
    window: Any = param.Parameter(doc="the two ends of a custom range, in UTC")
    bar: Any = param.Selector(objects=[AUTO, *cuts.WIDTHS], default=AUTO)
    word = param.String("")
    mood: Any = param.Selector(objects={"All": ALL, "▲ Positive": 1, "● Neutral": 0, "▼ Negative": -1}, default=ALL)
    others: Any = param.List([], doc="the keywords that this one is compared with")
    way: Any = param.Selector(objects={"What sets apart": APART, "Commonest": COMMON}, default=APART)
    zone = param.String("UTC")
    dark = param.Boolean(False)
    view: Any = param.Parameter()
    missing = param.String("")


class Selection(Choices):
    """The choices of one browser session; `reading` is how much is read for it that is not shown yet."""

    reading = param.Integer(0)

    def __init__(self, **params: Any) -> None:
        self._live = 72  # the last range that was not custom
        self._listed = 0  # as of which version the keywords are listed
        super().__init__(**params)
        self.refresh()

    def choose(self, start: datetime, end: datetime) -> None:
        """Look at a range of its own, in whole minutes."""
        first = whole_minute(start)
        last = whole_minute(end - timedelta(microseconds=1)) + cuts.MINUTE
        self.param.update(hours=CUSTOM, window=(first, max(last, first + cuts.MINUTE)))

    def wait(self, waits: bool) -> None:
        """Count what is read and not shown yet."""
        self.reading += 1 if waits else -1

    def go_live(self) -> None:
        """Return to the range that was looked at before the custom one."""
        self.hours = self._live

    def follow(self) -> None:
        """Take in what was committed since the view, if anything was; costs next to nothing when nothing was."""
        version, view = data.watch().version, self.view
        seen = view and (version(0), version(view.keyword_id)) == (self._listed, view.version)
        if self.missing or not seen:
            self.refresh()

    @param.depends("keyword", "hours", "window", "bar", "zone", "dark", watch=True)
    def refresh(self) -> None:
        """See what is chosen, as of now."""
        self._listed = data.watch().version(0)
        tracked = data.frame(queries.keywords(), self._listed).set_index("name")
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
        found = data.frame(queries.newest_tweet(keyword_id), version)
        if found.empty:
            listening = "They appear here as X delivers them; the Tracking page says whether we listen."
            self.missing = f"No tweet about {self.keyword} yet. {listening}"
            return
        # Recorded tweets end years ago: the range ends where they do, and not in the future where a clock is wrong.
        newest = min(found["created_at"][0].to_pydatetime(), datetime.now(UTC))
        self._live = self.hours or self._live
        choices: dict[str, Any] = {
            "keyword": self.keyword,
            "hours": self.hours,
            "bar": self.bar,
            "zone": known_zone(self.zone),
            "dark": self.dark,
            "images": data.settings().app_images,
        }
        start, end = self._ends(newest, choices["zone"])
        choices |= {"start": start, "end": end, "newest": newest}
        view = View(keyword_id=keyword_id, sensitive=sensitive, version=version, **choices)
        if view != self.view:  # param takes an equal view for a new one, and every page would draw again
            self.view = view
        self.missing = ""

    def _ends(self, newest: datetime, zone: str) -> tuple[datetime, datetime]:
        if not self.hours and self.window:
            return self.window  # type: ignore[no-any-return]
        if not self.hours and self.view:
            return self.view.start, self.view.end  # custom, and nobody has said from when to when
        return moving(newest, self.hours or self._live, self.bar, zone)


class Shown(Choices):
    """The choices as one page has them: both ways the same, but its view stands still while another page is shown.

    A page is built once and kept; without this each would be drawn anew whenever one is. What it asks for, `read` reads
    before its view changes.
    """

    def __init__(self, selection: Selection, read: Callable[[Choices, View], object] | None = None) -> None:
        super().__init__()
        self._selection = selection
        self._read = read
        self._awaited: View | None = None
        self._looks = True
        shared = [name for name in Choices.param if name not in ("name", "view")]
        self._take(*shared)
        self.view = selection.view
        selection.param.watch(lambda *events: self._take(*(event.name for event in events)), [*shared, "view"])
        self.param.watch(lambda *events: selection.param.update({one.name: one.new for one in events}), shared)

    def choose(self, start: datetime, end: datetime) -> None:
        """Look at a range of its own, on every page."""
        self._selection.choose(start, end)

    def look(self, looks: bool) -> None:
        """Say whether the page is shown now."""
        self._looks = looks
        self._take("view")

    def _take(self, *names: str) -> None:
        if self.param.keyword.objects != self._selection.param.keyword.objects:
            self.param.keyword.objects = self._selection.param.keyword.objects
        new = {name: getattr(self._selection, name) for name in names if name != "view"}
        self.param.update({name: value for name, value in new.items() if value != getattr(self, name)})
        if "view" in names and self._looks and self._selection.view != self.view:
            self._follow(self._selection.view)

    def _follow(self, view: View) -> None:
        if self._read is None:
            self.view = view
        elif self._awaited is None or self._awaited.choice != view.choice:
            self._awaited = view
            read = functools.partial(self._read, self._selection, view)
            ahead.then(read, lambda: self._see(view), self._selection.wait)

    def _see(self, view: View) -> None:
        if view is not self._awaited:  # something else was chosen meanwhile
            return
        self._awaited = None
        if self._looks:
            self.view = view
            self._take("view")  # which may have moved on while this one was read


def moving(newest: datetime, hours: int, bar: str, zone: str) -> tuple[datetime, datetime]:
    """Return a range that ends with the minute of the newest tweet, and begins with a whole bar."""
    end = whole_minute(newest) + cuts.MINUTE
    start = end - timedelta(hours=hours)
    return cuts.begun(start, cuts.width_for(end - start, bar), zone), end


def whole_minute(time: datetime) -> datetime:
    """Return when the minute of a time began."""
    return time.replace(second=0, microsecond=0)


def known_zone(name: str) -> str:
    """Return a time zone's name if this machine knows it, else UTC: the browser may send anything."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
