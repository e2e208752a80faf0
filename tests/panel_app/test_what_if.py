"""Other weights: the order they give, from the stored points, is the one that scores anew would have."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import weights
from core.models import Author, Influence, InfluenceRun, Tweet
from core.weights import CRITERIA, POINTS, REACH, RESONANCE, Curve
from panel_app import what_if
from panel_app.selection import Selection
from tests.conftest import NOON
from tests.panel_app.conftest import PAYLOAD, Tags

OF = weights.load()
IN_FORCE = what_if.full(OF)

counts = st.fixed_dictionaries(dict.fromkeys(CRITERIA, st.integers(0, 10**8)))
partly_known = st.fixed_dictionaries(dict.fromkeys(CRITERIA, st.none() | st.integers(0, 10**8))).filter(
    lambda known: any(count is not None for count in known.values())
)
other = st.fixed_dictionaries(dict.fromkeys(CRITERIA, st.integers(1, 100)))


def stored(people, of=OF):
    """What the job keeps of some people in one mood: points, score and rank."""
    rows = []
    for id, person in enumerate(people):
        known = {name: count for name, count in person.items() if count is not None}
        scale = 100 / sum(of.curves[name].full for name in known)
        points = {name: scale * of.curves[name].of(count) for name, count in known.items()}
        reach, resonance = (sum(points.get(name, 0.0) for name in part) for part in (REACH, RESONANCE))
        kept = {POINTS[name]: points.get(name) for name in CRITERIA}
        rows.append(kept | {"author_id": id, "label": 1, "score": reach + resonance})
    best_first = sorted(rows, key=lambda row: (-row["score"], row["author_id"]))
    return pd.DataFrame([row | {"rank": place} for place, row in enumerate(best_first, 1)]).sample(
        frac=1, random_state=1
    )


def order(frame):
    return frame["author_id"].tolist()


@given(st.lists(partly_known, min_size=1, max_size=12))
def test_the_weights_in_force_give_the_stored_order_and_the_very_scores(people):
    frame = stored(people)
    found = what_if.reordered(frame, OF, IN_FORCE)

    assert found["rank"].tolist() == found["was"].tolist() == list(range(1, len(people) + 1))
    assert found["score"].tolist() == frame.sort_values("rank")["score"].tolist()


@given(st.lists(partly_known, min_size=1, max_size=12), other, st.integers(2, 1000))
def test_weights_scaled_alike_change_nothing(people, wanted, times):
    frame = stored(people)
    scaled = {name: times * weight for name, weight in wanted.items()}
    plain, more = (what_if.reordered(frame, OF, some) for some in (wanted, scaled))

    assert order(plain) == order(more)
    assert plain["score"].tolist() == pytest.approx(more["score"].tolist())


@given(st.lists(partly_known, min_size=1, max_size=12), other)
def test_the_scores_are_those_that_curves_of_these_heights_give(people, wanted):
    curves = {
        name: Curve(curve.at, tuple(wanted[name] / curve.full * point for point in curve.points))
        for name, curve in OF.curves.items()
    }
    anew = stored(people, replace(OF, curves=curves)).set_index("author_id")["score"]
    found = what_if.reordered(stored(people), OF, wanted).set_index("author_id")["score"]

    assert found.sort_index().tolist() == pytest.approx(anew.sort_index().tolist())


@given(st.lists(counts, min_size=2, max_size=12), other, st.sampled_from(CRITERIA), st.integers(1, 100))
def test_who_has_more_of_a_criterion_stays_ahead_when_it_is_raised(people, wanted, raised, by):
    frame = stored(people)
    before = what_if.reordered(frame, OF, wanted).set_index("author_id")["rank"]
    after = what_if.reordered(frame, OF, wanted | {raised: wanted[raised] + by}).set_index("author_id")["rank"]
    points = frame.set_index("author_id")[POINTS[raised]]

    for one in before.index:
        for two in before.index:
            if before[one] < before[two] and points[one] >= points[two]:
                assert after[one] < after[two]


def test_who_has_nothing_that_counts_comes_last_without_a_score():
    people = [dict.fromkeys(CRITERIA) | {"followers_count": 10**6}, dict.fromkeys(CRITERIA) | {"mentions": 3}]
    found = what_if.reordered(stored(people), OF, dict.fromkeys(CRITERIA, 0) | {"mentions": 5})

    assert order(found) == [1, 0]
    assert found["score"].isna().tolist() == [False, True]


def test_a_slider_that_was_not_moved_is_the_exact_weight():
    shown = [round(most) for most in IN_FORCE.values()]

    assert what_if.wanted(OF, shown) == IN_FORCE
    assert what_if.wanted(OF, [7, *shown[1:]]) == IN_FORCE | {CRITERIA[0]: 7.0}


def test_a_move_tells_where_somebody_was():
    assert Tags(what_if.move({"was": 4, "rank": 2})).text == "▲ 2 was 4th"
    assert Tags(what_if.move({"was": 1, "rank": 2})).text == "▼ 1 was 1st"
    assert Tags(what_if.move({"was": 2, "rank": 2})).text == "as before"


RUN = {"window_end": NOON, "window_start": NOON, "state": "done", "started_at": NOON, "finished_at": NOON}


@pytest.fixture
def crowd(put, keyword, author_row, tweet_row, influence_row):
    """Two influencers, of whom one is known and the other is passed on; returns a selection."""

    def make(version=OF.version, **fields):
        keyword("nike", **fields)
        put(Author, author_row(1, name="Famous"), author_row(2, name=PAYLOAD, username=PAYLOAD))
        put(Tweet, tweet_row(1), tweet_row(2, author_id=2))
        famous = {"followers_points": 24.0, "listed_points": 30.0, "tweet_points": 5.0, "engagement_points": 1.0}
        passed_on = {"followers_points": 10.0, "listed_points": 9.0, "tweet_points": 5.0, "engagement_points": 13.0}
        put(Influence, influence_row(1, rank=1, score=60.0, mentions_points=0.0, **famous))
        put(Influence, influence_row(2, rank=2, score=37.0, mentions_points=0.0, **passed_on))
        put(InfluenceRun, RUN | {"weights": version})
        return Selection()

    return make


def sliders(page):
    return list(page[1])[:-1]


def told(page):
    return page[2].object


def test_a_moved_slider_reorders_and_the_button_puts_it_back(crowd):
    page = what_if.page(crowd())
    assert told(page).index("Famous") < told(page).index("onerror")

    for slider, weight in zip(sliders(page), (0, 0, 0, 50, 0), strict=True):
        slider.value = weight
    assert told(page).index("onerror") < told(page).index("Famous")
    assert "retweets and likes here 100" in told(page)

    page[1][-1].clicks += 1
    assert told(page).count("as before") == 2


def test_no_name_becomes_markup(crowd):
    found = Tags(told(what_if.page(crowd())))

    assert "img" not in found.tags
    assert found.handlers == []
    assert PAYLOAD in found.text


def test_scores_made_with_other_weights_are_not_weighed_anew(crowd):
    page = what_if.page(crowd(version="older"))

    assert "talker influence run" in told(page)
    assert "Famous" not in told(page)


def test_a_sensitive_keyword_shows_nobody(crowd):
    assert "Famous" not in told(what_if.page(crowd(sensitive=True)))


def test_all_weights_at_nought_say_so(crowd):
    page = what_if.page(crowd())
    for slider in sliders(page):
        slider.value = 0

    assert "give at least one a weight" in told(page)
