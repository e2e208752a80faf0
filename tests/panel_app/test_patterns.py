"""Viral or traditional: planted patterns are found, too little says nothing, the expectation is what was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.models import Author, Tweet
from panel_app import patterns, sheets
from panel_app.selection import Selection

USUAL = patterns.Expectation(base=-2.0, slope=0.3, tweets=9000, keywords=4)


def people(followers, retweets, tweets=1):
    frame = pd.DataFrame({"followers": np.asarray(followers, dtype=float), "retweets": np.asarray(retweets)})
    return frame.assign(tweets=tweets)


def test_many_small_voices_that_are_passed_on_are_viral():
    found = patterns.reading(people([500] * 200 + [200_000], [8] * 200 + [50]), USUAL)

    assert found.kind == "viral"
    assert found.small_share == pytest.approx(1600 / 1650)
    assert found.lift_small == pytest.approx(1600 / (200 * np.exp(-2 + 0.3 * np.log(501))))


def test_a_few_large_accounts_that_earn_what_their_size_lets_expect_are_traditional():
    large = USUAL.of([10_000_000] * 2)
    found = patterns.reading(people([300] * 98 + [10_000_000] * 2, [0] * 98 + [150, 150]), USUAL)

    assert large.sum() * 2 < 300  # a few times too much would not be traditional
    assert found.kind == "mixed"
    often = people([300] * 98 + [10_000_000] * 2, [0] * 98 + [150, 150], tweets=[1] * 98 + [10, 10])
    assert patterns.reading(often, USUAL).kind == "traditional"


@pytest.mark.parametrize(
    ("frame", "usual", "why"),
    [
        (people([500] * 29, [50] * 29), USUAL, "30 tweets"),
        (people([500] * 40, [4] * 40), USUAL, "200 retweets"),
        (people([500] * 40, [40] * 40), patterns.Expectation(-2, 0.3, 9000, 1), "Track another keyword"),
        (people([500] * 40, [40] * 40), patterns.Expectation(np.nan, np.nan, 20, 3), "200 tweets"),
        (people([], []), USUAL, "30 tweets"),
    ],
)
def test_with_too_little_nothing_is_said(frame, usual, why):
    found = patterns.reading(frame, usual)

    assert found.kind == "unknown"
    assert why in found.why
    assert patterns.evidence(found).count("\N{EN DASH}") == 4


def test_the_fit_finds_the_planted_curve_though_tweets_spread_far_more_than_by_chance():
    dice = np.random.default_rng(5)
    size = np.round(dice.normal(6, 2, 40_000).clip(0, 14) * 4) / 4
    mean = np.exp(-1.5 + 0.4 * size)
    retweets = dice.poisson(mean * dice.gamma(0.5, 2.0, len(size)))
    frame = pd.DataFrame({"size": size, "retweets": retweets, "squares": retweets.astype(float) ** 2, "tweets": 1})
    found = patterns.expectation(frame.groupby("size", as_index=False).sum().assign(keywords=3))

    assert (found.base, found.slope) == pytest.approx((-1.5, 0.4), abs=0.1)
    assert (found.tweets, found.keywords) == (40_000, 3)


def test_groups_of_people_add_up_and_small_ones_are_left_out_where_they_must():
    some = people([100] * 7 + [5_000_000], [1] * 7 + [900])
    grid, table = patterns.cells(some, USUAL), patterns.table(some, USUAL)

    assert (grid["people"].sum(), grid["retweets"].sum()) == (8, 907)
    assert (table["people"].sum(), table["retweets"].sum()) == (8, 907)
    assert patterns.cells(some, USUAL, least=5)["people"].tolist() == [7]
    assert patterns.table(some, USUAL, least=5)["followers"].tolist() == ["100 to 1K"]
    drawn = patterns.Plot()
    drawn.show(grid, USUAL, dark=False)
    assert sum(sum(drawn.rows[name].data["people"]) for name in ("usual", "far")) == 8
    patterns.plot(grid.iloc[:0], patterns.Expectation(np.nan, np.nan, 0, 0))


@pytest.fixture
def spread(keyword, put, author_row, tweet_row):
    """A keyword whose forty small voices are retweeted a lot, beside a quiet one."""

    def make(**fields):
        keyword("nike", **fields)
        keyword("quiet")
        put(Author, *(author_row(id, followers_count=50 * id if id < 41 else None) for id in range(1, 42)))
        loud = (tweet_row(id, author_id=id, retweet_count=30) for id in range(1, 41))
        calm = (
            tweet_row(100 + n, keyword_id=2, author_id=1 + n % 40, retweet_count=int(n % 9 == 0)) for n in range(400)
        )
        others = (tweet_row(900, author_id=41, retweet_count=9), tweet_row(901, kind="retweet", retweet_count=5000))
        put(Tweet, *loud, *calm, *others)
        return Selection(keyword="nike", hours=24)

    return make


def test_the_page_says_how_it_spreads_with_its_figures_and_whom_it_leaves_out(spread):
    page = patterns.page(spread())

    assert "Viral" in page[0].object
    assert "n = 40 tweets of 40 people, 1,200 retweets. 1 people are left out" in page[0].object
    assert "100 %" in page[0].object
    assert "<td>100 to 1K</td>" in page[-1].object


def test_a_sensitive_keyword_has_no_group_of_fewer_than_five(spread):
    selection = spread(sensitive=True)
    usual = patterns.usual_of(selection.view)
    shown = patterns.cells(patterns.people_of(selection.view), usual, patterns.least_of(selection.view))

    assert shown["people"].min() >= 5
    assert sheets.sheet("patterns", selection).rows["people"].min() >= 5
    assert "fewer than 5 people" in patterns.page(selection)[1].object
