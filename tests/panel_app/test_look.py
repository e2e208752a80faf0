"""Numbers with their units, ages, and means with what stands behind them."""

from __future__ import annotations

import pytest

from panel_app import look


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (1234, "1.23K"),
        (999_950, "1M"),
        (2_500_000, "2.5M"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_count_is_short_and_unknown_is_not_zero(count, shown):
    assert look.short(count) == shown


def test_a_mean_shows_its_n_and_nothing_scored_is_not_neutral():
    assert look.mean(0.234, 41) == "+0.23 <small>(n = 41)</small>"
    assert look.mean(-0.001, 5).startswith("0.00")
    assert look.mean(float("nan"), 0) == "not scored"


@pytest.mark.parametrize(("seconds", "said"), [(-3, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago")])
def test_an_age_is_told_in_its_largest_unit(seconds, said):
    assert look.ago(seconds) == said
