"""The whole journey of a marketer, on tweets of the local X: from the first page to a report, and out again."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, expect
from pypdf import PdfReader
from sqlalchemy import func, insert, select

from actors.lanes import Stretch
from actors.parse import MARK
from actors.tracker import KeywordTracker
from core.models import Influence, InfluenceRun, Keyword, Tweet
from local_x.fields import EVERYTHING
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.stories import KEYWORDS
from local_x.stream import recorded
from tests.panel_app import eyes
from tests.panel_app.conftest import PASSWORD, PHONE
from tests.panel_app.marketer import LATER, Marketer

pytestmark = pytest.mark.browser


class X:
    """What the local X says of a keyword in two hours, given to its tracker in two parts."""

    def __init__(self, database, database_url, name):
        rules = RuleStore()
        rules.add([{"value": KEYWORDS[name], "tag": MARK + name}])
        now = datetime.now(UTC).replace(microsecond=0)
        self._lines = list(enumerate(recorded(Scenario(7, now), rules, EVERYTHING, hours=2), 1))
        self._database, self._name, self._tracker = database, name, KeywordTracker(database_url)
        self.keyword_id = None

    def deliver(self, upto=None):
        """Let the tracker have the tweets up to one, or all that are left."""
        if self.keyword_id is None:
            with self._database.connect() as connection:
                asked = select(Keyword.id).where(Keyword.name == self._name, Keyword.active)
                self.keyword_id = connection.execute(asked).scalar_one()
        part, self._lines = self._lines[:upto], self._lines[len(self._lines) if upto is None else upto :]
        self._tracker.add([Stretch(self.keyword_id, self._name, self._name, "journey", part[-1][0], part, None)])

    def delivered(self):
        """Count the tweets that the tracker stored."""
        with self._database.connect() as connection:
            asked = select(func.count()).where(Tweet.keyword_id == self.keyword_id, Tweet.matched)
            return connection.execute(asked).scalar_one()

    def score(self):
        """Give some authors of each mood a score, as the job would."""
        end, scored = datetime.now(UTC).replace(microsecond=0), set()
        run = {"window_end": end, "window_start": end - timedelta(hours=72), "state": "done"}
        parts = {"keyword_id": self.keyword_id, "window_end": end, "reach": 30.0, "resonance": 12.0, "score": 42.0}
        with self._database.begin() as connection:
            for label in (1, 0, -1):
                asked = select(Tweet.author_id, Tweet.id).where(Tweet.keyword_id == self.keyword_id, Tweet.matched)
                found = dict(tuple(row) for row in connection.execute(asked.where(Tweet.label == label)))
                chosen = [author for author in found if author not in scored][:3]
                scored |= set(chosen)
                mood = {"label": label, "sentiment": 0.5 * label, "tweets": 2, "scored": 2}
                for rank, author in enumerate(chosen, 1):
                    person = {"author_id": author, "rank": rank, "top_tweet_id": found[author]}
                    connection.execute(insert(Influence), parts | mood | person)
            connection.execute(insert(InfluenceRun), run | {"started_at": end, "finished_at": end})


@pytest.fixture
def marketer(browser):
    """Open a window of a size and a theme for somebody whom nobody knows yet."""
    opened = []

    def make(width, scheme):
        phone = width < 600
        size = {"width": width, "height": 900}
        kind = {"user_agent": PHONE, "has_touch": True} if phone else {}
        context = browser.new_context(viewport=size, color_scheme=scheme, **kind)
        opened.append(context)
        return Marketer(context.new_page(), phone)

    yield make
    for context in opened:
        context.close()


def signs_up(somebody, app_url, email):
    page = somebody.page
    page.goto(app_url)
    somebody.press("link", "Find out more")
    expect(page.get_by_role("heading", name="How it works")).to_be_in_viewport()
    somebody.press("link", "Sign up")
    for label, typed in {"Name": "Ann", "E-mail": email, "Password": PASSWORD}.items():
        page.get_by_label(label).fill(typed)
    page.keyboard.press("Enter")


def tracks(somebody, name):
    page = somebody.page
    page.get_by_label("New keyword").fill(name, timeout=LATER)
    page.get_by_label("Query").fill(KEYWORDS[name])
    page.get_by_text(f"({KEYWORDS[name]}) -is:nullcast").wait_for(timeout=LATER)
    somebody.press("button", "Track it")
    page.get_by_text(f"{name} is tracked").wait_for(timeout=LATER)


def chooses(page, name):
    """Choose a keyword, again where a page that moves just then did not take it."""
    picker, failed = page.get_by_role("combobox", name="Keyword"), []
    for _ in range(5):
        page.keyboard.press("Escape")  # where its list is still open
        try:
            picker.click(timeout=8_000)
            page.get_by_role("menuitem", name=name, exact=True).click(timeout=8_000)
            page.wait_for_url(re.compile(rf"keyword={quote(name)}"), timeout=8_000)
            return
        except Error as error:
            failed.append(f"{page.url} {picker.inner_text()} {error}")
    raise AssertionError("\n".join(failed))


def sees_tweets_come(somebody, x, name):
    page = somebody.page
    x.deliver(upto=60)
    card = page.locator(".talker", has=page.get_by_role("heading", name=name, exact=True))
    card.get_by_text(re.compile(r"Last tweet .* ago, \d+ in the last 24 h")).wait_for(timeout=LATER)
    x.score()
    somebody.go_to("Overview")
    chooses(page, name)
    tweets = page.locator(".tiles .figure").first
    expect(tweets).to_have_text(f"{x.delivered():,}", timeout=LATER)
    x.deliver()
    expect(tweets).to_have_text(f"{x.delivered():,}", timeout=LATER)


def chooses_a_window(somebody):
    """Brush the trend; on a phone, where a finger on the plot scrolls, set both ends."""
    page = somebody.page
    somebody.go_to("Hashtag Trend")
    plot = page.locator(".bk-Figure").first
    plot.locator("canvas").first.wait_for(timeout=LATER)
    if somebody.phone:
        somebody.press("button", "Custom", exact=True)
        ends = page.locator("input[name=start]"), page.locator("input[name=end]")
        ends[0].wait_for(timeout=LATER)
        end = datetime.fromisoformat(ends[1].input_value())
        ends[0].fill(f"{end - timedelta(hours=1):%Y-%m-%dT%H:%M}")
        somebody.press("button", "Show", exact=True)
    else:
        somebody.press("button", "6 h", exact=True)
        for _ in range(10):  # a plot that was just drawn may not listen yet, or still move, or give way to another
            plot.wait_for(timeout=LATER)
            box = plot.bounding_box()
            if box is None:
                continue
            page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 100)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 100, steps=4)
            page.mouse.up()
            with suppress(Error):
                page.wait_for_url(re.compile("from=.*&to="), timeout=4_000)
                break
    expect(page).to_have_url(re.compile("from=.*&to="), timeout=LATER)


def reads_the_tweets_behind_a_word(somebody):
    """Click or touch a word in a cloud."""
    page = somebody.page
    somebody.go_to("Word Clouds")
    somebody.press("button", "Commonest")
    page.wait_for_function(f"({eyes.EYES}).clouds().some((cloud) => cloud.length)", timeout=LATER)
    page.wait_for_timeout(500)  # the words may still move
    word = next(cloud[0] for cloud in eyes.look(page, "clouds") if cloud)
    page.touchscreen.tap(word["x"], word["y"]) if somebody.phone else page.mouse.click(word["x"], word["y"])
    tweet = page.locator("article.card").first
    tweet.wait_for(timeout=LATER)
    assert word["word"].strip("#").lower() in tweet.inner_text().lower()


def opens_an_influencer(somebody):
    somebody.go_to("Influence Score")
    summary = somebody.page.locator(".columns summary").first
    summary.wait_for(timeout=LATER)
    summary.tap() if somebody.phone else summary.click()
    somebody.page.get_by_role("row", name=re.compile("Followers")).first.wait_for(timeout=LATER)


def compares(somebody, name):
    page = somebody.page
    somebody.go_to("Compare")
    table = page.locator("table.compare").first
    table.wait_for(timeout=LATER)
    assert name in table.inner_text()
    assert "%" in table.inner_text()


def takes_everything_out(somebody, numbers):
    """Take the CSV, the PNG and the report from the overview; returns the files by their endings."""
    page = somebody.page
    somebody.go_to("Overview")
    page.locator(".tiles .figure").first.wait_for(timeout=LATER)
    page.get_by_text("Export and share").press("Enter")
    files = dict([somebody.take("Numbers (CSV)"), somebody.take("Report (PDF)"), somebody.take("Report (HTML)")])
    somebody.press("button", "Pictures (PNG)")
    files |= dict([somebody.take("PNG: tweets")])
    found = {name.rpartition(".")[2]: content for name, content in files.items()}
    assert next(csv.DictReader(io.StringIO(found["csv"].decode("utf-8-sig"))))["tweets"] == str(numbers)
    assert f"{numbers:,}" in PdfReader(io.BytesIO(found["pdf"])).pages[0].extract_text()
    assert f"{numbers:,}" in found["html"].decode()
    assert found["png"].startswith(b"\x89PNG")
    assert len(found["png"]) > 10_000


def goes(somebody, app_url):
    if somebody.phone:
        somebody.press("button", "Open drawer")
    somebody.press("button", "Sign out")
    somebody.page.wait_for_url(app_url + "/welcome", timeout=LATER)
    somebody.page.goto(app_url + "/?page=overview")
    expect(somebody.page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize(
    ("width", "scheme", "name"),
    [(1280, "light", "#FridayFeeling"), (390, "dark", "#OneMinuteChoir")],
    ids=["desk", "phone"],
)
def test_from_the_first_page_to_a_report_and_out_again(
    marketer, app_url, filled_database, database_url, width, scheme, name
):
    somebody, x = marketer(width, scheme), X(filled_database, database_url, name)
    signs_up(somebody, app_url, f"ann{width}@example.com")
    tracks(somebody, name)
    somebody.sees(scheme)
    assert somebody.faults() == {}
    sees_tweets_come(somebody, x, name)
    assert somebody.faults() == {}
    for step in (chooses_a_window, reads_the_tweets_behind_a_word, opens_an_influencer):
        step(somebody)
        assert somebody.faults() == {}
    compares(somebody, name)
    assert somebody.faults() == {}
    start, end = (re.search(f"{side}=([^&]+)", somebody.page.url)[1].replace("%3A", ":") for side in ("from", "to"))
    with filled_database.connect() as connection:
        within = (Tweet.created_at >= datetime.fromisoformat(start), Tweet.created_at < datetime.fromisoformat(end))
        said = select(func.count()).where(Tweet.keyword_id == x.keyword_id, Tweet.matched, *within)
        numbers = connection.execute(said).scalar_one()
    assert numbers > 10
    takes_everything_out(somebody, numbers)
    goes(somebody, app_url)

    assert somebody.faults() == {}
