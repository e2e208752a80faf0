"""What a page asks for is read while others go on, and shown once it is there."""

from __future__ import annotations

import time
from threading import Event, Semaphore, Thread

import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc
from sqlalchemy.exc import OperationalError

from core.models import Tweet
from panel_app import ahead, data
from panel_app.selection import Selection, Shown


@pytest.fixture
def page():
    """A page that is open, as Panel knows it while something happens on it."""
    with set_curdoc(document := Document()):
        yield document


def turn(page):
    """Wait for what is to be done on a page, and do it, as its loop would."""
    until = time.monotonic() + 30
    while not page.session_callbacks and time.monotonic() < until:
        time.sleep(0.01)
    for callback in page.session_callbacks:
        page.remove_next_tick_callback(callback)
        callback.callback()


def test_where_no_page_is_open_it_is_shown_at_once():
    said = []
    ahead.then(lambda: said.append("read"), lambda: said.append("shown"), said.append)

    assert said == ["shown"]


def test_what_is_there_already_is_shown_at_once(page):
    said = []
    ahead.then(lambda: None, lambda: said.append("shown"), said.append)

    assert said == ["shown"]


def test_what_takes_a_while_is_shown_when_it_is_there_and_until_then_the_page_says_so(page):
    gate, said = Event(), []
    ahead.then(gate.wait, lambda: said.append("shown"), said.append)
    assert said == [True]

    gate.set()
    turn(page)
    assert said == [True, "shown", False]


def test_what_cannot_be_read_is_shown_all_the_same_for_the_page_says_why(page):
    gate, said = Event(), []

    def read():
        gate.wait()
        raise ValueError

    ahead.then(read, lambda: said.append("shown"), said.append)
    gate.set()
    turn(page)

    assert said == [True, "shown", False]


def test_a_page_follows_when_its_answers_are_there_and_skips_what_nobody_waits_for_any_more(
    keyword, put, tweet_row, page
):
    for name in ("nike", "puma", "asics"):
        keyword(name)
    put(Tweet, *(tweet_row(id, keyword_id=id) for id in (1, 2, 3)))
    gates = {name: Event() for name in ("puma", "asics")}
    selection = Selection(keyword="nike")
    shown = Shown(selection, lambda _, view: gates[view.keyword].wait())
    seen = []
    shown.param.watch(lambda event: seen.append(event.new.keyword), "view")
    selection.keyword = "puma"
    selection.keyword = "asics"
    assert (seen, selection.reading) == ([], 2)

    for gate in gates.values():
        gate.set()
        turn(page)

    assert (seen, selection.reading) == (["asics"], 0)


def test_what_nobody_waits_for_is_written_in_order_and_a_failure_is_in_the_log(caplog):
    gate, said = Event(), []

    def fails():
        raise OperationalError("INSERT", None, Exception("away"))

    for write in (gate.wait, fails, lambda: said.append(1), lambda: said.append(2)):
        ahead.later(write)
    assert said == []
    gate.set()
    ahead.writer().submit(lambda: None).result()

    assert said == [1, 2]
    assert [record.getMessage() for record in caplog.records] == ["What somebody did is not counted: OperationalError"]


def test_what_all_pages_need_is_read_before_somebody_asks_and_again_when_it_changes(door, keyword, monkeypatch):
    monkeypatch.setattr(data, "POLL_SECONDS", 0.01)
    read, stop = Semaphore(0), Event()
    door.watch()
    Thread(target=ahead.keep_ready, args=((read.release,), stop), daemon=True).start()
    try:
        assert read.acquire(timeout=30)
        assert not read.acquire(timeout=0.2)
        keyword("nike")
        door.watch().look()
        assert read.acquire(timeout=30)
    finally:
        stop.set()
