"""An address leads back to what it was made of, and what it says is not believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Tweet
from panel_app import address
from panel_app.selection import ALL, APART, COMMON, CUSTOM, Selection

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


def sent(**args):
    return {name: [str(value).encode()] for name, value in args.items()}


@pytest.mark.parametrize(
    "chosen",
    [
        {"hours": 6},
        {"hours": 6, "bar": "15 min", "word": "a&b=c#é", "mood": -1},
        {"hours": CUSTOM, "window": (NOON - timedelta(hours=3), NOON - timedelta(hours=2))},
    ],
)
def test_an_address_leads_back_to_what_was_chosen(keyword, put, tweet_row, chosen):
    keyword("nike")
    put(Tweet, tweet_row(1))
    before = Selection(**chosen)
    after = Selection(**address.asked(sent(**address.chosen("overview", before))))

    assert after.view == before.view
    assert (after.word, after.mood) == (before.word, before.mood)


def test_which_words_the_clouds_show_is_in_their_address_alone(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    named = address.chosen("word-clouds", Selection(way=COMMON))

    assert Selection(**address.asked(sent(**named))).way == COMMON
    assert "way" not in address.chosen("overview", Selection(way=COMMON)) | address.chosen("word-clouds", Selection())


@given(
    st.dictionaries(
        st.sampled_from(["keyword", "hours", "from", "to", "bar", "word", "mood", "way"]),
        st.binary(max_size=300).map(lambda v: [v]),
    )
)
def test_whatever_an_address_says_the_choices_are_possible_ones(args):
    asked = address.asked(args)

    assert asked["mood"] in (ALL, 1, 0, -1)
    assert asked["way"] in (APART, COMMON)
    assert len(asked["word"]) <= address.LONGEST
    assert "window" not in asked or asked["window"][0] < asked["window"][1]


@pytest.mark.parametrize("end", ["2026-06-19T11:00Z", "2026-06-19T12:00Z", "2099-06-19T12:00Z"])
def test_a_range_that_ends_before_it_begins_or_is_endless_is_not_taken(end):
    assert "window" not in address.asked(sent(**{"from": "2026-06-19T12:00Z", "to": end}))
