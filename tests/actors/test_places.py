"""Which profile texts name a place, which place, and how sure that is."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.places import Place, kilometres, place

SURE = 0.8
NOWHERE = """Earth
worldwide
World
everywhere
home
At the home office
she/her
he/they
Hogwarts
God's earth
somewhere over the rainbow
New Yorker
australian in america
mobile in the us
portland or
iPhone: 1,2
ÜT: 0.0,0.0
NQ
SP
CA
in
me
Of
nice
Best
Hope
Mobile
Reading
USA, Brazil, Spain
paris@example.com
https://example.com/london
12345"""


def named(location: str) -> tuple[str, str]:
    found = place(location)
    assert found is not None, location
    return found.name, found.country_code


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("Nashville, TN", ("Nashville", "US")),
        ("Portland, Maine", ("Portland", "US")),
        ("Paris, France", ("Paris", "FR")),
        ("Paris, Texas", ("Paris", "US")),
        ("Birmingham, AL", ("Birmingham", "US")),
        ("Birmingham | England", ("Birmingham", "GB")),
        ("Kingston • Ontario", ("Kingston", "CA")),
        ("Stuttgart; Deutschland", ("Stuttgart", "DE")),
        ("Recife, PE, Brasil", ("Recife", "BR")),
        ("\U0001f4cd Seattle \U0001f1fa\U0001f1f8", ("Seattle", "US")),
        ("St Louis, MO", ("St. Louis", "US")),
        ("NYC", ("New York City", "US")),
        ("New York", ("New York City", "US")),
        ("Washington, D.C.", ("Washington", "US")),
        ("Chicago IL", ("Chicago", "US")),
        ("london uk", ("London", "GB")),
        ("Miami FL USA", ("Miami", "US")),
        ("Rochester, New York", ("Rochester", "US")),
        ("東京", ("Tokyo", "JP")),
        ("Москва", ("Moscow", "RU")),
        ("القاهرة", ("Cairo", "EG")),
        ("İSTANBUL", ("Istanbul", "TR")),
        ("Reading, England", ("Reading", "GB")),
        ("York, North Yorkshire", ("York", "GB")),
        ("Nice, France", ("Nice", "FR")),
    ],
)
def test_a_named_city_is_found_and_believed(location, expected):
    assert named(location) == expected
    assert place(location).confidence >= SURE


@pytest.mark.parametrize("location", [*NOWHERE.splitlines(), None, "", "\0", "\U0001f1eb\U0001f1f7"])
def test_text_that_names_no_place_we_would_believe_is_unknown(location):
    assert place(location) is None


def test_a_country_or_state_alone_is_known_but_not_where_in_it():
    assert named("Deutschland") == ("Germany", "DE")
    assert named("California, USA") == ("California", "US")
    assert named("Derbyshire, UK") == ("England", "GB")
    assert place("Deutschland").confidence == 0.4


def test_the_most_populous_namesake_is_meant_and_doubted_by_the_others_people():
    lone, shared = place("Edinburgh"), place("Birmingham")

    assert (shared.name, shared.country_code) == ("Birmingham", "GB")
    assert lone.confidence > SURE
    assert 0.5 < shared.confidence < SURE


def test_a_country_beside_a_city_makes_it_surer_and_a_puzzling_part_less_sure():
    assert place("Uppsala, qwertz").confidence < place("Uppsala").confidence < place("Uppsala, Sweden").confidence


def test_of_two_cities_one_is_taken_without_being_sure():
    assert named("Toronto || Ottawa") == ("Toronto", "CA")
    assert place("Toronto || Ottawa").confidence < SURE


@pytest.mark.parametrize("location", ["PA", "NH", "Downingtown, PA", "Salisbury", "LA & Boston"])
def test_a_code_an_old_name_or_an_unknown_town_is_never_a_city_elsewhere(location):
    found = place(location)

    assert found is None or (found.country_code in ("US", "GB") and found.confidence <= 0.5)


def test_coordinates_in_the_text_give_the_nearest_city():
    assert named("\u00dcT: 40.72,-74.01") == ("New York City", "US")
    assert place("iPhone: 0.000000,-30.000000") is None


@given(st.text() | st.lists(st.sampled_from(["Paris", "TX", ", ", " ", "|", "UK", "1.5", ","])).map("".join))
def test_any_text_gives_a_place_on_earth_or_none(location):
    found = place(location)

    assert found is None or isinstance(found, Place)
    if found:
        assert abs(found.latitude) <= 90
        assert abs(found.longitude) <= 180
        assert 0 < found.confidence <= 1


def test_what_we_are_sure_of_is_right_for_real_profiles(test_data: Path):
    with (test_data / "places/profile_locations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    # From "Eugene, OR" on, the file's points have slipped to other rows' names.
    known = [row for row in rows[: [row["location"] for row in rows].index("Eugene, OR")] if row["lat"]]
    sure = [(row, found) for row in known if (found := place(row["location"])) and found.confidence >= SURE]
    right = [
        row
        for row, found in sure
        if kilometres(found.latitude, found.longitude, float(row["lat"]), float(row["long"])) < 100
    ]

    assert len(sure) >= 48
    # The one that differs is Beijing in its own script, which the file's geocoder put 1,300 km away.
    assert [row["location"] for row, _ in sure if row not in right] == ["北京"]
    assert len(right) / len(sure) > 0.97


@pytest.mark.parametrize("location", ["Lyon, France", "Marseille, France"])
def test_a_town_that_the_gazetteer_has_twice_is_not_its_own_rival(location):
    found = place(location)

    assert found is not None
    assert found.confidence > SURE
