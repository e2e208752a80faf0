"""Keywords side by side: shares and moods with how sure they are, and the words that tell them apart."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert

from core.models import Keyword, Term, Trend, Tweet
from panel_app import compare, sheets
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON, PAYLOAD, minute_row

DICE = np.random.default_rng(3)


def counted(scores, unscored=0):
    """What the database counts of single scores, all in one bin."""
    labels = [1 if score >= 0.05 else -1 if score <= -0.05 else 0 for score in scores]
    frame = pd.DataFrame({"label": labels, "sentiment_sum": scores, "sentiment_square_sum": np.square(scores)})
    frame = frame.assign(tweets=1).groupby("label", as_index=False).sum()
    rest = {"label": None, "tweets": unscored, "sentiment_sum": 0.0, "sentiment_square_sum": 0.0}
    frame = pd.DataFrame([*frame.to_dict("records"), rest]).assign(bin=0)
    return frame.assign(estimated=frame["tweets"].astype(float))


def scores(mean, n):
    return DICE.normal(mean, 0.4, n).clip(-1, 1)


def test_a_mean_and_its_interval_equal_numpy_on_the_single_scores():
    some = scores(0.2, 50)
    row = compare.summed("nike", counted(some, unscored=7))

    assert (row["tweets"], row["scored"]) == (57, 50)
    assert row["mean"] == pytest.approx(some.mean())
    assert row["error"] == pytest.approx(some.std(ddof=1) / math.sqrt(50))


def test_a_planted_share_of_60_to_40_lies_in_its_interval():
    inside = 0
    for _ in range(200):
        mine = int(DICE.binomial(500, 0.6))
        table = compare.compared({"a": counted([], mine), "b": counted([], 500 - mine)})
        inside += table["share_low"][0] <= 0.6 <= table["share_high"][0]

    assert inside >= 180
    assert compare.wilson(0.0, 10) == pytest.approx((0, 0.2775), abs=1e-3)  # as in Wilson's own form
    assert math.isnan(compare.wilson(math.nan, 0)[0])


def test_of_nine_alike_keywords_hardly_one_is_called_different():
    wrong = 0
    for _ in range(100):
        first, *others = (pd.Series(compare.summed("x", counted(scores(0.1, 60)))) for _ in range(10))
        found = [compare.difference(first, other, 9) for other in others]
        wrong += any(low > 0 or high < 0 for _, low, high in found)

    assert wrong <= 12  # 5 of 100 are expected


def test_a_difference_is_told_with_its_interval_or_that_too_few_were_scored():
    calm, angry, few = (compare.summed("x", counted(scores(*about))) for about in ((0.3, 200), (-0.2, 200), (0, 29)))

    assert "worse" in compare.against(calm, angry, 1)
    assert "not different" in compare.against(calm, calm, 1)
    assert "fewer than 30" in compare.against(calm, few, 1)


def test_words_of_one_against_the_other_are_those_planted_and_none_in_halves_of_the_same():
    common = DICE.poisson(40, 300)
    halves = pd.DataFrame({"term": [f"w{n}" for n in range(300)], "uses": DICE.poisson(common)})
    halves = halves.assign(other_uses=DICE.poisson(common))
    planted = pd.DataFrame({"term": ["late", "great"], "uses": [150, 20], "other_uses": [20, 150]})
    whole = pd.concat([halves, planted], ignore_index=True)
    whole = whole.assign(total=whole["uses"].sum(), other_total=whole["other_uses"].sum())
    one, two = compare.sides(whole)

    assert (one["term"].iloc[0], two["term"].iloc[0]) == ("late", "great")
    assert len(one) + len(two) <= 4


def test_log_odds_equal_the_formula_worked_out_by_hand():
    frame = pd.DataFrame({"term": ["late"], "uses": [30], "other_uses": [10], "total": [1000], "other_total": [1000]})
    prior = 500 * 40 / 2000
    one, other = math.log(40 / (1500 - 40)), math.log(20 / (1500 - 20))

    assert compare.log_odds(frame)["z"][0] == pytest.approx((one - other) / math.sqrt(1 / 40 + 1 / 20))
    assert prior == 10


@pytest.fixture
def two(keyword, put, tweet_row):
    """Two keywords with tweets, one of them on both, and words."""
    keyword("nike")
    keyword(PAYLOAD)
    rows = [tweet_row(id, keyword_id=1 + (id > 3)) for id in range(1, 6)]
    put(Tweet, *rows, tweet_row(1, keyword_id=2))
    put(
        Trend,
        minute_row(tweets=3, label=1, sentiment_sum=1.5, sentiment_square_sum=0.8),
        minute_row(keyword_id=2, tweets=3),
    )
    words = {"hour": NOON, "label": 1}
    put(
        Term,
        *({"keyword_id": 1, "term": term, "tweets": uses} | words for term, uses in (("late", 90), ("shoe", 10))),
        *({"keyword_id": 2, "term": term, "tweets": uses} | words for term, uses in (("shoe", 90), (PAYLOAD, 70))),
    )
    return Selection(keyword="nike", hours=24)


def test_the_page_shows_both_and_says_which_tweets_count_twice(two):
    page = compare.page(two)
    told = page[1].object

    assert two.others == [PAYLOAD]
    assert "<b>1</b> tweets name several" in told
    assert told.count("50.0 %") == 2
    assert PAYLOAD not in told
    assert ">late<" in page[-1].object
    assert PAYLOAD not in page[-1].object


def test_the_lines_add_up_to_the_tweets(two):
    table = compare.by_bin(compare.read(two.view, [PAYLOAD]), two.view)

    assert table.sum().to_dict() == {"nike": 3, PAYLOAD: 3}
    assert len(table) == len(two.view.edges) - 1
    drawn = compare.Plot()
    drawn.show(compare.read(two.view, [PAYLOAD]), two.view)
    assert [sum(line) for line in drawn.rows["lines"].data["tweets"]] == [3, 3]
    assert len(set(drawn.rows["lines"].data["dash"] + drawn.rows["lines"].data["ink"])) >= 3  # dash or colour differ
    assert drawn.rows["means"].data["keyword"] == ["nike", PAYLOAD]


def test_the_comparison_leaves_as_csv(two):
    two.others = [PAYLOAD]
    rows = sheets.sheet("compare", two).rows

    assert rows["share, percent"].tolist() == [50.0, 50.0]
    assert rows["mean sentiment"].tolist()[0] == 0.5


def test_alone_a_keyword_says_what_to_do(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))

    assert compare.CHOOSE.split(",")[0] in compare.page(Selection())[1].object


def test_a_keyword_that_is_tracked_no_longer_leaves_the_comparison(two, engine, door):
    compare.page(two)
    with engine.begin() as connection:
        connection.execute(Keyword.__table__.update().values(active=False).where(Keyword.id == 2))
        connection.execute(insert(Keyword), {"name": "puma", "query": "puma"})
    door.watch().look()
    two.refresh()

    assert list(compare.read(two.view, two.others)) == ["nike"]
