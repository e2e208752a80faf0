"""What was planted behind a spike comes first in each list of its explanation."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Author, Term, Trend, Tweet
from panel_app import spike
from tests.panel_app.conftest import NOON, PAYLOAD, minute_row

BEGAN = NOON - timedelta(minutes=40)


@pytest.fixture
def outbreak(put, keyword, tweet_row, author_row):
    """Two calm days and, for the last 40 minutes, an account whose tweets on #bagsgone are passed on by everybody."""

    def plant(**fields):
        keyword_id, rows, terms, minutes = keyword(**fields), [], {}, {}
        dice = np.random.default_rng(1)

        def say(at, author, text, kind="original", original=None, country="US"):
            number = len(rows) + 1
            label = None if kind == "retweet" else 0
            more = {"kind": kind, "original_id": original, "country_code": country, "label": label}
            rows.append(tweet_row(id=number, author_id=author, created_at=at, text=text, **more))
            hour, minute = at.replace(minute=0, second=0), at.replace(second=0)
            for term in set(text.lower().split()) if kind != "retweet" else ():
                terms[(hour, term)] = terms.get((hour, term), 0) + 1
            minutes[(minute, label)] = minutes.get((minute, label), 0) + 1
            return number

        for minute in range(2 * 24 * 60, 0, -6):  # calm
            author = int(dice.integers(100, 300))
            say(NOON - timedelta(minutes=minute), author, f"flight {minute % 7} landed early today")
        first = say(BEGAN, 7, "#bagsgone nobody knows where our luggage is", country="PT")
        for number in range(400):
            at = BEGAN + timedelta(seconds=5 + number * 5.5)
            if number % 4:
                say(at, 1000 + number, "RT", kind="retweet", original=first, country="PT")
            else:
                say(at, 1000 + number, f"#bagsgone my bag number {number} {PAYLOAD}", country="PT")
        put(Author, *[author_row(id) for id in {row["author_id"] for row in rows}])
        put(Tweet, *rows)
        put(
            Term,
            *[
                {"keyword_id": 1, "hour": hour, "label": 0, "term": term, "tweets": n}
                for (hour, term), n in terms.items()
            ],
        )
        put(Trend, *[minute_row(minute=minute, label=label, tweets=n) for (minute, label), n in minutes.items()])
        return keyword_id

    return plant


def test_the_planted_cause_is_first_in_each_list(outbreak, view):
    outbreak()

    found = spike.explained(view(), NOON)

    assert abs(found.began - BEGAN) <= timedelta(minutes=5)
    assert found.terms[0].term == "#bagsgone"
    assert found.people["author_id"].iloc[0] == "7"
    assert found.people["share"].iloc[0] == pytest.approx(0.75, abs=0.02)
    assert found.countries["country_code"].iloc[0] == "PT"
    assert found.kinds["kind"].iloc[0] == "retweet"
    assert "#bagsgone" in found.examples["text"].iloc[0]
    assert found.examples["author_id"].is_unique
    assert found.tweets > 20 * found.expected


def test_of_a_sensitive_keyword_there_are_no_people_and_no_tweets(outbreak, view):
    outbreak(sensitive=True)

    found = spike.explained(view(sensitive=True), NOON)

    assert found.people.empty
    assert found.examples.empty
    assert found.terms


def test_without_any_tweet_nothing_is_explained_and_nothing_breaks(door, keyword, view):
    keyword()

    found = spike.explained(view(), NOON)

    assert (found.tweets, len(found.terms), len(found.people), len(found.kinds)) == (0, 0, 0, 0)


@given(low=st.integers(8, 30), times=st.integers(3, 20), place=st.integers(5, 90), seed=st.integers(0, 1000))
def test_a_change_point_is_found_where_it_is(low, times, place, seed):
    dice = np.random.default_rng(seed)
    counts = np.concatenate([dice.poisson(low + 2, place), dice.poisson((low + 2) * times, 100 - place)])

    assert abs(spike.change_point(counts) - place) <= 5


@given(st.lists(st.integers(0, 50), max_size=3) | st.just([5] * 40) | st.just([9] * 20 + [1] * 20))
def test_where_nothing_rises_there_is_a_place_all_the_same(counts):
    assert 0 <= spike.change_point(counts) <= len(counts)


def test_no_two_examples_are_of_one_author_or_nearly_the_same():
    texts = ["bags gone again today", "bags gone again today !", "quite another thing", "bags are gone", "what a day"]
    tweets = pd.DataFrame({"text": texts, "author_id": ["1", "2", "3", "3", "4"]})

    assert spike.examples(tweets, [])["text"].tolist() == [texts[0], texts[2], texts[4]]
