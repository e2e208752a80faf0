"""What a range adds up to, as one and in bins, added up before or not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import past
from core.batches import Batch, save_batch
from panel_app import totals
from panel_app.selection import Selection
from tests.conftest import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
def said(engine, door, keyword, tweet_row):
    """Commit tweets of two people, one of whom speaks in two hours; returns the view of them."""
    keyword("nike")
    tweets = (
        tweet_row(1, author_id=1, sentiment=0.5, label=1),
        tweet_row(2, author_id=1, sentiment=-0.1, label=-1, created_at=NOON - 3 * HOUR),
        tweet_row(3, author_id=2, sentiment=None, label=None, kind="retweet", created_at=NOON - 3 * HOUR),
        tweet_row(4, author_id=3, matched=False),
    )
    save_batch(engine, Batch(1, "s", "nike", 4, [{**one, "terms": []} for one in tweets]))
    door.watch().look()
    return Selection(hours=24).view


@pytest.mark.parametrize("added_up", [False, True])
def test_a_voice_of_two_bins_is_one_of_the_range_and_the_unscored_are_no_part_of_the_mean(said, engine, added_up):
    if added_up:
        past.add_up(engine, NOON + 9 * HOUR)
    found = totals.of(said, said.start, said.end)

    assert found.to_dict() == {
        "tweets": 3,
        "voices": 2,
        "scored": 2,
        "sentiment": pytest.approx(0.2),
        "percent": 100,
    }
    assert sorted(totals.heard(said, tuple(said.edges)).bins["voices"]) == [1, 2]


def test_a_range_in_which_nobody_spoke_has_no_mean(said):
    found = totals.of(said, *said.before)

    assert (found["tweets"], found["voices"], found["sentiment"]) == (0, 0, None)
