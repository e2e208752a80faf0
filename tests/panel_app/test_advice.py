"""Every advice has its numbers, none is given without them, and what was answered does not come again."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from panel.models.esm import DataEvent
from sqlalchemy import select

from core import accounts
from core.models import Author, Event, Influence, Term, Trend, Tweet
from panel_app import advice, topics
from panel_app.advice import Advice
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON, PAYLOAD, SECRET, Tags, minute_row, strangers_text

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = pd.Timestamp(NOON)


def frame(*rows, **defaults):
    return pd.DataFrame([{"author_id": "1", "name": "Ann", "username": "ann"} | defaults | row for row in rows])


def abouts(found):
    return [one.about for one in found]


def regular(tweets, pause, silence, **fields):
    last = NOW - silence
    return {"tweets": tweets, "first": last - (tweets - 1) * pause, "last": last, "score": 50.0} | fields


def test_who_is_silent_for_three_times_their_usual_pause_is_to_be_kept_active():
    people = frame(
        regular(8, HOUR * 12, 3 * DAY, name="Silent"),
        regular(8, DAY, 2 * DAY, name="As ever"),
        regular(8, HOUR, 20 * HOUR, name="Asleep"),
        regular(3, HOUR * 12, 9 * DAY, name="Rare"),
        regular(5, HOUR * 12, 4 * DAY, name="First", score=80.0),
    )
    found = list(advice.keep_active(people, NOW))

    assert abouts(found) == ["First (@ann)", "Silent (@ann)"]
    assert "8 tweets in 14 days, one every 12 h; silent for 3 days, 6 times as long" in found[1].why


def test_who_is_addressed_or_shares_words_is_invited_unless_small_or_negative():
    near = {"followers": 5_000, "addressed": 0, "shared": 0, "sentiment": None}
    people = frame(
        {"name": "Addressed", "addressed": 4},
        {"name": "Alike", "shared": 7, "sentiment": 0.3},
        {"name": "Far", "addressed": 2, "shared": 2},
        {"name": "Small", "addressed": 9, "followers": 999},
        {"name": "Angry", "addressed": 9, "sentiment": -0.4},
        **near,
    )
    found = list(advice.invite(people))

    assert abouts(found) == ["Alike (@ann)", "Addressed (@ann)"]
    assert found[0].why.startswith("They use 7 of the 50 words")
    assert found[1].why.startswith("4 authors here addressed them, but they wrote nothing on it. 5K followers")


def test_the_negative_with_reach_are_to_be_won_back_before_the_neutral():
    known = {"followers_count": 20_000, "scored": 3, "sentiment": -0.4, "retweet_count": 5, "like_count": None}
    people = frame(
        {"name": "Neutral", "label": 0, "score": 90.0, "sentiment": 0.0},
        {"name": "Negative", "label": -1, "score": 40.0},
        {"name": "Fan", "label": 1, "score": 95.0},
        {"name": "Small", "label": -1, "score": 60.0, "followers_count": 20},
        {"name": "Once", "label": -1, "score": 60.0, "scored": 1},
        **known,
    )
    found = list(advice.win_back(people))

    assert abouts(found) == ["Negative (@ann)", "Neutral (@ann)"]
    assert "mean \N{MINUS SIGN}0.40 of 3 scored tweets; score 40, 20K followers, 5 retweets and likes" in found[0].why


def test_a_topic_that_is_spoken_of_badly_is_not_to_be_entered():
    rows = pd.DataFrame({"term": ["#good", "#bad", "#unheard"], "authors": [20, 30, 9], "before": 1, "g2": 50.0})
    moods = pd.DataFrame({"term": ["#good", "#bad"], "positive": [9, 2], "negative": [1, 8]})
    found = list(advice.enter_topics(topics.Terms(rows.assign(times=[7.0, 9.0, np.inf]), 100, 500), moods))

    assert abouts(found) == ["#good"]
    assert "20 authors here use it, 20 %: 7 times the share elsewhere; 9 positive tweets, 1 negative" in found[0].why


def hours(means, n=200, spread=1.0):
    mean = np.asarray(means, dtype=float)
    squares = n * (mean**2 + spread**2)
    return pd.DataFrame({"hour": range(len(mean)), "tweets": n, "total": n * mean, "squares": squares})


def test_an_hour_in_which_tweets_earn_clearly_more_is_to_be_used():
    found = list(advice.post_at(hours([1.0] * 18 + [2.0] + [1.0] * 5)))

    assert abouts(found) == ["18:00 \N{EN DASH} 19:00"]
    assert "earns 6.4 retweets and likes then, 1.8 on the whole" in found[0].why
    assert not list(advice.post_at(hours([1.0] * 18 + [2.0] + [1.0] * 5, n=20)))  # too few


@given(st.integers(0, 1000))
def test_where_all_hours_are_alike_hardly_any_is_advised(seed):
    dice = np.random.default_rng(seed)
    sums = [(dice.normal(1, 1, 300)) for _ in range(24)]
    alike = pd.DataFrame({"hour": range(24), "tweets": 300})
    alike = alike.assign(total=[one.sum() for one in sums], squares=[(one**2).sum() for one in sums])

    assert len(list(advice.post_at(alike))) <= 1


def places(*rows):
    return pd.DataFrame(
        [
            {"place": name, "voices": v, "scored": n, "total": n * m, "squares": n * (m * m + 0.16)}
            for name, v, n, m in rows
        ]
    )


def test_a_place_whose_mood_is_clearly_other_is_to_be_looked_at():
    found = list(
        advice.look_at(
            places(("Oslo", 60, 80, -0.4), ("Paris", 70, 90, 0.1), ("Rome", 300, 400, 0.1), ("Few", 9, 99, 0.6))
        )
    )

    assert abouts(found) == ["Oslo"]
    assert "worse there: \N{MINUS SIGN}0.40 (n = 80, 60 voices)" in found[0].why
    assert not list(advice.look_at(places(("Oslo", 60, 80, -0.4), ("Rome", 300, 400, 0.1))))  # which one is other?


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 9), st.integers(0, 9), st.floats(-1, 1))))
def test_no_advice_is_without_a_number(rows):
    people = frame(*({"followers": f, "addressed": a, "shared": s, "sentiment": m} for f, a, s, m in rows))
    found = list(advice.invite(people)) if rows else []

    assert all(re.search(r"\d", one.why) for one in found)
    assert len(found) <= len(rows)


def test_the_best_of_each_kind_comes_first_and_what_was_answered_is_left_out():
    kinds = [iter([Advice(kind, f"{kind}{place}", "1") for place in range(9)]) for kind in ("win", "topic")]
    shown = advice.ranked(kinds, lambda one: one.about == "win0")

    assert abouts(shown) == ["win1", "topic0", "win2", "topic1", "win3", "topic2"]


def test_an_answers_key_does_not_tell_whom_it_is_about():
    one, other = Advice("keep", "Ann (@ann)", "1 tweet"), Advice("keep", "Ann (@ann)", "2 tweets")

    assert "nn" not in one.key(1)
    assert one.key(1) == other.key(1) != one.key(2)


@pytest.fixture
def unhappy(keyword, put, author_row, tweet_row, influence_row):
    """A keyword with one influencer to win back."""

    def make(name="Ann", **fields):
        keyword("nike", **fields)
        put(Author, author_row(1, name=name, username=name, followers_count=50_000))
        put(Tweet, tweet_row(1))
        put(Influence, influence_row(1, label=-1, scored=4, sentiment=-0.5, followers_count=50_000, score=61.0))

    return make


def buttons(shown):
    """Return what each button of a page says, by what it does and whom it is about."""
    return {label: said for said, label in re.findall(r'data-say="(.*?)" aria-label="(.*?)"', shown[1].html)}


def press(shown, label):
    """Press a button as a browser does."""
    say(shown, buttons(shown)[label])


def say(shown, what):
    shown[1]._process_event(DataEvent(model=None, data=what))


def test_an_answer_is_kept_and_the_advice_goes(unhappy, visitor, engine):
    unhappy()
    analyst = visitor()
    shown = advice.page(Selection(hours=24), analyst)
    press(shown, "Done: win them back, Ann (@Ann)")

    assert buttons(shown) == {}
    assert "Noted as done" in shown[0].object
    with engine.connect() as connection:
        (detail,) = connection.execute(select(Event.detail).where(Event.kind == "advice")).scalars()
    assert detail.keys() == {"what", "key"}
    assert detail["what"] == "done"
    assert buttons(advice.page(Selection(hours=24), analyst)) == {}


def test_who_is_signed_out_changes_nothing(unhappy, visitor, engine):
    unhappy()
    analyst = visitor()
    shown = advice.page(Selection(hours=24), analyst)
    accounts.end_session(engine, analyst.session)
    press(shown, "Not useful: win them back, Ann (@Ann)")

    assert advice.SIGNED_OUT in shown[0].object
    with engine.connect() as connection:
        assert connection.execute(select(Event.id).where(Event.kind == "advice")).all() == []


@pytest.mark.parametrize("said", ["", "done", "done 0123456789abcdef", "admin {key}", "{key}"])
def test_what_is_no_answer_to_what_is_shown_changes_nothing(unhappy, visitor, engine, said):
    unhappy()
    shown = advice.page(Selection(hours=24), visitor())
    key = buttons(shown)["Done: win them back, Ann (@Ann)"].split()[1]
    say(shown, said.format(key=key))

    assert len(buttons(shown)) == 2
    with engine.connect() as connection:
        assert connection.execute(select(Event.id).where(Event.kind == "advice")).all() == []


def test_of_a_sensitive_keyword_nobody_is_advised_on(unhappy, visitor):
    unhappy(name=SECRET, sensitive=True)
    shown = advice.page(Selection(hours=24), visitor())

    assert buttons(shown) == {}
    assert advice.SENSITIVE in shown[1].html


@given(strangers_text(min_size=1))
def test_strangers_names_become_no_markup(name):
    row = advice.row_html(Advice("win", name, f"score 9 {PAYLOAD}"), "key")
    tags = Tags(row)

    assert tags.tags.count("button") == 2
    assert tags.handlers == []
    assert "<img" not in row
    assert "<b>" not in row


def test_outsiders_are_those_who_are_addressed_or_share_words_and_wrote_nothing_here(
    keyword, put, author_row, tweet_row, view
):
    for name, hidden in (("nike", False), ("puma", False), ("private", True)):
        keyword(name, sensitive=hidden)
    put(Author, *(author_row(id, followers_count=9_000) for id in range(1, 8)))
    put(Tweet, *(tweet_row(id, author_id=id, mentioned_ids=[5, 1]) for id in (1, 2, 3)))
    words = "marathon trail pace"
    put(Tweet, *(tweet_row(id, author_id=id, keyword_id=2, text=words, sentiment=0.4, label=1) for id in (1, 6)))
    put(Tweet, tweet_row(7, author_id=7, keyword_id=3, text=words))
    for term in words.split():
        put(Term, {"keyword_id": 1, "hour": NOON - HOUR, "label": 1, "term": term, "tweets": 90})
    put(Term, {"keyword_id": 2, "hour": NOON - HOUR, "label": 1, "term": "other", "tweets": 300})
    said = advice.typical(advice.against_all(1, NOON - DAY, NOON + DAY))
    found = advice.invite(view().read(advice.queries.outsiders(1, said, NOON - DAY, NOON + DAY)))

    assert abouts(found) == ["User 5 (@user5)", "User 6 (@user6)"]


def test_the_words_of_a_keyword_are_counted_apart_from_those_of_all_others(keyword, put, door):
    for name in ("nike", "puma", "asics"):
        keyword(name)
    for id, term, tweets in ((1, "trail", 3), (1, "pace", 1), (2, "trail", 5), (3, "trail", 2), (3, "mud", 4)):
        put(Term, {"keyword_id": id, "hour": NOON - HOUR, "label": 1, "term": term, "tweets": tweets})
    put(Term, {"keyword_id": 1, "hour": NOON, "label": 1, "term": "late", "tweets": 9})

    found = advice.against_all(1, NOON - HOUR, NOON).set_index("term")

    assert found["uses"].to_dict() == {"trail": 3, "mud": 0, "pace": 1}
    assert found["other_uses"].to_dict() == {"trail": 7, "mud": 4, "pace": 0}
    assert set(found["total"]) == {4}
    assert set(found["other_total"]) == {11}


def test_a_keyword_with_tweets_enough_is_told_from_others_by_those_of_the_last_whole_day(keyword, put, door):
    midnight = NOON - 12 * HOUR
    for id, name in enumerate(("nike", "puma"), 1):
        keyword(name)
        put(Trend, minute_row(minute=midnight - HOUR, tweets=advice.ENOUGH - 2 + id, keyword_id=id))
        put(Trend, minute_row(minute=midnight, tweets=advice.ENOUGH, keyword_id=id))
        put(Trend, minute_row(minute=midnight - HOUR, tweets=advice.ENOUGH, keyword_id=id, label=None))

    assert advice.enough(1, NOON - 14 * DAY, NOON) == (NOON - 14 * DAY, NOON)
    assert advice.enough(2, NOON - 14 * DAY, NOON) == (midnight - DAY, midnight)
