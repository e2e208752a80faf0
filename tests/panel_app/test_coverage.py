"""A gap is told as a gap, and what is old as old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from panel_app import coverage
from panel_app.selection import CUSTOM

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
NO_GAPS = pd.DataFrame(columns=["started_at", "ended_at"])


def test_a_gap_ends_with_the_range_while_it_lasts(view):
    gaps = pd.DataFrame({"started_at": [NOON - timedelta(hours=1)], "ended_at": [None]})

    assert coverage.silences(gaps, view()) == [(NOON - timedelta(hours=1), NOON + timedelta(minutes=1))]
    assert coverage.silences(NO_GAPS, view()) == []


def test_a_gap_says_what_fills_it_or_why_nothing_does(view):
    gaps = pd.DataFrame(
        {
            "started_at": [NOON - timedelta(hours=hours) for hours in (6, 5, 4, 3)],
            "ended_at": [NOON - timedelta(hours=hours - 0.5) for hours in (6, 5, 4)] + [None],
            "reason": ["closed", "network", "<b>budget</b>", "HTTP 503"],
            "filled_by": [None, "recent search: no retweets", None, None],
            "not_filled": [None, None, "the budget was used up", None],
        }
    )
    told = coverage.pauses(gaps, view())

    assert "19 Jun 07:00 to 19 Jun 07:30: network; filled by recent search: no retweets<" in told
    assert "&lt;b&gt;budget&lt;/b&gt;; not filled: the budget was used up<" in told
    assert "19 Jun 09:00 to 19 Jun 12:01: HTTP 503; not filled<" in told
    assert "and 1 more" in told
    assert coverage.pauses(NO_GAPS, view()) == ""


@pytest.mark.parametrize(
    ("hours", "seconds", "gap", "kind", "words"),
    [
        (24, 5, None, "live", "Live · last tweet 5 s ago"),
        (24, 250, None, "old", "Quiet · last tweet 4 min ago"),
        (24, 250, NOON, "off", "Not listening since 19 Jun 2026, 14:00: &lt;b&gt; · last tweet 4 min ago"),
        (CUSTOM, 5, NOON, "still", "18 Jun 2026, 14:00 \N{EN DASH} 19 Jun 2026, 14:01 (Europe/Berlin)"),
    ],
)
def test_a_page_says_how_new_it_is(view, hours, seconds, gap, kind, words):
    gaps = coverage.NONE if gap is None else pd.DataFrame([{"started_at": gap, "ended_at": pd.NaT, "reason": "<b>"}])
    shown = view(zone="Europe/Berlin", hours=hours)

    assert coverage.state(shown, gaps, NOON + timedelta(seconds=seconds)) == (kind, words)
