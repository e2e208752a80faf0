"""The two ends of a custom range, by the viewer's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Tweet
from panel_app import pickers
from panel_app.selection import CUSTOM, Selection


def test_times_are_those_of_the_viewers_clock():
    assert pickers.asked("2026-06-19T14:00", "2026-06-19T15:30", "Europe/Berlin") == (
        datetime(2026, 6, 19, 12, tzinfo=UTC),
        datetime(2026, 6, 19, 13, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("start", "end", "wrong"),
    [
        ("", "2026-06-19T14:00", "Set both times"),
        ("2026-06-19T14:00", "soon", "Set both times"),
        (None, 7, "Set both times"),
        ("0001-01-01T00:00", "2026-06-19T14:00", "Set both times"),
        ("2026-06-19T14:00", "2026-06-19T14:00", "later than the start"),
        ("2020-06-19T14:00", "2026-06-19T14:00", "400 days at most"),
    ],
)
def test_what_makes_no_range_is_refused_with_what_to_do(start, end, wrong):
    with pytest.raises(ValueError, match=wrong):
        pickers.asked(start, end, "Asia/Tokyo")


def test_a_form_that_is_sent_sets_the_range_and_live_returns_to_the_one_before(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection(hours=6, zone="Europe/Berlin")
    form = pickers.between(selection)
    assert form.end == "2026-06-19T14:01"

    form.chosen = ["2026-06-19T12:00", "2026-06-19T13:00", 1]
    assert selection.hours == CUSTOM
    assert selection.view.end - selection.view.start == timedelta(hours=1)

    form.chosen = ["2026-06-19T12:00", "2026-06-19T11:00", 2]
    assert "later than the start" in form.wrong

    selection.go_live()
    assert selection.hours == 6
