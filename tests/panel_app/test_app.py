"""The served app in a real browser: every page draws, at home and on a phone, and runs nobody else's code."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, expect
from sqlalchemy import insert, select, update

from core.models import Account, AlertRule, Event, Export, Influence, InfluenceRun, Keyword, Tweet
from panel_app import look, pages
from tests.panel_app import axe, eyes
from tests.panel_app.conftest import PAYLOAD, PHONE, SECRET
from tests.panel_app.marketer import LATER, SURFACE, Marketer

pytestmark = pytest.mark.browser

# What a page alone has when it has drawn, and how many plots once all of it is open.
DRAWN = {
    "overview": (".tiles .shares-bar", 2),
    "influence-score": (".made summary", 2),
    "influencer-map": ("text=The map as a table", 1),
    "word-clouds": ("text=The words as a table", 3),
    "hashtag-trend": ("text=Bars", 2),
    "compare": ("table.compare", 2),
    "patterns": ("text=Retweets against followers", 1),
    "topics": ("text=Hashtags to enter", 0),
    "forecast": ("text=Mood of the coming days", 2),
    "advice": ("text=Win them back", 0),
    "alerts": ("text=Take this budget", 0),
    "tracking": ("text=Track it", 0),
    "admin": ("text=Accounts", 0),
}


@pytest.fixture(scope="module")
def windows(window):
    """A desktop's window and a phone's, by width; pages in one share its cache."""
    agents = {1280: None, 390: PHONE}
    return {
        width: window("admin", viewport={"width": width, "height": 900}, user_agent=agent)
        for width, agent in agents.items()
    }


@pytest.fixture
def opened(app_url, windows):
    """Open a page; returns it with what it logged as errors and whom it asked."""
    pages = []

    def open_page(path, width=1280):
        page = windows[width].new_page()
        pages.append(page)
        errors, hosts = [], set()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.goto(app_url + path)
        return page, errors, hosts

    yield open_page
    for page in pages:
        page.close()


def test_every_page_has_a_sign_that_it_has_drawn():
    assert DRAWN.keys() == {pages.slug(name) for name in (*pages.PAGES, *pages.DESK)}


@pytest.mark.parametrize("scheme", SURFACE)
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_draws_fits_reads_well_and_runs_no_strangers_code(window, app_url, width, scheme):
    phone = width < 600
    kind = {"user_agent": PHONE, "has_touch": True} if phone else {}
    page = window("admin", viewport={"width": width, "height": 900}, color_scheme=scheme, **kind).new_page()
    somebody, faults = Marketer(page, phone), {}
    page.goto(f"{app_url}/?keyword=<img src=x onerror=window.hacked=1>")
    page.get_by_text("Synthetic data").wait_for(timeout=LATER)
    somebody.sees(scheme)
    for name in (*pages.PAGES, *pages.DESK):
        somebody.go_to(name)
        sign, plots = DRAWN[pages.slug(name)]
        page.locator(sign).first.wait_for(timeout=LATER)
        eyes.look(page, "unfold")
        page.wait_for_function(f"({eyes.EYES}).plots() === {plots}", timeout=LATER)
        found = somebody.faults()
        if phone == (scheme == "dark"):  # each width once, and each theme
            found |= {"axe": axe.violations(page)}
        found |= {"without a table": eyes.look(page, "alone"), "no key": eyes.look(page, "mouse_only")}
        faults[name] = {what: found[what] for what in found if found[what]}
    other = next(iter(SURFACE.keys() - {scheme}))
    page.emulate_media(color_scheme=other)  # as it does in the evening
    somebody.sees(other)

    assert {name: found for name, found in faults.items() if found} == {}


def test_of_a_sensitive_keyword_no_person_and_no_tweet_reaches_the_browser(app_url, windows):
    page, sent = windows[1280].new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(str(frame))))
    sent.append(page.goto(f"{app_url}/?keyword=private").text())
    page.get_by_text("last tweet").wait_for(timeout=LATER)
    somebody = Marketer(page, phone=False)
    for name in pages.PAGES:
        somebody.go_to(name)
        if name == "Word Clouds":
            page.get_by_label("Word or #hashtag").fill("hello", timeout=LATER)
            page.keyboard.press("Enter")
            page.get_by_text("No tweets here").wait_for(timeout=LATER)
        eyes.look(page, "unfold")
        expect(page.get_by_text(look.READING)).to_have_count(0, timeout=LATER)
        eyes.look(page, "unfold")
        assert SECRET not in page.locator("main").inner_text(), name
    page.get_by_text("Take this budget").wait_for(timeout=LATER)

    told = "".join(sent)
    assert "private" in told
    assert SECRET not in told
    page.close()


def test_a_viewer_has_neither_the_tracking_nor_the_admin_page_and_cannot_ask_for_them(window, app_url):
    page = window("viewer").new_page()
    for name in ("tracking", "admin"):
        page.goto(f"{app_url}/?page={name}")
        page.get_by_role("heading", name="Overview").wait_for(timeout=30_000)
        assert page.get_by_text("Tracking").count() == 0
    page.close()


def test_feedback_is_taken_on_a_page(opened, filled_database):
    page, errors, _ = opened("/?page=overview")
    page.get_by_role("button", name="Feedback on this page").click(timeout=30_000)
    page.get_by_label("What works").fill(f"More maps please {PAYLOAD}")
    page.get_by_role("button", name="Send feedback").click()
    page.get_by_text("Thank you").wait_for()
    with filled_database.connect() as connection:
        told = (
            connection.execute(select(Event.detail).where(Event.kind == "feedback").order_by(Event.id)).scalars().all()
        )

    assert told[-1] == {"page": "overview", "text": f"More maps please {PAYLOAD}"}
    assert errors == []


def test_an_admin_changes_a_role_by_a_click(opened, filled_database):
    page, errors, _ = opened("/?page=admin")
    page.get_by_label("Role of viewer@example.com").click(timeout=30_000)
    page.get_by_role("menuitem", name="analyst").click()
    page.get_by_text("viewer@example.com is analyst now").wait_for()

    with filled_database.connect() as connection:
        asked = select(Account.role).where(Account.email == "viewer@example.com")
        assert connection.execute(asked).scalar_one() == "analyst"
    assert errors == []


def test_a_keyword_is_paused_marked_and_removed_by_clicks(opened, filled_database):
    page, errors, _ = opened("/?page=tracking")
    for button, said in (("Pause quiet", "quiet is paused"), ("Mark as sensitive: quiet", "quiet: totals only")):
        page.get_by_role("button", name=button).click(timeout=30_000)
        page.get_by_text(said).wait_for()
    page.get_by_role("button", name="Remove quiet", exact=True).click()
    page.get_by_role("button", name="Really remove quiet").click()
    page.get_by_text("quiet is no longer tracked").wait_for()
    with filled_database.begin() as connection:
        found = connection.execute(
            select(Keyword.paused, Keyword.sensitive, Keyword.active).where(Keyword.name == "quiet")
        )
        assert found.all() == [(True, True, False)]
        connection.execute(
            update(Keyword).where(Keyword.name == "quiet").values(paused=False, sensitive=False, active=True)
        )
    assert errors == []


def test_the_tweets_behind_a_word_run_no_strangers_code(opened):
    page, errors, _ = opened("/?page=word-clouds")
    page.get_by_label("Word or #hashtag").fill("hello")
    page.keyboard.press("Enter")
    page.locator("article.card").first.wait_for(timeout=30_000)
    page.get_by_role("button", name="Commonest").click()
    page.get_by_role("button", name="show more").click()
    page.locator("td").first.wait_for()

    assert errors == []
    assert page.evaluate("window.hacked") is None


def test_everything_that_explains_a_score_opens_by_keyboard_fits_and_runs_no_strangers_code(opened):
    page, errors, _ = opened("/?page=influence-score", 390)
    summaries = page.locator(".columns summary, #twin summary")
    summaries.first.wait_for(timeout=30_000)
    for summary in summaries.all():
        summary.press("Enter")
    for part in page.get_by_role("button", name="show more").all():
        part.press("Enter")
    page.get_by_role("slider", name="Retweets and likes here").wait_for()
    for _ in range(3):
        page.get_by_role("slider", name="Retweets and likes here").press("ArrowRight")

    page.get_by_text(re.compile(r"retweets and likes here \d+, ")).wait_for()
    assert page.get_by_text("unknown: the others share its weight").count() == 3
    assert page.locator("#twin td").first.is_visible()
    page.wait_for_timeout(500)  # a payload runs a moment after it is drawn
    assert errors == []
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_reader_opened_stays_open_while_new_scores_come(opened, filled_database):
    page, _, _ = opened("/?page=influence-score")
    summary = page.locator(".columns summary").first
    summary.wait_for(timeout=30_000)
    summary.press("Enter")
    at = datetime.now(UTC)
    with filled_database.begin() as connection:
        connection.execute(update(Influence).values(score=43.0, reach=31.0))
        connection.execute(update(InfluenceRun).values(finished_at=at))

    expect(page.locator(".columns .score").first).to_have_text("43.0", timeout=10_000)
    expect(page.locator(".columns td").first).to_be_visible()
    expect(summary).to_be_focused()


def test_a_new_tweet_reaches_the_screen_by_itself(opened, filled_database, tweet_row):
    page, _, _ = opened("/?page=overview")
    voices = page.locator(".tiles .figure").nth(1)
    voices.wait_for(timeout=30_000)
    before = int(voices.inner_text())
    with filled_database.begin() as connection:
        connection.execute(insert(Tweet), tweet_row(99, author_id=99, created_at=datetime.now(UTC)))

    expect(voices).to_have_text(str(before + 1), timeout=10_000)
    expect(page.get_by_text(re.compile(r"last tweet \d+ s ago"))).to_be_visible()


def test_an_address_leads_to_the_keyword_and_range_that_it_names_and_follows_the_pickers(opened):
    page, _, _ = opened("/?page=overview&keyword=quiet&hours=6")
    page.get_by_text("No tweet about quiet yet").wait_for(timeout=30_000)
    expect(page.get_by_role("button", name="6 h", exact=True)).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="24 h", exact=True).click()
    page.wait_for_url(re.compile(r"hours=24"))


def brush(page, plot):
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 100, steps=4)
    page.mouse.up()


def test_a_window_that_is_brushed_becomes_the_range_of_every_page_until_live(opened):
    page, errors, _ = opened("/?page=hashtag-trend&hours=6")
    plot = page.locator(".bk-Figure").first
    plot.locator("canvas").first.wait_for(timeout=30_000)
    page.get_by_text("last tweet").wait_for()
    brushed = re.compile(r"from=.*&to=")
    for _ in range(10):  # a plot that was just drawn may not listen yet, or still move
        brush(page, plot)
        with suppress(Error):
            page.wait_for_url(brushed, timeout=4_000)
            break
    expect(page).to_have_url(brushed)
    shown = page.locator("input[name=start]").input_value()
    page.get_by_text("Overview", exact=True).click()

    page.get_by_text("in this range").wait_for()  # the tweets are of the last hour
    expect(page).to_have_url(re.compile(r"page=overview.*from=.*&to="))
    assert page.locator("input[name=start]").input_value() == shown
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page).to_have_url(re.compile(r"page=overview.*hours=6"), timeout=20_000)
    assert errors == []


def test_the_two_ends_of_a_range_are_set_by_keyboard_on_a_phone(opened):
    page, errors, _ = opened("/?page=overview", 390)
    page.get_by_role("button", name="Custom", exact=True).click(timeout=30_000)
    page.locator("input[name=end]").fill("2020-01-02T12:00")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    page.get_by_text("Set an end that is later than the start").wait_for()
    page.locator("input[name=start]").fill("2020-01-01T12:00")
    page.get_by_role("button", name="Show", exact=True).press("Enter")

    expect(page).to_have_url(re.compile(r"from=2020-01-01T.*&to=2020-01-02T"), timeout=20_000)
    page.get_by_text("01 Jan 2020").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert errors == []


def tab_to(page, role, name):
    """Press the Tab key until it comes to a control."""
    one = page.get_by_role(role, name=name).first
    one.wait_for(timeout=LATER)
    for _ in range(120):
        if one.evaluate("one => one.getRootNode().activeElement === one"):
            return page.keyboard
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not come to {name}")


def test_topics_forecast_advice_and_alerts_are_used_by_keyboard_alone(window, app_url, filled_database):
    page = window("analyst").new_page()
    somebody = Marketer(page, phone=False)
    page.goto(f"{app_url}/?page=topics")
    tab_to(page, "textbox", "Word or #hashtag").type("hello\n")
    page.locator("article.card").first.wait_for(timeout=LATER)
    tab_to(page, "button", "Forecast").press("Enter")
    tab_to(page, "button", "show more").press("Enter")
    page.get_by_text("Every forecast is kept as it was made").wait_for(timeout=LATER)
    tab_to(page, "button", "Advice").press("Enter")
    tab_to(page, "button", re.compile("Done: win them back")).press("Enter")
    page.get_by_text("Noted as done").wait_for(timeout=LATER)
    tab_to(page, "button", "Alerts").press("Enter")
    tab_to(page, "button", "I see to it").press("Enter")
    page.get_by_text("seen to", exact=True).wait_for(timeout=LATER)
    tab_to(page, "combobox", "Alerts by volume alone").press("Enter")
    page.get_by_role("menuitem", name="2 a week at most").press("Enter")
    tab_to(page, "button", "Take this budget").press("Enter")
    page.get_by_text("That is its budget from now on").wait_for(timeout=LATER)
    with filled_database.connect() as connection:
        assert connection.execute(select(AlertRule.per_week)).scalar_one() == 2

    assert somebody.faults() == {}


def test_a_keyword_without_tweets_says_what_to_do(opened):
    page, errors, _ = opened("/?page=overview")
    page.locator(DRAWN["overview"][0]).first.wait_for(timeout=30_000)
    page.get_by_label("Keyword").click()
    page.locator("li", has_text="quiet").click()

    expect(page.get_by_text("No tweet about quiet yet")).to_be_visible(timeout=30_000)
    assert errors == []


def test_numbers_pictures_and_a_link_leave_by_keyboard(opened, filled_database):
    page, errors, hosts = opened("/?page=influence-score")
    page.get_by_text("Export and share").press("Enter", timeout=30_000)
    page.locator(".columns .card").first.wait_for(timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="People and numbers (CSV)").press("Enter")
    lines = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
    page.get_by_role("button", name="Pictures (PNG)").press("Enter")
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG: Resonance").press("Enter")

    assert {line["name"] for line in lines} == {PAYLOAD}
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Copy link").press("Enter")
    page.get_by_text(re.compile("The link is copied|Copy this link")).wait_for()
    with filled_database.begin() as connection:
        connection.execute(update(Export).values(objects=499))
    page.get_by_role("button", name="People and numbers (CSV)").click()
    page.get_by_text("You have taken 499 today").wait_for()
    assert errors == []
    assert hosts <= {"127.0.0.1", None}
