"""Fills gaps by X's recent search, as far as that goes: without retweets, seven days back, within the budget.

What search finds goes the way of all payloads: into the spool, with the tag of the keyword's rule.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import tweepy
from sqlalchemy import Engine

from actors import parse
from actors.budget import Budget
from actors.forget import written_until
from actors.lookup import PAGE, Lookup, NotNow
from actors.spool import Spool
from core import queries, store

log = logging.getLogger(__name__)

LONGEST = 512  # characters of a query; a rule of the stream may have twice as many
REACH = timedelta(days=7) - timedelta(minutes=5)  # how far back X searches, and some room
SETTLED = timedelta(seconds=60)  # after its end a gap can be searched: X is not at once done with new tweets
MARGIN = timedelta(seconds=30)  # around a gap: silence is noticed after 21 s, and X delivers up to 7 s late
PACE = 2.0  # seconds between two pages: X allows 450 in a quarter of an hour
LOOK = 60.0  # seconds between looks for a gap
NO_MONEY = 900.0  # seconds until the budget is asked again
FILLED = "recent search: no retweets"

# In quotes a text is asked for, whatever it looks like.
STREAM_ONLY = re.compile(r'("[^"]*")|(?<!\S)(?:-is:nullcast|sample:\d+)(?!\S)')


class GapFiller:
    """Fills one gap after the other, one keyword at a time, newest tweets first.

    Every page is in the spool before it is recorded how far the search came; a page that is asked for again, because we
    died in between, brings tweets that are known already, and X does not bill them twice in a day.
    """

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        lookup: Lookup,
        budget: Budget,
        *,
        pace: float = PACE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._engine, self._spool, self._lookup, self._budget = engine, spool, lookup, budget
        self._pace, self._clock = pace, clock

    def step(self) -> float:
        """Ask for one page, or decide what becomes of a gap; returns the seconds until the next step.

        Raises:
            NotNow: X or the budget wants us to wait.
        """
        with self._engine.connect() as connection:
            gap = connection.execute(queries.gap_to_fill(self._clock() - SETTLED)).first()
            if gap is None:
                return LOOK
            keywords = connection.execute(queries.fills(gap.id, gap.ended_at)).all()
        if why := self._hopeless(gap, bool(keywords)):
            store.decide_gap(self._engine, gap.id, filled_by=None, not_filled=why)
        elif open_ones := [one for one in keywords if not one.done]:
            self._fill(gap, open_ones[0])
            return self._pace
        else:
            self._close(gap, keywords)
        return 0.0

    def _hopeless(self, gap: Any, tracked: bool) -> str | None:
        """Say why nothing can fill a gap."""
        if not tracked:
            return "no keyword was tracked"
        if gap.reason.startswith("budget"):
            return "the budget was used up"  # what was too dear then would be paid now
        if gap.ended_at < self._clock() - REACH:
            return "older than the 7 days that X searches"
        return None

    def _fill(self, gap: Any, keyword: Any) -> None:
        """Ask for the next page of a keyword."""
        query = search_query(keyword.query, keyword.language)
        until = keyword.until_id or written_until(gap.ended_at + MARGIN) + 1
        if len(query) > LONGEST:
            self._record(gap, keyword, until, done=True, problem=f"its query is longer than {LONGEST} characters")
            return
        if not self._budget.may_read(posts=PAGE):
            raise NotNow(NO_MONEY, "the day's budget is for the stream")
        since = max(gap.started_at - MARGIN, keyword.created_at - MARGIN, self._clock() - REACH)
        try:
            page = self._lookup.search(query, written_until(since), until)
        except tweepy.BadRequest as error:
            self._record(gap, keyword, until, done=True, problem=f"X refuses its query: {error}"[:200])
            return
        self._keep(gap, keyword, until, page)

    def _keep(self, gap: Any, keyword: Any, until: int, page: Any) -> None:
        """Put a page into the spool and on the bill, and record how far that brings us."""
        found = [int(one["id"]) for one in page.get("data", [])]
        if found:
            rule = {"id": "0", "tag": parse.MARK + keyword.name}
            self._spool.append([orjson.dumps({**page, "matching_rules": [rule]})])
            self._budget.spend(posts=parse.ids_of(page))
        done = not found or "next_token" not in page.get("meta", {})
        self._record(gap, keyword, min(found, default=until), done=done, more=len(found))

    def _record(
        self, gap: Any, keyword: Any, until: int, *, done: bool, problem: str | None = None, more: int = 0
    ) -> None:
        if problem:
            log.warning("Gap %d is not filled for %s: %s", gap.id, keyword.name, problem)
        far = {"until_id": until, "tweets": keyword.tweets + more, "done": done, "problem": problem}
        store.save_fill(self._engine, gap.id, keyword.id, **far)

    def _close(self, gap: Any, keywords: Sequence[Any]) -> None:
        """Note what filled a gap, and for which keywords or for which time nothing did."""
        problems = [f"{one.name}: {one.problem}" for one in keywords if one.problem]
        filled = len(problems) < len(keywords)
        if filled and gap.started_at < self._clock() - REACH:
            problems.append("its beginning is older than the 7 days that X searches")
        told = {"filled_by": FILLED if filled else None, "not_filled": "; ".join(problems) or None}
        store.decide_gap(self._engine, gap.id, **told)
        log.info("Gap %d: %d tweets by recent search. %s", gap.id, sum(one.tweets for one in keywords), told)


def search_query(query: str, language: str | None) -> str:
    """Return what to search for to find what the stream's rule would have delivered.

    Search needs no word about advertisements, and takes no sample. It differs in two ways that no query can mend:
    accents do not matter to it, and it does not look into quoted texts.
    """
    plain = " ".join(STREAM_ONLY.sub(lambda found: found[1] or "", query).split())
    return f"({plain}){f' lang:{language}' if language else ''}"
