"""How a range is cut: whole, in order, by the viewer's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel_app import cuts

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe"]
TIMES = st.integers(0, 10_000_000).map(lambda minute: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))


@given(
    start=TIMES,
    minutes=st.integers(1, 60 * 24 * 60),
    asked=st.sampled_from(["", *cuts.WIDTHS]),
    zone=st.sampled_from(ZONES),
)
def test_bars_fill_the_range_one_after_another(start, minutes, asked, zone):
    end = start + timedelta(minutes=minutes)
    edges = cuts.edges(start, end, cuts.width_for(end - start, asked), zone)

    assert (edges[0], edges[-1]) == (start, end)
    assert edges == sorted(set(edges))
    assert len(edges) <= cuts.MOST + 3  # the first and the last may be cut short


@given(time=TIMES, zone=st.sampled_from(ZONES))
def test_a_day_begins_at_most_25_hours_before_each_of_its_times_and_on_its_date(time, zone):
    begin = cuts.midnight(time, zone)

    assert begin <= time < begin + timedelta(hours=25)
    assert begin.astimezone(ZoneInfo(zone)).date() == time.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(("day", "hours"), [(28, 24), (29, 23), (30, 24)])
def test_a_day_on_which_clocks_go_forward_has_23_hours(day, hours):
    begin = cuts.midnight(datetime(2026, 3, day, 12, tzinfo=UTC), "Europe/Berlin")

    assert cuts.following(begin, cuts.DAY, "Europe/Berlin") - begin == timedelta(hours=hours)


def test_hours_are_those_of_a_zone_that_is_half_an_hour_off():
    edges = cuts.edges(NOON, NOON + timedelta(hours=2), timedelta(hours=1), "Asia/Kolkata")

    assert [edge.minute for edge in edges] == [0, 30, 30, 0]


@pytest.mark.parametrize(("asked", "width"), [("", "1 h"), ("15 min", "15 min"), ("1 min", "1 h"), ("1 day", "1 day")])
def test_a_width_that_suits_is_taken_and_another_is_not(asked, width):
    assert cuts.width_for(timedelta(hours=72), asked) == cuts.WIDTHS[width]


def test_ticks_are_few_and_round_and_name_the_day_at_midnight():
    named = [name for _, name in cuts.ticks(NOON, NOON + timedelta(hours=72), "Europe/Berlin")]

    assert named == ["20 Jun", "12:00", "21 Jun", "12:00", "22 Jun", "12:00"]
    assert 2 <= len(cuts.ticks(NOON, NOON + timedelta(days=60), "Europe/Berlin")) <= 7
