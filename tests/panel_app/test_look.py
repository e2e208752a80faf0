"""Numbers, links and cards, and that nothing a stranger writes becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel_app import look

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
TWEET = {"tweet_id": "7", "created_at": NOON, "label": 1, "synthetic": False}


class Tags(HTMLParser):
    """Collects the tags, attributes and text of a piece of HTML."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


@given(
    st.text() | st.sampled_from(["<img src=x onerror=a()>", 'https://a.example/"onclick="x', "#<b>", "javascript:a()"])
)
def test_a_tweet_keeps_its_text_and_gains_only_links(text):
    found = Tags(look.linked(text))

    assert set(found.tags) <= {"a"}
    assert all(link.startswith(("https://", "http://")) for link in found.links)
    assert found.text == text


@given(name=st.text(max_size=20), username=st.text(max_size=20), text=st.text())
def test_no_field_of_a_card_becomes_markup(name, username, text):
    card = look.tweet_card(TWEET | {"name": name, "username": username, "text": text}, "UTC")

    assert set(Tags(card).tags) <= {"article", "span", "b", "br", "p", "a"}


def test_a_card_leads_to_the_profile_and_to_the_tweet():
    card = look.tweet_card(TWEET | {"name": "Ann", "username": "ann", "text": "hi @bob #tag https://t.co/x"}, "UTC")

    assert Tags(card).links == [
        *["https://x.com/ann"] * 2,
        *["https://x.com/bob", "https://x.com/hashtag/tag", "https://t.co/x"],
        *["https://x.com/ann/status/7"] * 2,
    ]


def test_an_invented_tweet_leads_nowhere():
    row = TWEET | {"name": "Ann", "username": "ann", "text": "hi @bob", "synthetic": True}

    assert Tags(look.tweet_card(row, "UTC")).links == []


def test_an_ampersand_is_shown_as_one():
    assert Tags(look.tweet_body(TWEET | {"username": "ann", "text": "M&amp;M"}, "UTC")).text.startswith("M&M")


def test_a_tweet_that_was_deleted_leaves_a_note():
    assert "no longer here" in look.tweet_body({"tweet_id": None}, "UTC")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (1234, "1.23K"),
        (999_950, "1M"),
        (2_500_000, "2.5M"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_count_is_short_and_unknown_is_not_zero(count, shown):
    assert look.short(count) == shown


def test_a_mean_shows_its_n_and_nothing_scored_is_not_neutral():
    assert look.mean(0.234, 41) == "+0.23 <small>(n = 41)</small>"
    assert look.mean(-0.001, 5).startswith("0.00")
    assert look.mean(float("nan"), 0) == "not scored"


@pytest.mark.parametrize(("seconds", "said"), [(-3, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago")])
def test_an_age_is_told_in_its_largest_unit(seconds, said):
    assert look.ago(seconds) == said
