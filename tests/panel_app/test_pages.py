"""Which pages there are, and for whom."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import event

from core.batches import Batch, save_batch
from core.models import Influence, InfluenceRun
from panel_app import data, pages
from panel_app.selection import Selection, Shown
from tests.conftest import NOON

HOUR = timedelta(hours=1)


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


@pytest.fixture
def asked():
    """The questions that Postgres was asked since the list was last emptied."""
    said = []

    def ask(_connection, _cursor, statement, *_):
        said.append(statement)

    event.listen(data.engine(), "before_cursor_execute", ask)
    yield said
    event.remove(data.engine(), "before_cursor_execute", ask)


@pytest.mark.parametrize("name", sorted(pages.READ.keys() - pages.PERSONAL))  # what is somebody's is asked at once
def test_what_a_page_asks_for_is_read_ahead_of_it(
    name, door, engine, keyword, put, tweet_row, author_row, influence_row, asked
):
    keywords = {keyword(one): one for one in ("nike", "puma", "asics")}
    for number, one in keywords.items():
        rows = [{**tweet_row(id, author_id=id, text="good shoe"), "terms": ["good", "shoe"]} for id in range(1, 40)]
        save_batch(engine, Batch(number, "s", one, 1, rows, [author_row(id) for id in range(1, 40)]))
    put(Influence, *(influence_row(id, rank=id) for id in range(1, 6)))
    put(
        InfluenceRun,
        {"window_end": NOON, "window_start": NOON - 72 * HOUR, "state": "done", "weights": "w", "started_at": NOON},
    )
    selection = Selection()
    pages.READ[name](selection, selection.view)
    asked.clear()
    pages.PAGES[name][1](Shown(selection, pages.READ[name]))

    assert [one.strip()[:300] for one in asked] == []
