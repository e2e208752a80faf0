"""A card: its rank in words, what its score is made of, and that unknown is not 0."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from core import weights
from core.weights import CRITERIA, POINTS
from panel_app import influencer_card
from tests.conftest import NOON
from tests.panel_app.conftest import Tags, strangers_text

OF = weights.load()
COUNTS = {"followers_count": 1234, "listed_count": 5, "tweet_count": 900, "retweet_count": 40, "like_count": 2}
WHO = {"author_id": "1", "name": "Ann", "username": "ann", "synthetic": True, "profile_image_url": None}
TWEET = {"tweet_id": "7", "text": "mine", "created_at": NOON, "label": 1}
SCORE = {"score": 42.5, "reach": 30.0, "resonance": 12.5, "rank": 3, "rank_low": 2, "rank_high": 6}
KNOWN = {"followers_points": 10.0, "listed_points": 15.0, "tweet_points": 5.0, "engagement_points": 12.5}
UNKNOWN = {"mentions": None, "mentions_points": None}
HERE = {"tweets": 4, "share": 0.25, "first_tweet_at": NOON - timedelta(hours=3), "last_tweet_at": NOON}
MEAN = {"scored": 4, "sentiment": 0.5, "deviation": 0.2}
ROW = WHO | TWEET | SCORE | COUNTS | KNOWN | UNKNOWN | HERE | MEAN


def shown(of=OF, **fields):
    return Tags(influencer_card.card(ROW | fields, "UTC", of)).text


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd"), (1112, "1,112th")],
)
def test_a_place_is_told_as_people_do(number, said):
    assert influencer_card.ordinal(number) == said


def test_a_rank_shows_its_interval_and_says_what_it_means():
    assert "3rd (2nd\N{EN DASH}6th)" in shown()
    assert "the rank lies between 2nd and 6th nine times in ten" in shown()
    assert "the rank stays 3rd nine times in ten" in shown(rank_low=3, rank_high=3)


def test_a_rank_without_an_interval_says_so():
    assert "how sure the rank is was not computed" in shown(rank_low=None, rank_high=None)
    assert "(" not in Tags(influencer_card.placed(ROW | {"rank_low": None})).text


def test_a_score_tells_what_it_is_made_of():
    table = Tags(influencer_card.made_of(ROW, OF)).text

    for part in ("Followers", "1,234", "10.0", "Retweets and likes here", "42", "12.5", "Score", "42.5", "100"):
        assert part in table


def test_an_unknown_criterion_is_marked_and_the_others_share_its_weight():
    known = [name for name in CRITERIA if name != "mentions"]
    most = influencer_card.most_of(ROW, OF)

    assert "unknown: the others share its weight" in shown()
    assert set(most) == set(known)
    assert sum(most.values()) == pytest.approx(100)
    assert most["followers_count"] > OF.curves["followers_count"].full


def test_the_most_that_counts_give_adds_up_to_a_whole_score():
    row = ROW | dict.fromkeys(POINTS.values(), 1.0)

    assert influencer_card.most_of(row, OF) == pytest.approx({name: curve.full for name, curve in OF.curves.items()})


def test_scores_of_other_weights_show_their_points_without_the_most():
    assert "Followers1,23410.0\N{EN DASH}" in shown(of=None)


def told(fields):
    return Tags(influencer_card.mean(ROW | fields)).text


def test_a_mean_shows_its_interval_which_ends_where_sentiment_does():
    assert told({}) == "+0.50+0.30 to +0.70,n = 4"
    assert told({"deviation": 2.0}) == "+0.50\N{MINUS SIGN}1.00 to +1.00,n = 4"
    assert told({"deviation": None, "scored": 1}) == "+0.50n = 1"
    assert told({"sentiment": None, "scored": 0, "label": None}) == "not scored"


def test_who_is_neutral_for_want_of_tweets_is_marked():
    few = {"label": 0, "sentiment": -0.8, "scored": 1, "deviation": None}

    assert told(few) == "\N{MINUS SIGN}0.80n = 1too few to judge"
    assert "Too few tweets to judge the mood" in shown(**few)
    assert "too few" not in shown(**few | {"sentiment": 0.04}).lower()


def test_what_was_earned_is_told_by_followers_and_unknown_is_not_nought():
    assert influencer_card.engagement(ROW) == "34<small>per 1,000 followers</small>"
    assert influencer_card.engagement(ROW | {"like_count": None}).startswith("32<")
    for unknown in ({"followers_count": None}, {"followers_count": 0}, {"retweet_count": None, "like_count": None}):
        assert influencer_card.engagement(ROW | unknown) == "\N{EN DASH}"


def test_a_card_says_how_much_of_their_tweets_it_is_and_when():
    assert "425 % of theirs" in shown()
    assert "First and last19 Jun 2026, 09:0019 Jun 2026, 12:00" in shown()
    assert "First and last19 Jun 2026, 12:00" in shown(first_tweet_at=NOON)
    assert "First and last\N{EN DASH}" in shown(first_tweet_at=None, last_tweet_at=None)


@given(name=strangers_text(max_size=20), username=strangers_text(max_size=20), text=strangers_text())
def test_no_field_of_an_influencer_becomes_markup(name, username, text):
    plain = Tags(influencer_card.card(ROW | {"name": "Ann", "username": "ann", "text": "mine"}, "UTC", OF))
    found = Tags(influencer_card.card(ROW | {"name": name, "username": username, "text": text}, "UTC", OF))

    assert found.tags == plain.tags
    assert found.handlers == []
