"""The map: where points fall, how they group, and that the unknown are counted."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from bokeh.events import RangesUpdate
from hypothesis import given
from hypothesis import strategies as st

from core.models import Author, Influence, Tweet
from panel_app import influencer_map, look
from panel_app.selection import Selection


def somebody(**fields):
    known = {"score": 50.0, "label": 1, "name": "Ann", "username": "ann", "place": "Lisbon", "place_confidence": 0.8}
    return known | {"country_code": "PT", "latitude": 38.7, "longitude": -9.1} | fields


def test_a_place_falls_where_web_mercator_puts_it():
    [row] = influencer_map.placed(pd.DataFrame([somebody(latitude=45.0, longitude=180.0)])).to_dict("records")

    assert row["x"] == pytest.approx(20_037_508.34)
    assert row["y"] == pytest.approx(5_621_521.49)


def test_an_unknown_place_is_not_on_the_map():
    frame = pd.DataFrame([somebody(), somebody(latitude=None, longitude=None)])

    assert len(influencer_map.placed(frame)) == 1


def test_a_group_is_named_for_its_highest_score():
    frame = pd.DataFrame([somebody(), somebody(name="Bob", username="bob", score=70.0), somebody(label=-1)])
    groups = influencer_map.grouped(influencer_map.placed(frame), 4e7).sort_values("label", ascending=False)

    assert groups["people"].tolist() == [2, 1]
    assert groups["who"].tolist() == ["Bob @bob", "Ann @ann"]


@given(
    st.lists(st.tuples(st.floats(-60, 80), st.floats(-180, 180), st.sampled_from([-1, 0, 1])), max_size=20),
    st.floats(1e4, 4e7),
)
def test_grouping_loses_nobody(spots, width):
    rows = [somebody(latitude=latitude, longitude=longitude, label=label) for latitude, longitude, label in spots]
    frame = pd.DataFrame(rows, columns=list(somebody()))

    assert influencer_map.grouped(influencer_map.placed(frame), width)["people"].sum() == len(spots)


def test_the_basemap_is_the_world_without_a_request():
    world = influencer_map.basemap()

    assert sum(map(math.isnan, world["x"])) == sum(map(math.isnan, world["y"])) == 278


def test_the_page_counts_those_whose_place_is_unknown(keyword, put, author_row, tweet_row, influence_row):
    keyword("nike")
    put(Author, author_row(1), author_row(2))
    here = {"place": "Lisbon", "latitude": 38.7, "longitude": -9.1, "place_confidence": 0.8}
    put(Tweet, tweet_row(1, **here), tweet_row(2, author_id=2))
    put(Influence, influence_row(1), influence_row(2))
    words = influencer_map.page(Selection())[0].object

    assert "<b>1</b> of the 2 top influencers" in words
    assert "place of <b>1</b> is unknown" in words


def test_with_nobody_to_show_the_map_is_drawn_empty(put, keyword, author_row, tweet_row, influence_row):
    keyword("nike", sensitive=True)
    put(Author, author_row(1))
    put(Tweet, tweet_row(1, place="Chicago", latitude=41.9, longitude=-87.6, place_confidence=0.9))
    put(Influence, influence_row(1))
    nobody = influencer_map.places(Selection().view)

    assert len(influencer_map.grouped(influencer_map.placed(nobody), 1e7)) == 0


def test_a_group_has_its_number_on_it_and_a_single_one_has_none():
    frame = pd.DataFrame([somebody(), somebody(name="Bob"), somebody(label=-1)])
    drawn = influencer_map.crowds(influencer_map.grouped(influencer_map.placed(frame), 4e7))

    assert drawn["count"].tolist() == ["2"]


@given(st.lists(st.tuples(st.floats(-1e7, 1e7), st.floats(-7e6, 7e6), st.integers(2, 99)), max_size=30))
def test_no_number_lies_on_another_and_the_largest_groups_keep_theirs(spots):
    groups = pd.DataFrame(spots, columns=["x", "y", "people"]).assign(cell=1e6)
    kept = influencer_map.readable(groups)[["x", "y", "people"]].values.tolist()

    for at, (x, y, _) in enumerate(kept):
        assert all(abs(x - a) >= 0.75e6 or abs(y - b) >= 0.45e6 for a, b, _ in kept[:at])
    assert max((people for *_, people in kept), default=0) == groups["people"].max() if spots else not kept


def test_on_a_phone_fewer_and_larger_groups_are_drawn():
    frame = influencer_map.placed(pd.DataFrame([somebody(longitude=east) for east in (5.0, 25.0)]))

    assert [len(influencer_map.grouped(frame, 4e7, phone)) for phone in (False, True)] == [2, 1]


def test_the_table_counts_each_place_by_mood_and_the_unknown_last():
    nowhere = somebody(latitude=None, longitude=None, place=None, place_confidence=None)
    frame = pd.DataFrame([nowhere, nowhere, somebody(), somebody(label=-1), somebody(place="Oslo")])
    found = influencer_map.by_place(frame)

    assert found["place"].tolist() == ["Lisbon", "Oslo", "unknown"]
    assert found[["positive", "neutral", "negative", "people"]].values.tolist() == [
        [1, 0, 1, 2],
        [1, 0, 0, 1],
        [2, 0, 0, 2],
    ]


def test_of_a_sensitive_keyword_only_areas_with_ten_voices_are_on_the_map(keyword, put, tweet_row):
    keyword("nike", sensitive=True)
    crowd = [tweet_row(id, author_id=id, latitude=41.9, longitude=-87.6) for id in range(1, 11)]
    put(Tweet, *crowd, *(tweet_row(id, author_id=id, latitude=10.0, longitude=-1.0) for id in range(20, 29)))
    view = Selection().view
    [area] = look.rows(influencer_map.squares(view))

    assert (area["latitude"], area["longitude"], area["voices"]) == (41.0, -87.0, 10)
    assert "<td>41°, -87°</td><td>10</td>" in influencer_map.twin(view)


def test_a_group_parts_as_one_looks_closer_and_stays_as_the_map_is_moved(
    keyword, put, author_row, tweet_row, influence_row
):
    keyword("nike")
    put(Author, author_row(1), author_row(2))
    put(Tweet, *(tweet_row(id, author_id=id, place="Here", latitude=45.0, longitude=4.0 + id) for id in (1, 2)))
    put(Influence, influence_row(1), influence_row(2))
    drawn = influencer_map.page(Selection())[1].object
    groups = drawn.renderers[2].data_source

    def look_at(x0, x1):
        drawn._trigger_event(RangesUpdate(drawn, x0=x0, x1=x1))
        return groups.data["people"]

    assert groups.data["people"] == [2]
    before = groups.data
    assert look_at(-1e7, 2.9e7) == [2]
    assert groups.data is before
    assert look_at(0, 1e6) == [1, 1]


def test_of_a_sensitive_keyword_areas_are_drawn_and_no_person_is(keyword, put, tweet_row, author_row, influence_row):
    keyword("nike", sensitive=True)
    put(Author, author_row(1))
    put(Tweet, *(tweet_row(id, author_id=id, latitude=41.9, longitude=-87.6) for id in range(1, 11)))
    put(Influence, influence_row(1))
    _, areas, *people = (one.data_source.data for one in influencer_map.page(Selection())[1].object.renderers)

    assert areas["voices"] == [10]
    assert all(not rows["x"] for rows in people)
