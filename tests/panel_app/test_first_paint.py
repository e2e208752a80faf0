"""What is there of a page before its scripts have run: the frame, the figures, and nothing for strangers."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import expect

from panel_app import pages
from tests.panel_app.conftest import PAYLOAD, SECRET, Tags
from tests.panel_app.marketer import LATER

pytestmark = pytest.mark.browser

ROOT = b"data-root-id"  # where Panel's own begins


@pytest.fixture
def asked(app_url, signed_in):
    """Ask for a page as a browser does; returns the answer, of which nothing was read yet."""

    def ask(query, role="analyst"):
        cookies = signed_in(role).cookies
        return requests.get(f"{app_url}/?{query}", cookies=cookies, stream=True, timeout=60)

    return ask


def test_the_frame_comes_before_anything_is_read_or_built(asked):
    first, *rest = asked("page=topics").iter_content(None)

    assert b'aria-current="page">Topics</a>' in first
    assert b"still" not in first.split(b"</style>")[-1]
    assert ROOT not in first
    assert ROOT in b"".join(rest)


def test_a_stranger_is_led_to_the_door_and_nothing_goes_wrong(app_url, app_home):
    for _ in range(2):  # what goes wrong with one is in the log when the next is answered
        led = requests.get(f"{app_url}/?page=topics", allow_redirects=False, timeout=60)

    assert (led.status_code, led.headers["Location"].partition("?")[0]) == (302, "./login")
    assert "first_paint.py" not in (app_home / "app.log").read_text()


def test_without_scripts_the_figures_are_those_of_the_page(window, app_url):
    bare, alive = (window(java_script_enabled=scripts).new_page() for scripts in (False, True))
    seen = []
    for page in (bare, alive):
        page.goto(f"{app_url}/?page=overview&hours=720")
        tiles = page.locator(".tiles").first
        tiles.wait_for(timeout=LATER)
        seen.append((tiles.inner_text(), page.locator(".legend").first.inner_text()))
    pictures = bare.locator("svg.still")

    assert seen[0] == seen[1]
    assert pictures.count() == 2
    assert pictures.first.bounding_box()["height"] > 150
    assert bare.locator("rect").count() > 0


@pytest.mark.parametrize("name", pages.PAGES)
def test_every_page_is_drawn_ahead_and_no_strangers_word_is_markup_there(asked, name):
    text = asked(f"page={pages.slug(name)}&word={PAYLOAD}").text.partition(ROOT.decode())[0]
    drawn = Tags(text)

    assert f'aria-current="page">{name}</a>' in text
    assert 'class="keyword"' in text
    assert "img" not in drawn.tags
    assert drawn.handlers == []


def test_of_a_sensitive_keyword_nobody_is_named_ahead(asked):
    for name in pages.STILL:
        text = asked(f"page={pages.slug(name)}&keyword=private").text
        assert "private</span>" in text
        assert SECRET not in text


def test_the_second_page_is_in_the_viewers_time_from_the_first(window, app_url):
    page = window(timezone_id="Asia/Tokyo").new_page()
    said = [page.goto(f"{app_url}/?page=overview").text() for _ in range(2)]

    assert ["times in UTC" in one for one in said] == [True, False]
    assert "times in Asia/Tokyo" in said[1]


def test_a_time_zone_that_nobody_knows_is_utc(asked, signed_in):
    signed_in().cookies.set("zone", "<b>nowhere")
    try:
        assert "times in UTC" in asked("page=overview").text
    finally:
        signed_in().cookies.pop("zone")


def test_a_stranger_gets_nothing_of_it(guest):
    answer = guest().look("/?page=overview")

    assert (answer.status_code, answer.text) == (302, "")


def test_a_page_that_does_not_come_says_so(window, app_url):
    page = window().new_page()

    def cut(route):
        body = route.fetch().body()
        route.fulfill(content_type="text/html", body=body[: re.search(rb'<div id="[^"]*" data-root-id', body).start()])

    page.route(f"{app_url}/?page=overview", cut)
    type(page).goto(page, f"{app_url}/?page=overview")

    expect(page.get_by_role("alert")).to_have_text("This page does not come. Reload it.", timeout=LATER)
