"""Which pages there are, and for whom."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from panel_app import pages


def test_every_page_says_what_it_reads_and_only_pages_are_drawn_ahead():
    assert pages.READ.keys() == pages.PAGES.keys()
    assert pages.STILL.keys() <= pages.PAGES.keys()


@pytest.mark.parametrize(
    ("asked", "name"), [("hashtag-trend", "Hashtag Trend"), ("nowhere", "Overview"), ("", "Overview")]
)
def test_an_address_names_a_page_or_else_the_first_is_shown(asked, name):
    names = list(pages.PAGES)

    assert names[pages.asked_page(names, {"page": [asked.encode()]})] == name
    assert pages.asked_page(names, {}) == 0


@pytest.mark.parametrize(
    ("role", "desk"), [("viewer", set()), ("analyst", {"Tracking"}), ("admin", {"Tracking", "Admin"})]
)
def test_a_role_has_its_pages(role, desk):
    order = ["viewer", "analyst", "admin"]
    somebody = SimpleNamespace(may=lambda needed: order.index(role) >= order.index(needed))

    assert set(pages.pages_for(somebody)) - set(pages.PAGES) == desk
