"""Cards and their links, and that nothing a stranger writes becomes markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel_app import tweet_card
from tests.conftest import NOON
from tests.panel_app.conftest import Tags, strangers_text

TWEET = {"tweet_id": "7", "created_at": NOON, "label": 1, "synthetic": False}
ANN = TWEET | {"name": "Ann", "username": "ann"}


@given(
    st.text() | st.sampled_from(["<img src=x onerror=a()>", 'https://a.example/"onclick="x', "#<b>", "javascript:a()"])
)
def test_a_tweet_keeps_its_text_and_gains_only_links(text):
    found = Tags(tweet_card.linked(text))

    assert set(found.tags) <= {"a"}
    assert all(link.startswith(("https://", "http://")) for link in found.links)
    assert found.text == text


@given(
    name=strangers_text(max_size=20),
    username=strangers_text(max_size=20),
    text=strangers_text(),
    picture=st.text(),
    shown=st.booleans(),
)
def test_no_field_of_a_card_becomes_markup(name, username, text, picture, shown):
    row = TWEET | {"name": name, "username": username, "text": text, "profile_image_url": tweet_card.PICTURES + picture}
    found = Tags(tweet_card.card(row, "UTC", shown))

    assert set(found.tags) <= {"article", "span", "b", "br", "p", "a", "svg", "path", "img"}
    assert found.handlers == []


def test_a_card_leads_to_the_profile_and_to_the_tweet():
    card = tweet_card.card(ANN | {"text": "hi @bob #tag https://t.co/x."}, "UTC")

    assert Tags(card).links == [
        *["https://x.com/ann"] * 3,
        *["https://x.com/bob", "https://x.com/hashtag/tag", "https://t.co/x"],
        *["https://x.com/ann/status/7"] * 2,
    ]
    assert card.count('rel="noopener noreferrer nofollow"') == card.count("<a ")


@pytest.mark.parametrize("synthetic", [True, None])
def test_who_is_invented_or_forgotten_leads_nowhere(synthetic):
    row = ANN | {"text": "hi @bob https://t.co/x", "synthetic": synthetic}

    assert Tags(tweet_card.card(row, "UTC")).links == []


def test_a_handle_that_is_none_leads_nowhere_and_the_tweet_is_found_by_its_id():
    links = Tags(tweet_card.card(ANN | {"username": "../evil", "text": "hi"}, "UTC")).links

    assert set(links) == {"https://x.com/i/status/7"}


def test_no_picture_is_asked_for_unless_wanted_and_then_only_from_x():
    row = ANN | {"text": "hi", "profile_image_url": "https://pbs.twimg.com/profile_images/1.jpg"}

    assert "<img" not in tweet_card.card(row, "UTC")
    assert '<img class="avatar" src="https://pbs.twimg.com/profile_images/1.jpg"' in tweet_card.card(row, "UTC", True)
    elsewhere = row | {"profile_image_url": "https://pbs.twimg.com.evil.example/1.jpg"}
    assert "<img" not in tweet_card.card(elsewhere, "UTC", True)


def test_an_ampersand_is_shown_as_one():
    assert Tags(tweet_card.body(ANN | {"text": "M&amp;M"}, "UTC")).text.startswith("M&M")


def test_a_tweet_that_was_deleted_leaves_a_note():
    assert "no longer here" in tweet_card.body({"tweet_id": None}, "UTC")
